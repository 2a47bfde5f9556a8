"""The words of the shipped model: garment kinds and attributes, and the table that maps a shop's own words to them.

A shop's category words are never changed (`Product.category`); beside them stands `garment`, one of `GARMENTS`, mapped from the
feed by the table here or predicted from the photo.
"""

from __future__ import annotations

GARMENTS: tuple[str, ...] = (
    "t_shirt",
    "longsleeve",
    "shirt",
    "polo",
    "blouse",
    "top",
    "undershirt",
    "body",
    "hoodie",
    "outwear",
    "blazer",
    "dress",
    "skirt",
    "pants",
    "shorts",
    "shoes",
    "hat",
)

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "color": (
        "black",
        "white",
        "grey",
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "navy",
        "purple",
        "pink",
        "brown",
        "beige",
    ),
    "pattern": ("plain", "striped", "checked", "dotted", "floral", "graphic", "other"),
    "sleeve": ("none", "sleeveless", "short", "three_quarter", "long"),
    "collar": ("none", "round", "v_neck", "shirt_collar", "lapel", "hood", "high_neck"),
    "length": ("short", "middle", "long"),
}

"""What the shop says of a product: title, invented brand, price, category path, stock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wearabouts.drawn.palette import dye_name
from wearabouts.drawn.specs import Spec

BRANDS = (
    "Nordhavn",
    "Maison Auber",
    "Tillia",
    "Oak & Ember",
    "Kestrel Row",
    "Lumen Studio",
    "Port Vale",
    "Sorrel",
    "Fjell",
    "Arden & Co",
    "Casa Lirio",
    "Bluff Point",
    "Hinterland",
    "Mirabel",
    "Studio Quay",
    "Wren & Field",
)
PRICES = {
    "t_shirt": (12, 39),
    "longsleeve": (18, 49),
    "shirt": (29, 89),
    "polo": (25, 69),
    "blouse": (29, 89),
    "top": (12, 45),
    "undershirt": (9, 19),
    "hoodie": (35, 89),
    "outwear": (69, 249),
    "blazer": (79, 229),
    "dress": (35, 149),
    "skirt": (25, 89),
    "pants": (35, 109),
    "shorts": (22, 59),
    "shoes": (39, 159),
    "hat": (15, 49),
}
NOUNS = {
    "t_shirt": "T-shirt",
    "longsleeve": "long-sleeved top",
    "shirt": "shirt",
    "polo": "polo shirt",
    "blouse": "blouse",
    "top": "top",
    "undershirt": "vest",
    "hoodie": "hoodie",
    "outwear": "jacket",
    "blazer": "blazer",
    "dress": "dress",
    "skirt": "skirt",
    "pants": "trousers",
    "shorts": "shorts",
    "shoes": "shoes",
    "hat": "hat",
}
SHELVES = {
    "t_shirt": "Tops > T-shirts",
    "longsleeve": "Tops > Long sleeves",
    "shirt": "Tops > Shirts",
    "polo": "Tops > Polos",
    "blouse": "Tops > Blouses",
    "top": "Tops > Vests & camis",
    "undershirt": "Underwear > Vests",
    "hoodie": "Knits & sweats > Hoodies",
    "outwear": "Coats & jackets",
    "blazer": "Tailoring > Blazers",
    "dress": "Dresses",
    "skirt": "Skirts",
    "pants": "Bottoms > Trousers",
    "shorts": "Bottoms > Shorts",
    "shoes": "Shoes",
    "hat": "Accessories > Hats",
}
MATERIALS = {
    "jersey": "cotton jersey",
    "woven": "cotton poplin",
    "knit": "merino blend",
    "denim": "cotton denim",
    "fleece": "brushed cotton",
    "shell": "recycled nylon",
    "leather": "soft leather",
    "silk": "viscose satin",
}
PATTERN_WORDS = {
    "striped": "striped",
    "checked": "checked",
    "dotted": "dotted",
    "floral": "floral",
    "graphic": "printed",
    "other": "patterned",
}


def _noun(spec: Spec) -> str:
    if spec.garment == "outwear":
        return {"parka": "parka", "bomber": "bomber jacket", "coat": "coat", "trucker": "denim jacket"}[spec.cut.style]
    if spec.garment == "hoodie" and spec.collar != "hood":
        return "sweatshirt"
    if spec.garment == "pants":
        return {"jeans": "jeans", "trousers": "trousers", "joggers": "joggers"}[spec.cut.style]
    return spec.cut.style.replace("_", " ") if spec.garment == "hat" else NOUNS[spec.garment]


def worded(rng: np.random.Generator, spec: Spec, product_id: str, family: str, group: str) -> Spec:
    """The spec with an id, a title, a brand, a price, a category path and stock.

    Args:
        rng: Decides price and stock.
        spec: What is sold.
        product_id: Its id.
        family: Shared by siblings; decides the brand.
        group: Shared by siblings that differ in colour only.
    """
    low, high = PRICES[spec.garment]
    price = round(float(rng.triangular(low, low * 0.6 + high * 0.4, high))) - 0.01
    sale = rng.random() < 0.18
    noun = _noun(spec)
    cut = spec.cut.name.split(".")[1].replace("_", " ")
    words = [PATTERN_WORDS.get(spec.pattern.kind, ""), cut if cut not in noun else "", noun]
    title = " ".join(word for word in words if word)
    colours = dye_name(spec.base) + (f" / {dye_name(spec.second)}" if spec.pattern.kind != "plain" else "")
    brand = BRANDS[sum(family.encode()) % len(BRANDS)]
    gender = {"women": "Women", "men": "Men", "unisex": "All"}[spec.gender]
    return replace(
        spec,
        product_id=product_id,
        family=family,
        group=group,
        brand=brand,
        title=f"{title[0].upper()}{title[1:]}, {colours}",
        category=f"{gender} > {SHELVES[spec.garment]}",
        price=round(price * 0.7) - 0.01 if sale else price,
        regular_price=price if sale else None,
        availability=("in_stock", "out_of_stock", "preorder")[int(rng.choice(3, p=(0.88, 0.09, 0.03)))],
        material=MATERIALS[spec.fabric],
    )

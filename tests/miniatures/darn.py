"""DARN in miniature, in the generic layout that `wearabouts.readers.datasets.darn` documents."""

from __future__ import annotations

from pathlib import Path

from miniatures import pictures
from wearabouts.readers.datasets.darn import GROUPS
from wearabouts.types import Box

BOX = Box(30, 24, 40, 56)
NAMES = ("black", "white", "red", "blue", "green", "yellow")  # of the first colours


def write(root: Path, *, items: int = 12, alone: int = 4, draw: bool = True) -> Path:
    """Write a set: items with one street photo and two shop photos, and items with a shop photo alone.

    Item i has value (i + place of the group) modulo the group's size; every third item's collar is unknown. Of the
    items with pairs, the first half is for training, the next quarter for validation, the rest for testing; items alone
    are for testing.

    Returns:
        The root.
    """
    root.mkdir(parents=True, exist_ok=True)
    pairs, attributes = ["item,street,shop,split,left,top,width,height"], [",".join(["item", *GROUPS])]
    for item in range(items + alone):
        split = "train" if item < items // 2 else "val" if item < items * 3 // 4 else "test"
        shops = [f"shop/{item}_{view}.jpg" for view in range(2 if item < items else 1)]
        street = f"street/{item}.jpg" if item < items else ""
        box = f"{BOX.left:g},{BOX.top:g},{BOX.width:g},{BOX.height:g}" if street else ",,,"
        pairs += [f"{item},{street},{path},{split},{box}" for path in shops]
        attributes.append(",".join([str(item), *(value(item, group) for group in GROUPS)]))
        if draw:
            for view, path in enumerate(shops):
                pictures.save(root / path, pictures.shop(item, view))
            if street:
                pictures.save(root / street, pictures.street({item: BOX}, item))
    (root / "pairs.csv").write_text("\n".join(pairs) + "\n")
    (root / "attributes.csv").write_text("\n".join(attributes) + "\n")
    values = ["group,number,name", *(f"color,{number},{name}" for number, name in enumerate(NAMES))]
    (root / "values.csv").write_text("\n".join(values) + "\n")
    return root


def value(item: int, group: str) -> str:
    """The number of an item's value; empty where it is unknown."""
    place = list(GROUPS).index(group)
    return "" if group == "collar" and item % 3 == 0 else str((item + place) % GROUPS[group])

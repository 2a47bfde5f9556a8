"""A table of pairs in miniature, with its pictures."""

from __future__ import annotations

from pathlib import Path

from miniatures import pictures
from wearabouts.types import Box

BOX = Box(20, 12, 50, 90)
CATEGORIES = ("dresses", "jeans", "coats")


def pairs(root: Path, *, products: int = 6, queries: int = 2, distractors: int = 3) -> Path:
    """Write ``pairs.csv`` with its pictures and return its path.

    Args:
        root: Folder to write to.
        products: With queries; the first half is for training, the other for testing.
        queries: Street photos of each.
        distractors: Products without any.
    """
    lines = ["query_photo,product_photo,product_id,category,split,left,top,width,height"]
    for item in range(products + distractors):
        shop, category = f"shop/{item}.jpg", CATEGORIES[item % 3]
        pictures.save(root / shop, pictures.shop(item))
        if item >= products:
            lines.append(f",{shop},p{item},{category},,,,,")
        for shot in range(queries if item < products else 0):
            street = f"street/{item}_{shot}.jpg"
            pictures.save(root / street, pictures.street({item: BOX}, seed=shot))
            split = "train" if item < products // 2 else "test"
            lines.append(f"{street},{shop},p{item},{category},{split},20,12,50,90")
    (root / "pairs.csv").write_text("\n".join(lines) + "\n")
    return root / "pairs.csv"

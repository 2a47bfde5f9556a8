"""Grocery Store in miniature: the repository's lists, with one iconic picture and some natural photos a product."""

from __future__ import annotations

from pathlib import Path

from miniatures import pictures
from wearabouts.types import Box

HEADER = (
    "Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int),Iconic Image Path (str),"
    "Product Description Path (str)"
)
ITEMS = (  # name, coarse name, coarse id, folder
    ("Golden-Delicious", "Apple", 0, "Fruit/Apple"),
    ("Granny-Smith", "Apple", 0, "Fruit/Apple"),
    ("Banana", "Banana", 1, "Fruit"),
    ("Arla-Standard-Milk", "Milk", 2, "Packages/Milk"),
    ("Oatly-Oat-Milk", "Oat-Milk", 3, "Packages/Oat-Milk"),
    ("Brown-Cap-Mushroom", "Mushroom", 4, "Vegetables/Mushroom"),
)
PHOTOS = {"train": 3, "val": 1, "test": 2}  # of each product


def grocery_store(root: Path, *, lists_only: bool = False) -> Path:
    """Write a tiny Grocery Store repository and return its folder.

    Args:
        root: Folder to write to.
        lists_only: Whether the pictures are left out.
    """
    dataset = root / "dataset"
    dataset.mkdir(parents=True)
    lines = [HEADER]
    lists: dict[str, list[str]] = {split: [] for split in PHOTOS}
    for number, (name, coarse, coarse_id, folder) in enumerate(ITEMS):
        iconic = f"iconic-images-and-descriptions/{folder}/{name}/{name}"
        lines.append(f"{name},{number},{coarse},{coarse_id},/{iconic}_Iconic.jpg,/{iconic}_Description.txt")
        if not lists_only:
            pictures.save(dataset / f"{iconic}_Iconic.jpg", pictures.shop(number))
        for split, count in PHOTOS.items():
            # The real val/ has no folder Mushroom above this product; train/ and test/ have.
            place = "Vegetables" if split == "val" and coarse == "Mushroom" else folder
            for shot in range(1, count + 1):
                reference = f"{split}/{place}/{name}/{name}_{shot:03d}.jpg"
                lists[split].append(f"{reference}, {number}, {coarse_id}")
                if not lists_only:
                    drawn = pictures.street({number: Box(10, 10, 70, 90)}, seed=shot + 10 * len(split))
                    pictures.save(dataset / reference, drawn)
    (dataset / "classes.csv").write_text("\n".join(lines) + "\n")
    for split, rows in lists.items():
        (dataset / f"{split}.txt").write_text("\n".join(rows) + "\n")
    return root

"""Exact Street2Shop in miniature: photos.txt, meta/json and, where asked, the pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from miniatures import pictures
from wearabouts.types import Box

BOX = Box(30, 24, 40, 56)


@dataclass
class Miniature:
    """What was written.

    Attributes:
        root: The dataset's folder.
        worn: Category → number of products with street photos; half of them train, half test.
        train: Rows of all train_pairs files.
        test: Rows of all test_pairs files.
        gallery: Records of all retrieval files.
        photos: Number of each photo → its file name at the shop or forum it came from.
        items: Number of each photo → what is drawn in it.
    """

    root: Path
    worn: dict[str, int] = field(default_factory=dict)
    train: int = 0
    test: int = 0
    gallery: int = 0
    photos: dict[int, str] = field(default_factory=dict)
    items: dict[int, int] = field(default_factory=dict)


def write(
    root: Path,
    *,
    categories: Sequence[str] = ("bags", "dresses"),
    products: int = 6,
    distractors: int = 4,
    shop_photos: int = 2,
    address: str = "http://shop.invalid",
    draw: bool = True,
) -> Miniature:
    """Write a dataset in which the products of a category can be told apart by colour.

    Args:
        root: Its folder.
        categories: Which to write; product numbers begin with 1 in each, as the authors' do.
        products: Products with street photos, of each category: odd numbers are for training, even ones for testing.
        distractors: Products without.
        shop_photos: Of each product. Every product worn has one street photo; the first has a second box in it.
        address: Where photos.txt says that the photos are.
        draw: Whether the pictures are there too, as JPEG.
    """
    made = Miniature(root)
    number = 0
    for kind, category in enumerate(categories):
        rows: dict[str, list[dict[str, object]]] = {"train_pairs": [], "test_pairs": [], "retrieval": []}
        for product in range(1, products + distractors + 1):
            item = kind * 100 + product
            for view in range(shop_photos):
                number += 1
                rows["retrieval"].append({"photo": number, "product": product})
                _photo(made, number, item, view, None, draw)
            if product <= products:
                number += 1
                of = rows["train_pairs" if product % 2 else "test_pairs"]
                of.append({"photo": number, "product": product, "bbox": _bbox(BOX)})
                if product == 1:
                    of.append({"photo": number, "product": product, "bbox": _bbox(Box(30, 24, 40, 40))})
                _photo(made, number, item, 0, BOX, draw)
        for name, records in rows.items():
            path = root / "meta" / "json" / f"{name}_{category}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(records))
        made.worn[category] = products
        made.train += len(rows["train_pairs"])
        made.test += len(rows["test_pairs"])
        made.gallery += len(rows["retrieval"])
    _list(made, address)
    return made


def _photo(made: Miniature, number: int, item: int, view: int, box: Box | None, draw: bool) -> None:
    made.photos[number] = f"/photos/{number},large.jpg"  # addresses have commas of their own
    made.items[number] = item
    if draw:
        pixels = pictures.shop(item, view) if box is None else pictures.street({item: box}, number)
        pictures.save(made.root / "photos" / f"{number:09d}.jpg", pixels)


def _bbox(box: Box) -> dict[str, int]:
    return {"width": int(box.width), "top": int(box.top), "left": int(box.left), "height": int(box.height)}


def _list(made: Miniature, address: str) -> None:
    lines = [f"{number:09d},{address}{path}" for number, path in made.photos.items()]
    path = made.root / "photos" / "photos.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, lines[0], "", ""]))  # a line twice and an empty last one, as released

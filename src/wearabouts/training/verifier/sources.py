"""Photos of items seen on both sides: the drawn shop's and the groceries', training items and calibration items apart.

Splits are by item. Nothing of a part named `test` is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from wearabouts.drawn.shop import SHOP_VIEWS, DrawnShop
from wearabouts.fitting import Preprocessing
from wearabouts.garments import GARMENTS
from wearabouts.training.mini.data import opened, table_rows
from wearabouts.training.mini.views import shop_view, street_view
from wearabouts.training.verifier.recipe import VerifierRecipe
from wearabouts.types import Pixels

Part = Literal["train", "calibrate"]
DRAWN, GROCERY = 0, 1
NAMES = {DRAWN: "drawn shop", GROCERY: "groceries"}
STREET_AREA = (0.35, 1.0)  # share of a phone photo that a view of it shows


@dataclass(frozen=True)
class Photo:
    """One fitted photo and what is known of it.

    Attributes:
        pixels: (S, S, 3) uint8.
        source: `DRAWN` or `GROCERY`.
        item: Unique within its source.
        street: Whether it is the street's side.
        first: Whether it is the shop's first photo of the item, as it was taken.
        taken: Whether it is a photo as it was taken or drawn, not a view made of one.
        garment: Index into `GARMENTS`, -1 where unknown.
    """

    pixels: Pixels
    source: int
    item: int
    street: bool
    first: bool = False
    taken: bool = True
    garment: int = -1


Unit = Callable[[], list[Photo]]


def units(recipe: VerifierRecipe, root: Path, part: Part, size: int) -> list[Unit]:
    """All photos of a part, a photo or a drawn product at a time, in a fixed order; any can be made alone.

    Args:
        recipe: Names the sources.
        root: Data folder.
        part: Whose items.
        size: Side of a fitted photo in pixels.

    Raises:
        CatalogError: A table is not there.
    """
    data = recipe.data
    training = part == "train"
    seed, count, height = (
        (data.drawn_seed, data.drawn_products, data.height)
        if training
        else (data.calibrate_seed, data.calibrate_products, data.calibrate_height)
    )
    shop = DrawnShop(seed=seed, products=count, part=part)
    made: list[Unit] = [partial(_drawn, shop, i, data.street, height, size) for i in range(count)]
    if data.grocery:
        table = root / data.grocery
        split = {row["item_id"]: row["split"] for row in table_rows(table.parent / "splits.csv")}
        views = data.grocery_views if training else 0
        made += [
            partial(_grocery, (data.views_seed, n), table.parent, row, views, size)
            for n, row in enumerate(table_rows(table))
            if split.get(row["item_id"]) == part
        ]
    return made


def _drawn(shop: DrawnShop, i: int, street: int, height: int, size: int) -> list[Photo]:
    fit = Preprocessing(size=size).apply
    garment = GARMENTS.index(shop.spec(i).garment)
    names = [*SHOP_VIEWS, *(f"street-{n}" for n in range(street))]
    return [
        Photo(
            fit(shop.render(i, name, size=height).pixels),
            DRAWN,
            i,
            street=name not in SHOP_VIEWS,
            first=name == SHOP_VIEWS[0],
            garment=garment,
        )
        for name in names
    ]


def _grocery(seed: tuple[int, ...], folder: Path, row: dict[str, str], views: int, size: int) -> list[Photo]:
    photo = opened(folder / row["path"])
    item, street = int(row["item_id"]), row["role"] == "query"
    made = [Photo(Preprocessing(size=size).apply(np.asarray(photo)), GROCERY, item, street, first=not street)]
    rng = np.random.default_rng(seed)
    for _ in range(views):
        pixels = street_view(photo, size, rng, area=STREET_AREA) if street else shop_view(photo, size, rng)
        made.append(Photo(pixels, GROCERY, item, street, taken=False))
    return made

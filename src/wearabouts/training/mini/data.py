"""What `mini` learns from, as views: people's own garments, groceries on phones and in the shop, the drawn shop.

Splits are by sender and by item, never by photo. Of the clothing set only `train` photos are read, of the groceries
only the items marked `train`, of the drawn shop only its training part, whose cuts, motifs and sceneries never occur
in the others.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from wearabouts.bundles import Preprocessing
from wearabouts.drawn.shop import DrawnShop
from wearabouts.errors import CatalogError, unknown
from wearabouts.garments import ATTRIBUTES, GARMENT_OF_LABEL, GARMENTS
from wearabouts.images import decode
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.mini.views import recoloured, shop_view, street_view
from wearabouts.types import Floats, Pixels

CLOTHING, GROCERY, DRAWN = 0, 1, 2
LONG_SIDE = 448  # pixels of a photo that views are cut from


@dataclass(frozen=True)
class View:
    """One fitted photo and what is known of it.

    Attributes:
        pixels: (S, S, 3) uint8.
        domain: `CLOTHING`, `GROCERY` or `DRAWN`.
        item: Unique over all domains; a recoloured photo is an item of its own.
        family: Items of one family differ in little; -1 for none.
        street: Whether it is a street view.
        garment: Index into `GARMENTS`, -1 where unknown.
        attributes: Index into each of `ATTRIBUTES`, -1 where unknown.
        mask: (S/16, S/16) float32, share of each cell that the garment covers; None where unknown.
        original: Whether it is a real photo as it was taken.
    """

    pixels: Pixels
    domain: int
    item: int
    street: bool
    family: int = -1
    garment: int = -1
    attributes: tuple[int, ...] = field(default=(-1,) * len(ATTRIBUTES))
    mask: Floats | None = None
    original: bool = False


Unit = Callable[[], list[View]]


def units(recipe: MiniRecipe, root: Path) -> list[Unit]:
    """All views of a recipe, a photo or drawn product at a time, in a fixed order.

    Every unit has a random generator of its own, so that any can be made alone, again, or not at all without changing
    another.

    Raises:
        CatalogError: A table is not there or names an unknown garment.
    """
    size, data = recipe.network.size, recipe.data
    clothing, grocery = root / data.clothing, root / data.grocery
    shirts = [row for row in table_rows(clothing) if row["role"] == "train"][: data.photos or None]
    train = {row["item_id"] for row in table_rows(grocery.parent / "splits.csv") if row["split"] == "train"}
    goods = [row for row in table_rows(grocery) if row["item_id"] in train]
    goods = _few(goods, data.photos) if data.photos else goods
    made: list[Unit] = [partial(_clothing, recipe, clothing.parent, i, row) for i, row in enumerate(shirts)]
    made += [partial(_grocery, recipe, grocery.parent, i, row) for i, row in enumerate(goods)]
    if data.drawn_products:
        shop = DrawnShop(seed=data.drawn_seed, products=data.drawn_products, part="train")
        names = ["front", "back", "detail", *(f"street-{n}" for n in range(data.drawn_street_views))]
        families = {
            group: n for n, group in enumerate(sorted({shop.spec(i).group for i in range(data.drawn_products)}))
        }
        made += [
            partial(_drawn, shop, i, names, size, families[shop.spec(i).group]) for i in range(data.drawn_products)
        ]
    return made


def _clothing(recipe: MiniRecipe, folder: Path, i: int, row: dict[str, str]) -> list[View]:
    size, data = recipe.network.size, recipe.data
    if row["label"] not in GARMENT_OF_LABEL:
        raise CatalogError(f"row {i + 1}: {unknown('label', row['label'], GARMENT_OF_LABEL)}")
    garment = GARMENTS.index(GARMENT_OF_LABEL[row["label"]])
    rng = np.random.default_rng((recipe.seed, CLOTHING, i))
    photo = opened(folder / row["path"])
    twin = recoloured(photo, rng)
    item, other = 2 * i, 2 * i + 1  # even numbers are photos, odd ones their recoloured twins
    whole = Preprocessing(size=size).apply(np.asarray(photo))
    made = [View(whole, CLOTHING, item, street=False, family=i, garment=garment, original=True)]
    plan = [(photo, item, False)] * data.shop_views + [(photo, item, True)] * data.street_views
    if data.recoloured_street_views:
        plan += [(twin, other, False)] + [(twin, other, True)] * data.recoloured_street_views
    for source, which, street in plan:
        pixels = street_view(source, size, rng) if street else shop_view(source, size, rng)
        made.append(View(pixels, CLOTHING, which, street, family=i, garment=garment))
    return made


def _grocery(recipe: MiniRecipe, folder: Path, i: int, row: dict[str, str]) -> list[View]:
    size = recipe.network.size
    rng = np.random.default_rng((recipe.seed, GROCERY, i))
    photo = opened(folder / row["path"])
    item, street = 1_000_000 + int(row["item_id"]), row["role"] == "query"
    made = [View(Preprocessing(size=size).apply(np.asarray(photo)), GROCERY, item, street, original=True)]
    for _ in range(recipe.data.grocery_views):
        pixels = street_view(photo, size, rng, area=(0.35, 1.0)) if street else shop_view(photo, size, rng)
        made.append(View(pixels, GROCERY, item, street))
    return made


def _drawn(shop: DrawnShop, i: int, names: list[str], size: int, family: int) -> list[View]:
    made = []
    for name in names:
        drawn = shop.render(i, name, size=size + 16)
        labels = drawn.labels
        attributes = tuple(
            values.index(labels[key]) if labels.get(key) in values else -1 for key, values in ATTRIBUTES.items()
        )
        pixels = Preprocessing(size=size).apply(drawn.pixels)
        garment = GARMENTS.index(labels["garment"])
        street = name.startswith("street")
        made.append(View(pixels, DRAWN, 2_000_000 + i, street, family, garment, attributes, _mask(drawn.mask, size)))
    return made


def _mask(mask: np.ndarray, size: int) -> Floats:
    """The garment's mask fitted like the photo, averaged over cells of 16 pixels."""
    white_outside = np.where(mask[..., None], 0, 255).astype(np.uint8).repeat(3, axis=2)
    fitted = 1 - Preprocessing(size=size).apply(white_outside)[..., 0].astype(np.float32) / 255
    cells = size // 16
    return fitted.reshape(cells, 16, cells, 16).mean((1, 3))


def _few(rows: list[dict[str, str]], count: int) -> list[dict[str, str]]:
    """The first items with all they need, a shop picture and phone photos, until there are `count` rows."""
    by_item: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_item.setdefault(row["item_id"], []).append(row)
    share = max(2, count // max(1, min(len(by_item), 4)))
    kept = [sorted(item, key=lambda row: row["role"])[:share] for item in list(by_item.values())[:4]]
    return [row for item in kept for row in item]


def opened(path: Path) -> Image.Image:
    """A photo, no side longer than `LONG_SIDE`, that views are cut from.

    Raises:
        ImageError: It is no picture.
    """
    photo = Image.fromarray(decode(path.read_bytes(), target=LONG_SIDE).pixels)
    photo.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BICUBIC)
    return photo


def table_rows(table: Path) -> list[dict[str, str]]:
    """Rows of a CSV table, by column.

    Raises:
        CatalogError: There is none.
    """
    if not table.is_file():
        raise CatalogError(f"no table at {table}; give --data the folder that holds it, or change the recipe's [data]")
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

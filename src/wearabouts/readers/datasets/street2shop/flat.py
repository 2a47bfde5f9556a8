"""Street2Shop flattened to text tables, as some mirrors ship it: one line for each box and shop photo of a product.

The header is ``id,cons,shop,left,width,top,height``: width stands before top. Distractors, shop photos of products that
nobody wears, are not in these tables.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from wearabouts.catalog import Fault, Faults
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.street2shop.pairs import MAX_PHOTO, Category, Files, Split, Wearing, told, whole
from wearabouts.types import Box

COLUMNS = ("id", "cons", "shop", "left", "width", "top", "height")


def load(files: Files, name: str, faults: Faults) -> Category:
    """Read the tables of one category.

    Raises:
        CatalogError: A file is no such table, or cannot be read.
    """
    category = Category(name)
    for split in ("train", "test"):
        if path := files.of[name].get(f"{split}_pairs"):
            _add(path, split, category, faults)
    return category


def _add(path: Path, split: Split, category: Category, faults: Faults) -> None:
    boxes: dict[tuple[int, int], dict[Box | None, None]] = {}
    shop: dict[tuple[int, int], None] = {}
    for row, cells in _lines(path, faults):
        try:
            product, photo, sold = (
                whole(cells[name], name, MAX_PHOTO if name != "id" else 10**15) for name in ("id", "cons", "shop")
            )
        except ValueError as problem:
            faults.add(Fault(str(path), row, "", f"{problem}; the row was left out", "photo"))
            continue
        boxes.setdefault((product, photo), {})[told(path, row, cells, faults)] = None
        shop[product, sold] = None
    for (product, photo), found in boxes.items():
        for number, box in enumerate(found, 1):
            category.street.setdefault(product, []).append(Wearing(photo, number, split, box))
    for product, sold in shop:
        if sold not in category.shop.setdefault(product, []):
            category.shop[product].append(sold)


def _lines(path: Path, faults: Faults) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.DictReader(file)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise CatalogError(f"{path} lacks the header {','.join(COLUMNS)}; give the flattened pairs")
            for number, cells in enumerate(rows, 1):
                if None in cells or None in cells.values():
                    reason = "the line has too few or too many cells; it was left out"
                    faults.add(Fault(str(path), number, "", reason, "photo"))
                    continue
                yield number, cells
    except (OSError, csv.Error) as problem:
        raise CatalogError(f"{path} cannot be read as a table ({problem}); give the flattened pairs") from problem

"""The annotation files of Exact Street2Shop, one category at a time: the authors' JSON, or the flattened text tables.

Only one category is held in memory: the largest, dresses, has some 170,000 shop photos.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from wearabouts.catalog import Fault, Faults
from wearabouts.errors import CatalogError, SettingsError, unknown
from wearabouts.types import Box

# Records of train_pairs and of test_pairs as released.
ROWS: dict[str, tuple[int, int]] = {
    "bags": (578, 174),
    "belts": (235, 89),
    "dresses": (12_875, 3_292),
    "eyewear": (358, 138),
    "footwear": (6_486, 2_178),
    "hats": (400, 86),
    "leggings": (1_641, 517),
    "outerwear": (1_945, 666),
    "pants": (600, 130),
    "skirts": (3_337, 604),
    "tops": (2_173, 763),
}
MAX_PHOTO = 999_999_999  # nine digits
MAX_BYTES = 256_000_000  # of one annotation file; the largest released one has under 10 MB
FOLDERS = (("meta", "json"), ("meta", "meta", "json"), ("json",), (), ("partitions_tuples",))
_NAME = re.compile(r"(train_pairs|test_pairs|retrieval)_([a-z]+)\.(json|txt)")
_SIDES = ("left", "top", "width", "height")

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Wearing:
    """One row of a pairs file: a garment in a street photo.

    Attributes:
        photo: Number of the street photo.
        number: 1 for the first row with this photo and product, 2 for the second, …
        split: The file it stood in.
        box: Where the garment is; None where the row does not say.
    """

    photo: int
    number: int
    split: Split
    box: Box | None


@dataclass(slots=True)
class Category:
    """What the files say of one category; products in the order of the files.

    Attributes:
        name: One of the eleven.
        shop: Product → its shop photos.
        street: Product → the rows of the pairs files.
    """

    name: str
    shop: dict[int, list[int]] = field(default_factory=dict)
    street: dict[int, list[Wearing]] = field(default_factory=dict)

    def products(self) -> Iterator[int]:
        """Numbers of all products: those with shop photos, then those without."""
        yield from self.shop
        yield from (product for product in self.street if product not in self.shop)

    def photos(self) -> Iterator[int]:
        """Numbers of all photos, some of them several times."""
        for photos in self.shop.values():
            yield from photos
        for rows in self.street.values():
            yield from (row.photo for row in rows)


@dataclass(frozen=True, slots=True)
class Files:
    """The annotation files of one root: category → kind (``train_pairs``, …) → file."""

    root: Path
    of: Mapping[str, Mapping[str, Path]]
    flat: bool

    def chosen(self, wanted: str) -> tuple[str, ...]:
        """The categories to read, in the order of `ROWS`.

        Args:
            wanted: Names parted by commas; empty for all there are.

        Raises:
            SettingsError: A name that is none of the eleven.
            CatalogError: A category asked for by name, or any part of one, is not there.
        """
        names = tuple(name.strip() for name in wanted.split(",") if name.strip())
        for name in names:
            if name not in ROWS:
                raise SettingsError(unknown("category", name, ROWS))
        kinds = ("train_pairs", "test_pairs") if self.flat else ("train_pairs", "test_pairs", "retrieval")
        for name in names or self.of:
            missing = [f"{kind}_{name}.json" for kind in kinds if kind not in self.of.get(name, {})]
            if missing and not (self.flat and len(missing) < len(kinds)):
                raise CatalogError(
                    f"{self.root} lacks {', '.join(missing)}; unpack the authors' meta.zip there whole, or name the "
                    "categories that are complete (category=bags,hats)"
                )
        return tuple(name for name in ROWS if name in (names or self.of))


def find(root: Path) -> Files:
    """The annotation files below a root, or the one flattened table that the root is.

    Raises:
        CatalogError: There are none, or a link leads out of the root.
    """
    if root.is_file():
        named = _NAME.fullmatch(root.name)
        if named is None or named[3] != "txt" or named[1] == "retrieval" or named[2] not in ROWS:
            raise CatalogError(
                f"{root} is not a flattened pairs file: those are called train_pairs_<category>.txt or "
                "test_pairs_<category>.txt; give the folder with meta/json, or such a file"
            )
        return Files(root, {named[2]: {named[1]: root}}, flat=True)
    for parts in FOLDERS:
        folder = root.joinpath(*parts)
        found: dict[str, dict[str, dict[str, Path]]] = {"json": {}, "txt": {}}
        for path in sorted(folder.glob("*_*.*")) if folder.is_dir() else ():
            named = _NAME.fullmatch(path.name)
            if named and named[2] in ROWS and (named[1], named[3]) != ("retrieval", "txt"):
                found[named[3]].setdefault(named[2], {})[named[1]] = inside(root, path)
        for suffix, of in found.items():
            if of:
                return Files(root, of, flat=suffix == "txt")
    raise CatalogError(
        f"no annotations of Street2Shop in {root}: looked for train_pairs_<category>.json, test_pairs_<category>.json "
        "and retrieval_<category>.json in meta/json; unpack the authors' meta.zip there"
    )


def inside(root: Path, path: Path) -> Path:
    """The path itself, once it is known to lie in the root with all links followed.

    Raises:
        CatalogError: It does not.
    """
    if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(root), "")):
        raise CatalogError(f"{path} is a link that leads out of {root}; put the file itself there")
    return path


def load(files: Files, name: str, faults: Faults) -> Category:
    """Read the files of one category; rows that cannot be read go to `faults` and cost themselves only.

    Raises:
        CatalogError: A file is no JSON list, or cannot be read.
    """
    category = Category(name)
    of = files.of[name]
    numbers: dict[tuple[int, int], int] = {}
    for split in ("train", "test"):
        path = of.get(f"{split}_pairs")
        if path is None:
            continue
        _pairs(path, split, category, numbers, faults)
    _retrieval(of["retrieval"], category, faults)
    for product, rows in category.street.items():
        if product not in category.shop:
            reason = f"product {product} of {name} has street photos and no shop photo: no answer could be right"
            faults.add(Fault(str(of["retrieval"]), 0, "product", reason, "field"))
        if len({row.split for row in rows}) > 1:
            reason = f"product {product} of {name} is in train_pairs and in test_pairs; they should share none"
            faults.add(Fault(str(of["test_pairs"]), 0, "product", reason, "field"))
    return category


def _pairs(path: Path, split: Split, category: Category, numbers: dict[tuple[int, int], int], faults: Faults) -> None:
    for row, (photo, product, record) in _numbered(path, faults):
        key = (product, photo)
        numbers[key] = numbers.get(key, 0) + 1
        box = told(path, row, record.get("bbox"), faults)
        category.street.setdefault(product, []).append(Wearing(photo, numbers[key], split, box))


def _retrieval(path: Path, category: Category, faults: Faults) -> None:
    seen: set[tuple[int, int]] = set()
    for row, (photo, product, _) in _numbered(path, faults):
        if (product, photo) in seen:
            reason = f"shop photo {photo:09d} of product {product} stood before; it was taken once"
            faults.add(Fault(str(path), row, "photo", reason, "photo"))
            continue
        seen.add((product, photo))
        category.shop.setdefault(product, []).append(photo)


def _numbered(path: Path, faults: Faults) -> Iterator[tuple[int, tuple[int, int, Mapping[str, Any]]]]:
    """Row number, photo, product and record of each record that has both."""
    for row, record in enumerate(_records(path), 1):
        try:
            if not isinstance(record, dict):
                raise ValueError(f"a JSON {type(record).__name__} is no record; allowed: an object")
            photo = whole(record.get("photo"), "photo", MAX_PHOTO)
            yield row, (photo, whole(record.get("product"), "product"), record)
        except ValueError as problem:
            faults.add(Fault(str(path), row, "", f"{problem}; the row was left out", "photo"))


def _records(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CatalogError(f"{path} has more than the {MAX_BYTES:,} bytes allowed; it is not a released file")
        found = json.loads(path.read_bytes())
    except OSError as problem:
        raise CatalogError(f"{path} cannot be read ({problem.strerror}); give a readable file") from problem
    except (ValueError, RecursionError) as problem:
        raise CatalogError(f"{path} is not whole JSON ({str(problem)[:120]}); unpack meta.zip again") from problem
    if not isinstance(found, list):
        raise CatalogError(f"{path} holds a JSON {type(found).__name__}, not a list of records; unpack meta.zip again")
    return found


def whole(raw: object, name: str, most: int = 10**15) -> int:
    """A number of a photo or product.

    Raises:
        ValueError: It is none, is negative or is above `most`.
    """
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 16:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= most:
        raise ValueError(f"{name} {str(raw)[:40]!r} is not a whole number from 0 to {most}")
    return raw


def told(path: Path, row: int, raw: object, faults: Faults) -> Box | None:
    """The box of a row; None, with the fault written, where it does not say one."""
    try:
        return box_of(raw if isinstance(raw, dict) else {})
    except ValueError as problem:
        faults.add(Fault(str(path), row, "bbox", f"{problem}; the photo is kept without a box", "field"))
        return None


def box_of(record: Mapping[str, object]) -> Box:
    """A box from its four named numbers, in pixels of the original download.

    Raises:
        ValueError: A number is missing, is none, or the box covers less than a pixel.
    """
    numbers: list[float] = []
    for side in _SIDES:
        raw = record.get(side)
        try:
            if isinstance(raw, bool) or not isinstance(raw, int | float | str):
                raise ValueError
            numbers.append(float(raw))
        except (ValueError, OverflowError):
            found = "is missing" if raw is None else f"is {str(raw)[:40]!r}"
            raise ValueError(f"bbox: {side} {found}; allowed: four numbers left, top, width, height") from None
    box = Box(*numbers)
    if box.width * box.height < 1:
        raise ValueError(f"bbox {tuple(numbers)} covers less than one pixel")
    return box

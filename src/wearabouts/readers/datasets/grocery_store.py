"""Grocery Store: phone photos taken in supermarkets, and the shop's own picture of each of the 81 products.

Klasson, Zhang and Kjellström, "A Hierarchical Grocery Store Image Dataset with Visual and Semantic Labels", WACV 2019
(arXiv 1901.00711). From the repository marcusklasson/GroceryStoreDataset. MIT licence: commercial use is allowed.

Layout: a folder ``dataset`` with ``classes.csv`` (class name and id, coarse class name and id, path of the iconic
picture, path of the description) and ``train.txt``, ``val.txt``, ``test.txt``: one ``path, class id, coarse id`` a
line. Traps: the paths of ``classes.csv`` begin with a slash and mean the folder ``dataset``; a photo's folder does not
always repeat its coarse class (``val/Vegetables/Brown-Cap-Mushroom``), so classes go by id; early versions of the lists
had paths only.

Expected: 81 products with one iconic picture each. The numbers of natural photos are not asserted: they changed when
``val.txt`` was added.

A folder with ``images.csv`` instead (columns path, role, item_id, item_name, coarse_name, group, source_split, and
beside it perhaps ``splits.csv`` with a split for each item) is a part of this dataset as tests use it. There splits go
by item: ``calibrate`` becomes ``val``, and the source's own split is the label ``source_split``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.local import Folder
from wearabouts.types import Side

EXPECTED = {"products": 81, "photos:gallery": 81, "side:shop": 81}
LISTS = ("train", "val", "test")
COLUMNS = ("Class Name (str)", "Class ID (int)", "Coarse Class Name (str)", "Coarse Class ID (int)",
           "Iconic Image Path (str)")  # fmt: skip
MAX_LINES = 1_000_000  # of one list; the longest real one has a few thousand

_PART = ("path", "role", "item_id", "item_name", "coarse_name", "group")
_SPLITS = {"train": "train", "calibrate": "val", "val": "val", "test": "test"}


@dataclass(slots=True)
class _Item:
    name: str
    coarse: str
    coarse_id: str
    category: str
    row: int
    photos: list[Photo] = field(default_factory=list)


def read(source: Path, faults: Faults) -> Iterator[Product]:
    """Walk the products: the iconic picture (side shop, split gallery) and the natural photos (side street).

    Args:
        source: The repository, its folder ``dataset``, or a folder with ``images.csv``.
        faults: Where rows that cannot be read go, and pictures that are not there.

    Raises:
        CatalogError: A list is missing or has other columns.
    """
    root = _root(source)
    if (root / "images.csv").is_file():
        origin, items = root / "images.csv", _of_part(root, faults)
    else:
        origin, items = root / "classes.csv", _of_repository(root, faults)
    for item in items.values():
        if not item.photos:
            faults.add(Fault(str(origin), item.row, "", f"product {item.name!r} has no picture that is there"))
            continue
        title = item.name.replace("-", " ")
        attributes = {"coarse": item.coarse} if item.coarse else {}
        yield Product(item.name, tuple(item.photos), title=title, category=item.category, attributes=attributes)


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """Which layout was found, for people."""
    root = _root(source)
    if (root / "images.csv").is_file():
        splits = "splits.csv, by item" if (root / "splits.csv").is_file() else "column source_split"
        return (f"a part of the dataset, listed in images.csv; splits from {splits}",)
    return (f"the repository's own lists in {root.name}",)


def _root(source: Path) -> Path:
    for root in (source, source / "dataset"):
        if (root / "classes.csv").is_file() or (root / "images.csv").is_file():
            return root
    raise CatalogError(
        f"no classes.csv in {str(source)!r} or its folder dataset; give the repository GroceryStoreDataset as cloned"
    )


def _table(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.DictReader(file)
            if lacking := [name for name in needed if name not in (rows.fieldnames or ())]:
                raise CatalogError(f"{path} has no column {', '.join(lacking)}; it needs {', '.join(needed)}")
            for number, row in enumerate(rows, 1):
                if number > MAX_LINES:
                    raise CatalogError(f"{path} has more than {MAX_LINES:,} rows; give the list of the dataset")
                yield number, {name: (row.get(name) or "").strip() for name in rows.fieldnames or ()}
    except (OSError, csv.Error) as problem:
        raise CatalogError(f"{path} cannot be read ({str(problem)[:120]}); give the list of the dataset") from problem


def _of_repository(root: Path, faults: Faults) -> dict[str, _Item]:
    folder, path, items = Folder(root), root / "classes.csv", dict[str, _Item]()
    for row, cells in _table(path, COLUMNS):
        name, number, coarse, coarse_id, iconic = (cells[column] for column in COLUMNS)
        if not name or not number.isdigit() or number in items:
            faults.add(Fault(str(path), row, COLUMNS[1], f"class id {number[:40]!r} is no number, or stood before"))
            continue
        reference = iconic.removeprefix("/")
        category = " > ".join(dict.fromkeys([*reference.split("/")[1:2], coarse.replace("-", " ")]))
        items[number] = _Item(name, coarse, coarse_id, category, row)
        _take(
            items[number], folder, reference, "shop", "gallery", Fault(str(path), row, COLUMNS[4], "", "photo"), faults
        )
    for split in LISTS:
        _list(root / f"{split}.txt", split, folder, items, faults)
    return items


def _list(path: Path, split: str, folder: Folder, items: dict[str, _Item], faults: Faults) -> None:
    if not path.is_file():
        names = ", ".join(f"{name}.txt" for name in LISTS)
        raise CatalogError(f"no {path.name} in {str(path.parent)!r}; the dataset has {names}: clone it again")
    for row, line in enumerate(_lines(path), 1):
        cells = [cell.strip() for cell in line.split(",")]
        if cells == [""]:
            continue
        if len(cells) != 3:
            reason = f"{len(cells)} cells, not path, class id and coarse id"
            faults.add(Fault(str(path), row, "", reason, "photo"))
            continue
        reference, number, coarse_id = cells
        item = items.get(number)
        if item is None:
            reason = f"class id {number[:40]!r} is not in classes.csv; the photo was left out"
            faults.add(Fault(str(path), row, "class id", reason, "photo"))
            continue
        if coarse_id != item.coarse_id:
            reason = f"coarse id {coarse_id[:40]!r}, but classes.csv says {item.coarse_id} for class {number}"
            faults.add(Fault(str(path), row, "coarse id", reason, "field"))
        _take(item, folder, reference, "street", split, Fault(str(path), row, "path", "", "photo"), faults)


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            yield from iter(lambda: file.readline(10_000), "")
    except OSError as problem:
        raise CatalogError(f"{path} cannot be read ({problem.strerror}); give the list of the dataset") from problem


def _of_part(root: Path, faults: Faults) -> dict[str, _Item]:
    folder, path, items = Folder(root), root / "images.csv", dict[str, _Item]()
    splits: dict[str, str] = {}
    if (root / "splits.csv").is_file():
        splits = {cells["item_id"]: cells["split"] for _, cells in _table(root / "splits.csv", ("item_id", "split"))}
    for row, cells in _table(path, _PART):
        number, own = cells["item_id"], cells.get("source_split", "")
        shop = cells["role"] == "gallery"
        split = "gallery" if shop else _SPLITS.get(splits.get(number, own), "")
        if not cells["item_name"] or cells["role"] not in ("gallery", "query") or not split:
            reason = f"role {cells['role'][:40]!r} or split {splits.get(number, own)[:40]!r} is not known"
            faults.add(Fault(str(path), row, "role", reason, "photo"))
            continue
        category = " > ".join(dict.fromkeys([cells["group"], cells["coarse_name"].replace("-", " ")]))
        item = items.setdefault(number, _Item(cells["item_name"], cells["coarse_name"], "", category, row))
        fault = Fault(str(path), row, "path", "", "photo")
        labels = {"source_split": own} if own else {}
        _take(item, folder, cells["path"], "shop" if shop else "street", split, fault, faults, labels)
    return items


def _take(
    item: _Item,
    folder: Folder,
    reference: str,
    side: Side,
    split: str,
    fault: Fault,
    faults: Faults,
    labels: dict[str, str] | None = None,
) -> None:
    """Add a photo to an item, or the fault that it cannot be."""
    try:
        if any(photo.id == reference for photo in item.photos):
            raise ValueError(f"picture {reference[:80]!r} stood before")
        item.photos.append(Photo(reference, folder.picture(reference), side, split, labels=labels or {}))
    except ValueError as problem:
        faults.add(Fault(fault.source, fault.row, fault.column, str(problem), fault.lost))

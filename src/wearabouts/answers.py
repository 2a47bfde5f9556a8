"""What people said of query photos: this product is in it, or it is not (docs/labels.md).

A file of rows, CSV with a header or JSON lines: ``photo`` (a picture's path, from the file's own folder), ``product``
(its id in the catalog), ``same`` (yes or no), and, where the photo shows more, ``left,top,width,height`` in pixels.
Several people may answer the same question: more of one answer than of the other is believed, as many of both is not.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.types import Box

MAX_LINE = 10_000  # characters
MAX_ROWS = 5_000_000
YES, NO = frozenset({"yes", "true", "1", "same"}), frozenset({"no", "false", "0", "different"})
COLUMNS = ("photo", "product", "same")
BOX = ("left", "top", "width", "height")


@dataclass
class Answers:
    """Answers, added up.

    Attributes:
        same: Product id → query photos that show it.
        different: Query photos beside the id of a product that they do not show.
    """

    same: dict[str, list[Photo]] = field(default_factory=dict)
    different: list[tuple[Photo, str]] = field(default_factory=list)

    def check(self, known: set[str], file: str, faults: Faults, *, holder: str = "catalog") -> None:
        """Count answers about products that the catalog, or whatever else holds the known ones, does not have."""
        for name in dict.fromkeys((*self.same, *(name for _, name in self.different))):
            if name not in known:
                faults.add(Fault(file, 0, "product", f"{name[:80]!r} is no product of the {holder}", "field"))

    def strangers(self, known: set[str]) -> list[Product]:
        """Photos that are only known not to show something, each as a product of its own, with nothing else known."""
        shown = {photo.id for name, photos in self.same.items() if name in known for photo in photos}
        alone = {photo.id: photo for photo, name in self.different if photo.id not in shown and name in known}
        return [Product(id=f"?{name}", photos=(photo,)) for name, photo in alone.items()]


def below(source: Path, labels: str) -> Path:
    """The file of labels of a catalog, which is named from the catalog's own folder."""
    return (source if source.is_dir() else source.parent) / labels


def read(path: Path, split: str, faults: Faults) -> Answers:
    """Read the answers of people.

    Args:
        path: The file; photos lie beside or below it.
        split: Given to the photos, so that they are learned from like the rest.
        faults: Where rows that say nothing go, and questions with as many answers of one kind as of the other.

    Raises:
        CatalogError: The file cannot be read, or lacks a column.
    """
    photos: dict[str, Photo] = {}
    votes: Counter[tuple[str, str]] = Counter()
    try:
        for number, row in enumerate(_rows(path), 1):
            try:
                photo, name, same = _answer(row, path.parent, split)
            except ValueError as problem:
                faults.add(Fault(str(path), number, "", str(problem), "field"))
                continue
            photos[photo.id] = photo
            votes[photo.id, name] += 1 if same else -1
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise CatalogError(f"{path} cannot be read ({problem}); give CSV or JSON lines in UTF-8") from problem
    answers = Answers()
    for (photo_id, name), balance in votes.items():
        if balance > 0:
            answers.same.setdefault(name, []).append(photos[photo_id])
        elif balance < 0:
            answers.different.append((photos[photo_id], name))
        else:
            faults.add(Fault(str(path), 0, "same", f"{photo_id[:80]!r} and {name[:80]!r}: as many yes as no", "field"))
    return answers


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """Rows of either kind, what is not a row as an empty one."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline(MAX_LINE)
        file.seek(0)
        if first.lstrip().startswith("{"):
            yield from map(_record, _lines(file))
            return
        table = csv.DictReader(_lines(file))
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise CatalogError(f"{path} has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}")
        yield from table


def _lines(file: TextIO) -> Iterator[str]:
    for number in range(MAX_ROWS):
        line = file.readline(MAX_LINE)
        if not line:
            return
        if line.strip() or not number:
            yield line
    raise CatalogError(f"{file.name} has more than {MAX_ROWS:,} rows; divide it")


def _record(line: str) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _answer(row: Mapping[str, Any], folder: Path, split: str) -> tuple[Photo, str, bool]:
    """The photo, the product's id and whether it is in the photo.

    Raises:
        ValueError: The row does not say so.
    """
    path, name = (_text(row, column) for column in ("photo", "product"))
    said = _text(row, "same").casefold()
    if not path or not name or said not in YES | NO:
        raise ValueError(f"photo {path[:80]!r}, product {name[:80]!r}, same {said[:20]!r}; same is yes or no")
    try:
        uri = (folder / path).resolve()
        if not uri.is_relative_to(folder.resolve()):
            raise ValueError(f"photo {path[:80]!r} lies outside of {folder}; photos stay beside or below the file")
    except OSError as problem:
        raise ValueError(f"photo {path[:80]!r} is no path ({problem.strerror})") from problem
    sides = [_text(row, side) for side in BOX]
    box = Box(*map(float, sides)) if any(sides) else None
    photo_id = f"people/{path}" + ("#" + ",".join(sides) if box else "")
    return Photo(photo_id, str(uri), "street", split, box), name, said in YES


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value).strip()

"""A census: what a dataset holds, counted as its products stream by, against what its authors say that it holds."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wearabouts.catalog import Photo, Product
from wearabouts.errors import ImageError
from wearabouts.images import LIMITS, decode

MAX_KEYS = 1_000  # counts kept by split and category; a shop with more categories is no published set
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]+://")
_ROWS = re.compile(r"rows:(\S+) (\d[\d,]*)")


@dataclass(frozen=True, slots=True)
class Line:
    """One count.

    Attributes:
        what: Its key, such as ``photos:train``.
        expected: As published; None where nothing is.
        found: As counted.
    """

    what: str
    expected: int | None
    found: int

    @property
    def difference(self) -> int | None:
        """Found less expected; None where nothing is expected."""
        return None if self.expected is None else self.found - self.expected


class Census:
    """Counts products on their way; keeps none.

    Keys: ``products``, ``photos``, ``products:<split>`` (with at least one photo in it), ``photos:<split>``,
    ``photos:<split>:<category>``, ``side:<side>``, ``boxes``, ``landmarks`` (photos with them), ``pictures:missing``,
    and with `look` also ``pictures:broken``.

    Args:
        look: Also open and decode every picture that is there, which takes minutes where a look at the names takes
            seconds.
    """

    def __init__(self, *, look: bool = False) -> None:
        self.look = look
        self.counts: Counter[str] = Counter(products=0, photos=0)
        self.first_missing = ""
        self.first_broken = ""

    def watch(self, products: Iterable[Product]) -> Iterator[Product]:
        """The same products, each counted as it passes."""
        for product in products:
            self.counts["products"] += 1
            for split in {photo.split for photo in product.photos if photo.split}:
                self.counts[f"products:{split}"] += 1
            for photo in product.photos:
                self._photo(photo, product.category)
            yield product

    def _photo(self, photo: Photo, category: str) -> None:
        self.counts["photos"] += 1
        self.counts[f"side:{photo.side}"] += 1
        if photo.split:
            self.counts[f"photos:{photo.split}"] += 1
            key = f"photos:{photo.split}:{category}"
            if key in self.counts or len(self.counts) < MAX_KEYS:
                self.counts[key] += 1
        self.counts["boxes"] += photo.box is not None
        self.counts["landmarks"] += bool(photo.landmarks)
        if _ADDRESS.match(photo.uri):
            return
        if not os.path.isfile(photo.uri):
            self.counts["pictures:missing"] += 1
            self.first_missing = self.first_missing or photo.uri
        elif self.look and not _whole(Path(photo.uri)):
            self.counts["pictures:broken"] += 1
            self.first_broken = self.first_broken or photo.uri

    def lines(self, expected: Mapping[str, int], notes: Iterable[str] = ()) -> tuple[Line, ...]:
        """Every count beside the published one: first those that are published, then the others.

        Args:
            expected: Published counts by key.
            notes: Of the reader; ``rows:<file> 578`` in one of them is a count too.
        """
        told = {f"rows:{name}": int(count.replace(",", "")) for note in notes for name, count in _ROWS.findall(note)}
        found = {**self.counts, **told}
        published = [Line(key, count, found.get(key, 0)) for key, count in expected.items()]
        others = [
            Line(key, None, count)
            for key, count in sorted(found.items())
            if key not in expected and key.count(":") < 2 and (count or key in ("products", "photos"))
        ]
        return (*published, *others)


def verdict(lines: Iterable[Line]) -> str:
    """One sentence: whether this is the complete published set; empty where nothing is published."""
    every = tuple(lines)
    published = [line for line in every if line.expected is not None]
    wrong = [line for line in published if line.difference]
    if not published:
        return ""
    if not wrong:
        absent = [f"{line.found:,} {line.what}" for line in every if line.what.startswith("pictures:") and line.found]
        but = f", but {' and '.join(absent)}" if absent else ""
        return f"this is the complete published set: all {len(published)} counts agree{but}"
    # Totals say it best: parts of a total that differs are left to the table.
    told = [line for line in wrong if line.what.count(":") < 2] or wrong
    listed = ", ".join(f"{line.what} {line.found:,} of {line.expected:,}" for line in told)
    return f"this is not the complete published set: {listed}"


def _whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            decode(file.read(LIMITS.bytes + 1), target=64)
    except (ImageError, OSError):
        return False
    return True

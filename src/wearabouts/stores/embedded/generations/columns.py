"""What one can filter by, held in memory: a filter becomes one boolean a product, and SQLite is not asked.

Columns only ever grow: a slot keeps its product's values for good (a changed product gets a new slot), so a snapshot
stays true while another thread appends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.generations.filtering import ORDER, Mask
from wearabouts.stores.where import COLUMNS, TEXT_COLUMNS, normal, number

_REMEMBERED = 10_000  # spellings of a column kept to find their code without normalising them again


class Growing:
    """An array one can append to; what `filled` gave earlier stays as it was."""

    def __init__(self, dtype: npt.DTypeLike, width: int | None = None) -> None:
        self._shape = () if width is None else (width,)
        self._data = np.empty((64, *self._shape), dtype)
        self.size = 0

    def extend(self, values: npt.ArrayLike) -> None:
        """Append values; the room at least doubles when it runs out, so that appending stays cheap."""
        added = np.asarray(values, self._data.dtype).reshape(-1, *self._shape)
        wanted = self.size + len(added)
        if wanted > len(self._data):
            larger = np.empty((max(wanted, 2 * len(self._data)), *self._shape), self._data.dtype)
            larger[: self.size] = self.filled()
            self._data = larger
        self._data[self.size : wanted] = added
        self.size = wanted

    def filled(self) -> npt.NDArray[Any]:
        """What has been appended so far, as a view."""
        return self._data[: self.size]


class _Words:
    """The distinct values of a column: text ↔ code, in the form the filter language compares."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.codes: dict[str, int] = {}
        self.texts: list[str] = []
        self.shown: list[str] = []
        self._seen: dict[str, int] = {}

    def codes_of(self, texts: Sequence[str]) -> list[int]:
        """The code of each text; a store opens as fast as this is."""
        codes = {text: self.code(text) for text in dict.fromkeys(texts)}
        return [codes[text] for text in texts]

    def code(self, text: str) -> int:
        known = self._seen.get(text)
        if known is not None:
            return known
        plain = normal(self.column, text)
        code = self.codes.setdefault(plain, len(self.texts))
        if code == len(self.texts):
            self.texts.append(plain)
            self.shown.append(text)
        if len(self._seen) < _REMEMBERED:
            self._seen[text] = code
        return code


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A snapshot of one text column.

    Attributes:
        name: Lower case.
        count: How many slots the snapshot covers.
        slots: (n,) int32, the slots that have a value; None where the column is dense and every slot has one.
        codes: (n,) int32 into the distinct values.
    """

    name: str
    count: int
    slots: npt.NDArray[np.int32] | None
    codes: npt.NDArray[np.int32]
    words: _Words

    def spread(self, hits: Mask) -> Mask:
        """Hits of the filled values → one boolean a slot."""
        if self.slots is None:
            return hits
        mask = np.zeros(self.count, np.bool_)
        mask[self.slots[hits]] = True
        return mask

    def filled(self) -> Mask:
        """The slots that have a value."""
        empty = self.words.codes.get("", -1)
        return self.spread(self.codes != empty)

    def equal(self, value: str) -> Mask:
        """The slots whose text is the value, in comparing form."""
        return self.spread(self.codes == self.words.codes.get(value, -1))

    def beneath(self, path: str) -> Mask:
        """The slots whose text is the path or lies beneath it."""
        return self._where(lambda text: text == path or text.startswith(path + " > "))

    def containing(self, part: str) -> Mask:
        """The slots whose text holds the part."""
        return self._where(lambda text: part in text)

    def ordered(self, sign: str, limit: float) -> Mask:
        """The slots whose text reads as a number on that side of the limit."""
        order = ORDER[sign]
        return self._where(lambda text: (found := number(text)) is not None and order(found, limit))

    def counted(self, present: Mask) -> tuple[int, dict[str, int]]:
        """How many of some slots have a value, and how many have each text as its shop first wrote it."""
        codes = self.codes[present if self.slots is None else present[self.slots]]
        codes = codes[codes != self.words.codes.get("", -1)]
        tally = np.bincount(codes)
        return len(codes), {self.words.shown[code]: int(tally[code]) for code in np.flatnonzero(tally).tolist()}

    def _where(self, holds: Callable[[str], bool]) -> Mask:
        """The slots whose text, in comparing form, fulfils a condition; asked once for each distinct text."""
        table = np.fromiter((holds(text) for text in self.words.texts), np.bool_)
        return self.spread(table[self.codes] if len(table) else np.zeros(len(self.codes), np.bool_))


class Columns:
    """The growing columns of all products a process has seen."""

    def __init__(self) -> None:
        self.size = 0
        self._price = Growing(np.float64)
        self._dense = {name: (_Words(name), Growing(np.int32)) for name in TEXT_COLUMNS}
        self._sparse: dict[str, tuple[_Words, Growing, Growing]] = {}

    def extend(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append products.

        Args:
            rows: The text columns as strings, `price` as a number or None, `attributes` as name → text.
        """
        for name, (words, codes) in self._dense.items():
            codes.extend(words.codes_of([row[name] for row in rows]))
        self._price.extend([math.nan if row["price"] is None else row["price"] for row in rows])
        found: dict[str, tuple[list[int], list[str]]] = {}
        for slot, row in enumerate(rows, self.size):
            for name, text in row["attributes"].items():
                slots, texts = found.setdefault(name, ([], []))
                slots.append(slot)
                texts.append(text)
        for name, (slots, texts) in found.items():
            self._extend_attribute(name.strip().casefold(), slots, texts)
        self.size += len(rows)

    def _extend_attribute(self, column: str, slots: Sequence[int], texts: Sequence[str]) -> None:
        filled = [place for place, text in enumerate(texts) if text.strip()]
        if column in COLUMNS or not filled:
            return
        if column not in self._sparse:
            self._sparse[column] = (_Words(column), Growing(np.int32), Growing(np.int32))
        words, known, codes = self._sparse[column]
        known.extend([slots[place] for place in filled])
        codes.extend(words.codes_of([texts[place] for place in filled]))

    def snapshot(self) -> Snapshot:
        """The columns as they are now; later appends do not show in it."""
        texts = {
            name: TextColumn(name, self.size, None, codes.filled(), words)
            for name, (words, codes) in self._dense.items()
        }
        for name, (words, slots, codes) in self._sparse.items():
            texts[name] = TextColumn(name, self.size, slots.filled(), codes.filled(), words)
        return Snapshot(self.size, self._price.filled(), texts)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All columns of the first `size` slots.

    Attributes:
        size: How many slots.
        price: (size,) float64, NaN where unknown.
        texts: name → column, the built-in ones and every attribute.
    """

    size: int
    price: npt.NDArray[np.float64]
    texts: Mapping[str, TextColumn]

    def attributes(self) -> Collection[str]:
        """The names of the columns that are not built in."""
        return [name for name in self.texts if name not in COLUMNS]

    def text(self, name: str) -> TextColumn | None:
        """A text column; None where no slot ever had one of that name."""
        return self.texts.get(name)

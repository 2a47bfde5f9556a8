"""What one can filter by, held in memory: a filter becomes one boolean a product, and SQLite is not asked.

Columns only ever grow: a slot keeps its product's values for good (a changed product gets a new slot), so a snapshot
stays true while another thread appends.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.errors import QueryError, unknown
from wearabouts.stores.where import COLUMNS, AllOf, AnyOf, Compare, Expression, Has, Not, columns_of, normal, number

Mask = npt.NDArray[np.bool_]

TEXT_COLUMNS: Final = tuple(name for name in COLUMNS if name != "price")
_NAMED_IN_ERRORS = 40  # attribute names listed when a filter names an unknown one
_REMEMBERED = 10_000  # spellings of a column kept to find their code without normalising them again
_ORDER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


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
        """The slots whose text is the value; of a category, or lies beneath it."""
        wanted = normal(self.name, value)
        if self.name == "category":
            return self.where(lambda text: text == wanted or text.startswith(wanted + " > "))
        return self.spread(self.codes == self.words.codes.get(wanted, -1))

    def where(self, holds: Callable[[str], bool]) -> Mask:
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

    def names(self) -> list[str]:
        """Every column one can filter by: the built-in ones, then the attributes."""
        return [*COLUMNS, *sorted(name for name in self.texts if name not in COLUMNS)]

    def mask(self, expression: Expression) -> Mask:
        """Which slots a filter keeps: (size,) bool.

        Raises:
            QueryError: A column is unknown, or an operator does not fit its column.
        """
        for column in columns_of(expression):
            if column != "price" and column not in self.texts:
                raise QueryError(self._unknown(column))
        return self._mask(expression)

    def among(self, column: str, values: Sequence[str]) -> Mask:
        """Which slots have one of the values in a text column: (size,) bool."""
        wanted = {normal(column, each) for each in values}
        return self.texts[column].where(wanted.__contains__)

    def _mask(self, expression: Expression) -> Mask:
        match expression:
            case Compare(column="price"):
                return self._priced(expression)
            case Compare():
                return self._compared(expression)
            case Has(column=column):
                return ~np.isnan(self.price) if column == "price" else self.texts[column].filled()
            case Not(term=term):
                return ~self._mask(term)
            case AllOf(terms=terms):
                return np.asarray(np.logical_and.reduce([self._mask(each) for each in terms]), np.bool_)
            case AnyOf(terms=terms):
                return np.asarray(np.logical_or.reduce([self._mask(each) for each in terms]), np.bool_)

    def _priced(self, term: Compare) -> Mask:
        value = number(term.value)
        if value is None or term.operator == "contains":
            raise QueryError(
                f"price {term.operator} {term.value!r} has no meaning; price takes =, !=, <, <=, >, >= and a plain "
                "number such as 19.99, without a currency (currency = EUR is a column of its own)"
            )
        with np.errstate(invalid="ignore"):
            return np.asarray(_ORDER[term.operator](self.price, value), np.bool_)

    def _compared(self, term: Compare) -> Mask:
        column = self.texts[term.column]
        if term.operator == "=":
            return column.equal(term.value)
        if term.operator == "contains":
            part = normal(term.column, term.value)
            return column.where(lambda text: part in text)
        limit = number(term.value)
        if limit is None or term.column in COLUMNS:
            raise QueryError(
                f"{term.column} {term.operator} {term.value!r} has no meaning; <, <=, > and >= need a plain number, on "
                "price or an attribute; text takes =, !=, in and contains"
            )
        order = _ORDER[term.operator]
        return column.where(lambda text: (found := number(text)) is not None and order(found, limit))

    def _unknown(self, column: str) -> str:
        known = self.names()
        if len(known) <= len(COLUMNS) + _NAMED_IN_ERRORS:
            return unknown("column", column, known)
        shown = unknown("column", column, known[: len(COLUMNS) + _NAMED_IN_ERRORS])
        return f"{shown}; and {len(known) - len(COLUMNS) - _NAMED_IN_ERRORS} more"

    def sampled(self, alive: Mask, most: int = 5) -> list[dict[str, Any]]:
        """For people: every column with how many of the living products fill it and its commonest values.

        Args:
            alive: (size,) bool, the slots that count.
            most: How many values to show of each.
        """
        prices = self.price[alive & ~np.isnan(self.price)]
        told: list[dict[str, Any]] = []
        for name in self.names():
            if name == "price":
                ends = [float(prices.min()), float(prices.max())] if len(prices) else []
                told.append({"name": name, "kind": "number", "filled": len(prices), "range": ends})
                continue
            column = self.texts[name]
            codes = column.codes[alive if column.slots is None else alive[column.slots]]
            codes = codes[codes != column.words.codes.get("", -1)]
            tally = np.bincount(codes) if len(codes) else np.zeros(0, np.int64)
            best = [int(code) for code in np.argsort(-tally, kind="stable")[:most] if tally[code]]
            kind = "path" if name == "category" else "text"
            told.append(
                {"name": name, "kind": kind, "filled": len(codes), "values": [column.words.shown[i] for i in best]}
            )
        return told

"""What a filter keeps: one tree walked over the columns of a base, which lie in a file, and of what came since."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from wearabouts.errors import QueryError, unknown
from wearabouts.stores.where import COLUMNS, AllOf, AnyOf, Compare, Expression, Has, Not, columns_of, normal, number

Mask = npt.NDArray[np.bool_]

_NAMED_IN_ERRORS: Final = 40  # attribute names listed when a filter names an unknown one
ORDER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class TextFacts(Protocol):
    """One text column of some slots. Every method gives one boolean a slot."""

    def filled(self) -> Mask:
        """The slots that have a value."""
        ...

    def equal(self, value: str) -> Mask:
        """The slots whose text is the value, in comparing form."""
        ...

    def beneath(self, path: str) -> Mask:
        """The slots whose text is the path or lies beneath it."""
        ...

    def containing(self, part: str) -> Mask:
        """The slots whose text holds the part, in comparing form."""
        ...

    def ordered(self, sign: str, limit: float) -> Mask:
        """The slots whose text reads as a number on that side of the limit."""
        ...

    def counted(self, present: Mask) -> tuple[int, dict[str, int]]:
        """How many of some slots have a value; and how many have each text as its shop wrote it, or the commonest."""
        ...


class Facts(Protocol):
    """The columns of some slots."""

    @property
    def size(self) -> int:
        """How many slots."""
        ...

    @property
    def price(self) -> npt.NDArray[np.float64]:
        """(size,) float64, NaN where unknown."""
        ...

    def attributes(self) -> Collection[str]:
        """The names of the columns that are not built in."""
        ...

    def text(self, name: str) -> TextFacts | None:
        """A text column; None where no slot ever had one of that name."""
        ...


@dataclass(frozen=True, slots=True)
class Filters:
    """All columns of a view: those of the base's slots, then those of what came since."""

    base: Facts
    delta: Facts

    @property
    def size(self) -> int:
        """How many slots there are."""
        return self.base.size + self.delta.size

    def names(self) -> list[str]:
        """Every column one can filter by: the built-in ones, then the attributes."""
        return [*COLUMNS, *sorted({*self.base.attributes(), *self.delta.attributes()})]

    def mask(self, expression: Expression) -> Mask:
        """Which slots a filter keeps: (size,) bool.

        Raises:
            QueryError: A column is unknown, or an operator does not fit its column.
        """
        self.require_meaning(expression)
        return np.concatenate([kept(expression, self.base), kept(expression, self.delta)])

    def among(self, column: str, values: Sequence[str]) -> Mask:
        """Which slots have one of the values in a text column, word for word: (size,) bool."""
        return np.concatenate([among(self.base, column, values), among(self.delta, column, values)])

    def require_meaning(self, expression: Expression) -> None:
        """Refuse a filter that no slot could ever answer.

        Raises:
            QueryError: A column is unknown, or an operator does not fit its column.
        """
        for column in columns_of(expression):
            if column not in COLUMNS and column not in self.base.attributes() and column not in self.delta.attributes():
                raise QueryError(self._unknown(column))
        _require_operators(expression)

    def counts(self, column: str, present: Mask) -> dict[str, int]:
        """For a text column of few values: text as its shop wrote it → how many of some slots have it.

        Args:
            column: Its name.
            present: (size,) bool, the slots that count.
        """
        return self._counted(column, present)[1]

    def sampled(self, present: Mask, most: int = 5) -> list[dict[str, Any]]:
        """For people: every column with how many of some products fill it and its commonest values.

        Args:
            present: (size,) bool, the slots that count.
            most: How many values to show of each.
        """
        told: list[dict[str, Any]] = []
        for name in self.names():
            if name == "price":
                prices = np.concatenate([self.base.price, self.delta.price])[present]
                prices = prices[~np.isnan(prices)]
                ends = [float(prices.min()), float(prices.max())] if len(prices) else []
                told.append({"name": name, "kind": "number", "filled": len(prices), "range": ends})
                continue
            filled, counts = self._counted(name, present)
            best = sorted(counts, key=lambda text: -counts[text])[:most]
            kind = "path" if name == "category" else "text"
            told.append({"name": name, "kind": kind, "filled": filled, "values": best})
        return told

    def _counted(self, name: str, present: Mask) -> tuple[int, dict[str, int]]:
        filled, counts = 0, dict[str, int]()
        shown: dict[str, str] = {}
        for side, part in ((self.base, present[: self.base.size]), (self.delta, present[self.base.size :])):
            column = side.text(name)
            if column is not None:
                more, texts = column.counted(part)
                filled += more
                for text, count in texts.items():
                    first = shown.setdefault(normal(name, text), text)
                    counts[first] = counts.get(first, 0) + count
        return filled, counts

    def _unknown(self, column: str) -> str:
        known = self.names()
        if len(known) <= len(COLUMNS) + _NAMED_IN_ERRORS:
            return unknown("column", column, known)
        shown = unknown("column", column, known[: len(COLUMNS) + _NAMED_IN_ERRORS])
        return f"{shown}; and {len(known) - len(COLUMNS) - _NAMED_IN_ERRORS} more"


def kept(expression: Expression, facts: Facts) -> Mask:
    """Which slots of one side a filter keeps: (size,) bool; the filter must have been found to have a meaning."""
    match expression:
        case Compare(column="price"):
            with np.errstate(invalid="ignore"):
                return np.asarray(ORDER[expression.operator](facts.price, number(expression.value)), np.bool_)
        case Has(column="price"):
            return ~np.isnan(facts.price)
        case Compare() | Has():
            column = facts.text(expression.column)
            if column is None:
                return np.zeros(facts.size, np.bool_)
            return column.filled() if isinstance(expression, Has) else _compared(expression, column)
        case Not(term=term):
            mask = kept(term, facts)
            return np.logical_not(mask, out=mask)
        case AllOf(terms=terms):
            return _joined(np.logical_and, [kept(each, facts) for each in terms])
        case AnyOf(terms=terms):
            return _joined(np.logical_or, [kept(each, facts) for each in terms])


def among(facts: Facts, column: str, values: Sequence[str]) -> Mask:
    """Which slots of one side have one of the values in a text column, word for word: (size,) bool."""
    found = facts.text(column)
    if found is None or not values:
        return np.zeros(facts.size, np.bool_)
    wanted = {normal(column, each) for each in values}
    return _joined(np.logical_or, [found.equal(each) for each in sorted(wanted)])


def _joined(join: np.ufunc, masks: list[Mask]) -> Mask:
    total = masks[0]
    for each in masks[1:]:
        join(total, each, out=total)
    return total


def _compared(term: Compare, column: TextFacts) -> Mask:
    value = normal(term.column, term.value)
    if term.operator == "contains":
        return column.containing(value)
    if term.operator == "=":
        return column.beneath(value) if term.column == "category" else column.equal(value)
    return column.ordered(term.operator, number(term.value) or 0.0)


def _require_operators(expression: Expression) -> None:
    match expression:
        case Compare(column="price") as term if number(term.value) is None or term.operator == "contains":
            raise QueryError(
                f"price {term.operator} {term.value!r} has no meaning; price takes =, !=, <, <=, >, >= and a plain "
                "number such as 19.99, without a currency (currency = EUR is a column of its own)"
            )
        case Compare() as term if term.column != "price" and term.operator not in ("=", "contains"):
            if number(term.value) is None or term.column in COLUMNS:
                raise QueryError(
                    f"{term.column} {term.operator} {term.value!r} has no meaning; <, <=, > and >= need a plain "
                    "number, on price or an attribute; text takes =, !=, in and contains"
                )
        case Not(term=inner):
            _require_operators(inner)
        case AllOf(terms=terms) | AnyOf(terms=terms):
            for each in terms:
                _require_operators(each)
        case _:
            pass

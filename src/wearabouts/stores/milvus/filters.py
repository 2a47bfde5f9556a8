"""The filter language in Milvus's words, and what those words cannot say.

Milvus 2.3 compares numbers and looks into arrays. So equality, `has`, categories and prices are said to it; `contains`
and the comparison of attributes that read as numbers are not. A filter that has such a part is said as far as it can
be, so that nothing it keeps is lost, and each photo found is judged here by its product's own facts.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from wearabouts.errors import QueryError, unknown
from wearabouts.stores.milvus.keys import SCALARS, partition, scalar, term
from wearabouts.stores.where import COLUMNS, AllOf, AnyOf, Compare, Expression, Has, Not, columns_of, normal, number

NAMED: Final = 40  # attribute names listed when a filter names an unknown one
_SIGNS: Final[Mapping[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "=": ("==", operator.eq),
    "<": ("<", operator.lt),
    "<=": ("<=", operator.le),
    ">": (">", operator.gt),
    ">=": (">=", operator.ge),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it is carried out.

    Attributes:
        said: An expression of Milvus; empty for none. It keeps all that the filter keeps.
        judged: What is left to be judged of each product found; None where the expression says all.
    """

    said: str
    judged: Expression | None


def translated(expression: Expression | None, garments: Sequence[str]) -> Filter | None:
    """A filter in Milvus's words.

    Args:
        expression: What was asked for, or None.
        garments: Only products that count as one of these; empty for all.

    Returns:
        None where nothing can be kept.

    Raises:
        QueryError: An operator does not fit its column.
    """
    said = True if expression is None else _said(expression, True)
    parts = [] if said is True else [said]
    if garments:
        named = ", ".join(f'"{name}"' for name in sorted({partition(each) for each in garments}))
        parts.append(f"garment in [{named}]")
    if False in parts:
        return None
    judged = None if expression is None or _is_sayable(expression) else expression
    return Filter(" and ".join(f"({part})" for part in parts), judged)


def holds(expression: Expression, texts: Mapping[str, Sequence[str]], price: float | None) -> bool:
    """Whether a filter keeps a product.

    Args:
        expression: Valid for `translated`.
        texts: Column → its texts in comparing form.
        price: Its price, or None.
    """
    match expression:
        case Compare(column="price"):
            return price is not None and _SIGNS[expression.operator][1](price, number(expression.value))
        case Compare():
            return any(_matches(expression, text) for text in texts.get(expression.column, ()))
        case Has(column=column):
            return price is not None if column == "price" else bool(texts.get(column))
        case Not(term=inner):
            return not holds(inner, texts, price)
        case AllOf(terms=terms):
            return all(holds(each, texts, price) for each in terms)
        case AnyOf(terms=terms):
            return any(holds(each, texts, price) for each in terms)


def require_known(expression: Expression, columns: Sequence[str]) -> None:
    """Refuse a filter that names a column no product has.

    Args:
        expression: The filter.
        columns: The attributes there are.

    Raises:
        QueryError: It does.
    """
    attributes = sorted(columns)
    for column in columns_of(expression):
        if column in COLUMNS or column in attributes:
            continue
        shown = unknown("column", column, [*COLUMNS, *attributes[:NAMED]])
        more = len(attributes) - NAMED
        raise QueryError(f"{shown}; and {more} more" if more > 0 else shown)


def _matches(asked: Compare, text: str) -> bool:
    if asked.operator == "contains":
        return normal(asked.column, asked.value) in text
    wanted = normal(asked.column, asked.value)
    if asked.operator == "=":
        return text == wanted or (asked.column == "category" and text.startswith(wanted + " > "))
    found = number(text)
    return found is not None and _SIGNS[asked.operator][1](found, number(asked.value))


def _is_sayable(expression: Expression) -> bool:
    match expression:
        case Compare(column=column, operator=sign):
            return sign == "=" or column == "price"
        case Has():
            return True
        case Not(term=inner):
            return _is_sayable(inner)
        case AllOf(terms=terms) | AnyOf(terms=terms):
            return all(_is_sayable(each) for each in terms)


def _said(expression: Expression, widely: bool) -> str | bool:
    """An expression of Milvus, or whether everything or nothing is kept.

    Args:
        expression: What is to be said.
        widely: What cannot be said keeps everything, rather than nothing as it must beneath a `not`.
    """
    match expression:
        case Compare():
            return _compared(expression, widely)
        case Has(column=column):
            return f"{column} != 0" if column in SCALARS else _contains("has", column)
        case Not(term=inner):
            said = _said(inner, not widely)
            return not said if isinstance(said, bool) else f"not ({said})"
        case AllOf(terms=terms):
            return _joined([_said(each, widely) for each in terms], " and ", neutral=True)
        case AnyOf(terms=terms):
            return _joined([_said(each, widely) for each in terms], " or ", neutral=False)


def _joined(parts: list[str | bool], word: str, *, neutral: bool) -> str | bool:
    if (not neutral) in parts:
        return not neutral
    said = [f"({part})" for part in parts if isinstance(part, str)]
    return word.join(said) if said else neutral


def _compared(asked: Compare, widely: bool) -> str | bool:
    column, value = asked.column, asked.value
    limit = number(value)
    if column == "price":
        if limit is None or asked.operator == "contains":
            raise QueryError(
                f"price {asked.operator} {value!r} has no meaning; price takes =, !=, <, <=, >, >= and a plain "
                "number such as 19.99, without a currency (currency = EUR is a column of its own)"
            )
        # What has no price holds a zero, which no comparison may see.
        return f"{_contains('has', 'price')} and price {_SIGNS[asked.operator][0]} {_decimal(limit)}"
    if asked.operator == "=":
        if column == "garment":
            return f'garment == "{partition(value)}"'
        if column in SCALARS:
            return f"{column} == {scalar(column, value)}"
        return _contains(column, normal(column, value))
    if asked.operator != "contains" and (limit is None or column in COLUMNS):
        raise QueryError(
            f"{column} {asked.operator} {value!r} has no meaning; <, <=, > and >= need a plain number, on "
            "price or an attribute; text takes =, !=, in and contains"
        )
    return widely


def _contains(column: str, text: str) -> str:
    return f"array_contains(terms, {term(column, text)})"


def _decimal(value: float) -> str:
    """The same number without an exponent, to the last bit."""
    text = f"{Decimal(repr(value)):f}"
    return text if "." in text else text + ".0"

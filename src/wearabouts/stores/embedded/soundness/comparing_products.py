"""What a base says of its products against the truth: a filter that reads it must answer as the rows would."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from wearabouts.stores.embedded.generations.generation import Base
from wearabouts.stores.embedded.generations.segment import Damaged, Places
from wearabouts.stores.embedded.truth.streaming import products
from wearabouts.stores.where import COLUMNS, TEXT_COLUMNS, normal

PART = 2**20  # places compared at once


def product_differences(connection: sqlite3.Connection, base: Base) -> Iterator[tuple[int, str]]:
    """Products of a base that the truth has otherwise: their ids, and every column one can filter by.

    Args:
        connection: In a read transaction.
        base: Made from this database.

    Yields:
        The product's number, and what differs.

    Raises:
        Damaged: The base is not what was written.
    """
    known = base.segment.whole("products/numbers")
    for _, facts in products(connection, -1):
        numbers = np.fromiter((each["number"] for each in facts), np.int64, len(facts))
        at = np.minimum(np.searchsorted(known, numbers), max(len(known) - 1, 0))
        there = np.flatnonzero(known[at] == numbers) if len(known) else np.zeros(0, np.int64)
        if len(there):
            yield from _part(base, [facts[place] for place in there.tolist()], at[there])


def table_faults(base: Base) -> Iterator[str]:
    """What is wrong in how a base's photos belong to its products, and where they lie.

    Raises:
        Damaged: The base is not what was written.
    """
    starts, photos = base.segment.whole("products/starts"), base.segment.whole("products/photos")
    if starts[0] != 0 or starts[-1] != base.count or np.any(np.diff(starts) < 0):
        yield "its products' photos do not lie one after another"
        return
    seen, slots = np.zeros(base.count, np.bool_), base.segment.whole("slots")
    for low in range(0, base.count, PART):
        part = photos[low : low + PART].astype(np.int64)
        if part.min() < 0 or part.max() >= base.count:
            yield "its products have photos it has not got"
            return
        seen[part] = True
        owners = np.searchsorted(starts, np.arange(low, low + len(part)), side="right") - 1
        if np.any(slots[base.rows(part)] != owners):
            yield "its photos and its products do not belong to each other"
            return
        if np.any((np.diff(part) <= 0) & (np.diff(owners) == 0)):
            yield "the photos of its products do not lie in the order in which they were written"
            return
        places = np.arange(low, low + len(part), dtype=np.int64)
        rows = base.rows(places)
        if rows.min() < 0 or rows.max() >= base.count or np.any(base.places(rows) != places):
            yield "its photos do not lie where they are looked for"
            return
    if not seen.all():
        yield "it has photos of no product"


def _part(base: Base, facts: Sequence[Mapping[str, Any]], slots: Places) -> Iterator[tuple[int, str]]:
    """What differs of some products, the first of each; `slots` rise."""
    wrong: dict[int, str] = {}
    for differences in (_names(base, facts, slots), _columns(base, facts, slots)):
        for place, detail in differences:
            wrong.setdefault(place, detail)
    for place, detail in sorted(wrong.items()):
        yield int(facts[place]["number"]), detail


def _names(base: Base, facts: Sequence[Mapping[str, Any]], slots: Places) -> Iterator[tuple[int, str]]:
    ids = [str(each["id"]) for each in facts]
    for place, (ident, name) in enumerate(zip(ids, base.product_ids.texts.many(slots), strict=True)):
        if ident != name:
            yield place, f"it is product {name} there"
    for place in np.flatnonzero(base.product_ids.find(ids) != slots).tolist():
        yield place, "it is not found by its id"


def _columns(base: Base, facts: Sequence[Mapping[str, Any]], slots: Places) -> Iterator[tuple[int, str]]:
    for name in TEXT_COLUMNS:
        column = base.columns.text(name)
        if column is None:
            raise Damaged(base.path, f"its column {name} is missing")
        for place, word in enumerate(column.words.many(column.codes[slots])):
            if word != normal(name, facts[place][name]):
                yield place, f"its {name} is another there"
    for place, (price, each) in enumerate(zip(base.columns.price[slots].tolist(), facts, strict=True)):
        stored = math.nan if each["price"] is None else each["price"]
        if price != stored and not (math.isnan(price) and math.isnan(stored)):
            yield place, "its price is another there"
    for place, (mine, theirs) in enumerate(zip(_attributes(base, slots), map(_told, facts), strict=True)):
        if mine != theirs:
            yield place, f"its attributes {', '.join(sorted({name for name, _ in set(mine) ^ set(theirs)}))} differ"


def _attributes(base: Base, slots: Places) -> list[list[tuple[str, str]]]:
    """The attributes of some products as the base has them; `slots` rise."""
    found: list[list[tuple[str, str]]] = [[] for _ in slots]
    for name in base.columns.attributes():
        column = base.columns.text(name)
        if column is None or column.slots is None:
            raise Damaged(base.path, f"its attribute {name} is missing")
        low, high = np.searchsorted(column.slots, [slots[0], slots[-1] + 1])
        places = np.searchsorted(slots, column.slots[low:high])
        for place, slot, word in zip(
            places.tolist(), column.slots[low:high], column.words.many(column.codes[low:high]), strict=True
        ):
            if slots[place] == slot:
                found[place].append((name, word))
    return [sorted(each) for each in found]


def _told(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    told = ((name.strip().casefold(), text) for name, text in facts["attributes"].items())
    return sorted((name, normal(name, text)) for name, text in told if name not in COLUMNS and text.strip())

"""What is searched against the truth, photo by photo, in memory for a part of them: for `check`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from wearabouts.stores.embedded.generations.generation import Base
from wearabouts.stores.embedded.truth.rows import vector_sum
from wearabouts.stores.embedded.truth.streaming import lenient
from wearabouts.stores.embedded.views.view import Places, View

PART: Final = 2_048  # photos compared at once
_STORED: Final = f"""SELECT photos.number, photos.id, products.id, photos.vector_sum FROM photos
    JOIN products ON products.number = photos.product WHERE photos.number > ?
    ORDER BY photos.number LIMIT {PART}"""  # noqa: S608 - our own number


def base_differences(connection: sqlite3.Connection, base: Base) -> Iterator[tuple[int, str]]:
    """Photos of a base that the truth has otherwise.

    Args:
        connection: In a read transaction.
        base: Made from this database.

    Yields:
        The photo's number, and what differs.

    Raises:
        Damaged: The base is not what was written.
    """
    known = base.segment.whole("numbers")
    for part in _parts(connection):
        numbers = np.fromiter((row[0] for row in part), np.int64, len(part))
        at = np.minimum(np.searchsorted(known, numbers), max(len(known) - 1, 0))
        places = np.flatnonzero(known[at] == numbers) if len(known) else np.zeros(0, np.int64)
        rows = base.rows(at[places])
        ids, slots = base.photos(rows), base.segment.taken("slots", rows)
        owners, vectors = base.product_ids.texts.many(slots), base.gathered(rows)
        for place, ident, owner, vector in zip(places.tolist(), ids, owners, vectors, strict=True):
            number, stored, product, total = part[place]
            if (ident, owner) != (stored, product):
                yield number, f"it is photo {ident} of product {owner} there, {stored} of {product} in the store"
            elif vector_sum(vector.astype("<f4").tobytes()) != total:
                yield number, "its vector is another there"


def view_differences(connection: sqlite3.Connection, view: View) -> Iterator[tuple[str, str]]:
    """Photos that are searched otherwise than they are stored.

    Args:
        connection: In a read transaction, at the view's sequence number.
        view: What is searched.

    Yields:
        The photo's id, and what differs.

    Raises:
        Damaged: The view's base is not what was written.
    """
    seen = np.zeros(len(view.alive), np.bool_)
    for part in _parts(connection):
        places = view.found([str(row[1]) for row in part])
        if places is None:
            return  # a write has come in between
        there = np.flatnonzero(places >= 0)
        rows: Places = places[there]
        seen[rows] = True
        numbers, owners, vectors = view.numbered(rows), view.product_ids(rows), view.gathered(rows)
        told = dict(zip(there.tolist(), zip(numbers, owners, vectors, strict=True), strict=True))
        for place, (number, ident, product, total) in enumerate(part):
            if place not in told:
                yield str(ident), "is stored but not searched"
                continue
            searched, owner, vector = told[place]
            if (searched, owner, vector_sum(vector.astype("<f4").tobytes())) != (number, product, total):
                yield str(ident), "is searched with another product or vector than is stored"
    strays = np.flatnonzero(view.alive & ~seen)
    for start in range(0, len(strays), PART):
        for ident in view.photo_ids(strays[start : start + PART]):
            yield ident, "is searched but not stored"


def _parts(connection: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    last = -1
    while part := lenient(connection, _STORED, last):
        yield part
        last = part[-1][0]

"""Every row of the truth, a part at a time, and what is wrong with it: the one list that `check` and `repair` go by."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from wearabouts.stores import Finding
from wearabouts.stores.embedded.truth.reading import PHOTOS, PRODUCTS
from wearabouts.stores.embedded.truth.rows import checksum, unpack_vector, vector_sum
from wearabouts.stores.embedded.truth.schema import Meta
from wearabouts.stores.embedded.truth.streaming import lenient
from wearabouts.stores.records import UNIT

Progress = Callable[[str, int, int | None], None]  # what is being done, how many are done, of how many if known

PART: Final = 1_000  # rows in memory at once
_THUMBNAILS: Final = "SELECT photo, data, checksum FROM thumbnails WHERE photo > ? ORDER BY photo"
_REMOVALS: Final = "SELECT number, id, checksum FROM removals WHERE number > ? ORDER BY number"
_VECTORS: Final = """SELECT photos.number, photos.vector_sum, vectors.data, photos.id FROM photos
    LEFT JOIN vectors ON vectors.photo = photos.number WHERE photos.number > ? ORDER BY photos.number"""
_BARREN: Final = """SELECT number, id FROM products
    WHERE number > ? AND number NOT IN (SELECT product FROM photos) ORDER BY number"""


def unwatched(what: str, done: int, total: int | None) -> None:
    """Progress that nobody wants to see."""


class Damage(NamedTuple):
    """A row that cannot be trusted.

    Attributes:
        table: Where it stands; empty for a fault of no single row that goes.
        key: Its number; -1 for none.
        kind: As a `Finding` has it.
        subject: As a `Finding` has it.
        detail: What is wrong.
    """

    table: str
    key: int
    kind: str
    subject: str
    detail: str

    def finding(self) -> Finding:
        """The same for a person; all of these can be repaired."""
        return Finding(self.kind, self.subject, self.detail, True)


def parts(connection: sqlite3.Connection, question: str) -> Iterator[list[tuple[Any, ...]]]:
    """Rows of a question that ends with ``number > ? ORDER BY number``, its number first; `PART` at a time."""
    last = -1
    while rows := lenient(connection, f"{question} LIMIT {PART}", last):
        yield rows
        last = rows[-1][0]


def damages(connection: sqlite3.Connection, meta: Meta, progress: Progress) -> Iterator[Iterator[Damage]]:
    """What is wrong with the rows, in independent steps: damage to a table's pages ends one of them, not all."""
    yield _products(connection, meta, progress)
    yield _photos(connection, meta, progress)
    yield _vectors(connection, meta, progress)
    yield _thumbnails(connection, progress)
    yield _removals(connection)


def _products(connection: sqlite3.Connection, meta: Meta, progress: Progress) -> Iterator[Damage]:
    for row in _told(connection, "products", PRODUCTS + " WHERE number > ? ORDER BY number", progress):
        subject = f"product {row[1]}"
        if checksum("product", *row[:-1]) != row[-1]:
            detail = "its checksum is wrong; repair removes the product, index it again"
            yield Damage("products", row[0], "row", subject, detail)
        if not 0 < row[0] <= meta.sequence:
            yield Damage("", -1, "sequence", subject, f"number {row[0]} is beyond the store's {meta.sequence}")
    for rows in parts(connection, _BARREN):
        for number, ident in rows:
            detail = "has no photos; repair removes it, index it again"
            yield Damage("products", number, "product", f"product {ident}", detail)


def _photos(connection: sqlite3.Connection, meta: Meta, progress: Progress) -> Iterator[Damage]:
    for row in _told(connection, "photos", PHOTOS + " WHERE number > ? ORDER BY number", progress):
        subject = f"photo {row[1]}"
        if checksum("photo", *row[:-1]) != row[-1]:
            detail = "its checksum is wrong; repair removes the photo, index it again"
            yield Damage("photos", row[0], "row", subject, detail)
        if not 0 < row[0] <= meta.sequence:
            yield Damage("", -1, "sequence", subject, f"number {row[0]} is beyond the store's {meta.sequence}")


def _vectors(connection: sqlite3.Connection, meta: Meta, progress: Progress) -> Iterator[Damage]:
    for number, total, data, ident in _told(connection, "vectors", _VECTORS, progress):
        reason = _vector_fault(data, total, meta.dim)
        if reason:
            detail = f"{reason}; repair removes the photo, index it again"
            yield Damage("photos", number, "vector", f"photo {ident}", detail)


def _vector_fault(data: Any, total: Any, dim: int) -> str | None:
    if data is None:
        return "its vector is missing"
    if not isinstance(data, bytes) or vector_sum(data) != total:
        return "the checksum of its vector is wrong"
    vector = unpack_vector(data, dim)
    if vector is None:
        return f"its vector is not {dim} finite floats"
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return None if abs(length - 1) <= UNIT else f"its vector has length {length:.4g}"


def _thumbnails(connection: sqlite3.Connection, progress: Progress) -> Iterator[Damage]:
    for number, data, total in _told(connection, "thumbnails", _THUMBNAILS, progress):
        if checksum("thumbnail", number, data) != total:
            detail = "its checksum is wrong; repair removes the thumbnail"
            yield Damage("thumbnails", number, "row", f"thumbnail {number}", detail)


def _removals(connection: sqlite3.Connection) -> Iterator[Damage]:
    for rows in parts(connection, _REMOVALS):
        for number, ident, total in rows:
            if checksum("removal", number, ident) != total:
                detail = "its checksum is wrong; repair drops the log of removals"
                yield Damage("", -1, "row", f"removal {number}", detail)


def _told(connection: sqlite3.Connection, table: str, question: str, progress: Progress) -> Iterator[Sequence[Any]]:
    """All rows, telling after each part how many are done."""
    known = {"products": "products", "thumbnails": "thumbnails"}.get(table, "photos")
    (total,) = connection.execute(f"SELECT count(*) FROM {known}").fetchone()  # noqa: S608 - our own names
    done = 0
    progress(table, 0, total)
    for rows in parts(connection, question):
        yield from rows
        done += len(rows)
        progress(table, done, total)

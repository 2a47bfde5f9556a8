"""Verifying a store against itself, and mending what can be mended without the feed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from wearabouts.stores import Finding
from wearabouts.stores.embedded import beside, eras, notes
from wearabouts.stores.embedded.derived import fault, generations, newest, temporary
from wearabouts.stores.embedded.loading import lenient
from wearabouts.stores.embedded.lock import acknowledged
from wearabouts.stores.embedded.reading import PHOTOS, PRODUCTS
from wearabouts.stores.embedded.rows import UNIT, checksum, unpack_vector, vector_sum
from wearabouts.stores.embedded.schema import ACKNOWLEDGED, DERIVED, Meta, read_meta, write_meta
from wearabouts.stores.embedded.view import View

_ORPHANS: Final = (
    "DELETE FROM photos WHERE product NOT IN (SELECT number FROM products)",
    "DELETE FROM products WHERE number NOT IN (SELECT product FROM photos)",
    "DELETE FROM vectors WHERE photo NOT IN (SELECT number FROM photos)",
    "DELETE FROM thumbnails WHERE photo NOT IN (SELECT number FROM photos)",
    beside.ORPHANS,
    "DELETE FROM removals",
)
MAX_LINES: Final = 100  # of SQLite's own report


def findings(folder: Path, connection: sqlite3.Connection, view: View) -> list[Finding]:
    """Everything that is wrong with a store.

    Args:
        folder: The store's folder.
        connection: In a read transaction.
        view: What searches look at.
    """
    meta = read_meta(connection, folder)
    found = _collected(_structure(connection))
    noted = acknowledged(folder / ACKNOWLEDGED)
    if noted > meta.sequence:
        detail = (
            f"ends at number {meta.sequence}, but {noted} was acknowledged: writes were lost; repair, then index again"
        )
        found.append(Finding("lost", "store.db", detail, True))
    found += _collected(_rows(connection, meta)) + _collected(_vectors(connection, meta.dim))
    found += _collected(beside.findings(connection)) + _collected(notes.findings(connection))
    found += _collected(eras.findings(connection))
    found += _collected(_derived(folder / DERIVED, connection, meta))
    if view.sequence == meta.sequence:
        found += _collected(_view(connection, view))
    return found


def _collected(step: Iterator[Finding]) -> list[Finding]:
    """What a step finds, and the damage that stops it: as a finding too, so that the other steps go on."""
    found = []
    try:
        for each in step:
            found.append(each)
    except sqlite3.DatabaseError as error:
        detail = f"cannot be read to its end ({' '.join(str(error).split())[:200]}); restore a copy, or index again"
        found.append(Finding("database", "store.db", detail, False))
    return found


def _structure(connection: sqlite3.Connection) -> Iterator[Finding]:
    for (line,) in connection.execute(f"PRAGMA integrity_check({MAX_LINES})"):
        if line != "ok":
            yield Finding("database", "store.db", str(line), _is_index(str(line)))
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield Finding("reference", f"{table} {row}", f"belongs to a row of {parent} that is not there", True)


def _is_index(line: str) -> bool:
    return "missing from index" in line or "wrong # of entries in index" in line


def _rows(connection: sqlite3.Connection, meta: Meta) -> Iterator[Finding]:
    for row in lenient(connection, PRODUCTS + " WHERE number > ?", -1):
        if checksum("product", *row[:-1]) != row[-1]:
            yield Finding(
                "row", f"product {row[1]}", "its checksum is wrong; repair removes the product, index it again", True
            )
        if not 0 < row[0] <= meta.sequence:
            yield Finding(
                "sequence", f"product {row[1]}", f"number {row[0]} is beyond the store's {meta.sequence}", True
            )
    for row in lenient(connection, PHOTOS + " WHERE number > ?", -1):
        if checksum("photo", *row[:-1]) != row[-1]:
            yield Finding(
                "row", f"photo {row[1]}", "its checksum is wrong; repair removes the photo, index it again", True
            )
    for number, data, total in connection.execute("SELECT photo, data, checksum FROM thumbnails"):
        if checksum("thumbnail", number, data) != total:
            yield Finding("row", f"thumbnail {number}", "its checksum is wrong; repair removes the thumbnail", True)
    for number, ident, total in lenient(connection, "SELECT number, id, checksum FROM removals WHERE number > ?", -1):
        if checksum("removal", number, ident) != total:
            yield Finding("row", f"removal {number}", "its checksum is wrong; repair drops the log of removals", True)
    for (ident,) in lenient(
        connection, "SELECT id FROM products WHERE number > ? AND number NOT IN (SELECT product FROM photos)", -1
    ):
        yield Finding("product", f"product {ident}", "has no photos; repair removes it, index it again", True)


def _vectors(connection: sqlite3.Connection, dim: int) -> Iterator[Finding]:
    question = """SELECT photos.number, photos.vector_sum, vectors.data FROM photos
        LEFT JOIN vectors ON vectors.photo = photos.number"""
    for number, total, data in connection.execute(question):
        reason = _vector_fault(data, total, dim)
        if reason:
            yield Finding(
                "vector", f"photo number {number}", f"{reason}; repair removes the photo, index it again", True
            )


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


def _derived(folder: Path, connection: sqlite3.Connection, meta: Meta) -> Iterator[Finding]:
    for path in temporary(folder):
        yield Finding("temporary", path.name, "was left by a process that was killed; repair removes it", True)
    for _, path in generations(folder):
        reason = fault(path)
        if reason:
            yield Finding("derived", path.name, f"cannot be used: {reason}; repair makes it anew", True)
    base = newest(folder, dim=meta.dim, encoder_hash=meta.encoder_hash, sequence=meta.sequence)
    if base.path is None:
        if generations(folder) and not any(fault(path) for _, path in generations(folder)):
            yield Finding("derived", folder.name, "belongs to another store or encoder; repair makes it anew", True)
        return
    row_of = {number: row for row, number in enumerate(base.numbers.tolist())}
    for number, total, data in connection.execute(
        "SELECT photos.number, vector_sum, vectors.data FROM photos JOIN vectors ON photo = photos.number"
    ):
        row = row_of.get(number)
        if row is not None and (base.sums[row] != total or base.vectors[row].tobytes() != data):
            yield Finding(
                "derived", base.path.name, f"row {row} differs from photo number {number}; repair makes it anew", True
            )


def _view(connection: sqlite3.Connection, view: View) -> Iterator[Finding]:
    """What searches look at, against the truth: ids and vectors of every living row."""
    truth = {
        ident: (product, total)
        for ident, product, total in lenient(
            connection,
            """SELECT photos.id, products.id, vector_sum FROM photos
            JOIN products ON products.number = product WHERE photos.number > ?""",
            -1,
        )
    }
    living = np.flatnonzero(view.alive)
    seen = set()
    for start in range(0, len(living), 4_096):
        part = living[start : start + 4_096]
        for row, vector in zip(part, view.gathered(part), strict=True):
            ident = str(view.rows.photo_ids[row])
            seen.add(ident)
            told = (view.rows.product_ids[view.slots[row]], vector_sum(vector.astype("<f4").tobytes()))
            if truth.get(ident) != told:
                yield Finding(
                    "search", f"photo {ident}", "is searched with another product or vector than is stored", True
                )
    for ident in truth.keys() - seen:
        yield Finding("search", f"photo {ident}", "is stored but not searched", True)


def mend(connection: sqlite3.Connection, meta: Meta, folder: Path) -> None:
    """Remove what cannot be trusted, in the caller's write transaction; the caller renews the derived base."""
    connection.execute("REINDEX")
    bad_photos = [
        row[0]
        for row in lenient(connection, PHOTOS + " WHERE number > ?", -1)
        if checksum("photo", *row[:-1]) != row[-1]
    ]
    question = "SELECT photos.number, vector_sum, vectors.data FROM photos LEFT JOIN vectors ON photo = photos.number"
    bad_photos += [
        number for number, total, data in connection.execute(question) if _vector_fault(data, total, meta.dim)
    ]
    bad_thumbnails = [
        number
        for number, data, total in connection.execute("SELECT photo, data, checksum FROM thumbnails")
        if checksum("thumbnail", number, data) != total
    ]
    bad_products = [
        row[0]
        for row in lenient(connection, PRODUCTS + " WHERE number > ?", -1)
        if checksum("product", *row[:-1]) != row[-1]
    ]
    for table, column, numbers in (
        ("photos", "number", bad_photos),
        ("thumbnails", "photo", bad_thumbnails),
        ("products", "number", bad_products),
    ):
        doomed = ((number,) for number in numbers)
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", doomed)  # noqa: S608 - our own names
    beside.remove_damaged(connection)
    notes.remove_damaged(connection)
    if any(True for _ in eras.findings(connection)):
        eras.forget(connection)
    for statement in _ORPHANS:
        connection.execute(statement)
    (highest,) = connection.execute("SELECT coalesce(max(number), 0) FROM photos").fetchone()
    following = max(highest, meta.sequence, acknowledged(folder / ACKNOWLEDGED)) + 1
    # Every reader reads everything again: what was removed here is in no log.
    write_meta(connection, replace(meta, sequence=following, replay_from=following))

"""What changes the truth: each function here runs inside one write transaction of the caller.

`insert`, `remove` and `note` give the store's own row as it is to be afterwards; the caller writes it, once for all
that share the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from wearabouts.stores import ProductRecord
from wearabouts.stores.embedded.truth import beside, notes
from wearabouts.stores.embedded.truth.rows import (
    PHOTO_COLUMNS,
    PRODUCT_COLUMNS,
    checksum,
    pack_photo,
    pack_product,
)
from wearabouts.stores.embedded.truth.schema import Meta, write_meta
from wearabouts.stores.records import ClaimedError, claimed
from wearabouts.stores.records import checked as checked

MAX_REMOVALS: Final = 100_000  # remembered for readers that lag; older readers read everything again
_ASKED: Final = 500  # ids in one question
_PRODUCT: Final = f"INSERT INTO products VALUES ({'?, ' * len(PRODUCT_COLUMNS)}?)"  # noqa: S608 - only question marks
_PHOTO: Final = f"INSERT INTO photos VALUES ({'?, ' * len(PHOTO_COLUMNS)}?)"  # noqa: S608 - only question marks
_OWNERS: Final = (
    "SELECT photos.id, products.id FROM photos JOIN products ON products.number = product WHERE photos.id IN"
)


def insert(connection: sqlite3.Connection, meta: Meta, records: Sequence[ProductRecord]) -> Meta:
    """Replace products whole.

    Args:
        connection: In a write transaction.
        meta: As read in it.
        records: One a product, valid.

    Raises:
        StoreError: A photo id belongs to a product that is not among the records.
    """
    connection.executemany("DELETE FROM products WHERE id = ?", ((record.product.id,) for record in records))
    _require_free(connection, records)
    number = meta.sequence
    products, photos, vectors, thumbnails = [], [], [], []
    more: list[beside.Row] = []
    for record in records:
        number += 1
        owner = number
        products.append(pack_product(record, owner))
        for each in record.photos:
            number += 1
            row, vector = pack_photo(each, number, owner)
            photos.append(row)
            vectors.append((number, vector))
            more += beside.packed(each, number)
            if each.thumbnail:
                thumbnails.append((number, each.thumbnail, checksum("thumbnail", number, each.thumbnail)))
    connection.executemany(_PRODUCT, products)
    connection.executemany(_PHOTO, photos)
    connection.executemany("INSERT INTO vectors VALUES (?, ?)", vectors)
    connection.executemany("INSERT INTO thumbnails VALUES (?, ?, ?)", thumbnails)
    connection.executemany(beside.INSERT, more)
    return replace(meta, sequence=number)


def remove(connection: sqlite3.Connection, meta: Meta, product_ids: Iterable[str]) -> tuple[Meta, int]:
    """Remove products with their photos; returns how many were there."""
    number, count = meta.sequence, 0
    for ident in dict.fromkeys(product_ids):
        if connection.execute("DELETE FROM products WHERE id = ?", (ident,)).rowcount:
            number, count = number + 1, count + 1
            log_removal(connection, number, ident)
    return replace(meta, sequence=number), count


def note(connection: sqlite3.Connection, meta: Meta, name: str, text: str | None) -> Meta:
    """Keep or remove a note; it takes a number like any write, so that its loss would be noticed."""
    notes.write(connection, name, text)
    return replace(meta, sequence=meta.sequence + 1)


def remember_loss(connection: sqlite3.Connection, meta: Meta, noted: int) -> Meta:
    """Keep in the store that acknowledged writes are missing, until a repair; numbers go on above the missing ones.

    Args:
        connection: In a write transaction.
        meta: As read in it.
        noted: The last number that was acknowledged, above `meta.sequence`.
    """
    found = notes.read(connection, notes.LOST) or {"kept": meta.sequence}
    notes.write(connection, notes.LOST, notes.packed(notes.LOST, found | {"acknowledged": noted}))
    return _advanced(connection, meta, noted + 1)


def log_removal(connection: sqlite3.Connection, number: int, product_id: str) -> None:
    """Tell readers that a product has gone."""
    connection.execute(
        "INSERT INTO removals VALUES (?, ?, ?)", (number, product_id, checksum("removal", number, product_id))
    )


def empty(connection: sqlite3.Connection, meta: Meta, encoder_hash: str, dim: int) -> Meta:
    """Remove everything and dedicate the store to an encoder; numbers go on rising, so nothing derived is mistaken.

    Notes go as well: what was calibrated was the probabilities of the encoder before.
    """
    for table in ("beside", "thumbnails", "vectors", "photos", "products", "removals", "notes"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
    number = meta.sequence + 1
    return _advanced(connection, replace(meta, encoder_hash=encoder_hash, dim=dim, replay_from=number), number)


def forget_removals(connection: sqlite3.Connection, meta: Meta) -> Meta:
    """Drop the log of removals once it is long."""
    if connection.execute("SELECT count(*) FROM removals").fetchone()[0] <= MAX_REMOVALS:
        return meta
    connection.execute("DELETE FROM removals")
    return _advanced(connection, replace(meta, replay_from=meta.sequence), meta.sequence)


def _advanced(connection: sqlite3.Connection, meta: Meta, number: int) -> Meta:
    moved = replace(meta, sequence=number)
    write_meta(connection, moved)
    return moved


def _require_free(connection: sqlite3.Connection, records: Sequence[ProductRecord]) -> None:
    owner = {each.photo.id: record.product.id for record in records for each in record.photos}
    ids = list(owner)
    for start in range(0, len(ids), _ASKED):
        part = ids[start : start + _ASKED]
        marks = ", ".join("?" * len(part))
        taken = connection.execute(
            f"{_OWNERS} ({marks})",
            part,
        ).fetchone()
        if taken is not None:
            raise ClaimedError(claimed(taken[0], taken[1], owner[taken[0]]))

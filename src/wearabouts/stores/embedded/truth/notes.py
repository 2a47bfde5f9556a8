"""Facts that a shop keeps about itself, such as a calibration on its own labels: small plain data by name.

A note cannot be made again by indexing, so a damaged one is an error and not silently left aside.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from wearabouts.errors import StoreError
from wearabouts.stores import Finding
from wearabouts.stores.embedded.truth.rows import checksum
from wearabouts.stores.embedded.truth.schema import keeps_more
from wearabouts.stores.embedded.truth.streaming import lenient
from wearabouts.stores.records import packed_note

MAX_NOTES: Final = 64
LOST: Final = "lost-writes"  # kept by the store itself once acknowledged writes are missing, until a repair
_ONE: Final = "SELECT data FROM notes WHERE name = ?"
_ALL: Final = "SELECT name, data, checksum, rowid FROM notes WHERE rowid > ?"


packed = packed_note


def read(connection: sqlite3.Connection, name: str) -> dict[str, Any] | None:
    """A note as it was written, or None.

    Raises:
        StoreError: It is damaged.
    """
    if not keeps_more(connection):
        return None
    row = connection.execute("SELECT name, data, checksum FROM notes WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    if checksum("note", *row[:-1]) != row[-1]:
        raise StoreError(f"the note {name!r} is damaged; run `wearabouts check --repair`, then write it again")
    facts: dict[str, Any] = json.loads(row[1])
    return facts


def names(connection: sqlite3.Connection) -> list[str]:
    """The names of all notes, in order."""
    if not keeps_more(connection):
        return []
    return [name for (name,) in connection.execute("SELECT name FROM notes ORDER BY name")]


def write(connection: sqlite3.Connection, name: str, text: str | None) -> None:
    """Keep what `packed` gave in place of the note of that name, or remove it; in the caller's write transaction.

    Raises:
        StoreError: It would be one note too many.
    """
    connection.execute("DELETE FROM notes WHERE name = ?", (name,))
    if text is None:
        return
    if connection.execute("SELECT count(*) FROM notes").fetchone()[0] >= MAX_NOTES:
        raise StoreError(f"the store has {MAX_NOTES} notes already, which is the most; remove one before {name!r}")
    connection.execute("INSERT INTO notes VALUES (?, ?, ?)", (name, text, checksum("note", name, text)))


def findings(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every damaged note, and what a note says is missing."""
    if keeps_more(connection) and (row := connection.execute(_ONE, (LOST,)).fetchone()) is not None:
        told = " ".join(str(row[0]).split())[:200]
        yield Finding("lost", "store.db", f"acknowledged writes were lost ({told}); repair, then index again", True)
    for name, _ in _damaged(connection):
        yield Finding("note", f"note {name}", "its checksum is wrong; repair removes it, write it again", True)


def damaged_rows(connection: sqlite3.Connection) -> list[int]:
    """The rowid of every damaged note."""
    return [row for _, row in _damaged(connection)]


def remove_damaged(connection: sqlite3.Connection) -> None:
    """Remove every damaged note, in the caller's write transaction."""
    connection.executemany("DELETE FROM notes WHERE rowid = ?", ((row,) for row in damaged_rows(connection)))


def _damaged(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    if keeps_more(connection):
        for *row, total, place in lenient(connection, _ALL, -1):
            if checksum("note", *row) != total:
                yield row[0], place

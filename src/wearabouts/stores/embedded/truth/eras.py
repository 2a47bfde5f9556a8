"""Which future a number belongs to.

Numbers rise and are never given twice, in one database. But an older copy of `store.db` may be put back and written
on: then the same numbers mean other rows, and what was derived from the newer database would be believed. So each
opening for writing, with its first write, records an era: a random token and the number it begins at. What is derived
names the newest era of its time; a database that does not know that era, or went over to another before that number,
is not the one it was derived from.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from wearabouts.stores import Finding
from wearabouts.stores.embedded.truth.rows import checksum

KEPT: Final = 200  # eras remembered; what was derived longer ago is made anew
_FORMAT: Final = 3  # the first that has them
_ROWS: Final = "SELECT number, begins, token, checksum FROM eras ORDER BY number"
_NEWEST: Final = "SELECT number, token FROM eras ORDER BY number DESC LIMIT 1"


class WritingConnection(sqlite3.Connection):
    """A connection of one opening for writing, which is an era of its own once it has written.

    Attributes:
        era: The opening's random token.
    """

    era: str = ""


def token() -> str:
    """A token nobody has used."""
    return secrets.token_hex(8)


def newest(connection: sqlite3.Connection) -> str:
    """The era of the newest write; empty where none is recorded."""
    row = connection.execute(_NEWEST).fetchone() if _has_eras(connection) else None
    return "" if row is None else str(row[1])


def begin(connection: sqlite3.Connection, sequence: int) -> None:
    """Record this opening's era before its first write, in the write's own transaction; nothing at later ones.

    Args:
        connection: In a write transaction; a connection without a token of its own gets a new one each time.
        sequence: The last number given before the write.
    """
    if not _has_eras(connection):
        return
    last = connection.execute(_NEWEST).fetchone()
    mine = getattr(connection, "era", "")
    if mine and last is not None and last[1] == mine:
        return
    number = 1 if last is None else last[0] + 1
    values = (number, sequence, mine or token())
    connection.execute("INSERT INTO eras VALUES (?, ?, ?, ?)", (*values, checksum("era", *values)))
    connection.execute("DELETE FROM eras WHERE number <= ?", (number - KEPT,))


def knows(connection: sqlite3.Connection, era: str, sequence: int) -> bool:
    """Whether the database at that number, in that era, was this very database.

    Args:
        connection: In a read transaction.
        era: The newest era when something was derived.
        sequence: The last number given at that time.
    """
    rows = connection.execute(_ROWS).fetchall() if _has_eras(connection) else []
    (last,) = connection.execute("SELECT sequence FROM meta").fetchone()
    for place, row in enumerate(rows):
        if row[2] == era:
            # A damaged row may hide where the era ended.
            sound = all(_is_sound(each) for each in rows[place : place + 2])
            follows = place + 1 == len(rows) or rows[place + 1][0] == row[0] + 1
            end = rows[place + 1][1] if place + 1 < len(rows) else last
            return bool(sound and follows and row[1] <= sequence <= end)
    return False


def findings(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every damaged era, and a gap or a fall in their order."""
    if not _has_eras(connection):
        return
    before: Sequence[Any] | None = None
    for row in connection.execute(_ROWS):
        subject = f"era {row[0]}"
        if not _is_sound(row):
            yield Finding("era", subject, "its checksum is wrong; repair begins a new one", True)
        elif before is not None and (row[0] != before[0] + 1 or row[1] < before[1]):
            yield Finding("era", subject, "does not follow the one before; repair begins a new one", True)
        before = row


def forget(connection: sqlite3.Connection) -> None:
    """Drop all eras, so that nothing derived before is believed; the next write begins one."""
    if _has_eras(connection):
        connection.execute("DELETE FROM eras")


def _is_sound(row: Sequence[Any]) -> bool:
    return bool(checksum("era", *row[:-1]) == row[-1])


def _has_eras(connection: sqlite3.Connection) -> bool:
    return int(connection.execute("PRAGMA user_version").fetchone()[0]) >= _FORMAT

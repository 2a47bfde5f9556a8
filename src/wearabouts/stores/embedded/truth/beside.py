"""What a verifier wants kept beside a photo's vector: values by photo and kind, opaque to the store.

They are made from the photo by indexing, and can be made again: a damaged value is as if it were not there, `check`
names it, and repair removes it without the photo. They go with their photo's row, whose number they carry.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from wearabouts.stores import Finding, PhotoRecord
from wearabouts.stores.embedded.truth.schema import keeps_more
from wearabouts.stores.embedded.truth.streaming import lenient

INSERT: Final = "INSERT INTO beside VALUES (?, ?, ?, ?, ?)"
ORPHANS: Final = "DELETE FROM beside WHERE photo NOT IN (SELECT number FROM photos)"
_ASKED: Final = 250  # photos in one question
_MARKS: Final = ", ".join("?" * _ASKED)
_PART: Final = 1_024  # rows checked at once
_ROWS: Final = "SELECT photo, kind, size, data, checksum, rowid FROM beside"
_ONE_PHOTO: Final = f"{_ROWS} WHERE photo = ? ORDER BY rowid"
_ONE_KIND: Final = f"{_ROWS} WHERE kind = ? AND photo IN ({_MARKS})"
_SOME: Final = f"{_ROWS} WHERE rowid > ? ORDER BY rowid LIMIT {_PART}"
_NUMBERS: Final = f"SELECT id, number FROM photos WHERE id IN ({_MARKS})"  # noqa: S608 - only question marks

Row = tuple[int, str, int, bytes, int]


def packed(record: PhotoRecord, number: int) -> Iterator[Row]:
    """The rows of a photo, for `INSERT`."""
    for kind, value in record.beside.items():
        data = bytes(value)
        yield number, kind, len(data), data, _sum(number, kind, len(data), data)


def _sum(number: int, kind: str, size: int, data: bytes) -> int:
    # CRC-32 finds every single flipped bit, at a fifth of a cryptographic hash's cost: hundreds are read in a search.
    return zlib.crc32(data, zlib.crc32(f"{number} {size} {kind}".encode()))


def _is_sound(row: Sequence[Any]) -> bool:
    return isinstance(row[3], bytes) and _sum(*row[:4]) == row[4]


def of_photo(connection: sqlite3.Connection, number: int) -> dict[str, bytes]:
    """Kind → value of one photo, in the order in which they were written."""
    if not keeps_more(connection):
        return {}
    return {row[1]: row[3] for row in lenient(connection, _ONE_PHOTO, number) if _is_sound(row)}


def of_kind(connection: sqlite3.Connection, numbers: Sequence[int], kind: str) -> list[bytes | None]:
    """One kind's values of photos by number, in the order asked for; None where there is none."""
    if not keeps_more(connection):
        return [None] * len(numbers)
    found = {
        row[0]: row[3]
        for part in _parts(numbers)
        for row in lenient(connection, _ONE_KIND, kind, *part)
        if _is_sound(row)
    }
    return [found.get(number) for number in numbers]


def numbers_of(connection: sqlite3.Connection, photo_ids: Sequence[str]) -> list[int]:
    """The number of each photo as the database has it now, -1 for one that is not there."""
    found = {ident: number for part in _parts(photo_ids) for ident, number in connection.execute(_NUMBERS, part)}
    return [found.get(ident, -1) for ident in photo_ids]


def _parts(values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Parts of one length, the last filled up with what it ends with: one statement, prepared once, serves all."""
    for start in range(0, len(values), _ASKED):
        part = tuple(values[start : start + _ASKED])
        yield part + part[-1:] * (_ASKED - len(part))


def described(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Kind → how many photos have it, and its bytes; from the index alone."""
    if not keeps_more(connection):
        return {}
    rows = connection.execute("SELECT kind, count(*), sum(size) FROM beside GROUP BY kind ORDER BY kind")
    return {kind: {"photos": photos, "bytes": size} for kind, photos, size in rows}


def findings(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Every damaged value."""
    for row in _damaged(connection):
        yield Finding(
            "beside",
            f"{row[1]} of photo number {row[0]}",
            "its checksum is wrong; repair removes it, index again to make it anew",
            True,
        )


def damaged_rows(connection: sqlite3.Connection) -> list[int]:
    """The rowid of every damaged value."""
    return [row[5] for row in _damaged(connection)]


def remove_damaged(connection: sqlite3.Connection) -> None:
    """Remove every damaged value, in the caller's write transaction."""
    connection.executemany("DELETE FROM beside WHERE rowid = ?", ((row,) for row in damaged_rows(connection)))


def _damaged(connection: sqlite3.Connection) -> Iterator[Sequence[Any]]:
    if not keeps_more(connection):
        return
    last = -1
    while rows := lenient(connection, _SOME, last):
        yield from (row for row in rows if not _is_sound(row))
        last = rows[-1][5]

"""What each format of the database lays out, and the step from any of them to the newest.

A format only ever adds: what format 1 laid out lies in a store of format 3 to the letter. So a store of any format is
read as it is, and migrating one is making the tables it lacks, in one transaction: a process killed within leaves the
old format whole, or the new one.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from wearabouts.stores.embedded.truth import eras

# Format → what it added, by name; to the letter what `sqlite_schema` must hold. Never to be changed, only added to.
ADDED: Final[dict[int, dict[str, str]]] = {
    1: {
        "meta": """CREATE TABLE meta (only INTEGER PRIMARY KEY CHECK (only = 1), encoder_hash TEXT NOT NULL,
            dim INTEGER NOT NULL, sequence INTEGER NOT NULL, replay_from INTEGER NOT NULL, created TEXT NOT NULL,
            checksum BLOB NOT NULL) STRICT""",
        "products": """CREATE TABLE products (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
            category TEXT NOT NULL, garment TEXT NOT NULL, brand TEXT NOT NULL, price REAL, currency TEXT NOT NULL,
            availability TEXT NOT NULL, "group" TEXT NOT NULL, attributes TEXT NOT NULL, rest TEXT NOT NULL,
            checksum BLOB NOT NULL) STRICT""",
        "photos": """CREATE TABLE photos (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
            product INTEGER NOT NULL REFERENCES products(number) ON DELETE CASCADE, digest TEXT NOT NULL,
            data TEXT NOT NULL, vector_sum INTEGER NOT NULL, checksum BLOB NOT NULL) STRICT""",
        "photos_by_product": "CREATE INDEX photos_by_product ON photos(product)",
        "photos_by_digest": "CREATE INDEX photos_by_digest ON photos(digest)",
        "vectors": """CREATE TABLE vectors (photo INTEGER PRIMARY KEY REFERENCES photos(number) ON DELETE CASCADE,
            data BLOB NOT NULL) STRICT""",
        "thumbnails": """CREATE TABLE thumbnails (photo INTEGER PRIMARY KEY REFERENCES photos(number) ON DELETE CASCADE,
            data BLOB NOT NULL, checksum BLOB NOT NULL) STRICT""",
        "removals": """CREATE TABLE removals (number INTEGER PRIMARY KEY, id TEXT NOT NULL,
            checksum BLOB NOT NULL) STRICT""",
    },
    2: {
        "beside": """CREATE TABLE beside (photo INTEGER NOT NULL REFERENCES photos(number) ON DELETE CASCADE,
            kind TEXT NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT""",
        "beside_by_photo": "CREATE INDEX beside_by_photo ON beside(photo, kind, size)",
        "notes": "CREATE TABLE notes (name TEXT NOT NULL UNIQUE, data TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
    },
    3: {
        "eras": """CREATE TABLE eras (number INTEGER PRIMARY KEY, begins INTEGER NOT NULL, token TEXT NOT NULL,
            checksum BLOB NOT NULL) STRICT""",
    },
}
FORMAT: Final = max(ADDED)


def layout(connection: sqlite3.Connection) -> int:
    """The number of the store's format."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def laid_out(version: int) -> dict[str, str]:
    """Everything that a store of a format holds: name → definition."""
    return {name: sql for added in range(1, version + 1) for name, sql in ADDED[added].items()}


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the layout to this release's format, in the caller's write transaction; nothing where it has that."""
    before = layout(connection)
    for version in range(before + 1, FORMAT + 1):
        for statement in ADDED[version].values():
            connection.execute(statement)
    if before < FORMAT:
        connection.execute(f"PRAGMA user_version={FORMAT}")
    if 0 < before < 3:
        (sequence,) = connection.execute("SELECT sequence FROM meta").fetchone()
        eras.begin(connection, sequence)

"""The truth: one SQLite file, how it is laid out, opened and distrusted.

Every row carries a rising `number` from one counter (`meta.sequence`), never given twice, and is never changed: an
update deletes and inserts. So a reader that knows number S is brought up to date by the rows and removals above S,
and a derived file that names numbers can never mean other rows than it was made from.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.truth import eras
from wearabouts.stores.embedded.truth.migration import FORMAT, laid_out, migrate
from wearabouts.stores.embedded.truth.migration import layout as layout
from wearabouts.stores.embedded.truth.refusals import cure
from wearabouts.stores.embedded.truth.rows import checksum

DATABASE: Final = "store.db"
LOCK: Final = "writer.lock"
DERIVED: Final = "derived"
ACKNOWLEDGED: Final = "acknowledged"
APPLICATION: Final = 0x57454152  # "WEAR"
PAGE: Final = 8_192  # bytes; several vectors to a page
LOG_KEPT: Final = 64 * 2**20  # bytes of the write-ahead log that are left to it once it has been emptied
MAX_VALUE: Final = 64 * 2**20  # bytes of one value SQLite may hand us


@dataclass(frozen=True, slots=True)
class Meta:
    """The store's own row.

    Attributes:
        encoder_hash: Hash of the encoder that filled it.
        dim: Floats per vector.
        sequence: The last number given.
        replay_from: A reader that knows less than this number cannot be brought up to date by replay: it reads anew.
        created: When, ISO 8601.
    """

    encoder_hash: str
    dim: int
    sequence: int
    replay_from: int
    created: str


@contextmanager
def told(path: Path, doing: str) -> Iterator[None]:
    """Turn the errors of SQLite, disk and memory into one `StoreError` that says what was being done and what helps."""
    try:
        yield
    except (sqlite3.Error, UnicodeError, OSError, MemoryError) as error:
        text = (error.strerror or "") if isinstance(error, OSError) else ""
        said = " ".join((text or str(error)).split())[:200] or type(error).__name__
        raise StoreError(f"{path}: {doing} failed ({said}); {cure(error, _otherwise(said.lower()))}") from error


def _otherwise(text: str) -> str:
    if "locked" in text or "busy" in text:
        return "another process holds the database; wait until it has finished"
    if "malformed" in text or "not a database" in text or "encrypted" in text or "decode" in text:
        return (
            "the file is damaged, or its disk fails; run `wearabouts check` on it, and if that finds damage restore a "
            "copy, or index again with --rebuild"
        )
    if "readonly" in text or "unable to open" in text or "permission" in text:
        return "give a folder this user may read and write, on a local disk"
    return "nothing of this step was kept; run it again, and `wearabouts check` if it comes back"


def connect(folder: Path, *, write: bool) -> sqlite3.Connection:
    """Open the database file of a store, distrusting it.

    Args:
        folder: The store's folder; the file must exist, and neither it nor its companions may be links.
        write: Whether this connection may change it.
    """
    for name in (DATABASE, DATABASE + "-wal", DATABASE + "-shm", DATABASE + "-journal"):
        require_plain(folder / name)
    uri = (folder / DATABASE).absolute().as_uri() + "?mode=rw"
    # mode=rw for readers too: the first to come after a kill must replay the log. query_only keeps rows from them.
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=10, check_same_thread=False, factory=eras.WritingConnection
    )
    connection.era = eras.token() if write else ""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "foreign_keys=ON", "synchronous=FULL", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA journal_size_limit={LOG_KEPT}")
    if not write:
        connection.execute("PRAGMA query_only=ON")
    return connection


def require_plain(path: Path) -> None:
    """Refuse links, devices and folders where a file of the store belongs; a missing file is no fault.

    Raises:
        StoreError: It is there and no plain file.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise StoreError(
                f"{path} is not a plain file; a store's files may not be links or devices; put the file itself there"
            )


def create(connection: sqlite3.Connection, encoder_hash: str, dim: int, created: str) -> None:
    """Lay out an empty database; all or nothing, so that a killed creation is simply done again."""
    connection.execute(f"PRAGMA page_size={PAGE}")
    # A disk that fails here leaves the old mode and no error, and a store would be laid out in it.
    if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
        raise sqlite3.OperationalError("the write-ahead log could not be switched on")
    with writing(connection):
        migrate(connection)
        write_meta(connection, Meta(encoder_hash, dim, 0, 0, created))
        connection.execute(f"PRAGMA application_id={APPLICATION}")


def keeps_more(connection: sqlite3.Connection) -> bool:
    """Whether the store has what format 2 brought; asked in each transaction, for a writer may migrate at any time."""
    return layout(connection) >= 2


def era(connection: sqlite3.Connection) -> str:
    """The era of the newest write, for what is derived in the same transaction to name; see `eras`."""
    return eras.newest(connection)


def knows_era(connection: sqlite3.Connection, token: str, sequence: int) -> bool:
    """Whether what was derived at that number in that era was derived from this database, and no other future of it."""
    return eras.knows(connection, token, sequence)


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever laid out in the file: a creation that was killed."""
    count = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return bool(count == 0 and connection.execute("PRAGMA application_id").fetchone()[0] == 0)


def verify(connection: sqlite3.Connection, path: Path, *, frozen: bool = False) -> None:
    """Refuse a file that is not a store of a format this release reads, to the letter of its schema.

    Args:
        connection: Of the file.
        path: For messages.
        frozen: It was opened as a file that nobody changes, for which SQLite knows no journal.

    Raises:
        StoreError: Not a store, a newer format, or tables, triggers or views that do not belong to one.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION:
        raise StoreError(
            f"{path} is no Wearabouts store; give the folder of one, or an empty folder to `wearabouts index`"
        )
    version = layout(connection)
    if not 1 <= version <= FORMAT:
        raise StoreError(
            f"{path} has format {version}, this release reads formats 1 to {FORMAT}; use the release that wrote it, "
            "or index again with --rebuild"
        )
    wanted = laid_out(version)
    found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    if {name: _plain(sql) for name, sql in found} != {name: _plain(sql) for name, sql in wanted.items()}:
        odd = sorted({str(name)[:60] for name, _ in found} ^ set(wanted)) or ["a changed definition"]
        raise StoreError(
            f"{path} has an unexpected schema ({', '.join(odd[:5])}); nobody but Wearabouts may change a store; "
            "restore it, or index again with --rebuild"
        )
    if not frozen and connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        raise StoreError(f"{path} is not in WAL mode; nobody but Wearabouts may change a store; restore it")


def _plain(sql: str) -> str:
    return " ".join(str(sql).split())


def read_meta(connection: sqlite3.Connection, path: Path) -> Meta:
    """The store's own row, verified.

    Raises:
        StoreError: It is missing or its checksum is wrong.
    """
    row: Any = connection.execute(
        "SELECT encoder_hash, dim, sequence, replay_from, created, checksum FROM meta WHERE only = 1"
    ).fetchone()
    if row is None or checksum("meta", *row[:-1]) != row[-1] or not 1 <= row[1] <= 65_536:
        raise StoreError(f"{path}: the store's own row is damaged; restore a copy, or index again with --rebuild")
    return Meta(*row[:-1])


def write_meta(connection: sqlite3.Connection, meta: Meta) -> None:
    """Replace the store's own row, in the caller's transaction; the first to raise its number begins an era."""
    before = connection.execute("SELECT sequence FROM meta").fetchone()
    if before is None or before[0] != meta.sequence:
        eras.begin(connection, meta.sequence if before is None else before[0])
    values = (meta.encoder_hash, meta.dim, meta.sequence, meta.replay_from, meta.created)
    connection.execute("INSERT OR REPLACE INTO meta VALUES (1, ?, ?, ?, ?, ?, ?)", (*values, checksum("meta", *values)))


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: committed, fsynced, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may already have rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """One consistent picture of the database across several questions."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")

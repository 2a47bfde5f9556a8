"""Opening a folder as a store: lock, database, encoder; or laying out a new one."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from wearabouts.errors import StoreError
from wearabouts.stores import Mode
from wearabouts.stores.embedded.generations.derived import sync_folder
from wearabouts.stores.embedded.staging import MANIFEST, place_of, set_aside
from wearabouts.stores.embedded.truth.lock import Acknowledged, WriterLock, acknowledged
from wearabouts.stores.embedded.truth.migration import migrate
from wearabouts.stores.embedded.truth.refusals import cure
from wearabouts.stores.embedded.truth.schema import (
    ACKNOWLEDGED,
    APPLICATION,
    DATABASE,
    LOCK,
    Meta,
    connect,
    create,
    is_blank,
    read_meta,
    told,
    verify,
)
from wearabouts.stores.embedded.truth.schema import writing as write_transaction
from wearabouts.stores.embedded.truth.writing import empty, forget_removals, remember_loss

log = logging.getLogger("wearabouts.stores")

MAX_DIM: Final = 65_536


def opened(
    folder: Path, *, mode: Mode, encoder_hash: str | None, dim: int | None, rebuild: bool
) -> tuple[WriterLock | None, sqlite3.Connection, Meta]:
    """Open or make the store in a folder.

    Args:
        folder: The store's folder.
        mode: ``read`` or ``write``; ``write`` takes the lock.
        encoder_hash: The encoder in use, or None to take any.
        dim: Floats per vector, or None to take any.
        rebuild: Empty it first and dedicate it to that encoder; what is damaged beyond opening is laid out anew.

    Returns:
        The lock (None for reading), the connection, and the store's own row.
    """
    if mode not in ("read", "write"):
        raise StoreError(f"mode {mode!r} is not one of read, write")
    if dim is not None and not 1 <= dim <= MAX_DIM:
        raise StoreError(f"{dim} floats per vector were given; allowed is 1 to {MAX_DIM}")
    new = (encoder_hash, dim) if mode == "write" and encoder_hash is not None and dim is not None else None
    if rebuild and new is None:
        raise StoreError("to rebuild a store, open it with mode='write' and give encoder_hash and dim")
    _require_folder(folder, may_create=new is not None)
    lock = WriterLock(folder / LOCK) if mode == "write" else None
    try:
        connection = _connected(folder, new, write=mode == "write", rebuild=rebuild)
        try:
            with told(folder, "opening the store"):
                meta = read_meta(connection, folder)
                if not rebuild:
                    _require_encoder(folder, meta, encoder_hash, dim)
                    _warn_of_loss(folder, meta)
                if lock is not None:
                    meta = _tidied(connection, folder, meta, new if rebuild else None)
        except BaseException:
            connection.close()
            raise
    except BaseException as error:
        if lock is not None:
            lock.release()
        if isinstance(error, OSError):
            raise StoreError(
                f"{folder} cannot be opened ({error.strerror}); "
                + cure(error, "use a local disk that works and has room")
            ) from error
        raise
    return lock, connection, meta


def _warn_of_loss(folder: Path, meta: Meta) -> None:
    noted = acknowledged(folder / ACKNOWLEDGED)
    if noted > meta.sequence:
        log.warning(
            "%s ends at number %d, but %d was acknowledged: writes were lost; run `wearabouts check --repair`, "
            "then index again",
            folder,
            meta.sequence,
            noted,
        )


def _require_folder(folder: Path, *, may_create: bool) -> None:
    aside = set_aside(place_of(folder))
    if not os.path.lexists(folder) and os.path.lexists(aside):
        raise StoreError(f"restoring {folder} was interrupted, what was there lies in {aside}; restore once more")
    try:
        if may_create:
            folder.mkdir(parents=True, exist_ok=True)
        is_folder = stat.S_ISDIR(os.stat(folder).st_mode)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise _missing(folder) from error
        raise StoreError(
            f"{folder} cannot be used as a store ({error.strerror}); "
            + cure(error, "give a folder one may read and write")
        ) from error
    if not is_folder:
        raise StoreError(f"{folder} is not a folder; a store is a folder; give its path")
    if not may_create and not os.path.lexists(folder / DATABASE):
        raise _missing(folder)


def _missing(folder: Path) -> StoreError:
    if (folder / MANIFEST).is_file() and not os.path.lexists(folder / DATABASE):
        return StoreError(f"{folder} is a backup, not a store; make a store of it: `wearabouts restore {folder} STORE`")
    return StoreError(f"there is no store at {folder}; make one with `wearabouts index SOURCE --store {folder}`")


def _connected(folder: Path, new: tuple[str, int] | None, *, write: bool, rebuild: bool) -> sqlite3.Connection:
    """A verified connection, after creating or re-creating the database where that is asked and safe."""
    path = folder / DATABASE
    if new is not None and not os.path.lexists(path):
        # Another's write-ahead log must never be replayed into a new file.
        _remove_companions(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
    try:
        return _verified(folder, new, write=write)
    except StoreError:
        if not rebuild or not _is_ours(path):
            raise
    path.unlink()
    _remove_companions(path)
    return _connected(folder, new, write=write, rebuild=False)


def _verified(folder: Path, new: tuple[str, int] | None, *, write: bool) -> sqlite3.Connection:
    path = folder / DATABASE
    with told(folder, "opening the store"):
        connection = connect(folder, write=write)
        try:
            if is_blank(connection):
                if new is None:
                    raise _missing(folder)
                create(connection, *new, datetime.now(UTC).isoformat(timespec="seconds"))
                _sync_names(folder)
            verify(connection, path)
            read_meta(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _sync_names(folder: Path) -> None:
    """Make the names of a new store last, its folder's too, and of the folders made on the way to it."""
    sync_folder(folder)
    for above in folder.absolute().parents:
        try:
            sync_folder(above)
        except OSError as error:  # a folder one may not read, or on a disk that is only read, was there before
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
                raise


def _remove_companions(path: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    """Whether the file's header says it is, or was, one of our databases: only then may a rebuild throw it away."""
    with (
        suppress(OSError),
        open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file,
    ):
        head = file.read(100)
        return head[:15] == b"SQLite format 3" and head[68:72] == APPLICATION.to_bytes(4, "big")
    return False


def _tidied(connection: sqlite3.Connection, folder: Path, meta: Meta, new: tuple[str, int] | None) -> Meta:
    with write_transaction(connection):
        migrate(connection)
        if new is None:
            noted = acknowledged(folder / ACKNOWLEDGED)
            if noted > meta.sequence:
                # Writing on would make the number catch up, and nobody would ever know.
                meta = remember_loss(connection, meta, noted)
            return forget_removals(connection, meta)
        meta = empty(connection, meta, *new)
    # Numbers of a database that was laid out anew begin again, and what was before it is not lost but given up.
    note = Acknowledged(folder / ACKNOWLEDGED)
    note.note(meta.sequence)
    note.close()
    return meta


def _require_encoder(folder: Path, meta: Meta, encoder_hash: str | None, dim: int | None) -> None:
    cure = f"use that encoder, or fill the store anew: `wearabouts index SOURCE --store {folder} --rebuild`"
    if encoder_hash is not None and encoder_hash != meta.encoder_hash:
        raise StoreError(
            f"the store {folder} was filled by encoder {meta.encoder_hash}, the one in use is {encoder_hash}; {cure}"
        )
    if dim is not None and dim != meta.dim:
        raise StoreError(
            f"the store {folder} holds vectors of {meta.dim} floats, the encoder in use gives {dim}; {cure}"
        )

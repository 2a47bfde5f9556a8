"""From a backup back to a store: verified while it is copied, made whole beside its place, then put there."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.backup import CHUNK, COPY, Backup, read, require_free
from wearabouts.stores.embedded.staging import exchange, place_of, put_back, settle, staged
from wearabouts.stores.embedded.store import EmbeddedStore
from wearabouts.stores.embedded.truth import eras
from wearabouts.stores.embedded.truth.lock import Acknowledged, WriterLock
from wearabouts.stores.embedded.truth.migration import migrate
from wearabouts.stores.embedded.truth.schema import (
    ACKNOWLEDGED,
    DATABASE,
    LOCK,
    connect,
    read_meta,
    told,
    verify,
    writing,
)
from wearabouts.stores.embedded.truth.walking import Progress, unwatched

_STORE_FILES: Final = (DATABASE, LOCK)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restoring did.

    Attributes:
        backup: The backup's manifest.
        path: The store's folder.
        replaced: Whether another store stood there before.
        derived: Whether what is derived came with the backup; else it was made anew.
    """

    backup: Backup
    path: Path
    replaced: bool
    derived: bool


def restore(
    backup: Path, path: Path, *, force: bool = False, derived: bool = True, progress: Progress = unwatched
) -> Restored:
    """Make a store of a backup.

    The store is the one that was backed up, to the last byte of its rows, with an era of its own: what was derived
    from another future of it is not believed. Whoever has the replaced store open goes on with that until it is
    opened again.

    Args:
        backup: The backup's folder.
        path: Where the store is to be; free, or a store, with `force`.
        force: Replace the store that is there; it stays whole until the restored one stands in its place.
        derived: Use what is derived where the backup has it along.
        progress: Told how far it is.

    Raises:
        StoreError: No backup or a damaged one, something at `path`, a store that is being written, or the disk fails:
            then everything is as it was.
    """
    told_of = read(backup)
    place = place_of(path)
    put_back(place)
    lock = _replacing(place) if force else None
    try:
        if lock is None:
            require_free(place, "the store", ", or put it in its place with --force")
        with staged(place, "restoring to") as draft:
            for name, facts in told_of.files.items():
                if name == COPY or derived:
                    target = draft / (DATABASE if name == COPY else name)
                    target.parent.mkdir(exist_ok=True)
                    _copied(backup / name, target, facts["sha256"], progress)
            _begin(draft, told_of)
            _derive(draft, progress)
            if lock is None:
                settle(draft, place)
            else:
                exchange(draft, place)
    finally:
        if lock is not None:
            lock.release()
    return Restored(told_of, path, lock is not None, derived and len(told_of.files) > 1)


def _replacing(place: Path) -> WriterLock | None:
    """The lock of the store that is to be replaced; None where none is.

    Raises:
        StoreError: It is being written, or what is there is no store.
    """
    if not os.path.lexists(place) or (place.is_dir() and not any(place.iterdir())):
        return None
    if not any((place / name).is_file() for name in _STORE_FILES):
        raise StoreError(f"{place} holds something that is no store; it is not replaced; give the store another folder")
    return WriterLock(place / LOCK)


def _copied(source: Path, target: Path, expected: object, progress: Progress) -> None:
    state, done = hashlib.sha256(), 0
    with (
        open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file,
        open(target, "xb") as copy,
    ):
        size = os.fstat(file.fileno()).st_size
        while data := file.read(CHUNK):
            state.update(data)
            copy.write(data)
            done += len(data)
            progress("bytes copied", done, size)
    if state.hexdigest() != expected:
        raise StoreError(f"{source} is not what was backed up: its SHA-256 differs; use another backup")


def _begin(draft: Path, told_of: Backup) -> None:
    """Bring the database to this release's format and begin its new era; the number is noted as acknowledged."""
    with told(draft, "restoring"), closing(connect(draft, write=True)) as connection:
        verify(connection, draft / DATABASE)
        meta = read_meta(connection, draft)
        if (meta.sequence, meta.encoder_hash) != (told_of.store.get("sequence"), told_of.store.get("encoder_hash")):
            raise StoreError(f"the database of the backup {told_of.path} is not what its manifest says; use another")
        with writing(connection):
            migrate(connection)
            eras.begin(connection, meta.sequence)
    note = Acknowledged(draft / ACKNOWLEDGED)
    note.note(meta.sequence)
    note.close()


def _derive(draft: Path, progress: Progress) -> None:
    """Open what was restored as it will be opened, and make what is derived where it did not come along."""
    progress("index", 0, None)
    store = EmbeddedStore.open(draft, mode="write")
    try:
        if not store.describe()["index"]["base"]:
            store.rebuild()
    finally:
        store.close()
    progress("index", 1, 1)

"""The embedded store: a folder with one SQLite file as the truth and a base of vectors derived from it.

    store.db        products, photos, vectors, thumbnails (WAL, synchronous=FULL): what has returned is on the disk
    writer.lock     held by the one writer, says who that is
    derived/        the memory-mapped base; may be deleted at any time

Searching asks SQLite one thing: whether anything has changed (`PRAGMA data_version`, microseconds); the vectors, ids
and columns lie in memory and are brought up to date by replaying what is newer.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from wearabouts.errors import StoreError
from wearabouts.stores import (
    Finding,
    Known,
    Mode,
    PhotoRecord,
    ProductRecord,
    checking,
    derived,
    describing,
    reading,
    writing,
)
from wearabouts.stores.loading import base_rows, load, replay
from wearabouts.stores.lock import WriterLock
from wearabouts.stores.opening import opened
from wearabouts.stores.rows import validated
from wearabouts.stores.schema import DERIVED, Meta, connect, read_meta, told
from wearabouts.stores.schema import reading as read_transaction
from wearabouts.stores.schema import writing as write_transaction
from wearabouts.stores.view import View, checked_query
from wearabouts.types import Floats, Ranking

MAX_IDLE: Final = 8  # connections kept for the next reader
SLACK: Final = 1_000  # rows out of the base that are not worth a new one at closing
LARGE: Final = 20_000  # rows out of the base that are worth a new one while writing


class EmbeddedStore:
    """`wearabouts.stores.Store` in a folder; made by `open`."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, meta: Meta, lock: WriterLock | None) -> None:
        self.folder = folder
        self._connection = connection
        self._meta = meta
        self._lock = lock
        self._idle: deque[sqlite3.Connection] = deque()
        self._changing = threading.RLock()
        self._writing = threading.RLock()
        self._view: View | None = None
        self._version = -1
        self._closed = False
        self._process = os.getpid()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        mode: Mode = "read",
        encoder_hash: str | None = None,
        dim: int | None = None,
        rebuild: bool = False,
    ) -> EmbeddedStore:
        """See `wearabouts.stores.open_store`."""
        lock, connection, meta = opened(path, mode=mode, encoder_hash=encoder_hash, dim=dim, rebuild=rebuild)
        store = cls(path, connection, meta, lock)
        try:
            store._current()
        except BaseException:
            store._release()
            raise
        return store

    @property
    def encoder_hash(self) -> str:
        """Hash of the encoder that filled the store."""
        return self._meta.encoder_hash

    @property
    def dim(self) -> int:
        """Floats per vector."""
        return self._meta.dim

    def upsert(self, records: Iterable[ProductRecord]) -> int:
        """Write products whole, all or none; of a product given twice, the last. Returns how many photos they have.

        The records are held in memory and checked before the transaction begins: give a few hundred at a time.
        """
        checked = writing.distinct(validated(record, self.dim) for record in records)
        with self._write("writing products") as connection:
            meta = read_meta(connection, self.folder)
            writing.insert(connection, meta, checked)
        return sum(len(record.photos) for record in checked)

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products and their photos; returns how many products were there."""
        wanted = list(product_ids)
        with self._write("deleting products") as connection:
            _, count = writing.remove(connection, read_meta(connection, self.folder), wanted)
        return count

    def product(self, product_id: str) -> dict[str, Any] | None:
        """One product as plain data; `garment` is the one it counts as, `garment_given` the feed's own."""
        with self._read("reading a product") as connection:
            return reading.product(connection, product_id)

    def products(self) -> Iterator[str]:
        """Ids of all products as they are now, in order of id."""
        with self._read("listing products") as connection:
            return iter(reading.product_ids(connection))

    def known(self, product_id: str) -> dict[str, Known]:
        """Photo id → what is already stored of that product's photos."""
        with self._read("reading photos") as connection:
            return reading.known(connection, product_id)

    def record(self, product_id: str) -> ProductRecord | None:
        """The product exactly as it was written, or None."""
        with self._read("reading a product") as connection:
            return reading.record(connection, product_id, self.dim)

    def digest_record(self, digest: str) -> PhotoRecord | None:
        """Any stored photo with these bytes, or None."""
        with self._read("looking for a photo") as connection:
            return reading.digest_record(connection, digest, self.dim)

    def thumbnail(self, photo_id: str) -> bytes | None:
        """The stored small copy, or None."""
        with self._read("reading a thumbnail") as connection:
            return reading.thumbnail(connection, photo_id)

    def vectors(self, photo_ids: Sequence[str]) -> Floats:
        """(n, D) float32 in the order asked for, from memory."""
        view = self._current()
        with self._changing:
            view = self._view or view
            places = [view.rows.row_of.get(ident, -1) for ident in photo_ids]
        for ident, place in zip(photo_ids, places, strict=True):
            if not (0 <= place < len(view.alive) and view.alive[place]):
                raise StoreError(f"photo {ident!r} is not in the store; ask for photos that a search has just given")
        return view.gathered(np.asarray(places, np.int64))

    def search(
        self, vector: Floats, count: int, *, where: str | None = None, garments: Sequence[str] = (), exact: bool = False
    ) -> Ranking:
        """The `count` most similar photos, whatever `exact` says: every index of this engine so far is exact."""
        query = checked_query(vector, self.dim, count)
        return self._current().search(query, count, where, garments)

    def describe(self) -> dict[str, Any]:
        """Counts, sizes, columns one can filter by, the index in use and why, as plain data."""
        view = self._current()
        with self._read("describing the store") as connection:
            return describing.described(self.folder, connection, view, "write" if self._lock else "read")

    def check(self, *, repair: bool = False) -> list[Finding]:
        """Verify everything the store can verify about itself, and mend what can be mended.

        Args:
            repair: Rebuild what is derived, remove files a killed process left, and remove rows whose checksum is
                wrong; needs mode ``write``. The findings say what was wrong before.
        """
        if not repair:
            view = self._current()
            with self._read("checking") as connection:
                return checking.findings(self.folder, connection, view)
        with self._writing:
            found = self.check()
            if found:
                with self._write("repairing") as connection:
                    checking.mend(connection, read_meta(connection, self.folder))
                self.rebuild()
        return found

    def rebuild(self) -> None:
        """Write a new base from the truth and search it from now on.

        Raises:
            StoreError: The store is open for reading, or the disk fails.
        """
        with self._writing:
            self._writable()
            try:
                with self._read("rebuilding the index") as connection:
                    meta = read_meta(connection, self.folder)
                    numbers, sums, rows = base_rows(connection, meta.dim)
                    derived.write(
                        self.folder / DERIVED,
                        sequence=meta.sequence,
                        encoder_hash=meta.encoder_hash,
                        dim=meta.dim,
                        numbers=numbers,
                        sums=sums,
                        rows=rows,
                    )
            except OSError as error:
                raise StoreError(
                    f"the index of {self.folder} could not be written ({error}); nothing is lost, searches go on "
                    "without it; make room and run `wearabouts check --repair`"
                ) from error
            with self._changing, told(self.folder, "reading the store"):
                self._refresh(anew=True)

    def close(self) -> None:
        """Bring the base up to date where that is worth it, then release files and the lock."""
        with self._writing:
            if self._closed:
                return
            try:
                if self._lock is not None and self._process == os.getpid():
                    # The truth is complete without a base; a full disk must not make closing fail.
                    with suppress(StoreError):
                        self._renew(SLACK, share=0.1, first=True)
            finally:
                self._release()

    def _release(self) -> None:
        self._closed = True
        with self._changing:
            for connection in [*self._idle, self._connection]:
                connection.close()
            self._idle.clear()
            self._view = None
        if self._lock is not None:
            self._lock.release()

    def _renew(self, least: int, *, share: float, first: bool = False) -> None:
        """Write a new base when the rows outside the present one are many."""
        view = self._current()
        base = view.rows.base
        size = len(base.numbers)
        outside = len(view.vectors) + size - int(np.count_nonzero(view.alive[:size]))
        if outside > least + share * size or (first and base.path is None and bool(view.alive.any())):
            self.rebuild()

    def _current(self) -> View:
        """The newest view: this process's own writes, or whatever another process has committed."""
        self._require_open()
        view = self._view
        if self._lock is not None and view is not None:
            return view
        with self._changing, told(self.folder, "reading the store"):
            # Asked before reading, so that a commit in between is seen at the next search.
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version or self._view is None:
                self._refresh()
                self._version = version
            if self._view is None:  # pragma: no cover - _refresh sets it or raises
                raise StoreError(f"{self.folder} gave no view")
            return self._view

    def _refresh(self, *, anew: bool = False) -> None:
        """Read what is newer; until that is done, searches go on with the view before it."""
        view = self._view
        try:
            with read_transaction(self._connection):
                meta = read_meta(self._connection, self.folder)
                if (meta.encoder_hash, meta.dim) != (self._meta.encoder_hash, self._meta.dim):
                    raise StoreError(
                        f"{self.folder} was refilled with encoder {meta.encoder_hash} while open for "
                        f"{self._meta.encoder_hash}; open it again with that encoder"
                    )
                if anew or view is None or view.sequence < meta.replay_from or self._outgrown(view):
                    view = load(self._connection, meta, self.folder / DERIVED)
                elif meta.sequence != view.sequence:
                    view = replay(self._connection, meta, view)
        except BaseException:
            self._view = None  # a replay that broke off may have moved the rows beneath the old view
            raise
        self._meta, self._view = meta, view

    def _outgrown(self, view: View) -> bool:
        """Whether much lies outside this view's base and the writer has made a newer one."""
        base = view.rows.base
        if len(view.vectors) <= LARGE + len(base.numbers):
            return False
        found = derived.generations(self.folder / DERIVED)
        return bool(found) and found[0][0] > base.generation

    @contextmanager
    def _write(self, doing: str) -> Iterator[sqlite3.Connection]:
        """One acknowledged transaction; after it the change is on the disk and in the view."""
        with self._writing, told(self.folder, doing):
            connection = self._writable()
            with self._changing:
                with write_transaction(connection):
                    yield connection
                self._refresh()
            with suppress(StoreError):  # acknowledged already; the base is only a help
                self._renew(LARGE, share=1.0)

    def _writable(self) -> sqlite3.Connection:
        self._require_open()
        if self._lock is None:
            raise StoreError(f"{self.folder} is open for reading; open it with mode='write' to change it")
        return self._connection

    @contextmanager
    def _read(self, doing: str) -> Iterator[sqlite3.Connection]:
        """A connection in a read transaction; any number of threads at a time."""
        self._require_open()
        with told(self.folder, doing):
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = connect(self.folder, write=False)
            try:
                with read_transaction(connection):
                    yield connection
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
                raise StoreError(
                    f"{self.folder}: a stored row cannot be read ({type(error).__name__}); "
                    "run `wearabouts check --repair`"
                ) from error
            finally:
                if self._closed or len(self._idle) >= MAX_IDLE:
                    connection.close()
                else:
                    self._idle.append(connection)

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(f"the store {self.folder} has been closed; open it again")
        if self._process != os.getpid():
            raise StoreError(
                f"the store {self.folder} was opened by another process; open it in this one, after forking"
            )

"""The embedded store: a folder with one SQLite file as the truth and a base of vectors derived from it.

    store.db        products, photos, vectors, thumbnails, what a verifier keeps beside them, the shop's notes (WAL,
                    synchronous=FULL): what has returned is on the disk
    writer.lock     held by the one writer, says who that is
    acknowledged    the writer's note of the last write it acknowledged
    derived/        the memory-mapped base; may be deleted at any time

Searching asks SQLite nothing: vectors, ids and columns are mapped or lie in memory. A write brings them up to date
before it is acknowledged; in a process that only reads, a thread looks several times a second what others have
written. Writes that come together are committed together; the next base is made in the background.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from wearabouts.errors import StoreError
from wearabouts.stores import Finding, Known, Mode, PhotoRecord, ProductRecord
from wearabouts.stores.embedded import describing
from wearabouts.stores.embedded.living import renewal
from wearabouts.stores.embedded.living.care import Care
from wearabouts.stores.embedded.living.rebuilding import Progress
from wearabouts.stores.embedded.living.tracking import Tracker
from wearabouts.stores.embedded.opening import opened
from wearabouts.stores.embedded.soundness import checking
from wearabouts.stores.embedded.soundness.repairing import Repaired, mended, repaired
from wearabouts.stores.embedded.truth import beside, notes, reading, writing
from wearabouts.stores.embedded.truth import walking as truth
from wearabouts.stores.embedded.truth.committing import Act, Commits
from wearabouts.stores.embedded.truth.connections import Readers
from wearabouts.stores.embedded.truth.lock import Acknowledged, WriterLock
from wearabouts.stores.embedded.truth.schema import ACKNOWLEDGED, Meta, read_meta, told
from wearabouts.stores.embedded.views import searching
from wearabouts.stores.embedded.views.view import View
from wearabouts.types import Floats, Ranking

T = TypeVar("T")


class EmbeddedStore:
    """`wearabouts.stores.Store` in a folder; made by `open`."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, meta: Meta, lock: WriterLock | None) -> None:
        self.folder = folder
        self._connection = connection
        self._lock = lock
        self._closing = threading.Lock()
        self._readers = Readers(folder)
        self._tracker = Tracker(folder, connection, meta, poll=lock is None)
        noted = None if lock is None else Acknowledged(folder / ACKNOWLEDGED)
        self._commits = Commits(folder, connection, self._tracker.lock, self._committed, noted)
        self._care = Care(folder, self._tracker, writes=lock is not None)
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
        try:
            return cls(path, connection, meta, lock)
        except BaseException:
            connection.close()
            if lock is not None:
                lock.release()
            raise

    @property
    def encoder_hash(self) -> str:
        """Hash of the encoder that filled the store."""
        return self._tracker.meta.encoder_hash

    @property
    def dim(self) -> int:
        """Floats per vector."""
        return self._tracker.meta.dim

    def upsert(self, records: Iterable[ProductRecord]) -> int:
        """Write products whole, all or none; of a product given twice, the last. Returns how many photos they have.

        The records are held in memory and checked before the transaction begins: give a few hundred at a time.
        """
        checked = writing.checked(records, self.dim)
        self._write("writing products", lambda connection, meta: (writing.insert(connection, meta, checked), None))
        return sum(len(record.photos) for record in checked)

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products and their photos; returns how many products were there."""
        wanted = list(product_ids)
        return self._write("deleting products", lambda connection, meta: writing.remove(connection, meta, wanted))

    def product(self, product_id: str) -> dict[str, Any] | None:
        """One product as plain data; `garment` is the one it counts as, `garment_given` the feed's own."""
        return self.told([product_id]).get(product_id)

    def told(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The same of many, from one picture of the database: id → product, of those that are there."""
        with self._reading("reading products") as connection:
            return reading.told(connection, product_ids)

    def products(self) -> Iterator[str]:
        """Ids of all products as they are now, in order of id."""
        with self._reading("listing products") as connection:
            return iter(reading.product_ids(connection))

    def known(self, product_id: str) -> dict[str, Known]:
        """Photo id → what is already stored of that product's photos."""
        with self._reading("reading photos") as connection:
            return reading.known(connection, product_id)

    def record(self, product_id: str) -> ProductRecord | None:
        """The product exactly as it was written, or None."""
        with self._reading("reading a product") as connection:
            return reading.record(connection, product_id, self.dim)

    def digest_record(self, digest: str) -> PhotoRecord | None:
        """Any stored photo with these bytes, or None."""
        with self._reading("looking for a photo") as connection:
            return reading.digest_record(connection, digest, self.dim)

    def thumbnail(self, photo_id: str) -> bytes | None:
        """The stored small copy, or None."""
        with self._reading("reading a thumbnail") as connection:
            return reading.thumbnail(connection, photo_id)

    def vectors(self, photo_ids: Sequence[str]) -> Floats:
        """(n, D) float32 in the order asked for, from memory."""
        return self._sound(lambda: self._tracker.vectors(photo_ids))

    def photos(self, product_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The ids of each product's photos, from memory; none for a product that is not there."""
        return self._sound(lambda: self._tracker.photos(product_ids))

    def beside(self, photo_ids: Sequence[str], kind: str) -> list[bytes | None]:
        """What was written beside the photos, of one kind, in the order asked for, from one picture of the database.

        None also for a photo that is not there, and for a value that is damaged: `check` names that.
        """
        sequence, numbers = self._sound(lambda: self._tracker.numbers(photo_ids))
        with self._reading("reading what lies beside photos") as connection:
            # The view knows each photo's number, so that no text is searched for; unless a write has come in between.
            if read_meta(connection, self.folder).sequence != sequence:
                numbers = beside.numbers_of(connection, photo_ids)
            return beside.of_kind(connection, numbers, kind)

    def note(self, name: str) -> dict[str, Any] | None:
        """A fact the shop keeps about itself, as plain data, or None."""
        with self._reading("reading a note") as connection:
            return notes.read(connection, name)

    def write_note(self, name: str, facts: Mapping[str, Any] | None) -> None:
        """Keep a fact (what JSON can hold, at most a MiB of it) in place of the one of that name; None removes it."""
        text = None if facts is None else notes.packed(name, facts)
        self._write("writing a note", lambda connection, meta: (writing.note(connection, meta, name, text), None))

    def search(
        self, vector: Floats, count: int, *, where: str | None = None, garments: Sequence[str] = (), exact: bool = False
    ) -> Ranking:
        """The `count` most similar photos; `exact` compares with every one, whatever index there is."""
        query = searching.checked_query(vector, self.dim, count)
        return self._sound(lambda: self._care.search(self._current(), query, count, where, garments, exact=exact))

    def describe(self) -> dict[str, Any]:
        """Counts, sizes, columns one can filter by, the index in use and why, as plain data."""
        mode = "write" if self._lock else "read"
        with self._reading("describing the store") as connection:
            told = self._sound(lambda: describing.described(self.folder, connection, self._current(), mode))
        told["index"] |= self._care.described()
        return told

    def vitals(self) -> dict[str, float]:
        """What changes from one minute to the next, as figures by name; from memory."""
        self._require_open()
        return self._care.vitals(self._commits if self._lock else None)

    def check(
        self, *, repair: bool = False, quick: bool = False, progress: truth.Progress = truth.unwatched
    ) -> list[Finding]:
        """Verify everything the store can verify about itself.

        Args:
            repair: Mend it as `repair` does; the findings say what was wrong before.
            quick: Verify structure and checksums, without comparing what is derived with the truth row by row.
            progress: Told what is being read, how many rows are done, and of how many.
        """
        if repair:
            return list(self.repair(progress=progress).found)
        view = self._current()
        with self._reading("checking") as connection:
            return checking.findings(self.folder, connection, view, quick=quick, progress=progress)

    def repair(self, *, keep: Path | None = None, progress: truth.Progress = truth.unwatched) -> Repaired:
        """Remove rows that cannot be trusted, make what is derived anew, and clear up after killed processes.

        Args:
            keep: A folder for what is removed, for a person to look into.
            progress: As of `check`.

        Raises:
            StoreError: The store is open for reading, or what is removed cannot be kept: then nothing is changed.
        """
        self._require_writable()
        mend = partial(mended, folder=self.folder, keep=keep, progress=progress)
        check = partial(self.check, progress=progress)
        return repaired(self.folder, check, lambda: self._write("repairing", mend), self.rebuild, keep)

    def refresh(self) -> None:
        """Show everything that any process has committed before the call; a writer's own view always does."""
        self._require_open()
        self._tracker.follow()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Write a new base from the truth and search it from now on; `progress` is told the part that is done, 0 to 1.

        Raises:
            StoreError: The store is open for reading, or the disk fails.
        """
        self._require_writable()
        if self._care.rebuilder is not None:
            self._care.rebuilder.run(progress)

    def settle(self, progress: Progress | None = None) -> None:
        """Write a new base now where one is worth it, however long that takes; a full disk is no error here."""
        self._require_open()
        if self._lock is not None and renewal.is_behind(self._current()):
            with suppress(StoreError):  # the truth is complete without a base
                self.rebuild(progress)

    def close(self) -> None:
        """Release files and the lock; before that, write a new base where one is worth it and takes seconds only.

        What is being built in the background is thrown away: whoever wants it to be done calls `settle` before.
        """
        with self._closing:
            if self._closed:
                return
            own = self._process == os.getpid()
            try:
                if own:
                    self._commits.close()
                    self._care.stop_building()
                    if self._lock is not None and renewal.is_quick(self._tracker.current()):
                        self.settle()
            finally:
                self._closed = True
                self._care.close()
                self._readers.close()
                self._tracker.close()
                self._commits.release()
                if self._lock is not None:
                    self._lock.release()

    def _sound(self, ask: Callable[[], T]) -> T:
        self._require_open()
        return self._tracker.sound(ask)

    def _current(self) -> View:
        self._require_open()
        return self._tracker.current()

    def _write(self, doing: str, act: Act[T]) -> T:
        self._require_writable()
        self._care.make_way()
        return self._commits.run(doing, act)

    def _committed(self, meta: Meta) -> None:
        with told(self.folder, "reading the store"):
            view = self._tracker.refresh()
        self._care.written(view)

    def _reading(self, doing: str) -> AbstractContextManager[sqlite3.Connection]:
        self._require_open()
        return self._readers.reading(doing)

    def _require_writable(self) -> None:
        self._require_open()
        if self._lock is None:
            raise StoreError(f"{self.folder} is open for reading; open it with mode='write' to change it")

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError(f"the store {self.folder} has been closed; open it again")
        if self._process != os.getpid():
            raise StoreError(f"the store {self.folder} was opened by another process; open it after forking")

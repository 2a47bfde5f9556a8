"""Keeping what is searched in step with the truth."""

from __future__ import annotations

import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.generations.derived import generations
from wearabouts.stores.embedded.generations.segment import Damaged
from wearabouts.stores.embedded.living import crossing
from wearabouts.stores.embedded.truth.schema import DATABASE, DERIVED, Meta, connect, read_meta, reading, told
from wearabouts.stores.embedded.views.loading import load, replay, unhindered
from wearabouts.stores.embedded.views.view import Places, View
from wearabouts.types import Floats

log = logging.getLogger("wearabouts.stores")

T = TypeVar("T")

STALE: Final = 1.0  # seconds without a look after which a search looks itself
CATCH_UP: Final = 8  # times a new view is brought up to date beside the present one before writes wait for it
FEW: Final = 64  # numbers replayed in a few milliseconds
MOST_LEFT: Final = 4  # damaged bases one question may come upon


class Tracker:
    """The newest `View`, made by one thread at a time, handed to any number of them."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, meta: Meta, *, poll: bool) -> None:
        """Read everything.

        Args:
            folder: The store's folder.
            connection: Its own from now on for reading; the writer also writes with it, holding `lock`.
            meta: The store's own row as it was opened.
            poll: Whether another process may write; where this is the one writer, nobody else can.
        """
        self.folder = folder
        self.lock = threading.RLock()
        self.meta = meta
        self._connection = connection
        self._poll = poll
        self._file = _identity(folder)
        self._view: View | None = None
        self._version = -1
        self._looked = -math.inf
        self._refused = 0  # a newer generation that cannot be used
        self.on_damage: Callable[[], None] | None = None  # called once a base is left
        self.left: dict[Path, str] = {}  # bases that turned out to be damaged, and how
        self.look()

    def current(self) -> View:
        """The newest view: this process's own writes, and what others have committed until a second ago.

        Without a lock, unless nobody has looked for a second.
        """
        view = self._view
        if view is not None and (not self._poll or time.monotonic() - self._looked < STALE):
            return view
        return self.look()

    @property
    def age(self) -> float:
        """Seconds since the last look at what other processes have written; 0 for the one writer."""
        return time.monotonic() - self._looked if self._poll else 0.0

    def look(self) -> View:
        """The view with whatever any process has committed before the call.

        Raises:
            StoreError: The database is damaged, has been replaced, or was dedicated to another encoder.
        """
        with self.lock, told(self.folder, "reading the store"):
            now = time.monotonic()
            try:
                view = self._looked_at()
            except BaseException:
                self._looked = -math.inf  # the next search is to be told
                raise
            self._looked = now
            return view

    def _looked_at(self) -> View:
        if _identity(self.folder) != self._file:
            raise StoreError(f"{self.folder}: store.db has been replaced by another file; open the store again")
        # Asked before reading, so that a commit in between is seen at the next look.
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        view = self._view
        if view is None or (self._poll and version != self._version):
            view = self.refresh()
            self._version = version
        return view

    def follow(self) -> None:
        """Look, and go over to a newer generation where there is one."""
        self.look()
        if self._is_superseded():
            self.go_over(crossing.looking(self.look))

    def distrust(self) -> None:
        """Let the next search look itself."""
        self._looked = -math.inf

    def sound(self, ask: Callable[[], T]) -> T:
        """What a function gives that asks `current` for the view; where a base turns out to be damaged, it asks again.

        Raises:
            StoreError: As for `look`; or the disk fails again and again.
        """
        for _ in range(MOST_LEFT):
            base = self.current().base
            try:
                return ask()
            except Damaged as damage:
                self.leave(damage.path or base.path, damage.reason)
            except OSError as error:
                self.leave(base.path, str(error))
        raise StoreError(f"{self.folder} cannot be read; run `wearabouts check` on it, and use a disk that works")

    def found(self, photo_ids: Sequence[str]) -> tuple[View, Places]:
        """The newest view, and the row of each photo in it, -1 for one that is not there."""
        view = self.current()
        places = view.found(photo_ids)
        while places is None:  # a write has moved on beneath this view: wait for its own
            with self.lock:
                view = self.current()
                places = view.found(photo_ids)
        return view, places

    def vectors(self, photo_ids: Sequence[str]) -> Floats:
        """(n, D) float32, the vectors of photos.

        Raises:
            StoreError: One of them is not there.
        """
        view, places = self.found(photo_ids)
        for ident, place in zip(photo_ids, places.tolist(), strict=True):
            if place < 0:
                raise StoreError(f"photo {ident!r} is not in the store; ask for photos that a search has just given")
        return view.gathered(places)

    def numbers(self, photo_ids: Sequence[str]) -> tuple[int, list[int]]:
        """The number of each photo in the database, -1 for one that is not there, and the sequence number of that."""
        view, places = self.found(photo_ids)
        return view.sequence, view.numbered(places)

    def photos(self, product_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The ids of each product's photos in the newest view; none for a product that is not there."""
        found = self.current().photos_of(product_ids)
        while found is None:  # a write has moved on beneath this view: wait for its own
            with self.lock:
                found = self.current().photos_of(product_ids)
        return found

    def leave(self, path: Path | None, reason: str) -> None:
        """Go on without a base that is damaged, from an older one or the truth.

        Raises:
            StoreError: As for `look`; or what was damaged is no base.
        """
        with self.lock, told(self.folder, "reading the store"):
            self._note(path, reason)
            if self._view is None or self._view.base.path == path:
                self._view = None
                self.refresh()

    def _note(self, path: Path | None, reason: str) -> None:
        if path is None:
            raise StoreError(f"{self.folder} cannot be read ({reason}); use a local disk that works")
        if path not in self.left:
            self.left[path] = reason
            log.error("%s is damaged (%s); searching goes on without it, nothing is lost", path, reason)
            if self.on_damage is not None:
                self.on_damage()

    def refresh(self) -> View:
        """Replay what is newer onto the view, or read everything; until that is done, searches go on with the old one.

        Raises:
            StoreError: The store has been dedicated to another encoder, or is damaged.
        """
        with self.lock:
            try:
                self.meta, self._view = self._brought(self._connection, self._view)
            except BaseException:
                self._view = None  # a replay that broke off may have moved the rows beneath the old view
                raise
            return self._view

    def _is_superseded(self) -> bool:
        """Whether there is a newer generation than the one that is searched."""
        view, found = self._view, generations(self.folder / DERIVED)
        return view is not None and bool(found) and found[0][0] > max(view.base.generation, self._refused)

    def go_over(self, between: Callable[[], None] = unhindered) -> None:
        """Search the newest generation from now on.

        The view is made beside the present one, on a connection of its own, until its file is proven and it is only a
        few writes behind; only for those do writes wait. Searches never do.

        Args:
            between: Called every few milliseconds; may sleep, and what it raises leaves the present view.

        Raises:
            StoreError: As for `look`.
        """
        former = None if self._view is None else self._view.base
        with told(self.folder, "going over to a new index"), closing(connect(self.folder, write=False)) as connection:
            _, view = self._brought(connection, None, between)
            if (fault := crossing.fault(view.base, between)) is not None:
                self._note(view.base.path, fault)
                _, view = self._brought(connection, None, between)
            for _ in range(CATCH_UP):
                before = view.sequence
                _, view = self._brought(connection, view, between)
                if view.sequence - before <= FEW:
                    break
            with self.lock:
                if self._view is not None and view.base.generation <= self._view.base.generation:
                    self._refused = max((each for each, _ in generations(self.folder / DERIVED)), default=0)
                    return
                self.meta, self._view = self._brought(self._connection, view)
        crossing.linger(former)

    def _brought(
        self, connection: sqlite3.Connection, view: View | None, between: Callable[[], None] = unhindered
    ) -> tuple[Meta, View]:
        """A view, or None, → one that shows all that is committed."""
        with reading(connection):
            meta = read_meta(connection, self.folder)
            self._require_same_encoder(meta)
            while True:
                try:
                    if view is None or view.sequence < meta.replay_from:
                        return meta, self._loaded(connection, meta, between)
                    return meta, view if meta.sequence == view.sequence else replay(connection, meta, view, between)
                except Damaged as damage:
                    self._note(damage.path, damage.reason)
                except OSError as error:
                    self._note(self._newest() if view is None else view.base.path, str(error))
                view = None

    def _loaded(self, connection: sqlite3.Connection, meta: Meta, between: Callable[[], None]) -> View:
        folder = self.folder / DERIVED
        return load(connection, meta, folder, without=self.left, damaged=self._note, between=between)

    def _newest(self) -> Path | None:
        return next((path for _, path in generations(self.folder / DERIVED) if path not in self.left), None)

    def _require_same_encoder(self, meta: Meta) -> None:
        if (meta.encoder_hash, meta.dim) != (self.meta.encoder_hash, self.meta.dim):
            raise StoreError(
                f"{self.folder} was refilled with encoder {meta.encoder_hash} while open for {self.meta.encoder_hash}; "
                "open it again with that encoder"
            )

    def close(self) -> None:
        """Let go of the view and the connection."""
        with self.lock:
            self._view = None
            self._connection.close()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Which file stands under the database's name: a connection would go on reading one that has been replaced."""
    try:
        found = os.stat(folder / DATABASE)
    except OSError:
        return None
    return found.st_dev, found.st_ino

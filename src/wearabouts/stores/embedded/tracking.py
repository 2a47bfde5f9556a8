"""Keeping what is searched in step with the truth, and connections for everything else that reads it."""

from __future__ import annotations

import math
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.derived import generations
from wearabouts.stores.embedded.loading import load, replay
from wearabouts.stores.embedded.schema import DATABASE, DERIVED, Meta, connect, read_meta, reading, told
from wearabouts.stores.embedded.view import Places, View

MAX_IDLE: Final = 8  # connections kept for the next reader
STALE: Final = 1.0  # seconds without a look after which a search looks itself
CATCH_UP: Final = 8  # times a new view is brought up to date beside the present one before writes wait for it
FEW: Final = 64  # numbers replayed in a few milliseconds
LARGE: Final = 20_000  # rows outside the base that are worth another one


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
        self.look()

    def current(self) -> View:
        """The newest view: this process's own writes, and what others have committed until a second ago.

        Without a lock, unless nobody has looked for a second.
        """
        view = self._view
        if view is not None and (not self._poll or time.monotonic() - self._looked < STALE):
            return view
        return self.look()

    def look(self) -> View:
        """The view with whatever any process has committed before the call.

        Raises:
            StoreError: The database is damaged, has been replaced, or was dedicated to another encoder.
        """
        with self.lock, told(self.folder, "reading the store"):
            now, self._looked = time.monotonic(), -math.inf
            if _identity(self.folder) != self._file:
                raise StoreError(f"{self.folder}: store.db has been replaced by another file; open the store again")
            # Asked before reading, so that a commit in between is seen at the next look.
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            view = self._view
            if view is None or (self._poll and version != self._version):
                view = self.refresh()
                self._version = version
            self._looked = now
            return view

    def follow(self) -> None:
        """Look, and go over to a newer generation where there is one."""
        self.look()
        if self._is_superseded():
            self.go_over()

    def distrust(self) -> None:
        """Let the next search look itself."""
        self._looked = -math.inf

    def found(self, photo_ids: Sequence[str]) -> tuple[View, Places]:
        """The newest view, and the row of each photo in it, -1 for one that is not there."""
        view = self.current()
        places = _rows(view, photo_ids)
        if max(places, default=-1) >= len(view.alive):  # a write has moved on beneath this view: wait for its own
            with self.lock:
                view = self.current()
                places = _rows(view, photo_ids)
        found = np.asarray(places, np.int64)
        inside = (found >= 0) & (found < len(view.alive))
        inside[inside] = view.alive[found[inside]]
        return view, np.where(inside, found, -1)

    def photos(self, product_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The ids of each product's photos in the newest view; none for a product that is not there."""
        found = self.current().photos_of(product_ids)
        if found is None:  # a write has moved on beneath this view: wait for its own
            with self.lock:
                found = self.current().photos_of(product_ids)
        return found or []

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

    def go_over(self) -> None:
        """Search the newest generation from now on.

        The view is made beside the present one, on a connection of its own, until it is only a few writes behind; only
        for those do writes wait. Searches never do.

        Raises:
            StoreError: As for `look`.
        """
        with told(self.folder, "going over to a new index"), closing(connect(self.folder, write=False)) as connection:
            _, view = self._brought(connection, None)
            for _ in range(CATCH_UP):
                before = view.sequence
                _, view = self._brought(connection, view)
                if view.sequence - before <= FEW:
                    break
            with self.lock:
                if self._view is not None and view.base.generation <= self._view.base.generation:
                    self._refused = max((each for each, _ in generations(self.folder / DERIVED)), default=0)
                    return
                self.meta, self._view = self._brought(self._connection, view)

    def _brought(self, connection: sqlite3.Connection, view: View | None) -> tuple[Meta, View]:
        """A view, or None, → one that shows all that is committed."""
        with reading(connection):
            meta = read_meta(connection, self.folder)
            self._require_same_encoder(meta)
            if view is None or view.sequence < meta.replay_from:
                view = load(connection, meta, self.folder / DERIVED)
            elif meta.sequence != view.sequence:
                view = replay(connection, meta, view)
            return meta, view

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


def _rows(view: View, photo_ids: Sequence[str]) -> list[int]:
    return [view.rows.row_of.get(ident, -1) for ident in photo_ids]


def _identity(folder: Path) -> tuple[int, int] | None:
    """Which file stands under the database's name: a connection would go on reading one that has been replaced."""
    try:
        found = os.stat(folder / DATABASE)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Readers:
    """Read-only connections, one to each thread that reads just now, a few kept for the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextmanager
    def reading(self, doing: str) -> Iterator[sqlite3.Connection]:
        """A connection in a read transaction.

        Args:
            doing: What for, in the words of an error message.

        Raises:
            StoreError: SQLite fails, or a row's facts are not what their writer wrote.
        """
        with told(self.folder, doing):
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = connect(self.folder, write=False)
            try:
                with reading(connection):
                    yield connection
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
                raise StoreError(
                    f"{self.folder}: {doing} found a row that cannot be read ({type(error).__name__}); "
                    "run `wearabouts check --repair`"
                ) from error
            finally:
                if self._closed or len(self._idle) >= MAX_IDLE:
                    connection.close()
                else:
                    self._idle.append(connection)

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

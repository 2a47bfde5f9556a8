"""Making the next generation while the store is open: one at a time, watched by a thread unless asked for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import faiss

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.living import apart, renewal
from wearabouts.stores.embedded.living.chores import Chore, Ended, Rests
from wearabouts.stores.embedded.living.tracking import Tracker
from wearabouts.stores.embedded.truth.schema import DATABASE, connect, reading, told
from wearabouts.stores.embedded.views.loading import unhindered
from wearabouts.stores.embedded.views.view import View

log = logging.getLogger("wearabouts.stores")

Progress = Callable[[float], None]

SHARE: Final = 0.5  # of one core, for a rebuild nobody waits for, while somebody searches
LOG: Final = 2**30  # bytes of the write-ahead log from which writers wait for a rebuild that reads beneath them
LOOKS: Final = 0.05  # seconds between two looks whether they still must
AGAIN: Final = 300.0  # seconds after a failure before another try


class Rebuilder:
    """Knows when the base has been outgrown, and makes the next one.

    Attributes:
        searched: To be set by every search: whether anybody has searched since the last one was begun.
    """

    def __init__(self, folder: Path, tracker: Tracker) -> None:
        self._folder = folder
        self._tracker = tracker
        self._chore = Chore("wearabouts-rebuild", self._work)
        self._one = threading.Lock()
        self._not_before = 0.0
        self._wanted = False
        self.searched = False
        self._told: dict[str, Any] = {"state": "idle"}

    def consider(self, view: View) -> None:
        """Begin in the background where the base has been outgrown; costs next to nothing otherwise."""
        if (
            not self._one.locked()
            and renewal.is_outgrown(view, searched=self.searched)
            and time.monotonic() >= self._not_before
        ):
            self._chore.wake()

    def make_way(self) -> None:
        """Before a write: wait while a rebuild keeps the log from being emptied, and that has grown large.

        A rebuild reads one picture of the truth from beginning to end; until then whatever is written stays in the
        log as well, and a disk could be filled by nothing else.
        """
        path = self._folder / f"{DATABASE}-wal"
        while self._one.locked() and not self._chore.ending.is_set():
            with suppress(OSError):
                if path.stat().st_size > LOG:
                    time.sleep(LOOKS)
                    continue
            return

    def run(self, progress: Progress | None = None, rests: Rests | None = None) -> None:
        """Make the next generation now, and search it from now on.

        Args:
            progress: Told the part that is done.
            rests: Taken now and then; None where somebody waits for it, so that it rests only for who searches.

        Raises:
            StoreError: The disk fails; everything stays as it was.
        """
        with self._one:
            started = time.monotonic()
            pace = self._pace(rests)
            if rests is None and not pace.alone:
                rests = Rests(threading.Event(), SHARE)
            try:
                with (
                    told(self._folder, "rebuilding the index"),
                    closing(connect(self._folder, write=False)) as connection,
                    reading(connection),
                ):
                    self._told, self.searched = {"state": "running", "done": 0.0}, False
                    renewal.write(self._folder, connection, progress=self._watched(progress, rests), pace=pace)
                self._tracker.go_over(unhindered if rests is None else rests.take)
            except (Ended, KeyboardInterrupt):
                self._told = {"state": "abandoned"}
                raise
            except Exception as error:
                self._not_before = time.monotonic() + AGAIN
                why = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
                self._told = {"state": "failed", "why_failed": why}
                raise
            self._told = {"state": "idle", "seconds": round(time.monotonic() - started, 3)}

    @property
    def is_running(self) -> bool:
        """Whether one is being made."""
        return self._one.locked()

    def described(self) -> dict[str, Any]:
        """When one begins, whether one is running, how far it is, how the last one ended."""
        return renewal.described(self._tracker.current(), searched=self.searched) | self._told

    def close(self) -> None:
        """Throw away what is being made in the background."""
        self._chore.end()

    def want(self) -> None:
        """Begin in the background, whatever the base looks like: it is damaged."""
        self._wanted = True
        self._chore.wake()

    def _work(self) -> None:
        if not self._wanted and not renewal.is_outgrown(self._tracker.current(), searched=self.searched):
            return
        self._wanted = False
        rests = Rests(self._chore.ending, SHARE if self.searched else 1.0)
        faiss.omp_set_num_threads(1)  # of the regions this thread begins
        try:
            self.run(rests=rests)
        except Ended:
            log.info("%s: the store is closed before its next index is finished", self._folder)

    def _pace(self, rests: Rests | None) -> apart.Pace:
        return apart.Pace(1.0 if rests is None or not self.searched else SHARE, alone=not self.searched)

    def _watched(self, progress: Progress | None, rests: Rests | None) -> Progress:
        def progressed(done: float) -> None:
            self._told = {"state": "running", "done": round(done, 3)}
            if rests is not None:
                rests.take()
            if progress is not None:
                progress(done)

        return progressed

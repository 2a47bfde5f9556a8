"""Making the next generation while the store is open: one at a time, in a thread of the writer's, unless asked for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from wearabouts.errors import StoreError
from wearabouts.stores.embedded import renewal
from wearabouts.stores.embedded.chores import Chore
from wearabouts.stores.embedded.schema import connect, reading, told
from wearabouts.stores.embedded.tracking import Tracker
from wearabouts.stores.embedded.view import View

log = logging.getLogger("wearabouts.stores")

Progress = Callable[[float], None]

SHARE: Final = 0.5  # of one core, for a rebuild nobody waits for
SLICE: Final = 0.02  # seconds of work at most, as far as progress is told, before it rests
LONGEST_REST: Final = 1.0  # seconds
AGAIN: Final = 300.0  # seconds after a failure before another try


class Abandoned(Exception):  # noqa: N818 - nothing is wrong
    """The store is being closed: the draft is thrown away."""


class Rebuilder:
    """Knows when the base has been outgrown, and makes the next one."""

    def __init__(self, folder: Path, tracker: Tracker) -> None:
        self._folder = folder
        self._tracker = tracker
        self._chore = Chore("wearabouts-rebuild", self._work)
        self._one = threading.Lock()
        self._not_before = 0.0
        self._told: dict[str, Any] = {"state": "idle"}

    def consider(self, view: View) -> None:
        """Begin in the background where the base has been outgrown; costs next to nothing otherwise."""
        if renewal.is_outgrown(view) and time.monotonic() >= self._not_before and not self._one.locked():
            self._chore.wake()

    def run(self, progress: Progress | None = None) -> None:
        """Make the next generation now, and search it from now on.

        Raises:
            StoreError: The disk fails; everything stays as it was.
        """
        with self._one:
            started = time.monotonic()
            try:
                with (
                    told(self._folder, "rebuilding the index"),
                    closing(connect(self._folder, write=False)) as connection,
                    reading(connection),
                ):
                    self._told = {"state": "running", "done": 0.0}
                    renewal.write(self._folder, connection, progress=self._watched(progress))
                self._tracker.go_over()
            except Abandoned:
                self._told = {"state": "abandoned"}
                raise
            except StoreError as error:
                self._not_before = time.monotonic() + AGAIN
                self._told = {"state": "failed", "why": str(error)}
                raise
            self._told = {"state": "idle", "seconds": round(time.monotonic() - started, 3)}

    def described(self) -> dict[str, Any]:
        """Whether one is running, how far it is, how the last one ended."""
        return dict(self._told)

    def close(self) -> None:
        """Throw away what is being made in the background."""
        self._chore.end()

    def _work(self) -> None:
        if not renewal.is_outgrown(self._tracker.current()):
            return
        try:
            self.run(_Rests(self._chore.ending).progressed)
        except Abandoned:
            log.info("%s: the store is closed before its next index is finished", self._folder)

    def _watched(self, progress: Progress | None) -> Progress:
        def progressed(done: float) -> None:
            self._told = {"state": "running", "done": round(done, 3)}
            if progress is not None:
                progress(done)
            if self._chore.ending.is_set() and threading.current_thread().name == self._chore.name:
                raise Abandoned

        return progressed


class _Rests:
    """Sleeps so much of the time that no more than a share of one core is used."""

    def __init__(self, ending: threading.Event) -> None:
        self._ending = ending
        self._used = time.thread_time()

    def progressed(self, done: float) -> None:
        """Rest for what has been used since the last rest."""
        used = time.thread_time() - self._used
        if used >= SLICE:
            self._ending.wait(min(LONGEST_REST, used * (1 / SHARE - 1)))
            self._used = time.thread_time()

"""Threads that look after a store while it is open: each does one thing, when its time comes or when it is woken.

They hold no reference to what they look after, so that a store nobody closed can still be collected, and they have
come to their end before the interpreter takes itself apart.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

log = logging.getLogger("wearabouts.stores")

SLICE: Final = 0.005  # seconds of work between rests
LONGEST: Final = 2.0  # seconds of rest
PATIENCE: Final = 5.0  # seconds for which an end is waited for where nobody has asked for it
_LIVING: weakref.WeakSet[Chore] = weakref.WeakSet()


class Chore:
    """A daemon thread that calls one method again and again; started by the first `wake`."""

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        """Make it, without a thread so far.

        Args:
            name: Of the thread.
            work: A bound method; gives the seconds until it wants to be called again, None for not until it is woken.
                What it raises is logged and ends nothing.
        """
        self.name = name
        self._work = weakref.WeakMethod(work)
        self._woken = threading.Event()
        self._gate = threading.Lock()
        self._thread: threading.Thread | None = None
        self.ending = threading.Event()
        weakref.finalize(work.__self__, self._ask_to_end).atexit = False  # type: ignore[attr-defined]  # bound methods

    def wake(self) -> None:
        """Call the method soon; while it runs, once more afterwards."""
        self._woken.set()
        if self._thread is None:
            with self._gate:
                if self._thread is None and not self.ending.is_set():
                    thread = threading.Thread(target=_run, args=(self,), name=self.name, daemon=True)
                    try:
                        thread.start()
                    except RuntimeError as error:  # a write that is committed is not to fail for it
                        log.warning("%s: %s; it is tried again", self.name, error)
                        return
                    self._thread = thread
                    _LIVING.add(self)

    def end(self, patience: float | None = None) -> None:
        """Wait until the method has returned and is not called again; from the chore's own thread, only ask for it.

        Args:
            patience: Seconds to wait at most.
        """
        self._ask_to_end()
        with self._gate:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience)

    def _ask_to_end(self) -> None:
        self.ending.set()
        self._woken.set()


class Ended(Exception):  # noqa: N818 - nothing is wrong
    """The chore is to end: what it was doing is left as it is."""


class Rests:
    """Keeps a long piece of work to a share of one core, and ends it when its chore is to end."""

    def __init__(self, ending: threading.Event, share: float) -> None:
        """Begin to count.

        Args:
            ending: Of the chore.
            share: Of one core, in (0, 1].
        """
        self._ending = ending
        self._share = share
        self._used = time.thread_time()

    def take(self) -> None:
        """Rest for what has been used since the last rest; to be called every few milliseconds.

        Raises:
            Ended: The chore is to end.
        """
        used = time.thread_time() - self._used
        if used >= SLICE:
            self._ending.wait(min(LONGEST, used * (1 / self._share - 1)))
            self._used = time.thread_time()
        if self._ending.is_set():
            raise Ended


def _run(chore: Chore) -> None:
    wait: float | None = 0.0
    while True:
        if wait is None or wait > 0:
            chore._woken.wait(wait)
        chore._woken.clear()
        if chore.ending.is_set():
            return
        work = chore._work()
        if work is None:
            return
        try:
            wait = work()
        except Exception as error:
            log.warning("%s: %s", chore.name, error)
            wait = None
        del work


@atexit.register
def _end_all() -> None:
    for chore in list(_LIVING):
        chore.end(PATIENCE)

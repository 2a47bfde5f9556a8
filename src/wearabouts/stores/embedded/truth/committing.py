"""Group commit: writes that wait at the same time share one transaction, one fsync and one replay.

The first to come leads: it takes what waits, runs each request in a savepoint of its own, commits, lets the view be
brought up to date, and wakes the others, the first of those who came meanwhile to lead the next group. A request that
is refused costs only itself. A caller alone runs its request in a plain transaction in its own thread.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, TypeVar

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.truth.lock import Acknowledged
from wearabouts.stores.embedded.truth.schema import Meta, read_meta, told, write_meta
from wearabouts.stores.embedded.truth.schema import writing as write_transaction

T = TypeVar("T")
Act = Callable[[sqlite3.Connection, Meta], tuple[Meta, T]]

log = logging.getLogger("wearabouts.stores")

MOST: Final = 256  # requests in one group
GATHERING: Final = 0.25  # of the last group's time, for which those who came together are waited for
PATIENCE: Final = 60.0  # seconds in which a group must have come to its end when the store is closed


class _Request:
    """One write that waits for its turn."""

    def __init__(self, doing: str, act: Act[Any]) -> None:
        self.doing = doing
        self.act = act
        self.outcome: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.turn = threading.Event()  # done, or to lead the next group


class Commits:
    """The one way to change the truth."""

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        alone: AbstractContextManager[Any],
        committed: Callable[[Meta], None],
        noted: Acknowledged | None,
    ) -> None:
        """Begin.

        Args:
            folder: The store's folder.
            connection: The one that writes.
            alone: Held while the connection is in use; reentrant.
            committed: Called after each COMMIT with the store's own row, before the writes in it are acknowledged; what
                it raises undoes nothing.
            noted: Where each number is noted once it is committed.
        """
        self._folder = folder
        self._connection = connection
        self._alone = alone
        self._committed = committed
        self._noted = noted
        self._gate = threading.Condition(threading.Lock())
        self._waiting: deque[_Request] = deque()
        self._led = False
        self._closed = False
        self._gathering = False
        self._last = 1  # requests in the last group
        self._took = 0.0  # seconds of it
        self.groups = 0
        self.requests = 0

    def run(self, doing: str, act: Act[T]) -> T:
        """Run a write; it is acknowledged by returning.

        Args:
            doing: What for, in the words of an error message.
            act: Given the connection, in a write transaction, and the store's own row; gives the row as it is to be
                from now on, and what the caller wants to know.

        Raises:
            StoreError: The store is closed, SQLite fails, or whatever `act` raised; nothing of the request is kept.
        """
        request = _Request(doing, act)
        with self._gate:
            if self._closed:
                raise StoreError(f"the store {self._folder} has been closed; open it again")
            self._waiting.append(request)
            leads = not self._led
            self._led = True
            if self._gathering and len(self._waiting) >= self._last:
                self._gate.notify_all()
        if not leads:
            self._wait(request)
        if not request.done:
            self._lead()
        if request.error is not None:
            raise request.error
        outcome: T = request.outcome
        return outcome

    def close(self) -> None:
        """Refuse further writes, once those that wait are done."""
        with self._gate:
            self._closed = True
            self._gate.wait_for(lambda: not self._led, PATIENCE)

    def release(self) -> None:
        """Let go of the note of what is acknowledged."""
        if self._noted is not None:
            self._noted.close()

    def described(self) -> dict[str, int]:
        """How many transactions were committed, of how many writes."""
        return {"commits": self.groups, "writes": self.requests}

    def _wait(self, request: _Request) -> None:
        try:
            request.turn.wait()
        except BaseException:  # interrupted: whatever is already under way is not acknowledged
            with self._gate:
                if request in self._waiting:
                    self._waiting.remove(request)
                    if request.turn.is_set():
                        self._pass_on()
            raise

    def _lead(self) -> None:
        with self._gate:
            if len(self._waiting) < self._last:
                # Those served together a moment ago are likely to come again together: worth a part of a commit.
                self._gathering = True
                self._gate.wait_for(lambda: len(self._waiting) >= self._last, self._took * GATHERING)
                self._gathering = False
            group = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        try:
            self._serve(group)
        finally:
            with self._gate:
                for each in group:
                    if not each.done:  # this thread was interrupted
                        each.done = True
                        each.error = each.error or StoreError(
                            f"{self._folder}: {each.doing} was interrupted and may not have been kept; run it again"
                        )
                    each.turn.set()
                self._pass_on()

    def _pass_on(self) -> None:
        """Let the first who waits lead; the gate is held."""
        if self._waiting:
            self._waiting[0].turn.set()
        else:
            self._led = False
            self._gate.notify_all()

    def _serve(self, group: list[_Request]) -> None:
        with self._alone:
            started = time.perf_counter()
            try:
                with told(self._folder, group[0].doing):
                    meta = self._commit(group)
            except Exception as error:
                if len(group) > 1:  # a full disk, say: what is too much for all together may do for most
                    for each in group:
                        each.error = None
                        self._serve([each])
                    return
                group[0].error, group[0].done = error, True
                return
            self.groups += 1
            self.requests += len(group)
            if self._noted is not None:
                self._noted.note(meta.sequence)
            try:
                self._committed(meta)
            except Exception as error:  # the writes are on the disk all the same
                log.warning("%s: after a write: %s", self._folder, error)
            for each in group:
                each.done = True
            self._last, self._took = len(group), time.perf_counter() - started

    def _commit(self, group: list[_Request]) -> Meta:
        connection = self._connection
        with write_transaction(connection):
            before = meta = read_meta(connection, self._folder)
            if len(group) == 1:
                meta, group[0].outcome = group[0].act(connection, meta)
            else:
                for each in group:
                    meta = self._attempt(each, meta)
            if meta != before:
                write_meta(connection, meta)
        return meta

    def _attempt(self, request: _Request, meta: Meta) -> Meta:
        connection = self._connection
        connection.execute("SAVEPOINT request")
        try:
            with told(self._folder, request.doing):
                moved, request.outcome = request.act(connection, meta)
        except Exception as error:
            if not connection.in_transaction:  # SQLite itself has given up the whole transaction
                raise
            connection.execute("ROLLBACK TO request")
            request.error = error
            moved = meta
        connection.execute("RELEASE request")
        return moved

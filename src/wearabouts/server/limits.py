"""How much one client, and all of them together, may ask for at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil
from typing import Any, TypeVar

from wearabouts.server.problems import RefusalError

T = TypeVar("T")


class TokenBuckets:
    """A token bucket for each client: a minute's worth at once, refilled evenly.

    Args:
        per_minute: Tokens a minute, and the size of a full bucket.
        clients: Buckets kept; the one longest unused is forgotten first (it is nearly full again by then).
        clock: Seconds, never running backwards.
    """

    def __init__(self, per_minute: int, *, clients: int = 20_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._rate = per_minute / 60.0
        self._clients = clients
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Take one token.

        Raises:
            RefusalError: 429 with Retry-After where the bucket is empty.
        """
        now = self._clock()
        tokens, seen = self._buckets.pop(client, (self._size, now))
        tokens = min(self._size, tokens + (now - seen) * self._rate)
        allowed = tokens >= 1.0
        self._buckets[client] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = ceil((1.0 - tokens) / self._rate)
            raise RefusalError(
                429,
                "rate",
                f"more than {self._size:.0f} requests a minute; wait {wait} s",
                {"Retry-After": str(wait)},
            )


class BodyBudget:
    """A bound on the bytes of all request bodies that are held at the same time."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Give a function that books further bytes; all of them are given back at the end."""
        mine = 0

        def book(count: int) -> None:
            nonlocal mine
            if self.held + count > self.total:
                detail = "too many photos are being received at this moment; try again in 2 s"
                raise RefusalError(503, "busy", detail, {"Retry-After": "2"})
            mine += count
            self.held += count

        try:
            yield book
        finally:
            self.held -= mine


class Gate:
    """Blocking work in a bounded pool of threads, with a short queue; what does not fit is refused at once.

    Args:
        name: For the threads' names.
        threads: Pieces of work that run at once.
        queue: Pieces that wait.
        seconds: When the caller stops waiting. The thread goes on and keeps its place until it ends.
    """

    def __init__(self, name: str, threads: int, queue: int, seconds: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._room = threads + queue
        self._seconds = seconds
        self._lock = threading.Lock()
        self.busy = 0

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Run `work` in a thread.

        Raises:
            RefusalError: 503 with Retry-After where the queue is full or the time is over.
        """
        with self._lock:
            if self.busy >= self._room:
                detail = "as many searches as this server takes are already waiting; try again in 1 s"
                raise RefusalError(503, "busy", detail, {"Retry-After": "1"})
            self.busy += 1
        job = self._pool.submit(work, *args)
        job.add_done_callback(self._leave)
        waiting = asyncio.wrap_future(job)
        waiting.add_done_callback(_look_at)
        done, _ = await asyncio.wait({waiting}, timeout=self._seconds)
        if not done:
            job.cancel()
            detail = f"not answered within {self._seconds:g} s: the server is overloaded; try again in 5 s"
            raise RefusalError(503, "busy", detail, {"Retry-After": "5"})
        return waiting.result()

    def close(self) -> None:
        """Drop what waits; let what runs come to its end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _leave(self, _: Future[Any]) -> None:
        with self._lock:
            self.busy -= 1


def _look_at(future: asyncio.Future[Any]) -> None:
    """Take the outcome of work nobody waits for any more, so that asyncio does not log it as forgotten."""
    if not future.cancelled():
        future.exception()

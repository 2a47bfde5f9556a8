"""Processes of this machine: each decodes and encodes whole batches on one core, so that all cores are busy.

A process that dies costs nobody but itself: its batch is made again photo by photo, and a photo that kills the process
a second time, alone, is named as a fault. Processes start without the caller's main module, so a script needs no guard.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from wearabouts.catalog import Photo, Product
from wearabouts.embedding.crew import WAITING_BATCHES, Crew, Threads
from wearabouts.embedding.making import SHOWN_URI, Made, Order
from wearabouts.embedding.photos import Direct, Fetches, Reached
from wearabouts.embedding.worker import packed, receive, send
from wearabouts.encoders import Encoder
from wearabouts.errors import SettingsError

# Two processes take about two seconds of processor time to start, as much as threads need for some two hundred photos;
# up to this many photos the threads are done before that has paid.
FEW = 500
MOST = 16  # processes by default: each holds the model


class _DiedError(Exception):
    """A process ended before it answered; the message says how."""


class _Process:
    """One worker process, started at the first batch and again after each death."""

    def __init__(self, recipe: bytes) -> None:
        self._recipe = recipe
        self._popen: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._closed = False

    def ask(self, orders: Sequence[Order]) -> list[Made]:
        """The answers to a batch.

        Raises:
            _DiedError: The process died.
            Exception: What the encoder raised.
        """
        popen = self.started()
        answer = self._exchange(popen, list(orders))
        if isinstance(answer, Exception):
            raise answer
        made: list[Made] = answer
        return made

    def started(self) -> subprocess.Popen[bytes]:
        """The running process; a new one where there is none."""
        with self._lock:
            if self._closed:
                raise _DiedError("the run was stopped")
            if self._popen is not None:
                return self._popen
            paths = os.pathsep.join(path for path in sys.path if path)
            popen = self._popen = subprocess.Popen(
                [sys.executable, "-c", "from wearabouts.embedding.worker import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C on the terminal is for the master, who then ends it
            )
        try:
            self._exchange(popen, self._recipe)
        except _DiedError as error:
            raise SettingsError(
                f"a worker process cannot start ({error}); its own words stand above; index with --workers 0"
            ) from error
        return popen

    def _exchange(self, popen: subprocess.Popen[bytes], message: object) -> Any:
        assert popen.stdin is not None
        assert popen.stdout is not None
        try:
            send(popen.stdin, message)
            return receive(popen.stdout)
        except (EOFError, OSError, ValueError):  # ValueError: the stream was closed by `end` meanwhile
            raise _DiedError(self._end()) from None

    def _end(self) -> str:
        """Clear away the process, dead or alive; how it ended."""
        with self._lock:
            popen, self._popen = self._popen, None
        if popen is None:
            return "it was stopped"
        popen.kill()
        code = popen.wait()
        for stream in (popen.stdin, popen.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()
        return _worded(code)

    def close(self) -> None:
        """End it for good, in the middle of a batch, too: it keeps nothing."""
        with self._lock:
            self._closed = True
            if self._popen is not None:
                self._popen.kill()  # whoever waits for its answer gets the end of the stream

    def cleared(self) -> None:
        """Release what is left of it, once nobody waits for an answer."""
        self._end()


class Processes(Direct):
    """A crew of worker processes.

    Args:
        encoder: Sent to each of them.
        fetcher: The door to disk and network; it stays here, so that one host sees one polite guest.
        processes: How many, at least 1.

    Raises:
        SettingsError: The encoder cannot travel.
    """

    def __init__(self, encoder: Encoder, fetcher: Fetches, *, processes: int) -> None:
        super().__init__(fetcher)
        self.ahead = WAITING_BATCHES * processes
        recipe = packed(encoder)
        self._queue: SimpleQueue[tuple[Sequence[Order], Future[list[Made]]] | None] = SimpleQueue()
        self._closing = Event()
        self._processes = [_Process(recipe) for _ in range(processes)]
        self._threads = [
            Thread(target=self._run, args=(process,), name="wearabouts-process", daemon=True)
            for process in self._processes
        ]
        for thread in self._threads:
            thread.start()

    def products(self, products: Iterable[Product]) -> Iterator[Product]:
        """As they come."""
        return iter(products)

    def submit(self, orders: Sequence[Order]) -> Future[list[Made]]:
        """See `Crew.submit`."""
        future: Future[list[Made]] = Future()
        self._queue.put((orders, future))
        return future

    def start(self) -> None:
        """Start all processes now, side by side, and return when they can work.

        Raises:
            SettingsError: One cannot start.
        """
        for future in [self.submit([]) for _ in self._processes]:
            future.result()

    @property
    def pids(self) -> list[int]:
        """Ids of the processes that run now."""
        running = [process._popen for process in self._processes]
        return [popen.pid for popen in running if popen is not None]

    def close(self) -> None:
        """See `Crew.close`."""
        self._closing.set()
        with suppress(Empty):
            while True:
                waiting = self._queue.get_nowait()
                if waiting is not None:
                    waiting[1].cancel()
        for process in self._processes:
            process.close()
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, process: _Process) -> None:
        while (waiting := self._queue.get()) is not None:
            orders, future = waiting
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._made(process, orders))
            except BaseException as error:  # also what an encoder should not raise: it is for who waits
                future.set_exception(error)
        process.cleared()

    def _made(self, process: _Process, orders: Sequence[Order]) -> list[Made]:
        try:
            return process.ask(orders)
        except _DiedError:
            if self._closing.is_set():
                raise
            return [self._alone(process, order) for order in orders]

    def _alone(self, process: _Process, order: Order) -> Made:
        """A photo whose batch died, by itself: so the one that is to blame is found, and the others are made."""
        try:
            return process.ask([order])[0]
        except _DiedError as error:
            if self._closing.is_set():
                raise
            return Made(f"{order.uri[:SHOWN_URI]}: the process that made it died twice ({error}); look at the photo")


class Growing:
    """Threads at first, processes once the job has shown to be large: a small job never waits for them.

    Args:
        threads: Who begins.
        encoder: Sent to the processes.
        fetcher: For the processes' crew.
        processes: How many.
        few: Photos from which on processes are started, beside the work.
    """

    def __init__(self, threads: Threads, encoder: Encoder, fetcher: Fetches, *, processes: int, few: int = FEW) -> None:
        self._few, self._sent = few, 0
        self._made = (encoder, fetcher, processes)
        self._crew: Crew = threads
        self._threads = threads
        self._grown: Processes | None = None
        self._starting: Thread | None = None

    @property
    def ahead(self) -> int:
        """As many as who works now may have."""
        return self._crew.ahead

    def products(self, products: Iterable[Product]) -> Iterator[Product]:
        """As they come."""
        return iter(products)

    def reach(self, photo: Photo, validators: Mapping[str, str]) -> Reached:
        """See `Crew.reach`."""
        return self._threads.reach(photo, validators)

    def submit(self, orders: Sequence[Order]) -> Future[list[Made]]:
        """See `Crew.submit`."""
        self._sent += len(orders)
        if self._starting is None and self._sent > self._few:
            self._starting = Thread(target=self._grow, name="wearabouts-grow", daemon=True)
            self._starting.start()
        return self._crew.submit(orders)

    def _grow(self) -> None:
        encoder, fetcher, processes = self._made
        with suppress(SettingsError, OSError):  # then the threads go on, as they would in a small job
            self._grown = Processes(encoder, fetcher, processes=processes)
            self._grown.start()
            self._crew = self._grown

    def close(self) -> None:
        """See `Crew.close`."""
        if self._starting is not None:
            while self._grown is None and self._starting.is_alive():
                self._starting.join(0.01)
            if self._grown is not None:
                self._grown.close()
            self._starting.join()
        self._threads.close()


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _worded(code: int) -> str:
    if code >= 0:
        return f"it ended by itself with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name}, which the system also sends where memory runs out" if name == "SIGKILL" else name

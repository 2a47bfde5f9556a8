"""The process that is hurt: it plays the story and tells each word through a socket to the one who keeps the ledger.

It is forked from a server that has everything loaded, so that another victim costs milliseconds. It speaks by `sendto`
and `recvfrom` alone, which no fault is injected into.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import multiprocessing
import os
import pkgutil
import resource
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from torture import story
from torture.ledger import COUNT, Ledger, looking, sign_of
from wearabouts.errors import WearaboutsError
from wearabouts.stores import embedded

PROCESSES = multiprocessing.get_context("forkserver")
PR_SET_PTRACER = 0x59616D61
ANYBODY = ctypes.c_ulong(-1)
CLONE_NEWNS, MS_PRIVATE, MS_REC = 0x20000, 1 << 18, 1 << 14
PATIENCE = 60.0  # seconds without a word


@cache
def begun() -> None:
    """Begin the server that processes are forked from, with all loaded that they need."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # it knows no other way to our modules
    try:
        PROCESSES.set_forkserver_preload(["wearabouts.stores.embedded", "torture.victim", "torture.ingest"])
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def process(life: Callable[..., None], *words: Any) -> Any:
    """A process, started."""
    begun()
    started = PROCESSES.Process(target=life, args=words, daemon=True)
    started.start()
    return started


@dataclass(frozen=True, slots=True)
class Orders:
    """What a victim is to do.

    Attributes:
        folder: The store's.
        first: Number of the first step.
        steps: How many; None for ever.
        seed: Of the story.
        wait: Whether to wait for a word before the first file is touched.
        files: At most so many open files more than there are when the store has been opened; None for no limit.
        room: KiB of a small file system of its own, mounted on the folder's parent and copied to `out` beside that
            when all is done; None for none.
        bases: See `story.based`.
    """

    folder: Path
    first: int = 0
    steps: int | None = None
    seed: int = 0
    wait: bool = False
    files: int | None = None
    room: int | None = None
    bases: str = "exact"


class Told(story.Teller):
    """Sends every word in one piece: a kill leaves it whole or not at all."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.trouble = False

    def say(self, word: str, number: int = -1, index: int = -1, said: str = "") -> None:
        """One word."""
        self.line.send(json.dumps((word, number, index, said[:50_000])).encode())

    def begin(self, number: int, part: int) -> None:
        self.say("begin", number, part)

    def done(self, number: int, part: int) -> None:
        self.say("done", number, part)

    def refused(self, number: int, part: int, error: WearaboutsError) -> None:
        self.trouble = True
        self.say("refused", number, part, f"{type(error).__name__}: {error}")

    def broken(self, number: int, part: int, error: BaseException) -> None:
        self.trouble = True
        self.say("broken", number, part, f"{type(error).__name__}: {error}")


def live(orders: Orders, line: socket.socket) -> None:
    """The victim's life; ends when the steps are done, or is ended from outside."""
    with story.based(orders.bases):
        _live(orders, line)


def _live(orders: Orders, line: socket.socket) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
    told = Told(line)
    if orders.wait:
        _prepare(orders)
        told.say("ready")
        line.recv(16)
    if orders.room is not None:
        _mount(orders.folder.parent, orders.room)
    store = _opened(orders, told)
    if orders.files is not None:
        limit = len(os.listdir("/proc/self/fd")) + orders.files
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    number = orders.first
    while store is not None and (orders.steps is None or number < orders.first + orders.steps):
        store = story.play(orders.folder, store, number, told, orders.seed)
        if store is None:
            store = _opened(orders, told)
        if told.trouble and store is not None:
            told.trouble = False
            _look(store, number, told)
        number += 1
    told.say("closing")
    try:
        if store is not None:
            store.close()
    except WearaboutsError as error:
        told.say("not closed", said=str(error))
    except BaseException as error:
        told.broken(number, -1, error)
    if orders.room is not None:
        shutil.copytree(orders.folder.parent, orders.folder.parent.with_name("out"))
    told.say("closed")


def _prepare(orders: Orders) -> None:
    """Load what will be needed: a fault is to hit the store, not an import."""
    for each in pkgutil.walk_packages(embedded.__path__, f"{embedded.__name__}."):
        importlib.import_module(each.name)
    story.crew()
    for number in range(orders.first, orders.first + (orders.steps or 0)):
        story.parts(number, orders.seed)


def _opened(orders: Orders, told: Told) -> Any:
    """The store, tried a few times: a fault is to pass."""
    for _ in range(3):
        told.say("open")
        try:
            store = story.opened(orders.folder)
        except WearaboutsError as error:
            told.say("not opened", said=str(error))
        except BaseException as error:
            told.broken(0, -1, error)
            return None
        else:
            told.say("opened")
            return store
    return None


def _look(store: Any, number: int, told: Told) -> None:
    """After a fault: what the store holds and answers, told to the ledger."""
    sign = None
    try:
        found = store.search(looking(), COUNT).photo_ids
        with suppress(WearaboutsError):  # the rows may be out of reach while the fault lasts; searching may not
            sign = sign_of(store)
    except WearaboutsError as error:
        told.say("blind", number, said=str(error))
    except BaseException as error:
        told.broken(number, -1, error)
    else:
        told.say("seen", number, said=json.dumps((sign, found)))


def _mount(folder: Path, size: int) -> None:
    """A small file system that only this process sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    if done or libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size}k".encode()):
        raise OSError(ctypes.get_errno(), "a file system cannot be mounted here")


class Victim:
    """A victim from the outside.

    Args:
        orders: What it is to do.
        ledger: Takes down what it tells.
    """

    def __init__(self, orders: Orders, ledger: Ledger) -> None:
        self.ledger = ledger
        self.line, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = process(live, orders, far)
        far.close()
        self.said: list[str] = []
        self.over = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self.process.pid or 0)

    def hear(self, seconds: float) -> str | None:
        """The next word, taken down; None when none came in that time, or none will come (`over`)."""
        if self.over or not select.select([self.line], [], [], max(seconds, 0))[0]:
            return None
        raw = self.line.recv(1 << 16)
        if not raw:
            self.over = True
            return None
        word, number, index, said = json.loads(raw)
        self.said.append(word)
        if word not in ("ready", "closed"):
            self.ledger.read(word, number, index, said)
        return str(word)

    def hear_all(self, seconds: float) -> None:
        """Take down everything that is told in that time, or until the victim ends."""
        end = time.monotonic() + seconds
        while not self.over and (left := end - time.monotonic()) > 0:
            self.hear(left)

    def go(self) -> None:
        """Let it begin."""
        self.line.send(b"go")

    def end(self) -> None:
        """Kill it, if it still lives, and take down its last words."""
        if not self.over:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        while not self.over:
            self.hear(PATIENCE)
        self.process.join(PATIENCE)
        self.line.close()
        self.ledger.settle()

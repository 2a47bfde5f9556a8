"""Building a large base in a process of its own: a minute of Python there takes no moment of those who search here.

A thread that builds holds the interpreter for milliseconds again and again, and every search waits for it several
times over. The process writes the draft and tells how far it is; what the draft becomes is for the one writer to say.
It gives way to whoever else wants the processor, and ends when nobody listens any more.
"""

from __future__ import annotations

import json
import os
import select
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from wearabouts.errors import StoreError

Progress = Callable[[float], None]

WORTH: Final = 16 * 2**20  # bytes of vectors; fewer are built about as soon as another interpreter has begun
NICE: Final = 5  # others get three times as much of a core; much more, and a busy machine would never finish it
LISTEN: Final = 0.05  # seconds between two looks whether the building is to end
TELL: Final = 0.02  # seconds between two words of how far it is
_LONGEST: Final = 2**16  # bytes of one word
_CODE: Final = (
    "import sys, json; order = json.loads(sys.argv[1]); sys.path[:] = order.pop('path'); "
    "from wearabouts.stores.embedded.living.apart import begin; begin(order)"
)
_QUIET: Final = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class NotBegunError(Exception):
    """No such process can be begun here: the base is to be built where one is."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much of the machine a building may take.

    Attributes:
        share: Of one core, in (0, 1].
        alone: Whether nobody searches: then it takes every core.
    """

    share: float
    alone: bool


def is_worth(photos: int, dim: int) -> bool:
    """Whether so many vectors are worth a process of their own."""
    return 4 * photos * dim >= WORTH and Path(sys.executable or "").name.startswith("python")


def build(folder: Path, draft: Path, generation: int, *, pace: Pace, progress: Progress) -> None:
    """Have a draft written of what the database has now.

    Args:
        folder: The store's folder.
        draft: Where.
        generation: Its number.
        pace: How much it may take.
        progress: Told the part that is done, 0 to 1, several times a second; what it raises ends the process.

    Raises:
        NotBegunError: It did not come so far as to open the database.
        OSError: The disk is full or fails.
        MemoryError: There is too little memory.
        StoreError: The database is damaged, or the process was killed.
    """
    order = {"folder": str(folder.absolute()), "draft": str(draft.absolute()), "generation": generation}
    words = json.dumps(order | {"pace": asdict(pace), "path": sys.path})
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, on code of this module
            (sys.executable, "-I", "-c", _CODE, words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **({} if pace.alone else _QUIET)},
            start_new_session=True,  # an interrupt is for whoever listens
        )
    except OSError as error:
        raise NotBegunError(str(error)) from error
    with process:
        try:
            last = _heard(process, progress)
        finally:
            process.kill()
    if last is None:
        raise NotBegunError(f"it ended with {process.returncode}")
    if "error" in last:
        raise _error(folder, last["error"])
    if not last.get("finished"):
        raise StoreError(
            f"the process that made the index of {folder} was ended by something else ({process.returncode}); nothing "
            "is lost, searches go on without it; give it more memory, and run `wearabouts check --repair`"
        )


def _heard(process: subprocess.Popen[bytes], progress: Progress) -> dict[str, Any] | None:
    """The last word of the process; None where it never had a first one."""
    assert process.stdout is not None
    handle, rest, done = process.stdout.fileno(), b"", 0.0
    last: dict[str, Any] | None = None
    listening = select.poll()  # select() itself fails past 1,024 open files, and a busy server has more
    listening.register(handle, select.POLLIN)
    while True:
        if listening.poll(1_000 * LISTEN):
            raw = os.read(handle, _LONGEST)
            if not raw:
                return last
            *lines, rest = (rest + raw).split(b"\n")
            for line in lines:
                last = json.loads(line)
                done = last.get("done", done)
        progress(done)


def _error(folder: Path, told: dict[str, Any]) -> Exception:
    text = str(told["text"])
    match told["kind"]:
        case "system":
            return OSError(told["number"], text)
        case "memory":
            return MemoryError(text)
        case "database":
            return sqlite3.DatabaseError(text)
        case "store":
            return StoreError(text)
    return StoreError(f"the index of {folder} could not be made ({text}); run `wearabouts check` on it")


def begin(order: dict[str, Any]) -> None:
    """What the process does: it builds, and says so on its standard output."""
    word: dict[str, Any] = {"finished": True}
    pace = Pace(**order["pace"])
    if not pace.alone:
        os.nice(NICE)
    try:
        _build(Path(order["folder"]), Path(order["draft"]), order["generation"], pace)
    except BrokenPipeError:
        return
    except OSError as error:
        word = _failed("system", error.strerror or error, number=error.errno)
    except MemoryError as error:
        word = _failed("memory", error)
    except sqlite3.Error as error:
        word = _failed("database", error)
    except StoreError as error:
        word = _failed("store", error)
    except Exception as error:
        word = _failed("other", f"{type(error).__name__}: {error}")
    with suppress(OSError):
        _say(word)


def _failed(kind: str, error: object, *, number: int | None = None) -> dict[str, Any]:
    return {"error": {"kind": kind, "text": str(error)[:1000], "number": number}}


def _build(folder: Path, draft: Path, generation: int, pace: Pace) -> None:
    from wearabouts.stores.embedded.generations import building
    from wearabouts.stores.embedded.living.chores import Rests
    from wearabouts.stores.embedded.truth.schema import connect, read_meta, reading

    rests, told = Rests(threading.Event(), pace.share), 0.0

    def progress(done: float) -> None:
        nonlocal told
        rests.take()
        if time.monotonic() - told >= TELL:
            _say({"done": done})
            told = time.monotonic()

    with closing(connect(folder, write=False)) as connection, reading(connection):
        _say({"done": 0.0})
        building.build(connection, read_meta(connection, folder), draft, generation=generation, progress=progress)


def _say(word: dict[str, Any]) -> None:
    os.write(1, json.dumps(word).encode() + b"\n")

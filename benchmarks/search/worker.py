"""One engine in a process of its own: a line of JSON in, a line of JSON out.

    {"do": "build", …}   make the index from a file of vectors and keep it in a folder
    {"do": "open", …}    read it again, ready to search
    {"do": "search", …}  search some queries one after the other, each timed
    {"do": "quit"}

Run by `talk`; needs NumPy and the engine's own library, nothing else, so that it runs in the peers' environment.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

REST = 0.02  # seconds: an engine that works in the background gets a moment before it is timed


class Engine(Protocol):
    """What `peers` and `ours` have to give."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Make the index and leave it in the folder."""

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Make ready to search on one thread."""

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """Row numbers, best first; `keep` is what `kept` gave, or None."""

    def kept(self, columns: Path, column: str, most: int) -> Any:
        """The filter ``column <= most`` in the engine's own form, made before the clock starts."""


def main() -> int:
    """Serve one engine until told to quit."""
    # Libraries print; the pipe is for answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, name = sys.argv[1].split(":")
    engine: Any = None
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if asked["do"] == "quit":
                break
            if engine is None:
                engine = getattr(import_module(module), name)()
            answer = DOING[asked.pop("do")](engine, **asked)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def build(
    engine: Any, vectors: str, columns: str | None, folder: str, given: dict[str, Any], threads: int
) -> dict[str, Any]:
    """Seconds, processor seconds, bytes on the disk, peak memory."""
    place = Path(folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    start, cpu = time.perf_counter(), time.process_time()
    with watched() as peak:
        engine.build(Path(vectors), Path(columns) if columns else None, place, given, threads)
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_own_mib": peak[0],
        "disk": sum(path.stat().st_size for path in place.rglob("*") if path.is_file()),
        "peak_mib": memory().get("peak", 0.0),
        "load": list(os.getloadavg()),
        "threads": threads,
    }


def open_(engine: Any, folder: str, given: dict[str, Any], core: int | None) -> dict[str, Any]:
    """Seconds, and what the process holds now that it did not hold before, MiB."""
    before = memory()
    start = time.perf_counter()
    engine.open(Path(folder), given)
    seconds = time.perf_counter() - start
    if core is not None:
        pin(core)
    return {"seconds": seconds, "before": before, "now": memory()}


def search(
    engine: Any,
    queries: str,
    parts: list[tuple[list[int], list[Any] | None]],
    k: int,
    point: dict[str, Any],
    seconds: float,
    tell: bool,
    warm: int,
) -> dict[str, Any]:
    """Milliseconds of each query, and with `tell` the rows found.

    Args:
        engine: Ready to search.
        queries: File of (Q, D).
        parts: Numbers of queries, and the filter they are asked with: columns' file, column, the most it may be.
        k: How many rows.
        point: How thoroughly.
        seconds: No further query of a part is asked once its share of them is over.
        tell: Whether the rows are wanted.
        warm: Queries of each part asked before the clock starts.
    """
    asked = np.load(queries)
    laps: list[list[float]] = []
    rows: list[list[list[int]]] = []
    for chosen, keep in parts:
        filter_ = None if keep is None else engine.kept(Path(keep[0]), keep[1], keep[2])
        for place in chosen[:warm]:
            engine.search(np.ascontiguousarray(asked[place]), k, point, filter_)
        took, found = _timed(engine, asked[chosen], k, point, filter_, seconds / len(parts))
        laps.append(took)
        rows.append([[int(row) for row in each] for each in found] if tell else [])
    return {"laps": laps, "rows": rows, "now": memory()}


def _timed(
    engine: Any, queries: np.ndarray, k: int, point: dict[str, Any], keep: Any, seconds: float
) -> tuple[list[float], list[Any]]:
    laps, rows = [], []
    gc.collect()
    time.sleep(REST)
    begin = time.perf_counter()
    for query in queries:
        start = time.perf_counter()
        found = engine.search(query, k, point, keep)
        end = time.perf_counter()
        laps.append(1000 * (end - start))
        rows.append(found)
        if end - begin > seconds:
            break
    return laps, rows


@contextmanager
def watched() -> Iterator[list[float]]:
    """The most memory that is this process's own meanwhile, without pages mapped from files, MiB; looked at often."""
    peak, stop = [memory().get("own", 0.0)], threading.Event()

    def look() -> None:
        while not stop.wait(0.1):
            peak[0] = max(peak[0], memory().get("own", 0.0))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def pin(core: int) -> None:
    """Keep every thread of this process on one core, so that all engines search on as much of the machine."""
    for thread in os.listdir("/proc/self/task") if os.path.isdir("/proc/self/task") else ():
        try:
            os.sched_setaffinity(int(thread), {core})
        except OSError:
            continue


def memory() -> dict[str, float]:
    """Of this process, MiB: resident now, peak, the parts that are anonymous and mapped from files."""
    names = {"VmRSS": "now", "VmHWM": "peak", "RssAnon": "own", "RssFile": "mapped", "RssShmem": "shared"}
    found = {}
    try:
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            key, _, value = line.partition(":")
            if key in names:
                found[names[key]] = round(int(value.split()[0]) / 1024, 1)
    except OSError:
        return {}
    return found


DOING = {"build": build, "open": open_, "search": search}

if __name__ == "__main__":
    sys.exit(main())

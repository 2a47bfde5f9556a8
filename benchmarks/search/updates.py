"""Searching while a thousand photos a second are written, and while the index is made anew.

A store is copied from the kept one, so that every run begins alike. Searches arrive at a fixed rate whether or not the
last one is answered; what counts is the time from the moment each was due. They come from the process that writes, then
from another one that reads.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import curves
import numpy as np
import ours
from contenders import OURS, contenders
from ground import Ground
from talk import HERE, REPOSITORY, EngineLostError, keep, known

from wearabouts.stores import Store, open_store

RATE = 100.0  # searches a second
GROUP = 20  # products of one upsert
WRITES = 1_000.0  # products a second
NEW = 0.5  # of the products written: not there before; the others are changed
DELETED = 0.01
POINTS = (50, 95, 99)


def run(ground: Ground, dim: int, count: int, *, again: bool) -> dict[str, Any]:
    """Measure idle, under load, visibility, and a rebuild.

    Args:
        ground: Vectors and queries.
        dim: Floats a vector.
        count: Vectors.
        again: Measure anew.
    """
    place = ground.work / f"engines-{ground.name}-{dim}-{count}"
    path = place / "updates.json"
    told = None if again else known(path)
    if told is None:
        one = next(each for each in contenders(count, curves.given(ground, dim, count)) if each.name == OURS)
        built = curves.build(ground, one, dim, count, place)
        if "error" in built:
            raise EngineLostError(str(built["error"]))
        folder = place / "updated"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(place / OURS / "store", folder)
        try:
            told = {"dim": dim, "count": count, **_measured(ground, folder, dim, count, place)}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        keep(path, told)
    return told


def _measured(ground: Ground, folder: Path, dim: int, count: int, place: Path) -> dict[str, Any]:
    seconds = 0.4 if ground.quick else 12.0
    queries = ground.queries(dim)
    np.save(place / "queries.npy", queries)
    store = open_store(folder, mode="write")
    rows: list[dict[str, Any]] = []
    try:
        store.search(queries[0], 20)
        ground.say("  searches alone, in the writer")
        rows.append({"who": "same process", "when": "idle"} | told(searched(store, queries, seconds)))
        ground.say("  searches beside writes, in the writer")
        with writing(ground, store, dim, count) as state:
            laps = searched(store, queries, seconds)
        rows.append({"who": "same process", "when": "writes"} | told(laps) | state)
        with _reader(folder, place, seconds) as reader:
            ground.say("  searches alone, in a reader")
            rows.append({"who": "another process", "when": "idle"} | reader())
            ground.say("  searches beside writes, in a reader")
            with writing(ground, store, dim, count) as state:
                found = reader()
            rows.append({"who": "another process", "when": "writes"} | found | state)
        ground.say("  what is written becomes visible")
        visible = {
            "same process": _visible_here(store, dim, ground.quick),
            "another process": _visible_there(store, dim, folder, ground.quick),
        }
        ground.say("  searches beside a rebuild")
        rebuild = _rebuilt(store, queries)
        state_ = store.describe()
    finally:
        store.close()
    for row in rows:
        idle = next(each for each in rows if each["who"] == row["who"])
        row["p99 to idle"] = row["p99"] / idle["p99"]
    return {
        "rows": rows,
        "visible": visible,
        "rebuild": rebuild,
        "seconds": seconds,
        "searches a second": RATE,
        "photos after": state_["photos"],
    }


def searched(store: Store, queries: np.ndarray, seconds: float, stop: threading.Event | None = None) -> list[float]:
    """Milliseconds of searches that fall due at `RATE`, each from the moment it was due."""
    laps: list[float] = []
    begin = time.perf_counter()
    for number in range(10**9):
        due = begin + number / RATE
        if due - begin > seconds or (stop is not None and stop.is_set()):
            return laps
        time.sleep(max(due - time.perf_counter(), 0))
        store.search(queries[number % len(queries)], 20)
        laps.append(1000 * (time.perf_counter() - due))
    return laps


def told(laps: list[float]) -> dict[str, Any]:
    """Percentiles."""
    return {
        "calls": len(laps),
        "longest": float(max(laps)),
        **{f"p{point}": float(np.percentile(laps, point)) for point in POINTS},
    }


@contextmanager
def writing(ground: Ground, store: Store, dim: int, count: int) -> Iterator[dict[str, Any]]:
    """Write at `WRITES` products a second meanwhile; afterwards the dict says how many there were and what it took."""
    state: dict[str, Any] = {}
    stop = threading.Event()
    rng = np.random.default_rng((ground.seed, 10))
    base = next(ground.pieces(dim, 20_000))[0][rng.permutation(20_000)[:4_000]]

    def write() -> None:
        begin, written, laps, number = time.perf_counter(), 0, [], 0
        while not stop.is_set():
            time.sleep(max(begin + written / WRITES - time.perf_counter(), 0))
            group = []
            for row in range(GROUP):
                known_ = rng.random() >= NEW
                ident = int(rng.integers(count)) if known_ else count + int(rng.integers(2**40))
                group.append(ours.record(ident, base[(number * GROUP + row) % len(base)][None], {}))
            start = time.perf_counter()
            store.upsert(group)
            laps.append(1000 * (time.perf_counter() - start))
            written, number = written + GROUP, number + 1
            if number % 5 == 0:  # one in a hundred
                store.delete([str(int(rng.integers(count)))])
        took = time.perf_counter() - begin
        state.update(
            {"writes a second": written / took, "upsert p50": float(np.percentile(laps, 50)),
             "upsert p99": float(np.percentile(laps, 99)), "products of an upsert": GROUP}
        )  # fmt: skip

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.3)
    try:
        yield state
    finally:
        stop.set()
        thread.join()


@contextmanager
def _reader(folder: Path, place: Path, seconds: float) -> Iterator[Callable[[], dict[str, Any]]]:
    """A reading process that, each time it is called, searches for so many seconds and tells."""
    words = (sys.executable, str(HERE / "reader.py"), str(folder), str(place / "queries.npy"), str(seconds))
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment())
    assert process.stdin is not None
    assert process.stdout is not None

    def ask() -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("search\n")
        process.stdin.flush()
        return dict(json.loads(process.stdout.readline()))

    try:
        process.stdout.readline()
        yield ask
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(REPOSITORY / "src"), str(HERE), str(HERE.parent)))}


def _visible_here(store: Store, dim: int, quick: bool) -> list[float]:
    """Milliseconds from the return of an upsert to the first search that finds it, here."""
    waits = []
    for number in range(2 if quick else 5):
        vector, ident = _odd(dim, number), 10**12 + number
        store.upsert([ours.record(ident, vector[None], {})])
        start = time.perf_counter()
        while store.search(vector, 1).photo_ids[:1] != (str(ident),):
            if time.perf_counter() - start > 10:
                break
        waits.append(1000 * (time.perf_counter() - start))
    return waits


def _visible_there(store: Store, dim: int, folder: Path, quick: bool) -> list[float]:
    """The same from another store handle for reading, as another process has one."""
    waits = []
    reader = open_store(folder, mode="read")
    try:
        for number in range(5, 7 if quick else 10):
            vector, ident = _odd(dim, number), 10**12 + number
            time.sleep(0.13 * number)  # not in step with a reader that looks now and then
            store.upsert([ours.record(ident, vector[None], {})])
            start = time.perf_counter()
            while reader.search(vector, 1).photo_ids[:1] != (str(ident),):
                if time.perf_counter() - start > 10:
                    break
                time.sleep(0.001)
            waits.append(1000 * (time.perf_counter() - start))
    finally:
        reader.close()
    return waits


def _odd(dim: int, number: int) -> np.ndarray:
    """A vector unlike any photo's."""
    vector = np.random.default_rng(number).standard_normal(dim).astype(np.float32)
    unit: np.ndarray = vector / np.linalg.norm(vector)
    return unit


def _rebuilt(store: Any, queries: np.ndarray) -> dict[str, Any]:
    """Searches while the index is made anew: the longest of them is the longest pause."""
    stop, took = threading.Event(), []

    def rebuild() -> None:
        start = time.perf_counter()
        try:
            store.rebuild()
        finally:
            took.append(time.perf_counter() - start)
            stop.set()

    thread = threading.Thread(target=rebuild)
    thread.start()
    laps = searched(store, queries, 600.0, stop)
    thread.join()
    laps += searched(store, queries, 0.2)
    return told(laps) | {"seconds": took[0]}

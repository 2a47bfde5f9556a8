"""From nothing to the first answer, what a process then holds, and how both grow with the store.

Each figure is of a fresh process (`probe`). *Cold* means that the store's files were pushed out of the system's cache
before (``posix_fadvise``); *warm* that they lay in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import curves
import numpy as np
from contenders import OURS, contenders
from ground import Ground, recall
from talk import HERE, REPOSITORY, EngineLostError, keep, known

ROUNDS = 3
FRESH = 200  # searches of a process that has just opened a store, and proves whatever it touches
ASKED = 600  # searches in all: what comes after those counts
PROBE_SECONDS = 300


def grown(ground: Ground, dim: int, counts: list[int], *, again: bool, photos: int = 1) -> list[dict[str, Any]]:
    """A store of each size: filled, opened, searched.

    Args:
        ground: Vectors, queries, truth.
        dim: Floats a vector.
        counts: Numbers of vectors.
        again: Measure anew; a store that is there is not filled again.
        photos: Of a product.
    """
    return [_one(ground, dim, count, again=again, photos=photos) for count in counts]


def _one(ground: Ground, dim: int, count: int, *, again: bool, photos: int) -> dict[str, Any]:
    place = ground.work / f"engines-{ground.name}-{dim}-{count}"
    path = place / "starts.json"
    told = None if again else known(path)
    if told is None:
        one = next(each for each in contenders(count, curves.given(ground, dim, count)) if each.name == OURS)
        one = replace(one, given={**one.given, "photos": photos})
        built = curves.build(ground, one, dim, count, place)
        if "error" in built:
            raise EngineLostError(str(built["error"]))
        ground.say(f"{dim} × {count:,}: starting")
        store = place / OURS / "store"
        told = {"dim": dim, "count": count, "photos a product": photos, "built": built, **_files(store, count)}
        told |= measured(ground, store, dim, count, place)
        keep(path, told)
    return told


def measured(ground: Ground, store: Path, dim: int, count: int, place: Path) -> dict[str, Any]:
    """Fresh processes that open the store and search, warm and cold, the medians; and the recall of one of them.

    ``p50`` and ``p95`` are of a process that has searched for a while; ``just opened`` is what came before.
    """
    queries, truth = ground.queries(dim), ground.truth(dim, count)
    np.save(place / "queries.npy", queries)
    chosen = curves.spread(len(queries), ASKED)
    rounds = 1 if ground.quick else ROUNDS
    found: dict[str, list[dict[str, Any]]] = {"warm": [], "cold": []}
    probed(store, place / "queries.npy", chosen[:2])  # warms the cache of Python's own files
    for _ in range(rounds):
        for when, those in found.items():
            if when == "cold":
                evict(store)
            those.append(probed(store, place / "queries.npy", chosen))
    last = found["warm"][-1]
    matrix = np.load(ground.vectors(dim, count), mmap_mode="r")
    right = type(truth)(truth.rows[chosen], truth.scores[chosen])
    shares = {f"recall@{k}": float(np.mean(recall(last["rows"], right, matrix, queries[chosen], k))) for k in (10, 20)}
    medians = {
        when: {name: float(np.median([one[name] for one in those])) for name in ("start", "open", "first")}
        for when, those in found.items()
    }
    fresh = min(FRESH, len(chosen) // 3)
    first = [lap for one in found["warm"] for lap in one["laps"][:fresh]]
    laps = [lap for one in found["warm"] for lap in one["laps"][fresh:]]
    return {
        **medians,
        **shares,
        "p50": float(np.median(laps)),
        "p95": float(np.percentile(laps, 95)),
        "calls": len(laps),
        "just opened": {"p50": float(np.median(first)), "p95": float(np.percentile(first, 95)), "calls": len(first)},
        "memory": last["memory"],
        "bytes a vector": {
            name: 2**20 * (last["memory"]["after"].get(name, 0) - last["memory"]["before"].get(name, 0)) / count
            for name in ("own", "mapped")
        },
        "index": last["index"],
    }


def probed(store: Path, queries: Path, chosen: list[int]) -> dict[str, Any]:
    """One fresh process; ``start`` is the whole time until its first answer stood in our hands, in ms."""
    words = (sys.executable, str(HERE / "probe.py"), str(store), str(queries))
    paths = os.pathsep.join((str(REPOSITORY / "src"), str(HERE), str(HERE.parent)))
    begin = time.perf_counter()
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdout.readline()
        start = 1000 * (time.perf_counter() - begin)
        said = process.communicate(json.dumps(chosen), timeout=PROBE_SECONDS)[0]
    except BrokenPipeError:
        said = ""
    finally:
        process.kill()
        process.wait()
    if not said:
        raise EngineLostError("a fresh process could not open and search the store")
    told = json.loads(said)
    return {**told, "start": start}


def evict(folder: Path) -> None:
    """Ask the system to forget a store's files."""
    for path in folder.rglob("*"):
        if path.is_file() and hasattr(os, "posix_fadvise"):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _files(store: Path, count: int) -> Mapping[str, Any]:
    sizes = {path.relative_to(store).parts[0]: 0 for path in store.rglob("*") if path.is_file()}
    for path in store.rglob("*"):
        if path.is_file():
            sizes[path.relative_to(store).parts[0]] += path.stat().st_size
    return {"disk": sizes, "disk a vector": sum(sizes.values()) / count}

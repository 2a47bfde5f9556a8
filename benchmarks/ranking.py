"""Measure exact ranking from memory-mapped vectors: `python benchmarks/ranking.py`, then `python docs/generate.py`.

The figure asked for is 1,000,000 queries against 1,000,000 vectors of 128 floats, which takes hours. So two slices are
measured, each the whole million long in one direction: a block of queries against the whole gallery, and all queries
against a small gallery. Memory is measured in a process of its own and beyond the mapped input; time for the whole is
extrapolated from the first slice, and said to be so. Where it fits, the plain formula stands beside it: all
similarities at once, every row sorted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import measure
from processes import environment

DIM = 128
RESULTS = measure.REPOSITORY / "benchmarks" / "results"
# Name of a case → queries and gallery, in full and in quick runs.
FULL = {"long gallery": (2_048, 1_000_000), "many queries": (1_000_000, 1_000), "where both fit": (1_024, 50_000)}
QUICK = {"long gallery": (64, 20_000), "many queries": (5_000, 100), "where both fit": (64, 5_000)}
BUDGET = 2**30
WHOLE = 1_000_000
WARM = 64
TIMEOUT = 3_600


def main(words: Sequence[str] | None = None) -> int:
    """Run every case in fresh processes and write one JSON file."""
    parser = argparse.ArgumentParser(description="Measure exact ranking from memory-mapped vectors.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    parser.add_argument("--seed", type=int, default=20, help="of the vectors")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.child:
        print(json.dumps(_child(**json.loads(given.child))))
        return 0
    cases = QUICK if given.quick else FULL
    before = measure.load()
    with tempfile.TemporaryDirectory(prefix="wearabouts-bench-") as folder:
        gallery, queries = _drawn(Path(folder), max(size for _, size in cases.values()), cases, given.seed)
        rows = []
        for case, (count, size) in cases.items():
            whos = ("all similarities, argsort", "wearabouts") if case == "where both fit" else ("wearabouts",)
            for who in whos:
                print(f"{case}, {who}", file=sys.stderr, flush=True)
                asked = {"who": who, "gallery": str(gallery), "queries": str(queries), "count": count, "size": size}
                rows.append({"case": case, "who": who, "queries": count, "gallery": size, **_measured(asked)})
    run = {
        "format": 1,
        "quick": given.quick,
        "date": measure.today(),
        "seed": given.seed,
        "commit": measure.commit(),
        "machine": measure.machine(),
        "versions": {name: it for name, it in measure.versions().items() if name in ("wearabouts", "numpy")},
        "load": {"before": before, "after": measure.load()},
        "dim": DIM,
        "budget_mib": BUDGET / 2**20,
        "rows": rows,
        "extrapolated": _whole(rows),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(run, indent=1, ensure_ascii=False) + "\n"
    (given.out / ("ranking-quick.json" if given.quick else "ranking.json")).write_text(text, "utf-8")
    return 0


def _drawn(folder: Path, size: int, cases: dict[str, tuple[int, int]], seed: int) -> tuple[Path, Path]:
    """Two files of unit vectors: a gallery, and queries that are gallery vectors with noise."""
    rng = np.random.default_rng(seed)
    count = max(count for count, _ in cases.values())
    paths = folder / "gallery.f32", folder / "queries.f32"
    gallery = np.memmap(paths[0], np.float32, "w+", shape=(size, DIM))
    queries = np.memmap(paths[1], np.float32, "w+", shape=(count, DIM))
    for start in range(0, size, 20_000):
        gallery[start : start + 20_000] = _unit(rng.standard_normal((min(20_000, size - start), DIM), np.float32))
    for start in range(0, count, 20_000):
        rows = np.arange(start, min(start + 20_000, count)) % min(each for _, each in cases.values())
        noise = rng.standard_normal((len(rows), DIM), np.float32) * np.float32(0.2)
        queries[start : start + 20_000] = _unit(gallery[rows] + noise)
    gallery.flush()
    queries.flush()
    return paths


def _unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _measured(asked: dict[str, Any]) -> dict[str, Any]:
    words = (sys.executable, str(Path(__file__).resolve()), "--child", json.dumps(asked))
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=TIMEOUT, check=False)
    if done.returncode:
        raise RuntimeError(f"{asked['who']} failed: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _child(who: str, gallery: str, queries: str, count: int, size: int) -> dict[str, Any]:
    """In a process of its own: seconds, and the most memory held beyond libraries and what is mapped from files."""
    from wearabouts.evaluation.ranking import rank

    stock = np.memmap(gallery, np.float32, "r").reshape(-1, DIM)[:size]
    asked = np.memmap(queries, np.float32, "r").reshape(-1, DIM)[:count]
    truths, labels = np.arange(count) % min(FULL["many queries"][1], size), np.arange(size)

    def ours(count: int) -> list[Any]:
        return rank(asked[:count], stock, truths[:count], labels, memory=BUDGET).ranks

    def plain(count: int) -> list[Any]:
        order = np.argsort(-(asked[:count] @ stock.T), axis=1)
        return [np.flatnonzero(labels[row] == truth) + 1 for row, truth in zip(order, truths[:count], strict=True)]

    work = ours if who == "wearabouts" else plain
    before = _own()
    work(min(WARM, count))
    begin, cpu = time.perf_counter(), time.process_time()
    ranks, height = _watched(lambda: work(count))
    first = np.array([row[0] for row in ranks])
    return {
        "seconds": round(time.perf_counter() - begin, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "memory_mib": round(height - before, 1),
        "mean_first_rank": round(float(first.mean()), 4),
    }


def _own() -> float:
    """MiB held that are not mapped from files."""
    memory = measure.resident()
    return memory["now"] - memory.get("mapped", 0.0)


def _watched(work: Callable[[], list[Any]]) -> tuple[list[Any], float]:
    """What the work returns, and the most that was held meanwhile."""
    held: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            held.append(_own())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        found = work()
        held.append(_own())
    finally:
        over.set()
        watcher.join()
    return found, max(held)


def _whole(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """A million by a million: time in proportion to the queries; memory of the larger slice, which grows no further."""
    long, many = (next(row for row in rows if row["case"] == case) for case in ("long gallery", "many queries"))
    scale = WHOLE / long["queries"] * WHOLE / long["gallery"]
    return {
        "queries": WHOLE,
        "gallery": WHOLE,
        "hours": round(long["seconds"] * scale / 3_600, 2),
        "cpu_hours": round(long["cpu_seconds"] * scale / 3_600, 2),
        "memory_mib": round(long["memory_mib"] + many["memory_mib"], 1),
    }


if __name__ == "__main__":
    sys.exit(main())

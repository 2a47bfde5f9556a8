"""Recall beside time: every engine at every step of its ladder, one query at a time on one core, in interleaved rounds.

An engine is built once and kept in the work folder; what one point was found to do is kept too, so that a run goes on
where it was stopped. All engines are open at once, each in its own process, and take turns point by point, so that
whatever else the machine does slows all of them alike.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contenders import Contender, contenders
from ground import DIMS, Ground, Truth, recall
from talk import EngineLostError, Worker, interpreter, keep, known

import measure

FOUND = 20  # photos asked for: recall at 10 is of the first ten of them
WAIT = 120.0  # seconds for a round


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is asked.

    Attributes:
        queries: Of which recall is told.
        timed: Queries of a round.
        rounds: Of which the median is told.
        seconds: At most, for one point in one round.
    """

    queries: int
    timed: int
    rounds: int
    seconds: float


FULL = Pace(queries=400, timed=200, rounds=3, seconds=1.5)
QUICK = Pace(queries=10, timed=6, rounds=1, seconds=1.0)


def run(ground: Ground, dim: int, count: int, only: list[str], *, again: bool) -> dict[str, Any]:
    """Measure everybody.

    Args:
        ground: Vectors, queries, truth.
        dim: Floats a vector.
        count: Vectors.
        only: Names of contenders; empty for all. What was found of the others before is told as it was.
        again: Measure what was measured before as well; what was built stays.
    """
    pace = QUICK if ground.quick else FULL
    everybody = contenders(count, given(ground, dim, count))
    place = ground.work / f"engines-{ground.name}-{dim}-{count}"
    path = place / "curves.json"
    rows: dict[str, Any] = (known(path) or {}).get("rows", {})
    waiting = [one for one in everybody if (not only or one.name in only) and (again or one.name not in rows)]
    built = {one.name: build(ground, one, dim, count, place) for one in waiting}
    start = time.perf_counter()
    if waiting:
        rows |= _measured(ground, waiting, built, dim, count, place, pace)
        # A row that failed is tried again the next time.
        keep(path, {"rows": {name: row for name, row in rows.items() if "points" in row}})
    return {
        "dim": dim,
        "count": count,
        "made": DIMS[dim],
        "dimensions": ground.dimensions(dim, count),
        "queries": min(pace.queries, len(ground.queries(dim))),
        "seconds": round(time.perf_counter() - start, 1),
        "rows": [rows[one.name] for one in everybody if one.name in rows],
    }


def with_others(found: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was measured, and beside it the sizes of an earlier run that were not measured now."""
    new = {(one["dim"], one["count"]) for one in found}
    others = [one for one in before if (one["dim"], one["count"]) not in new]
    return sorted([*found, *others], key=lambda one: (one["count"], one["dim"]))


def given(ground: Ground, dim: int, count: int) -> dict[str, Any]:
    """What our store is filled with: the model's own vectors get its hash and evidence, so that they can be served."""
    if dim != 256:
        return {"encoder_hash": f"{ground.encoder.hash[:16]}-{dim}"}
    grown = ground.vectors(dim, count).with_suffix(".grown.npy")
    return {"encoder_hash": ground.encoder.hash, "seen": str(ground.seen.path), "grown": str(grown)}


def build(ground: Ground, one: Contender, dim: int, count: int, place: Path) -> dict[str, Any]:
    """Build an engine's index unless it is there; says how long that took, or why it is not there."""
    folder = place / one.name.replace(",", "").replace(" ", "-")
    note = folder.with_name(f"{folder.name}.built.json")
    told = known(note)
    if told is not None and folder.is_dir():
        return told
    python = interpreter(one.peer)
    if not python.is_file():
        return {"error": "its environment is not installed: make .venv-peers/.installed"}
    ground.say(f"{dim} × {count:,}: building {one.name}")
    threads = len(os.sched_getaffinity(0))
    worker = Worker(python, one.engine, place / f"{folder.name}.log", threads)
    columns = ground.columns_path(dim, count) if one.columns and dim == 256 and ground.columns(dim, count) else None
    try:
        told = worker.ask(
            "build", one.build_seconds, vectors=str(ground.vectors(dim, count)), folder=str(folder),
            columns=str(columns) if columns else None, given=dict(one.given), threads=threads,
        )  # fmt: skip
    except EngineLostError as error:
        shutil.rmtree(folder, ignore_errors=True)
        return {"error": ground.plain(str(error))}
    finally:
        worker.stop()
    told["commit"] = measure.commit()  # what was built is kept, and measured later as well
    keep(note, told)
    ground.say(f"  {told['seconds']:.0f} s, {told['disk'] / 2**20:,.0f} MiB")
    return told


def opened(
    ground: Ground, waiting: list[Contender], built: dict[str, Any], place: Path, rows: dict[str, Any]
) -> dict[str, tuple[Contender, Worker]]:
    """Every engine that can be, in its process, on the same one core; the others become rows that say why not."""
    core = min(os.sched_getaffinity(0))
    open_: dict[str, tuple[Contender, Worker]] = {}
    for one in waiting:
        rows[one.name] = {"name": one.name, "library": one.library, "given": _shown(one.given)}
        if "error" in built[one.name]:
            rows[one.name]["error"] = built[one.name]["error"]
            continue
        rows[one.name]["built"] = built[one.name]
        folder = place / one.name.replace(",", "").replace(" ", "-")
        worker = Worker(interpreter(one.peer), one.engine, place / f"{folder.name}.log", 1)
        try:
            rows[one.name]["opened"] = worker.ask("open", WAIT, folder=str(folder), given=dict(one.given), core=core)
            open_[one.name] = one, worker
        except EngineLostError as error:
            rows[one.name]["error"] = ground.plain(str(error))
            worker.stop()
    return open_


def _shown(given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("encoder_hash", "seen", "grown")}


def _measured(
    ground: Ground,
    waiting: list[Contender],
    built: dict[str, Any],
    dim: int,
    count: int,
    place: Path,
    pace: Pace,
) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    open_ = opened(ground, waiting, built, place, rows)
    matrix, queries, truth = (
        np.load(ground.vectors(dim, count), mmap_mode="r"),
        ground.queries(dim),
        ground.truth(dim, count),
    )
    chosen = spread(len(queries), pace.queries)
    path = place / "queries.npy"
    np.save(path, queries)
    points = {name: [{"point": dict(point), "laps": []} for point in one.points] for name, (one, _) in open_.items()}
    for round_ in range(-1, pace.rounds):
        names = list(open_)
        shift = round_ % max(len(names), 1)
        ground.say(f"{dim} × {count:,}: " + (f"round {round_ + 1}" if round_ >= 0 else "recall"))
        for name in names[shift:] + names[:shift]:
            worker = open_[name][1]
            asked = chosen if round_ < 0 else chosen[: pace.timed]
            try:
                for each in points[name]:
                    told = worker.ask(
                        "search", WAIT, queries=str(path), parts=[(asked, None)], k=FOUND, point=each["point"],
                        tell=round_ < 0, seconds=pace.seconds * (4 if round_ < 0 else 1), warm=5,
                    )  # fmt: skip
                    if round_ >= 0:
                        each["laps"].append(told["laps"][0])
                        continue
                    found = told["rows"][0]
                    some = asked[: len(found)]
                    right = Truth(truth.rows[some], truth.scores[some])
                    for k in (10, FOUND):
                        each[f"recall@{k}"] = float(np.mean(recall(found, right, matrix, queries[some], k)))
                    each["queries"], each["now"] = len(some), told["now"]
            except EngineLostError as error:
                rows[name]["error"] = ground.plain(str(error))
                del open_[name]
    for name, (_, worker) in open_.items():
        rows[name]["points"] = [summed(each) for each in points[name]]
        worker.stop()
    return rows


def spread(total: int, wanted: int) -> list[int]:
    """So many of the query numbers, of all kinds alike."""
    return np.random.default_rng(0).permutation(total)[:wanted].tolist()


def summed(each: dict[str, Any]) -> dict[str, Any]:
    """Percentiles over all calls of all rounds, and of each round."""
    laps = each.pop("laps")
    every = [lap for some in laps for lap in some]
    return each | {
        "calls": len(every),
        "rounds": [float(np.median(some)) for some in laps],
        **{f"p{point}": float(np.percentile(every, point)) for point in (50, 95)},
        "mean": float(np.mean(every)),
    }

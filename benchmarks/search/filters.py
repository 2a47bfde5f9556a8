"""Filters that keep 90 % to 0.01 % of the photos: at random, aligned with the query's neighbourhood, and opposed to it.

What a filter keeps is defined in `ground.Ground.columns`: ``lot <= n`` a random share, ``near0 <= n`` the share that is
most similar to a query, ``far0 <= n`` the share that is least similar; asked are the queries nearest to that one. So
with `near` the answers all lie where the query looks first, and with `far` none of them does. Each engine searches at
the first step of its ladder that finds 0.99 of the right ten without a filter; each peer at its last step besides.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import curves
import numpy as np
from contenders import IVF, LANCE, OURS, QDRANT, Contender, contenders
from ground import STEPS, Ground, Truth, nearest, recall
from talk import EngineLostError, Worker, keep, known

FILTERS = {"random": "lot", "aligned": "near", "opposed": "far"}
KEPT = {share: step for step, share in enumerate(STEPS)}  # share kept → the value a column may have at most
LEAST = 0.99
FRESH = "wearabouts, new filter each time"
WAIT = 120.0  # seconds for a filter
SECONDS = 1.6  # of which new queries are asked


def run(ground: Ground, dim: int, count: int, *, again: bool) -> dict[str, Any]:
    """Measure those that filter.

    Args:
        ground: Vectors, columns, truth.
        dim: Floats a vector.
        count: Vectors.
        again: Measure anew.
    """
    place = ground.work / f"engines-{ground.name}-{dim}-{count}"
    path = place / "filters.json"
    told = None if again else known(path)
    if told is None:
        start = time.perf_counter()
        rows: dict[str, Any] = {}
        names = (OURS, IVF, QDRANT, LANCE)
        some = [one for one in contenders(count, curves.given(ground, dim, count)) if one.name in names]
        built = {one.name: curves.build(ground, one, dim, count, place) for one in some}
        open_ = curves.opened(ground, some, built, place, rows)
        try:
            cases = _cases(ground, dim, count)
            for one, worker in list(open_.values()):
                _begun(ground, one, worker, rows, open_, dim, count, place)
            for name, (one, worker) in list(open_.items()):
                more, point = f"{name}, last step", dict(one.points[-1])
                if name == OURS:
                    more, point = FRESH, {"fresh": True}
                if point != rows[name]["point"]:
                    open_[more], rows[more] = (one, worker), {"name": more, "point": point, "cases": []}
            for case in cases:
                _asked(ground, case, open_, rows, dim, count, place)
        finally:
            for _, worker in open_.values():
                worker.stop()
        told = {"dim": dim, "count": count, "rows": list(rows.values()), "seconds": time.perf_counter() - start}
        keep(path, told)
    return told


def _cases(ground: Ground, dim: int, count: int) -> list[dict[str, Any]]:
    """Every filter with its queries and their right answers, kept with the vectors; the first is no filter."""
    path = ground.work / f"filtered-{ground.name}-{dim}-{count}.npz"
    groups = ground.centres(dim)[1]
    most = 2 if ground.quick else 25
    asked = np.concatenate([group[:most] for group in groups])
    queries, columns = ground.queries(dim), ground.columns(dim, count)
    cases: list[dict[str, Any]] = [{"kind": "none", "kept": 1.0, "parts": [(None, 0, asked.tolist())]}]
    for share in (0.5, 0.01) if ground.quick else sorted(KEPT, reverse=True):
        for kind, column in FILTERS.items():
            if kind == "random":
                parts = [(column, KEPT[share], asked.tolist())]
            else:
                parts = [(f"{column}{n}", KEPT[share], group[:most].tolist()) for n, group in enumerate(groups)]
            cases.append({"kind": kind, "kept": share, "parts": parts})
    if not path.is_file():
        ground.say("comparing every query with all that each filter keeps")
        matrix = np.load(ground.vectors(dim, count), mmap_mode="r")
        truths = {}
        for case in cases:
            for name, step, chosen in case["parts"]:
                mask = None if name is None else columns[name] <= step
                right = nearest(matrix, queries[chosen], curves.FOUND, mask)
                truths[f"{name} {step} rows"], truths[f"{name} {step} scores"] = right.rows, right.scores
        np.savez(path, **truths)
    with np.load(path) as kept:
        for case in cases:
            case["truth"] = [
                Truth(kept[f"{name} {step} rows"], kept[f"{name} {step} scores"]) for name, step, _ in case["parts"]
            ]
    return cases


def _begun(
    ground: Ground,
    one: Contender,
    worker: Worker,
    rows: dict[str, Any],
    open_: dict[str, Any],
    dim: int,
    count: int,
    place: Path,
) -> None:
    """Choose the step at which an engine searches from now on."""
    truth, queries = ground.truth(dim, count), ground.queries(dim)
    matrix = np.load(ground.vectors(dim, count), mmap_mode="r")
    chosen = curves.spread(len(queries), 100)
    np.save(place / "queries.npy", queries)
    row = rows[one.name]
    for point in one.points:
        try:
            found = worker.ask(
                "search", WAIT, queries=str(place / "queries.npy"), parts=[(chosen, None)], k=curves.FOUND,
                point=dict(point), seconds=4.0, tell=True, warm=0,
            )["rows"][0]  # fmt: skip
        except EngineLostError as error:
            row["error"] = ground.plain(str(error))
            del open_[one.name]
            return
        some = chosen[: len(found)]
        right = Truth(truth.rows[some], truth.scores[some])
        share = float(np.mean(recall(found, right, matrix, queries[some], 10)))
        row |= {"point": dict(point), "unfiltered recall": share, "cases": []}
        if share >= LEAST:
            break


def _asked(
    ground: Ground,
    case: dict[str, Any],
    open_: dict[str, tuple[Contender, Worker]],
    rows: dict[str, Any],
    dim: int,
    count: int,
    place: Path,
) -> None:
    """One filter, by everybody in turn, after a warm-up that is not counted."""
    ground.say(f"  filter {case['kind']}, {100 * case['kept']:g} % kept")
    matrix, queries = np.load(ground.vectors(dim, count), mmap_mode="r"), ground.queries(dim)
    columns = str(ground.columns_path(dim, count))
    parts = [(chosen, None if column is None else [columns, column, step]) for column, step, chosen in case["parts"]]
    for name, (_, worker) in list(open_.items()):
        row = rows[name]
        shares: dict[int, list[float]] = {10: [], curves.FOUND: []}
        short = 0
        try:
            told = worker.ask(
                "search", WAIT, queries=str(place / "queries.npy"), parts=parts, k=curves.FOUND, point=row["point"],
                tell=True, seconds=SECONDS, warm=2,
            )  # fmt: skip
        except EngineLostError as error:
            row["error"] = ground.plain(str(error))
            del open_[name]
            continue
        laps = [lap for some in told["laps"] for lap in some]
        for (_, _, chosen), right, found in zip(case["parts"], case["truth"], told["rows"], strict=True):
            some = Truth(right.rows[: len(found)], right.scores[: len(found)])
            for k in shares:
                shares[k] += recall(found, some, matrix, queries[chosen[: len(found)]], k)
            wanted = np.count_nonzero(some.rows >= 0, axis=1).tolist()
            short += sum(len(rows_) < want for rows_, want in zip(found, wanted, strict=True))
        base = row["cases"][0]["p50"] if row["cases"] else float(np.median(laps))
        row["cases"].append(
            {
                "kind": case["kind"],
                "kept": case["kept"],
                "p50": float(np.median(laps)),
                "p95": float(np.percentile(laps, 95)),
                "times unfiltered": float(np.median(laps)) / base,
                **{f"recall@{k}": float(np.mean(each)) for k, each in shares.items()},
                "calls": len(laps),
                "too few": short,
            }
        )

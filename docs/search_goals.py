"""Which goals of searching the measured figures reach; `docs/search.py` puts the table in its pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import paging

OURS, FRESH, FLAT = "wearabouts", "wearabouts, new filter each time", "faiss Flat"
BAR = 0.999
OPEN_SECONDS = ((400_000, 1.0), (10_000_000, 3.0))  # up to so many photos
Words = Mapping[str, Any]
Told = Mapping[str, Any]
Goal = tuple[str, str, bool]


def goals(told: Told, words: Words) -> Iterator[str]:
    """The table of goals, then the fastest engines at the bar."""
    parts = told["parts"]
    rows: list[Goal] = []
    for one in parts.get("curves", {}).get("found", []):
        rows += _curve(one, words)
    growth = parts.get("growth", {}).get("found", []) + parts.get("large", {}).get("found", [])
    rows += [goal for row in growth for goal in _large(row, words)]
    rows += _filter(parts["filters"]["found"], words) if "filters" in parts else []
    rows += _update(parts["updates"]["found"], words) if "updates" in parts else []
    rows += [goal for row in growth for goal in _open(row, words)]
    if rows:
        yield paging.grid(words["goals"], [[goal, found, words["yes" if met else "no"]] for goal, found, met in rows])
    for one in parts.get("curves", {}).get("found", []):
        best = sorted(
            (point["p50"], row["name"]) for row in one["rows"] for point in row.get("points", []) if _good(point)
        )
        first = {name: p50 for p50, name in reversed(best)}
        each = [
            words["best_one"].format(name=name, p50=_number(p50))
            for name, p50 in sorted(first.items(), key=lambda item: item[1])
        ]
        if each:
            title = words["curves_title"].strip("# ").format(count=f"{one['count']:,}", dim=one["dim"])
            yield f"{title}: " + words["best"].format(told=words["joint"].join(each))


def _good(point: Told) -> bool:
    return bool(point["recall@20"] >= BAR)


def _curve(one: Told, words: Words) -> Iterator[Goal]:
    rows = {row["name"]: row for row in one["rows"]}
    if "points" not in rows.get(OURS, {}) or "points" not in rows.get(FLAT, {}):
        return
    ours, flat = rows[OURS]["points"][0], rows[FLAT]["points"][0]
    times = flat["p50"] / ours["p50"]
    yield (
        words["goal_curve"].format(dim=one["dim"], count=f"{one['count']:,}"),
        words["told_curve"].format(recall=f"{ours['recall@20']:.4f}", p50=_number(ours["p50"]), times=_number(times)),
        ours["recall@20"] >= BAR and ours["p50"] <= 3 and times >= 10,
    )


def _large(row: Told, words: Words) -> Iterator[Goal]:
    if row["dim"] == 128 and row["count"] >= 1_000_000:
        yield (
            words["goal_large"].format(count=f"{row['count']:,}"),
            words["told_large"].format(recall=f"{row['recall@10']:.4f}", p95=_number(row["p95"])),
            row["recall@10"] >= 0.98 and row["p95"] <= 10,
        )


def _filter(found: Told, words: Words) -> Iterator[Goal]:
    for row in found["rows"]:
        cases = row.get("cases", [])[1:]
        if row["name"] not in (OURS, FRESH) or not cases:
            continue
        least = min(case["recall@10"] for case in cases)
        most = {
            kind: max(case["times unfiltered"] for case in cases if case["kind"] == kind)
            for kind in ("random", "opposed")
        }
        shown = {kind: f"{value:.2f}" for kind, value in most.items()}
        yield (
            words["goal_filter"] + words["goal_fresh" if row["name"] == FRESH else "goal_again"],
            words["told_filter"].format(recall=f"{least:.4f}", **shown),
            least >= 0.99 and most["random"] <= 1.5 and most["opposed"] <= 4,
        )


def _update(found: Told, words: Words) -> Iterator[Goal]:
    idle = {row["who"]: row for row in found["rows"] if row["when"] == "idle"}
    for row in found["rows"]:
        if row["when"] == "idle":
            continue
        yield (
            words["goal_update"].format(who=words["who"][row["who"]]),
            words["told_update"].format(
                writes=f"{row['writes a second']:,.0f}", p99=_number(row["p99"]),
                idle=_number(idle[row["who"]]["p99"]), times=f"{row['p99 to idle']:.2f}",
            ),
            row["p99 to idle"] <= 1.5 and row["writes a second"] >= 950,
        )  # fmt: skip


def _open(row: Told, words: Words) -> Iterator[Goal]:
    for count, seconds in OPEN_SECONDS:
        if row["count"] == count:
            warm, cold = (row[when]["open"] / 1000 for when in ("warm", "cold"))
            yield (
                words["goal_open"].format(count=f"{count:,}", most=f"{seconds:g}") + f" ({row['dim']})",
                words["told_open"].format(open=_number(warm), cold=_number(cold)),
                warm <= seconds,
            )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

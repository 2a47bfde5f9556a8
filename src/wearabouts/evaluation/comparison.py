"""Several encoders on one task: their figures side by side, and how far ours is from the best of the others."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from wearabouts import metrics
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.provenance import ids_digest
from wearabouts.evaluation.ranking import Ranked, rank
from wearabouts.evaluation.systems import thumbnail
from wearabouts.evaluation.tasks import Shot, Task
from wearabouts.metrics import Doubles
from wearabouts.report import Cell, Curve, Failure, Picture, Row, Sample, Section, Table, cell_text
from wearabouts.types import Floats

KS = (1, 2, 5, 10, 20)
RECALL, MEAN_PRECISION = "R@1", "mAP"
FIGURES = (RECALL, "R@5", "R@10", MEAN_PRECISION, "MRR")
SHOWN = 8  # queries with pictures, right and wrong, per task


@dataclass(frozen=True, slots=True)
class System:
    """One thing that is compared: its name, its vectors of photos, and whether it is others at a mixing weight."""

    name: str
    rows: Callable[[Sequence[Path]], Floats]
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How one system did: figure → (Q,) values over the same queries, in the same order, as every other system."""

    name: str
    values: dict[str, Doubles]
    ranked: Ranked
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task measured: our standing first, the others after it.

    Attributes:
        task: With only the queries that were measured and the photos that could be read.
        ours: The model in question.
        others: What it is compared with.
        skipped: Queries without any right answer in the gallery.
    """

    task: Task
    ours: Standing
    others: tuple[Standing, ...]
    skipped: int

    @property
    def groups(self) -> list[str]:
        """What each query is resampled with."""
        return [shot.group for shot in self.task.queries]

    @property
    def lopsided(self) -> tuple[str, int] | None:
        """The group that holds more than half of the queries, and how many; None where none does."""
        group, most = Counter(self.groups).most_common(1)[0]
        return (group, most) if most > max(1, len(self.groups) / 2) else None

    def best(self, figure: str) -> Standing | None:
        """The best of the others by a figure's mean, the first of equals; None where ours stands alone."""
        return max(self.others, key=lambda standing: float(standing.values[figure].mean()), default=None)


def standing(name: str, ranked: Ranked, *, mixed: bool = False) -> Standing:
    """All figures of one ranking; every query must have a right answer."""
    ranks = ranked.ranks
    values = {f"R@{k}": metrics.hit_rate(ranks, k) for k in KS}
    values[MEAN_PRECISION] = metrics.average_precision(ranks)
    values["MRR"] = metrics.reciprocal_rank(ranks)
    return Standing(name, values, ranked, mixed)


def compare(task: Task, ours: System, others: Sequence[System]) -> Outcome:
    """Measure systems on the same queries and gallery.

    Raises:
        EvaluationError: No query has a right answer in the gallery.
    """
    truths = {shot.truth for shot in task.gallery}
    queries = tuple(shot for shot in task.queries if shot.truth in truths)
    if not queries:
        raise EvaluationError(
            f"{task.protocol.name}: none of {len(task.queries)} queries has a right answer among {len(task.gallery)} "
            "gallery photos; an evaluation needs photos of the same item on both sides"
        )
    kept = replace(task, queries=queries)
    standings = [standing(system.name, _ranked(kept, system), mixed=system.mixed) for system in (ours, *others)]
    return Outcome(kept, standings[0], tuple(standings[1:]), len(task.queries) - len(queries))


def _ranked(task: Task, system: System) -> Ranked:
    return rank(
        system.rows([shot.path for shot in task.queries]),
        system.rows([shot.path for shot in task.gallery]),
        [shot.truth for shot in task.queries],
        [shot.truth for shot in task.gallery],
    )


def section(outcome: Outcome, *, seed: int) -> Section:
    """One task's table of systems, its curves and its pictures."""
    rows = []
    standings = (outcome.ours, *outcome.others)
    tops = {figure: max(float(each.values[figure].mean()) for each in standings) for figure in FIGURES}
    for each in standings:
        cells: dict[str, Cell] = {
            figure: metrics.bootstrap(each.values[figure], outcome.groups, seed=seed) for figure in FIGURES
        }
        rows.append(
            Row(each.name, cells, frozenset(figure for figure in FIGURES if each.values[figure].mean() >= tops[figure]))
        )
    groups, gallery = len(set(outcome.groups)), len(outcome.task.gallery)
    count = f"{len(outcome.groups):,} queries of {groups:,} groups, {gallery:,} photos in the gallery"
    return Section(
        outcome.task.protocol.question,
        outcome.task.protocol.sentence(),
        (Table("", "encoder", FIGURES, tuple(rows), f"{count}. R@k: whether any right answer is among the first k."),),
        curves(outcome, seed=seed),
        pictures(outcome, right=False, seed=seed),
        _over_queries(outcome, seed),
        successes=pictures(outcome, right=True, seed=seed),
        samples=(sample(outcome),),
    )


def _over_queries(outcome: Outcome, seed: int) -> tuple[str, ...]:
    """A warning where one group holds most queries: then resampling groups tells nearly nothing."""
    if outcome.lopsided is None:
        return ()
    group, most = outcome.lopsided
    words = [
        f"{figure} {cell_text(metrics.bootstrap(outcome.ours.values[figure], seed=seed))}"
        for figure in (RECALL, MEAN_PRECISION)
    ]
    for figure in (RECALL, MEAN_PRECISION):
        best = outcome.best(figure)
        if best is not None:
            ahead = metrics.paired_difference(outcome.ours.values[figure], best.values[figure], seed=seed)
            words.append(f"difference to {best.name} in {figure} {cell_text(ahead)}")
    return (
        f"{most:,} of {len(outcome.groups):,} queries belong to one group ({group}), so intervals and p-values over "
        f"groups say little. Over single queries, which holds for photos like that group's only: {outcome.ours.name} "
        f"{'; '.join(words)}.",
    )


def curves(outcome: Outcome, *, seed: int) -> tuple[Curve, ...]:
    """Hit rate against k, for ours and the best of the others."""
    best = outcome.best(RECALL)
    return tuple(
        Curve(each.name, KS, tuple(metrics.bootstrap(each.values[f"R@{k}"], outcome.groups, seed=seed) for k in KS))
        for each in (outcome.ours, best)
        if each is not None
    )


def difference_cells(outcome: Outcome, figure: str, *, seed: int) -> dict[str, Cell]:
    """Ours beside the best other: ``best other``, ``difference``, ``errors removed``; empty where ours stands alone."""
    best = outcome.best(figure)
    if best is None:
        return {}
    ours, theirs = outcome.ours.values[figure], best.values[figure]
    return {
        "best other": f"{best.name}: {theirs.mean():.3f}",
        "difference": metrics.paired_difference(ours, theirs, outcome.groups, seed=seed),
        "errors removed": f"{metrics.errors_removed(float(ours.mean()), float(theirs.mean())):+.0%}",
    }


def pictures(outcome: Outcome, *, right: bool, seed: int) -> tuple[Failure, ...]:
    """Pictures of a random few of our right, or wrong, first answers."""
    ranked, queries, gallery = outcome.ours.ranked, outcome.task.queries, outcome.task.gallery
    shown = []
    for position in sampled(ranked, seed, right=right):
        query = queries[position]
        wanted = next(shot for shot in gallery if shot.truth == query.truth)
        came = [gallery[index] for index in ranked.nearest[position]]
        place = int(ranked.ranks[position][0])
        shown.append(
            Failure(
                Picture(thumbnail(query.path), query.caption),
                None if right else Picture(thumbnail(wanted.path), f"at place {place}: {wanted.caption}"),
                tuple(_answer(shot, query) for shot in came),
            )
        )
    return tuple(shown)


def sampled(ranked: Ranked, seed: int, *, right: bool) -> list[int]:
    """At most `SHOWN` queries whose first answer was right, or was wrong: drawn by the seed, not chosen."""
    rows = [position for position, ranks in enumerate(ranked.ranks) if (ranks[0] == 1) == right]
    return sorted(np.random.default_rng(seed).permutation(np.array(rows, dtype=np.int64))[:SHOWN].tolist())


def sample(outcome: Outcome) -> Sample:
    """The figures of single queries; photos are named from the folder on that all of them lie in."""
    where = os.path.commonpath([shot.path.parent for shot in outcome.task.queries])
    searched = os.path.commonpath([shot.path.parent for shot in outcome.task.gallery])
    return Sample(
        outcome.task.protocol.name,
        tuple(os.path.relpath(shot.path, where) for shot in outcome.task.queries),
        tuple(outcome.groups),
        outcome.ours.values,
        ids_digest(os.path.relpath(shot.path, searched) for shot in outcome.task.gallery),
    )


def _answer(shot: Shot, query: Shot) -> Picture:
    return Picture(thumbnail(shot.path), shot.caption, shot.truth == query.truth)

"""What a shop's labels gain, on queries whose item no curve has seen, and how many of them were enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts import metrics
from wearabouts.calibration import Answered, Calibration, Shortlist, answered, cross_fitted
from wearabouts.calibration.curve import HALF
from wearabouts.calibration.curves import curves_of, fitted, folds_of
from wearabouts.calibration.likelihood import shares
from wearabouts.calibration.shortlists import Doubles, Flags, Rows, Whole, rows_of

FOLDS = 5
REPEATS = 3  # draws of fewer labels, whose gains are averaged
FEWEST = 10  # labels; the sizes tried double from here
SMALLER = 0.75  # of the labels that a fit can have: a size nearer to all of them tells nothing new
SEED = 0

Curve = list[tuple[Doubles, Doubles]]


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of the first candidate's probability, in the open population (half of the queries without item).

    Attributes:
        brier: Mean squared error.
        skill: Share of the base rate's Brier score that is removed; nan where all first candidates are alike.
        error: Expected calibration error, bins of equal mass.
    """

    brier: float
    skill: float
    error: float


@dataclass(frozen=True, slots=True)
class Gain:
    """What labels gain in one category, or in all together.

    Attributes:
        category: Its name; empty for all together.
        labels: Photos of which something was known.
        before: Of the model's own calibration; None where it has none.
        after: Of curves fitted with the labels, each photo by those of other items.
        gain: Log-likelihood of what is known, after less before, photo by photo; None where there is no before.
        enough: The fewest labels of the category from which on refitting helps; None where it does not.
        floor: What calibration error probabilities like those after would show by chance alone.
    """

    category: str
    labels: int
    before: Quality | None
    after: Quality
    gain: metrics.Difference | None
    enough: int | None
    floor: float

    @property
    def words(self) -> str:
        """One sentence for a person."""
        name, labels = self.category or "all together", f"{self.labels:,} labels"
        if self.gain is None:
            return f"{name}: {labels}; the model brought no calibration to compare with"
        if self.enough is not None:
            part = ", beside as large a part of the others'," if self.category and self.enough < self.labels else ""
            return (
                f"{name}: {self.enough:,} of {labels}{part} were enough: the shop's own curve is better from there on"
            )
        if metrics.verdict(self.gain) == "worse":
            return f"{name}: {labels} made it worse on photos of other items"
        return f"{name}: {labels} are not yet enough to tell that the shop's own curve is better"


def gains(shortlists: Sequence[Shortlist], prior: Calibration | None, *, seed: int = SEED) -> tuple[Gain, ...]:
    """Of all together, then of each category, those with most labels first.

    Refitting helps from n labels on where, with n and with every larger number tried, the interval of what it gains on
    photos of other items, item by item, lies above 0. Tried are `FEWEST` and its doubles, drawn `REPEATS` times, in all
    categories alike, and all labels there are; of a category it is told how many of its own were among them.

    Args:
        shortlists: Those of which something is known.
        prior: The model's own calibration, or None.
        seed: Of folds and draws.
    """
    after = cross_fitted(shortlists, prior=prior, folds=FOLDS, seed=seed)
    # Whatever population a model's cuts are for: here both versions of a photo count the same.
    before = None if prior is None else answered(shortlists, prior.model_copy(update={"share": HALF}))
    curve = [] if before is None else _curve(shortlists, prior, before, after, seed)
    names = np.array([one.category or "" for one in shortlists])
    counts = {str(name): int(np.sum(names == name)) for name in np.unique(names) if name}
    told = []
    for name in ("", *sorted(counts, key=lambda name: (-counts[name], name))):
        queries = np.flatnonzero(names == name) if name else np.arange(len(names))
        rows = np.isin(after.query, queries)
        differences = [(size, _difference(gain, after, rows)) for size, gain in _sizes(curve, queries)]
        told.append(
            Gain(
                name,
                len(queries),
                None if before is None else _quality(before, rows),
                _quality(after, rows),
                differences[-1][1] if differences else None,
                enough(differences),
                _floor(after, rows),
            )
        )
    return tuple(told)


def enough(differences: Sequence[tuple[int, metrics.Difference]]) -> int | None:
    """The smallest size from which on every difference is surely above 0.

    Args:
        differences: Size → what is gained with it, from the smallest to the largest.
    """
    fewest = None
    for size, difference in reversed(differences):
        if metrics.verdict(difference) != "better":
            break
        fewest = size
    return fewest


def _curve(
    shortlists: Sequence[Shortlist], prior: Calibration | None, before: Answered, after: Answered, seed: int
) -> Curve:
    """For each size (N,) how often a query was among the labels of a fit, and (R,) what each row gained."""
    rows = rows_of(shortlists, None if prior is None else prior.ceiling)
    start = None if prior is None else curves_of(prior)
    width = fitted(rows, start).width  # how different categories are is settled once: it would take most of the time
    curve: Curve = []
    size = FEWEST
    while size < SMALLER * len(shortlists) * (FOLDS - 1) / FOLDS:
        taken, gained = np.zeros(len(shortlists)), np.zeros(len(rows))
        for repeat in range(REPEATS):
            fold = folds_of(rows, FOLDS, seed + repeat)
            for part in range(FOLDS):
                chosen = _fewer(rows, fold != part, size, seed + repeat)
                taken[np.unique(rows.query[chosen])] += 1 / (REPEATS * FOLDS)
                held = fold == part
                curves = fitted(rows.take(chosen), start, width)
                gained[held] += shares(rows.take(held), curves.of(rows.take(held)))[1] / REPEATS
        curve.append((taken, gained - before.told))
        size *= 2
    curve.append((np.ones(len(shortlists)), after.told - before.told))
    return curve


def _fewer(rows: Rows, kept: Flags, size: int, seed: int) -> Flags:
    """Rows of whole items, drawn until they are those of about `size` queries."""
    items = np.unique(rows.item[kept])
    order = np.random.default_rng((seed, size)).permutation(items)
    queries = [rows.queries(rows.item == item) for item in order]
    drawn = order[: int(np.searchsorted(np.cumsum(queries), size)) + 1]
    return kept & np.isin(rows.item, drawn)


def _sizes(curve: Curve, queries: Whole) -> list[tuple[int, Doubles]]:
    return [(math.ceil(taken[queries].sum() - 1e-9), gain) for taken, gain in curve]


def _difference(gain: Doubles, rows: Answered, which: Flags) -> metrics.Difference:
    values = gain[which]
    return metrics.paired_difference(values, np.zeros_like(values), rows.item[which].tolist())


def _quality(given: Answered, rows: Flags) -> Quality:
    which = rows & given.certain
    if not which.any():
        return Quality(float("nan"), float("nan"), float("nan"))
    first, right = given.first[which], given.right[which]
    return Quality(
        float(metrics.brier(first, right).mean()),
        metrics.brier_skill(first, right),
        metrics.calibration_error(first, right),
    )


def _floor(given: Answered, rows: Flags) -> float:
    which = rows & given.certain
    return metrics.calibration_floor(given.first[which]).value if which.any() else float("nan")

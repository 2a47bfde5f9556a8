"""From figures to what may be said: means with intervals, paired differences, and whether one is noise.

Intervals are percentile bootstrap intervals (Efron, 1979) over queries, or over groups of them: photos of one item are
no independent evidence, so whole groups are drawn where groups are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.metrics.resampling import added, blocks, draws, figures_of, group_codes, interval, named_codes

RESAMPLES = 2_000
LEVEL = 0.95
SEED = 0
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries and its bootstrap percentile interval.

    Attributes:
        value: The mean of the queries measured.
        low: Lower end, nan where there are fewer than two groups to resample.
        high: Upper end, likewise.
        level: Share of resamples between `low` and `high`.
        queries: How many queries the mean is over.
        groups: How many independent groups were resampled (equal to `queries` where every query stands alone).
    """

    value: float
    low: float
    high: float
    level: float
    queries: int
    groups: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one system is than another on the same queries.

    Attributes:
        value: Mean of first minus second; positive where the first is better.
        low: Lower end of the bootstrap interval of the difference, nan for fewer than two groups.
        high: Upper end, likewise.
        p: Two-sided p-value of a sign-flip test over groups: how often a difference this large comes up when, group by
            group, it is a coin toss which system is which.
        queries: How many queries.
        groups: How many groups.
    """

    value: float
    low: float
    high: float
    p: float
    queries: int
    groups: int


def bootstrap(
    values: npt.ArrayLike,
    groups: Sequence[Any] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
) -> Estimate:
    """Mean of the values with a percentile bootstrap interval.

    Args:
        values: (Q,) one figure per query.
        groups: Which queries belong together (the same item, the same sender). Whole groups are resampled, because
            photos of one item are no independent evidence; without groups every query stands alone. The mean stays the
            mean over queries.
        resamples: How many.
        level: Share of the resamples the interval holds.
        seed: Same seed, same interval.

    Raises:
        ValueError: No values, or as many groups as values are not given.
    """
    figures = figures_of(values)
    return bootstrap_ratio(figures, np.ones(len(figures)), groups, resamples=resamples, level=level, seed=seed)


def bootstrap_ratio(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    groups: Sequence[Any] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
) -> Estimate:
    """Sum of the numerators over the sum of the denominators, such as attribute recall, with its interval.

    Args:
        numerators: (Q,) one per query, such as hits.
        denominators: (Q,) 0 or more, such as positives; both are drawn together.
        groups: As in `bootstrap`, and so are the others.
        resamples: How many.
        level: Share of the resamples the interval holds.
        seed: Same seed, same interval.

    Raises:
        ValueError: Shapes differ, a denominator is negative, or all are 0.
    """
    above, below = figures_of(numerators), figures_of(denominators)
    if above.shape != below.shape or np.any(below < 0) or not below.sum() > 0:
        raise ValueError(
            f"numerators {above.shape} and denominators {below.shape} must be of the same queries, denominators 0 or "
            "more and not all 0"
        )
    which, count = group_codes(groups, len(above))
    sums, totals = added(above, which, count), added(below, which, count)
    ratios = []
    for draw in draws(np.zeros(count, np.int64), resamples, seed):
        over, under = draw @ sums, draw @ totals
        ratios.append(over[under > 0] / under[under > 0])
    low, high = interval(np.concatenate(ratios), level) if count > 1 else (float("nan"), float("nan"))
    return Estimate(float(above.sum() / below.sum()), low, high, level, len(above), count)


def by_category(
    values: npt.ArrayLike,
    categories: Sequence[Any],
    groups: Sequence[Any] | None = None,
    *,
    level: float = LEVEL,
    seed: int = SEED,
) -> dict[Any, Estimate]:
    """Each category's own mean and interval, in order of the categories' names; arguments as in `macro_mean`."""
    figures = figures_of(values)
    names, kinds = named_codes(categories, len(figures), "categories")
    owners = None if groups is None else group_codes(groups, len(figures))[0]
    return {
        name: bootstrap(figures[inside], None if owners is None else owners[inside].tolist(), level=level, seed=seed)
        for name, inside in ((name, kinds == place) for place, name in enumerate(names))
    }


def macro_mean(
    values: npt.ArrayLike,
    categories: Sequence[Any],
    groups: Sequence[Any] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
) -> Estimate:
    """Mean over categories of each category's mean, every category weighing the same whatever its size.

    The interval is about these very categories: they are kept, and queries (whole groups, where given) are drawn anew
    within each, as many as it has. It says nothing about categories not seen, and a category of a single group adds
    no width although its mean is uncertain. Where a group has queries of several categories, drawing within categories
    would break it: then groups are drawn over all categories at once, and a resample averages those it met.

    Args:
        values: (Q,) one figure per query.
        categories: Q names.
        groups: As in `bootstrap`, and so are the others.
        resamples: How many.
        level: Share of the resamples the interval holds.
        seed: Same seed, same interval.

    Raises:
        ValueError: No values, or not as many categories and groups as values.
    """
    figures = figures_of(values)
    names, kinds = named_codes(categories, len(figures), "categories")
    owners, count = group_codes(groups, len(figures))
    cells, cell = np.unique(kinds * count + owners, return_inverse=True)
    category, owner = np.divmod(cells, count)
    starts = np.searchsorted(category, np.arange(len(names)))  # cells come sorted by category
    sums, sizes = added(figures, cell, len(cells)), added(None, cell, len(cells))
    value = float(np.mean(np.add.reduceat(sums, starts) / np.add.reduceat(sizes, starts)))
    low = high = float("nan")
    spans = len(cells) > count
    if count > (1 if spans else len(names)):
        means = []
        for draw in draws(np.zeros(count, np.int64) if spans else category, resamples, seed):
            times = draw[:, owner] if spans else draw
            under = np.add.reduceat(times * sizes, starts, axis=1)
            over = np.add.reduceat(times * sums, starts, axis=1)
            means.append(np.nanmean(np.where(under > 0, over / np.maximum(under, 1), np.nan), axis=1))
        low, high = interval(np.concatenate(means), level)
    return Estimate(value, low, high, level, len(figures), count)


def paired_difference(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    groups: Sequence[Any] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
) -> Difference:
    """Compare two systems on the same queries: mean difference, its bootstrap interval, and a sign-flip p-value.

    Args:
        first: (Q,) one figure per query of the first system.
        second: (Q,) the same queries, in the same order, of the second.
        groups: As in `bootstrap`; also what the sign flips are taken over.
        resamples: How many, for the interval and for the p-value.
        level: Share of the resamples the interval holds.
        seed: Same seed, same result.

    Raises:
        ValueError: The two do not have the same queries.
    """
    ours, theirs = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise ValueError(f"paired figures must be of the same queries, not {ours.shape} and {theirs.shape}")
    estimate = bootstrap(ours - theirs, groups, resamples=resamples, level=level, seed=seed)
    sums = added(ours - theirs, *group_codes(groups, len(ours)))
    rng = np.random.default_rng(seed)
    seen = abs(float(sums.sum())) - 1e-9  # a hair less, so that an equal sum added in another order counts as equal
    extreme = 0
    for size in blocks(resamples, len(sums)):
        signs = rng.integers(0, 2, size=(size, len(sums)), dtype=np.int8) * np.int8(2) - np.int8(1)
        extreme += int(np.count_nonzero(np.abs(signs @ sums) >= seen))
    p = (1 + extreme) / (1 + resamples)
    return Difference(estimate.value, estimate.low, estimate.high, p, estimate.queries, estimate.groups)


def verdict(difference: Difference) -> str:
    """A difference in words: ``better``, ``worse``, or ``this difference is noise``.

    It is noise unless its interval leaves out 0 *and* p is below .05; a single group tells nothing and is noise, too.
    """
    if difference.p < SIGNIFICANT and difference.low > 0:
        return "better"
    if difference.p < SIGNIFICANT and difference.high < 0:
        return "worse"
    return "this difference is noise"


def errors_removed(ours: float, theirs: float) -> float:
    """Share of the other's errors that ours does not make: (ours - theirs) / (1 - theirs); nan where it makes none."""
    return (ours - theirs) / (1.0 - theirs) if theirs < 1.0 else float("nan")

"""How good a ranking is: per-query figures, and the honest width of their mean.

Every retrieval figure is computed from one thing, the *ranks* of a query's relevant items: a rising integer array, 1
for the first place. Functions that take `ranks` take one array a query and return one float a query, so that means,
intervals and paired comparisons can all be taken afterwards, over queries or over groups of them.

Ties: equal similarities stay in the order of the gallery as given (a stable sort), as `wearabouts.types.Ranking` orders
ties by photo id. Give the gallery in order of id and every engine agrees.

A query without any relevant item has no figure; leave it out and say how many were left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

RESAMPLES = 2_000
LEVEL = 0.95
SEED = 0
_BLOCK = 2_000_000  # numbers held at a time while resampling, so that memory does not grow with resamples x groups


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


def relevant_ranks(similarity: npt.ArrayLike, relevant: npt.ArrayLike) -> list[Integers]:
    """Where the relevant items of each query stand.

    Args:
        similarity: (Q, N) floats, larger is nearer; -inf puts an item behind all others. Ties keep the gallery's order.
        relevant: (Q, N) bool, which items answer which query.

    Returns:
        One rising array of ranks per query, 1 for the first place; empty where nothing is relevant.

    Raises:
        ValueError: Shapes differ, or a similarity is nan.
    """
    scores, truth = np.atleast_2d(np.asarray(similarity)), np.atleast_2d(np.asarray(relevant, dtype=bool))
    if scores.shape != truth.shape or scores.ndim != 2:
        raise ValueError(f"similarity {scores.shape} and relevant {truth.shape} must both be (queries, gallery)")
    if np.isnan(scores).any():
        raise ValueError("similarity holds nan: a vector was not of unit length")
    order = np.argsort(-scores, axis=1, kind="stable")
    return [np.flatnonzero(row) + 1 for row in np.take_along_axis(truth, order, axis=1)]


def hit_rate(ranks: Sequence[npt.ArrayLike], k: int) -> Doubles:
    """Whether *any* relevant item is among the first k: (Q,) of 0 or 1.

    This is what street-to-shop papers call recall@k or top-k accuracy. Where a query has one relevant item it equals
    `recall`; where it has more, it does not.
    """
    return np.array([float(row[0] <= _at_least_one(k)) for row in _checked(ranks)])


def recall(ranks: Sequence[npt.ArrayLike], k: int) -> Doubles:
    """Share of *all* relevant items among the first k: (Q,) in [0, 1]; not 1 where k is smaller than their number."""
    return np.array([np.count_nonzero(row <= _at_least_one(k)) / len(row) for row in _checked(ranks)])


def average_precision(ranks: Sequence[npt.ArrayLike]) -> Doubles:
    """Mean of the precision at each relevant item, over all relevant items, whole gallery ranked: (Q,) in (0, 1]."""
    return np.array([np.mean(np.arange(1, len(row) + 1) / row) for row in _checked(ranks)])


def average_precision_at(
    ranks: Sequence[npt.ArrayLike], cut: int, *, over: Literal["found", "possible"] = "found"
) -> Doubles:
    """Average precision of the first `cut` places (AP@R): (Q,) in [0, 1].

    Args:
        ranks: One array per query.
        cut: R, how many places are looked at.
        over: The divisor, on which papers differ. ``found``: relevant items among the first R, as the hashing papers do
            (CIFAR-10 mAP@R); it does not punish a relevant item that was missed. ``possible``: min(R, all relevant
            items), the most that could have been found. Both equal `average_precision` when R is the gallery's size.
    """
    values = []
    for row in _checked(ranks):
        within = row[row <= _at_least_one(cut)]
        precisions = np.arange(1, len(within) + 1) / within
        divisor = len(within) if over == "found" else min(cut, len(row))
        values.append(float(np.sum(precisions)) / max(1, divisor))
    return np.array(values)


def first_hit(ranks: Sequence[npt.ArrayLike]) -> Integers:
    """Rank of the first relevant item: (Q,) int, 1 is best."""
    return np.array([row[0] for row in _checked(ranks)], dtype=np.int64)


def reciprocal_rank(ranks: Sequence[npt.ArrayLike]) -> Doubles:
    """One over the rank of the first relevant item; its mean is the MRR: (Q,) in (0, 1]."""
    return 1.0 / first_hit(ranks).astype(np.float64)


def top_k_accuracy(probabilities: npt.ArrayLike, labels: npt.ArrayLike, k: int = 1) -> Doubles:
    """Whether the true class is among the k most probable: (N,) of 0 or 1; among equals the lower index is first.

    Args:
        probabilities: (N, C) floats, any scores where larger is likelier.
        labels: (N,) int in [0, C).
        k: How many classes are looked at.

    Raises:
        ValueError: Shapes do not fit or a label is not a class.
    """
    scores, truth = np.asarray(probabilities), np.asarray(labels)
    if scores.ndim != 2 or truth.shape != (len(scores),):
        raise ValueError(f"probabilities {scores.shape} and labels {truth.shape} must be (N, C) and (N,)")
    if len(truth) and not (truth.min() >= 0 and truth.max() < scores.shape[1]):
        raise ValueError(f"labels must lie in [0, {scores.shape[1]}), not {truth.min()} to {truth.max()}")
    order = np.argsort(-scores, axis=1, kind="stable")[:, : _at_least_one(k)]
    return np.asarray(np.any(order == truth[:, None], axis=1), dtype=np.float64)


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
    sums, counts = _by_group(values, groups)
    value = float(sums.sum() / counts.sum())
    low = high = float("nan")
    if len(sums) > 1:
        means = np.concatenate([(draw @ sums) / (draw @ counts) for draw in _draws(len(sums), resamples, seed)])
        low, high = (float(end) for end in np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(value, low, high, level, int(counts.sum()), len(sums))


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
    sums, _ = _by_group(ours - theirs, groups)
    rng = np.random.default_rng(seed)
    seen = abs(float(sums.sum())) - 1e-9  # a hair less, so that an equal sum added in another order counts as equal
    extreme = 0
    for size in _blocks(resamples, len(sums)):
        signs = rng.integers(0, 2, size=(size, len(sums))) * 2 - 1
        extreme += int(np.count_nonzero(np.abs(signs @ sums) >= seen))
    p = (1 + extreme) / (1 + resamples)
    return Difference(estimate.value, estimate.low, estimate.high, p, estimate.queries, estimate.groups)


def errors_removed(ours: float, theirs: float) -> float:
    """Share of the other's errors that ours does not make: (ours - theirs) / (1 - theirs); nan where it makes none."""
    return (ours - theirs) / (1.0 - theirs) if theirs < 1.0 else float("nan")


def _checked(ranks: Sequence[npt.ArrayLike]) -> Iterator[Integers]:
    for position, row in enumerate(ranks):
        array = np.asarray(row, dtype=np.int64)
        if array.ndim != 1 or not len(array) or array[0] < 1 or np.any(np.diff(array) < 1):
            raise ValueError(f"ranks of query {position} must be rising integers from 1 on, at least one: {array}")
        yield array


def _at_least_one(k: int) -> int:
    if k < 1:
        raise ValueError(f"k must be 1 or more, not {k}")
    return k


def _by_group(values: npt.ArrayLike, groups: Sequence[Any] | None) -> tuple[Doubles, Doubles]:
    figures = np.asarray(values, dtype=np.float64)
    if figures.ndim != 1 or not len(figures):
        raise ValueError(f"figures must be (queries,) with at least one query, not {figures.shape}")
    if groups is None:
        return figures, np.ones(len(figures))
    if len(groups) != len(figures):
        raise ValueError(f"{len(groups)} groups for {len(figures)} queries; give one group a query")
    _, which = np.unique(np.asarray(groups), return_inverse=True)
    sums: Doubles = np.bincount(which, weights=figures).astype(np.float64)
    return sums, np.bincount(which).astype(np.float64)


def _blocks(rows: int, columns: int) -> Iterator[int]:
    size = max(1, _BLOCK // max(1, columns))
    for start in range(0, rows, size):
        yield min(size, rows - start)


def _draws(groups: int, resamples: int, seed: int) -> Iterator[Doubles]:
    rng = np.random.default_rng(seed)
    share = np.full(groups, 1.0 / groups)
    for size in _blocks(resamples, groups):
        yield rng.multinomial(groups, share, size=size).astype(np.float64)

"""How far probabilities of pairs can be believed, beside what similarity alone would say of the same pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts import metrics
from wearabouts.evaluation.verified.plain import out_of_fold
from wearabouts.metrics import Difference, Doubles, Estimate, Reliability
from wearabouts.metrics.resampling import added, draws, group_codes, interval


@dataclass(frozen=True, slots=True)
class Belief:
    """Figures of the probabilities of some pairs.

    Attributes:
        pairs: How many.
        rate: Share of them that show one item.
        brier: Mean squared error.
        skill: Share of the base rate's Brier score that is removed.
        plain: The same of a logistic curve on similarity, fitted out of fold on the same pairs.
        ahead: The curve's squared error less ours, pair by pair: above 0 where ours is better.
        error: Expected calibration error, bins of equal mass.
        floor: What a perfect forecaster's would be, with as many pairs and these probabilities; None where the pairs
            depend on each other.
        bins: What a reliability diagram is drawn from.
        plain_bins: The curve's.
    """

    pairs: int
    rate: float
    brier: Estimate
    skill: Estimate
    plain: Estimate
    ahead: Difference
    error: Estimate
    floor: Estimate | None
    bins: Reliability
    plain_bins: Reliability


def believed(
    probability: Doubles,
    right: npt.ArrayLike,
    similarity: Doubles,
    groups: Sequence[Any],
    *,
    alone: bool = True,
    seed: int = 0,
) -> Belief:
    """Measure probabilities.

    Args:
        probability: (M,) in [0, 1].
        right: (M,) of 0 or 1.
        similarity: (M,) cosines of the same pairs.
        groups: M names of items, which are resampled whole.
        alone: Whether each pair is of a query of its own.
        seed: Of folds and intervals.
    """
    truth = np.asarray(right, np.float64)
    curve = out_of_fold(similarity, truth, groups, seed=seed)
    ours, plain = metrics.brier(probability, truth), metrics.brier(curve, truth)
    return Belief(
        len(truth),
        float(truth.mean()),
        metrics.bootstrap(ours, groups, seed=seed),
        skill(ours, truth, groups, seed=seed),
        skill(plain, truth, groups, seed=seed),
        metrics.paired_difference(plain, ours, groups, seed=seed),
        metrics.calibration_error_interval(probability, truth, groups, seed=seed),
        metrics.calibration_floor(probability, seed=seed) if alone else None,
        metrics.reliability(probability, truth),
        metrics.reliability(curve, truth),
    )


def skill(
    errors: Doubles,
    right: Doubles,
    groups: Sequence[Any] | None = None,
    *,
    resamples: int = metrics.RESAMPLES,
    level: float = metrics.LEVEL,
    seed: int = metrics.SEED,
) -> Estimate:
    """Brier skill, 1 - mean error / (rate · (1 - rate)), with its interval; each resample has its own base rate.

    Args:
        errors: (M,) squared errors.
        right: (M,) of 0 or 1.
        groups: As in `metrics.bootstrap`, and so are the others.
        resamples: How many.
        level: Share of the resamples the interval holds.
        seed: Same seed, same interval.

    Returns:
        nan where all pairs are alike.
    """
    which, count = group_codes(groups, len(errors))
    columns = np.stack([added(errors, which, count), added(right, which, count), added(None, which, count)])
    low = high = float("nan")
    if count > 1:
        skills = [_skill(draw @ columns.T) for draw in draws(np.zeros(count, np.int64), resamples, seed)]
        known = np.concatenate(skills)
        known = known[np.isfinite(known)]
        low, high = interval(known, level) if len(known) else (low, high)
    value = float(_skill(columns.sum(axis=1)[None])[0])
    return Estimate(value, low, high, level, len(errors), count)


def _skill(sums: Doubles) -> Doubles:
    """Of rows of error, right and count."""
    rate = sums[:, 1] / sums[:, 2]
    reference = rate * (1 - rate)
    known = reference > 0
    return np.where(known, 1 - sums[:, 0] / sums[:, 2] / np.where(known, reference, 1), np.nan)

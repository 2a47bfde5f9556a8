"""Figures of pairs that need resampling: how far off probabilities are, and what is let through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts import metrics
from wearabouts.metrics import Doubles, Estimate
from wearabouts.metrics.resampling import draws, group_codes, interval


@dataclass(frozen=True, slots=True)
class Trade:
    """Shares of absent items accepted and of present ones missed, at falling thresholds."""

    accepted: Doubles
    missed: Doubles


@dataclass(frozen=True, slots=True)
class Accepts:
    """Share of absent items accepted, and the threshold at which."""

    share: Estimate
    threshold: float


def calibration_interval(
    probability: Doubles, right: npt.ArrayLike, groups: Sequence[Any], *, seed: int = 0, resamples: int = 500
) -> Estimate:
    """Expected calibration error with an interval over items."""
    truth = np.asarray(right, np.float64)
    which, count = group_codes(groups, len(truth))
    value = metrics.calibration_error(probability, truth)
    low = high = float("nan")
    if count > 1:
        found = []
        for block in draws(np.zeros(count, np.int64), resamples, seed):
            for times in block.astype(np.int64):
                rows = np.repeat(np.arange(len(truth)), times[which])
                found.append(metrics.calibration_error(probability[rows], truth[rows]))
        low, high = interval(np.array(found), 0.95)
    return Estimate(value, low, high, 0.95, len(truth), count)


def calibration_floor(probability: Doubles, *, seed: int = 0, draws_: int = 200) -> float:
    """What a perfect forecaster's calibration error would be in the mean."""
    rng = np.random.default_rng(seed)
    return float(
        np.mean(
            [metrics.calibration_error(probability, rng.random(len(probability)) < probability) for _ in range(draws_)]
        )
    )


def detection_errors(there: Doubles, gone: Doubles) -> Trade:
    """Both errors at every threshold."""
    steps = np.unique(np.concatenate([there, gone]))[::-1]
    accepted = 1 - np.searchsorted(np.sort(gone), steps, side="left") / len(gone)
    missed = np.searchsorted(np.sort(there), steps, side="left") / len(there)
    return Trade(accepted, missed)


def false_accepts(
    there: Doubles, gone: Doubles, groups: Sequence[Any], *, true_accepts: float = 0.95, seed: int = 0
) -> Accepts:
    """What is let through where that share of the items that are there is accepted."""

    def at(a: Doubles, b: Doubles) -> tuple[float, float]:
        order = np.sort(a)[::-1]
        threshold = float(order[int(np.ceil(true_accepts * len(a))) - 1])
        return float(np.mean(b >= threshold)), threshold

    which, count = group_codes(groups, len(there))
    value, threshold = at(there, gone)
    found = []
    for block in draws(np.zeros(count, np.int64), 500, seed):
        for times in block.astype(np.int64):
            rows = np.repeat(np.arange(len(there)), times[which])
            found.append(at(there[rows], gone[rows])[0])
    low, high = interval(np.array(found), 0.95) if count > 1 else (float("nan"), float("nan"))
    return Accepts(Estimate(value, low, high, 0.95, len(there), count), threshold)

"""How sure one may be of a calibration error: its interval, and what chance alone would show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.metrics.resampling import blocks, draws, group_codes, interval
from wearabouts.metrics.retrieval import Doubles
from wearabouts.metrics.statistics import LEVEL, RESAMPLES, SEED, Estimate
from wearabouts.metrics.verification import BINS, Binning, calibration_error, reliability_bins

SIMULATED = 1_000


def calibration_error_interval(
    probabilities: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    groups: Sequence[Any] | None = None,
    *,
    bins: int = BINS,
    binning: Binning = "mass",
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = SEED,
) -> Estimate:
    """Expected calibration error (`calibration_error`) with a bootstrap interval.

    Bins stay those of all pairs. A resample has its pairs' noise twice, so its error lies too high by about as much as
    the figure itself does; the interval is therefore the reflected one (Davison and Hinkley, *Bootstrap methods and
    their application*, 1997, 5.2: 2 · value - quantile), and it begins at 0 where chance alone would show as much
    (`calibration_floor`). Percentiles would leave out the truth, and often the figure itself, wherever a forecaster is
    well calibrated.

    Args:
        probabilities: (N,) in [0, 1].
        outcomes: (N,) of 0 or 1.
        groups: As in `bootstrap`: whole items are drawn.
        bins: As in `calibration_error`, and so is `binning`.
        binning: See there.
        resamples: How many.
        level: Share of the resamples the interval holds.
        seed: Same seed, same interval.

    Raises:
        ValueError: As `calibration_error`, or not as many groups as pairs.
    """
    value = calibration_error(probabilities, outcomes, bins=bins, binning=binning)
    given, happened = np.asarray(probabilities, np.float64), np.asarray(outcomes, np.float64)
    which = reliability_bins(given, bins, binning)
    owner, count = group_codes(groups, len(given))
    if count < 2:
        return Estimate(value, float("nan"), float("nan"), level, len(given), count)
    cell = owner * bins + which
    off = np.bincount(cell, happened - given, count * bins).reshape(count, bins)
    sizes = np.bincount(owner, minlength=count).astype(np.float64)
    errors = [
        np.abs(draw @ off).sum(axis=1) / (draw @ sizes) for draw in draws(np.zeros(count, np.int64), resamples, seed)
    ]
    low, high = interval(2 * value - np.concatenate(errors), level)
    chance = calibration_floor(given, bins=bins, binning=binning, level=level, seed=seed)
    return Estimate(value, 0.0 if value <= chance.high else max(low, 0.0), max(high, value), level, len(given), count)


def calibration_floor(
    probabilities: npt.ArrayLike,
    *,
    bins: int = BINS,
    binning: Binning = "mass",
    simulated: int = SIMULATED,
    level: float = LEVEL,
    seed: int = SEED,
) -> Estimate:
    """What calibration error a perfectly calibrated forecaster would show that gives just these probabilities.

    Each pair is the same with exactly the probability given, independently of the others; the error of such outcomes is
    noise alone, and above 0 wherever pairs are few. An error within the interval is no sign of miscalibration
    (the consistency resampling of Bröcker and Smith, 2007).

    Args:
        probabilities: (N,) in [0, 1].
        bins: As in `calibration_error`, and so is `binning`.
        binning: See there.
        simulated: How many sets of outcomes are drawn.
        level: Share of them the interval holds.
        seed: Same seed, same result.

    Returns:
        The mean error, and the interval in which most errors lie.
    """
    given = np.asarray(probabilities, np.float64)
    which = reliability_bins(given, bins, binning)
    rng = np.random.default_rng(seed)
    held = np.zeros((len(given), bins))
    held[np.arange(len(given)), which] = 1 / len(given)
    errors: list[Doubles] = []
    for rows in blocks(simulated, len(given)):
        off = (rng.random((rows, len(given))) < given) - given
        errors.append(np.abs(off @ held).sum(axis=1))
    found = np.concatenate(errors)
    low, high = interval(found, level)
    return Estimate(float(found.mean()), low, high, level, len(given), len(given))

"""Figures of pairs: is it the same item, and can the probability of it be believed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from wearabouts.metrics.retrieval import Doubles, Integers

BINS = 15  # as Guo et al. (2017)
Binning = Literal["mass", "width"]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One threshold of a verifier: a pair is called the same where its score is *above* it.

    Attributes:
        fnmr: False non-match rate: share of same pairs that are not called so.
        fmr: False match rate that the threshold has: at most what was asked for.
        threshold: A score.
        same: How many same pairs.
        different: How many different pairs.
    """

    fnmr: float
    fmr: float
    threshold: float
    same: int
    different: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """What a reliability diagram is drawn from, one value for each bin that holds a pair.

    Attributes:
        predicted: (B,) mean probability given, rising.
        observed: (B,) share of the bin's pairs that were the same.
        counts: (B,) pairs in the bin.
        low: (B,) lower end of the 95 % Wilson interval of `observed`.
        high: (B,) upper end.
    """

    predicted: Doubles
    observed: Doubles
    counts: Integers
    low: Doubles
    high: Doubles


def fnmr_at_fmr(same: npt.ArrayLike, different: npt.ArrayLike, fmr: float) -> OperatingPoint:
    """Share of same pairs missed at the lowest threshold whose false match rate is at most `fmr` (ISO/IEC 19795-1).

    With m = ⌊fmr · M⌋ of the M different pairs allowed above, the threshold is the (m + 1)-th highest of their scores,
    and FNMR = #{same ≤ threshold} / #same. No interpolation between scores: others, and ROC libraries, interpolate.
    FNMR is 1 less the true accept rate; this is verification, whose FMR does not depend on the size of a gallery.

    Args:
        same: Scores of pairs that are the same item, larger is likelier the same.
        different: Scores of pairs that are not.
        fmr: In (0, 1), such as .001.

    Raises:
        ValueError: No scores, nan among them, or fewer than 1 / fmr different pairs: then nothing can be said.
    """
    genuine, impostor = row_of(same, "same"), np.sort(row_of(different, "different"))[::-1]
    allowed = int(np.floor(fmr * len(impostor) + 1e-9)) if 0 < fmr < 1 else 0
    if not allowed:
        raise ValueError(
            f"a false match rate must lie in (0, 1) and needs at least 1 / rate different pairs; {fmr:g} with "
            f"{len(impostor)} pairs cannot be measured"
        )
    threshold = float(impostor[allowed])
    return OperatingPoint(
        float(np.mean(genuine <= threshold)),
        float(np.mean(impostor > threshold)),
        threshold,
        len(genuine),
        len(impostor),
    )


def brier(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> Doubles:
    """Squared error of each probability, (p - o)²: (N,) in [0, 1]; mean: the Brier score (Brier, 1950), 0 is best.

    Brier's own two-class sum is twice this; scikit-learn's `brier_score_loss` is this.

    Args:
        probabilities: (N,) in [0, 1].
        outcomes: (N,) of 0 or 1.
    """
    given, happened = _pairs(probabilities, outcomes)
    return (given - happened) ** 2


def brier_skill(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """1 - Brier / Brier of always saying the base rate: 1 is perfect, 0 no better than the base rate, below 0 worse.

    The base rate is that of these very outcomes, so the reference is o̅(1 - o̅); nan where all outcomes are equal.
    """
    given, happened = _pairs(probabilities, outcomes)
    rate = float(happened.mean())
    reference = rate * (1 - rate)
    return 1 - float(np.mean((given - happened) ** 2)) / reference if reference > 0 else float("nan")


def calibration_error(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = BINS, binning: Binning = "mass"
) -> float:
    """Expected calibration error, Σ_b (n_b / N) |mean outcome - mean probability|: in [0, 1], 0 is best.

    Args:
        probabilities: (N,) in [0, 1], of the pair being the same (not of the likelier answer, as in many papers on
            classifiers; for those give the confidence and whether it was right).
        outcomes: (N,) of 0 or 1.
        bins: How many.
        binning: ``mass``: bins of equally many pairs (Nixon et al., 2019), which says more where most pairs are sure.
            ``width``: bins of equal width (Naeini et al., 2015; Guo et al., 2017). The figure depends on both, and it
            is biased upwards where bins hold few pairs.
    """
    found = reliability(probabilities, outcomes, bins=bins, binning=binning)
    return float(np.sum(found.counts * np.abs(found.observed - found.predicted)) / found.counts.sum())


def reliability(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = BINS, binning: Binning = "mass"
) -> Reliability:
    """Probabilities given and shares observed, bin by bin; arguments as in `calibration_error`.

    A bin holds what lies above its lower edge up to and including its upper edge (the first its lower edge, too), so
    that equal probabilities share a bin; edges of equal mass are quantiles. scikit-learn's `calibration_curve` has the
    same bins.

    Raises:
        ValueError: Shapes differ, nothing is given, a probability or outcome is out of range, or `bins` is below 1.
    """
    given, happened = _pairs(probabilities, outcomes)
    if bins < 1:
        raise ValueError(f"bins must be 1 or more, not {bins}")
    which = reliability_bins(given, bins, binning)
    counts = np.bincount(which, minlength=bins)
    held = counts > 0
    total = counts[held].astype(np.float64)
    predicted = np.bincount(which, weights=given, minlength=bins)[held] / total
    observed = np.bincount(which, weights=happened, minlength=bins)[held] / total
    low, high = _wilson(observed, total)
    return Reliability(predicted, observed, counts[held].astype(np.int64), low, high)


def reliability_bins(probabilities: npt.ArrayLike, bins: int = BINS, binning: Binning = "mass") -> Integers:
    """(N,) the bin, 0 to bins - 1, that `reliability` counts each probability in; some may stay empty."""
    given = row_of(probabilities, "probabilities")
    shares = np.linspace(0.0, 1.0, bins + 1)
    edges = np.quantile(given, shares) if binning == "mass" else shares
    return np.searchsorted(edges[1:-1], given, side="left").astype(np.int64)


def _wilson(share: Doubles, count: Doubles) -> tuple[Doubles, Doubles]:
    """95 % interval of a share (Wilson, 1927): within [0, 1] also where the share is 0 or 1."""
    z = 1.959963984540054
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def _pairs(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[Doubles, Doubles]:
    given, happened = row_of(probabilities, "probabilities"), row_of(outcomes, "outcomes")
    if given.shape != happened.shape:
        raise ValueError(f"probabilities {given.shape} and outcomes {happened.shape} must be of the same pairs")
    if np.any((given < 0) | (given > 1)) or np.any((happened != 0) & (happened != 1)):
        raise ValueError("probabilities must lie in [0, 1] and outcomes must be 0 or 1")
    return given, happened


def row_of(values: npt.ArrayLike, name: str) -> Doubles:
    """One row of doubles.

    Raises:
        ValueError: Not one row, nothing in it, or nan.
    """
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or not len(row) or np.isnan(row).any():
        raise ValueError(f"{name} must be one row of at least one number, without nan; shape {row.shape}")
    return row

"""Is the item in the shop at all? Queries asked as they are, and once more with their item taken out of the shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wearabouts import metrics
from wearabouts.calibration import Calibration
from wearabouts.evaluation.verified.outcomes import Truth, Verified
from wearabouts.metrics import Difference, Doubles, Estimate
from wearabouts.metrics.resampling import draws, group_codes, interval
from wearabouts.report import Errors
from wearabouts.search.verdicts import decided
from wearabouts.types import Verdict

ACCEPTED = 0.95  # of the items that are there
PRECISION = 0.95
VERDICTS: tuple[Verdict, ...] = ("same", "similar", "not_carried")


@dataclass(frozen=True, slots=True)
class Score:
    """What tells items that are there from those that are not: higher is likelier there.

    Attributes:
        name: For the plot.
        there: (Q,) of the queries with their item in the shop.
        gone: (Q,) of the same queries without it.
    """

    name: str
    there: Doubles
    gone: Doubles


@dataclass(frozen=True, slots=True)
class Opened:
    """What two scores let through where `ACCEPTED` of the items that are there are accepted.

    Attributes:
        first: Share of absent items accepted by the first.
        second: By the second.
        difference: First less second.
        curves: Both kinds of error at every threshold, of each.
    """

    first: Estimate
    second: Estimate
    difference: Difference
    curves: tuple[Errors, Errors]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was answered, of queries whose item is there and of those whose item is not.

    Attributes:
        there: Verdict → (Q,) bool.
        gone: The same.
        hit: (Q,) of those that are there, whether the first product is the item.
    """

    there: Mapping[str, Truth]
    gone: Mapping[str, Truth]
    hit: Truth


def opened(
    first: Score, second: Score, groups: Sequence[Any], *, resamples: int = metrics.RESAMPLES, seed: int = metrics.SEED
) -> Opened:
    """Measure two scores on the same queries; thresholds are chosen on these queries, anew in each resample.

    Args:
        first: One score.
        second: The other.
        groups: Q names of items, which are resampled whole.
        resamples: Of the intervals.
        seed: Of the draws, the same for both scores.

    Returns:
        The p-value of the difference is that of the resamples: twice the smaller share on either side of 0.
    """
    which, count = group_codes(groups, len(first.there))
    points = [metrics.false_accepts_at(each.there, each.gone, ACCEPTED) for each in (first, second)]
    values = [point.false_accepts for point in points]
    found = np.full((2, resamples), np.nan)
    if count > 1:
        blocks = draws(np.zeros(count, np.int64), resamples, seed)
        found = np.concatenate(
            [[_accepted(each, block[:, which]) for each in (first, second)] for block in blocks], axis=1
        )
    estimates = [
        Estimate(value, *interval(row, metrics.LEVEL), metrics.LEVEL, len(which), count)
        for value, row in zip(values, found, strict=True)
    ]
    between = found[0] - found[1]
    p = float(min(1.0, 2 * min(np.mean(between <= 0), np.mean(between >= 0)) + 1 / (1 + resamples)))
    ends = interval(between, metrics.LEVEL)
    one, two = (_errors(each, point) for each, point in zip((first, second), points, strict=True))
    difference = Difference(values[0] - values[1], *ends, p if count > 1 else 1.0, len(which), count)
    return Opened(estimates[0], estimates[1], difference, (one, two))


def _accepted(score: Score, times: Doubles) -> Doubles:
    """(R,) share of absent items accepted in each resample, from how often each query comes up: (R, Q)."""
    order = np.argsort(-score.there, kind="stable")
    reached = np.cumsum(times[:, order], axis=1)
    place = (reached >= ACCEPTED * reached[:, -1:] - 1e-9).argmax(axis=1)
    threshold = score.there[order][place]
    let = score.gone[None] >= threshold[:, None]
    shares: Doubles = (times * let).sum(axis=1) / times.sum(axis=1)
    return shares


def _errors(score: Score, point: metrics.AcceptPoint) -> Errors:
    curve = metrics.detection_errors(score.there, score.gone)
    return Errors(score.name, curve.false_accepts, curve.false_rejects, (point.false_accepts, 1 - point.true_accepts))


def verdicts(there: Verified, gone: Verified, calibration: Calibration, precision: float = PRECISION) -> Verdicts:
    """What would be answered, by the rule that serves, at a precision."""
    return Verdicts(_said(there, calibration, precision), _said(gone, calibration, precision), there.hit)


def _said(asked: Verified, calibration: Calibration, precision: float) -> dict[str, Truth]:
    ends = np.cumsum(np.bincount(asked.owner, minlength=len(asked.first)))[:-1]
    shortlists = zip(np.split(asked.probability, ends), asked.carried.tolist(), strict=True)
    said = np.array([decided(each.tolist(), carried, calibration, precision).verdict for each, carried in shortlists])
    return {verdict: said == verdict for verdict in VERDICTS}

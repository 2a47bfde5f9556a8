"""Is the item in the shop at all? Queries asked as they are, and once more with their item taken out of the shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wearabouts.calibration import Calibration
from wearabouts.evaluation.verified import measures
from wearabouts.evaluation.verified.outcomes import Truth, Verified
from wearabouts.metrics import Doubles, Estimate
from wearabouts.report import Errors
from wearabouts.search.verdicts import decided
from wearabouts.types import Verdict

ACCEPTED = 0.95  # of the items that are there
PRECISION = 0.95
VERDICTS: tuple[Verdict, ...] = ("same", "similar", "not_carried")


@dataclass(frozen=True, slots=True)
class Opened:
    """How well one score tells items that are there from those that are not.

    Attributes:
        accepted: Share of absent items accepted where `ACCEPTED` of those that are there are.
        curve: The errors at every threshold.
    """

    accepted: Estimate
    curve: Errors


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


def opened(name: str, there: Doubles, gone: Doubles, groups: Sequence[Any], *, seed: int = 0) -> Opened:
    """Measure a score.

    Args:
        name: For the plot.
        there: (Q,) scores of the queries with their item in the shop; higher is likelier there.
        gone: (Q,) of the same queries without it.
        groups: Q names of items, which are resampled whole.
        seed: Of the interval.
    """
    curve = measures.detection_errors(there, gone)
    accepted = measures.false_accepts(there, gone, groups, true_accepts=ACCEPTED, seed=seed)
    missed = float(np.mean(there < accepted.threshold))
    return Opened(accepted.share, Errors(name, curve.accepted, curve.missed, (accepted.share.value, missed)))


def verdicts(there: Verified, gone: Verified, calibration: Calibration, precision: float = PRECISION) -> Verdicts:
    """What would be answered, by the rule that serves, at a precision."""
    return Verdicts(_said(there, calibration, precision), _said(gone, calibration, precision), there.hit)


def _said(asked: Verified, calibration: Calibration, precision: float) -> dict[str, Truth]:
    ends = np.cumsum(np.bincount(asked.owner, minlength=len(asked.first)))[:-1]
    shortlists = zip(np.split(asked.probability, ends), asked.carried.tolist(), strict=True)
    said = np.array([decided(each.tolist(), carried, calibration, precision).verdict for each, carried in shortlists])
    return {verdict: said == verdict for verdict in VERDICTS}

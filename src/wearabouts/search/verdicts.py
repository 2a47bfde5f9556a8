"""From probabilities to what a person is told: the same item, similar ones, or not in the shop; and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wearabouts.calibration import Calibration
from wearabouts.errors import QueryError
from wearabouts.settings import LEAST_PRECISION, MOST_PRECISION
from wearabouts.types import Level, Verdict

LIKE = 0.5  # of the first one's probability: a product this likely is too much like it to leave aside
MOST = 0.5  # the item is one of several products rather than not


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer says beside its products; its fields are those of `wearabouts.types.Answer`."""

    verdict: Verdict
    reason: str
    carried: float
    precision: float
    threshold: float | None
    calibrated_on: str
    own_labels: bool
    levels: tuple[Level, ...]


def checked_precision(precision: float) -> float:
    """The precision as given.

    Raises:
        QueryError: It is none that an answer can be asked for.
    """
    if not LEAST_PRECISION <= precision <= MOST_PRECISION:
        raise QueryError(
            f"precision {precision:g} is not allowed; give a number from {LEAST_PRECISION} to {MOST_PRECISION}"
        )
    return precision


def decided(
    products: Sequence[float],
    carried: float,
    calibration: Calibration,
    precision: float,
    *,
    of_kind: bool = True,
    share: float | None = None,
) -> Outcome:
    """The verdict on one shortlist, at the precision asked for and at each that the calibration tells apart.

    Args:
        products: Probability of each judged product, the likeliest first.
        carried: Probability that the item is in the shop at all; without products it is 0.
        calibration: Its cuts.
        precision: Of the answers that say *same item*, the share that is to be right.
        of_kind: Whether the shop has anything of the kind searched for.
        share: Of the queries that the probabilities are for, how many have their item in the shop; None for the
            calibration's own.
    """
    carried, enough = carried if len(products) else 0.0, calibration.carried_at(share)

    def at(asked: float) -> Level:
        threshold = calibration.threshold(asked)
        return Level(asked, threshold, *_verdict(products, carried, enough, threshold, of_kind))

    level = at(precision)
    return Outcome(
        level.verdict,
        level.reason,
        carried,
        precision,
        level.threshold,
        calibration.calibrated_on,
        calibration.own_labels,
        tuple(at(cut.precision) for cut in calibration.cuts),
    )


def _verdict(
    products: Sequence[float], carried: float, enough: float, threshold: float | None, of_kind: bool
) -> tuple[Verdict, str]:
    if not len(products):
        return "not_carried", "empty"
    if threshold is not None and products[0] >= threshold:
        return "same", "sure"
    if carried < enough:
        return "not_carried", "unlike" if of_kind else "other_kind"
    alike = [share for share in products if share >= LIKE * products[0]]
    return "similar", "alike" if len(alike) > 1 and sum(alike) >= MOST else "doubtful"

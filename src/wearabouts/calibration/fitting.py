"""A calibration out of shortlists of which the right candidate is known.

Why no isotonic curve: it is a curve of one number, but here candidates compete, and what a log-odds is worth depends on
the others beside it. Four numbers need tens of labels where a step function needs hundreds, and they can be shrunk.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wearabouts.calibration.curve import HALF, Calibration, Own
from wearabouts.calibration.curves import Curves, curves_of, fitted
from wearabouts.calibration.cuts import FOLDS, MOST, SEED, carried_cut, cuts_of, laid_out, out_of_fold
from wearabouts.calibration.newton import Point, maximum
from wearabouts.calibration.shortlists import Doubles, Rows, Shortlist

POPULATION = (
    "a query and a product of its shortlist, where {share:.0%} of the queries have their item in the shop: each query "
    "is asked as it is and with its item removed"
)
PAIR_WIDE, PAIR_SHIFT = np.array([2.0, 10.0]), np.array([0.5, 1.5])  # of log slope and offset


def fit(
    shortlists: Sequence[Shortlist],
    *,
    verifier: str,
    calibrated_on: str,
    population: str = POPULATION,
    prior: Calibration | None = None,
    own_labels: bool = False,
    share: float | None = None,
    folds: int = FOLDS,
    seed: int = SEED,
) -> Calibration:
    """Fit the curves of one verifier.

    Each query whose item is in the shop counts twice, half as it is and half with its item removed, so both what a
    right candidate looks like and what none looks like are learned from the same labels. The numbers of the
    curve are fitted by maximum likelihood for all categories and, shrunk to these, for each; cuts are taken from
    probabilities of queries whose item no curve has seen.

    Args:
        shortlists: Queries of items that the verifier was not trained on.
        verifier: Its hash.
        calibrated_on: On what, in words for a person.
        population: Which pairs the probability speaks of, in words; ``{share}`` stands for `share`.
        prior: Where to start from: a shop's few labels leave its numbers nearly as they are.
        own_labels: Whether these are a shop's own labels.
        share: Of the population that the cuts are for, how many queries have their item in the shop, in (0, 1); None
            for the prior's, or half. The curves do not depend on it.
        folds: Parts that items are divided into for the cuts.
        seed: Of that division; the same result for the same queries in any order.

    Raises:
        ValueError: Nothing is known of any query, and there is no prior.
    """
    rows = laid_out(shortlists, prior)
    if not len(rows) and prior is None:
        raise ValueError("there is no query of which anything is known; give labelled shortlists, or a prior")
    before = None if prior is None else curves_of(prior)
    curves = fitted(rows, before)
    if share is None:
        share = HALF if prior is None else min(prior.share, MOST)
    held = out_of_fold(rows, folds, before, seed, share)
    return Calibration(
        verifier=verifier,
        calibrated_on=calibrated_on,
        population=population.format(share=share),
        labels=rows.queries(),
        **_plain(curves.all),
        ceiling=rows.ceiling if np.isfinite(rows.ceiling) else None,
        own=_own(curves, rows),
        pair=pair_curve(shortlists, None if prior is None else prior.pair),
        share=share,
        cuts=cuts_of(held, () if prior is None else prior.cuts),
        carried=carried_cut(held, 0.5 if prior is None else prior.carried),
        own_labels=own_labels,
    )


def pair_curve(shortlists: Sequence[Shortlist], prior: tuple[float, float] | None = None) -> tuple[float, float]:
    """Slope and offset of P(same) = sigmoid(slope · z + offset) of single pairs, half of them the same.

    Of each query whose right candidate is on its shortlist beside a wrong one: that one, and the likeliest wrong one.
    """
    logits = []
    for one in shortlists:
        if one.same is not None and len(one.logits) > 1:
            logits.append((one.logits[one.same], np.delete(np.asarray(one.logits), one.same).max()))
    pairs = np.array(logits, np.float64).reshape(-1, 2)
    values, same = pairs.ravel(), np.tile([1.0, 0.0], len(pairs))

    def logistic(at: Doubles) -> Point:
        steep, offset = np.exp(at[0, 0]), at[0, 1]
        score = steep * values + offset
        given = 1 / (1 + np.exp(-np.clip(score, -500, 500)))
        told = -0.5 * np.logaddexp(0.0, np.where(same > 0, -score, score)).sum()
        miss, inside = 0.5 * (same - given), 0.5 * given * (1 - given)
        along = np.stack([steep * values, np.ones_like(values)])  # of the score by both numbers
        bend = -(along * inside) @ along.T
        bend[0, 0] += miss @ (steep * values)
        return Point(np.array([told]), (along @ miss)[None], bend[None])

    centre, width = (np.zeros(2), PAIR_WIDE) if prior is None else (np.array([np.log(prior[0]), prior[1]]), PAIR_SHIFT)
    steep, offset = maximum(logistic, centre[None], centre, width)[0]
    return float(np.exp(steep)), float(offset)


def _own(curves: Curves, rows: Rows) -> dict[str, Own]:
    own = {}
    for kind, numbers in sorted(curves.own.items()):
        seen = rows.kind == rows.kinds.index(kind) if kind in rows.kinds else np.zeros(len(rows), bool)
        own[kind] = Own(**_plain(numbers), labels=rows.queries(seen))
    return own


def _plain(numbers: Doubles) -> dict[str, float]:
    temperature, absent, beyond, evidence = np.exp(numbers[0]), *numbers[1:3], np.exp(numbers[3])
    return {
        "temperature": float(temperature),
        "absent": float(absent),
        "beyond": float(beyond),
        "evidence": float(evidence),
    }

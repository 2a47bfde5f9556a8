"""How well the numbers of a curve explain what is known, and how that changes with each of them.

A row's likelihood is the sum of the probabilities (`wearabouts.calibration.curve`) of all that what is known leaves
possible: the right candidate alone where it is known, and all but one where people only said that this one is wrong.
"""

from __future__ import annotations

import numpy as np

from wearabouts.calibration.newton import Point
from wearabouts.calibration.shortlists import Doubles, Flags, Rows, Whole

NUMBERS = 3  # log T, a, b
TINY = 1e-200


def shares(rows: Rows, numbers: Doubles, away: float = 0.0) -> tuple[Doubles, Doubles]:
    """What may be believed of each row, before and after looking at what is known.

    Args:
        rows: R rows.
        numbers: (R, 3) or (3,): log T, a, b.
        away: log((1 - s) / s) of the rows' own share s of items in the shop.

    Returns:
        Probabilities (R, K + 2) of candidates, beyond and absent; (R,) log-likelihoods.
    """
    before, _, told = _both(rows, np.broadcast_to(numbers, (len(rows), NUMBERS)), away)
    return before, told


def point(rows: Rows, group: Whole, numbers: Doubles, away: float = 0.0) -> Point:
    """Log-likelihood of groups of rows, with derivatives.

    Args:
        rows: R rows.
        group: (R,) numbers 0 to C - 1.
        numbers: (C, 3): log T, a, b of each group.
        away: As in `shares`.
    """
    own = numbers[group]
    before, after, told = _both(rows, own, away)
    slope, bend = _moments(rows, before, after)
    # The moments are by 1 / T; the numbers hold log T.
    sharp = np.exp(-own[:, 0])
    bend[:, 0, :] *= -sharp[:, None]
    bend[:, :, 0] *= -sharp[:, None]
    bend[:, 0, 0] += sharp * slope[:, 0]
    slope[:, 0] *= -sharp
    count = len(numbers)
    flat = (
        np.concatenate([told[:, None], slope, bend.reshape(len(rows), NUMBERS * NUMBERS)], axis=1)
        * rows.weight[:, None]
    )
    sums: Doubles = np.stack([np.bincount(group, column, count) for column in flat.T], axis=1).astype(np.float64)
    return Point(sums[:, 0], sums[:, 1 : NUMBERS + 1], sums[:, NUMBERS + 1 :].reshape(count, NUMBERS, NUMBERS))


def _both(rows: Rows, own: Doubles, away: float) -> tuple[Doubles, Doubles, Doubles]:
    sharp = np.exp(-own[:, :1])
    terms = np.concatenate([rows.logits * sharp, own[:, 2:3], own[:, 1:2] + away], axis=1)
    terms[~rows.there] = -np.inf
    most = terms.max(axis=1, keepdims=True)
    weights = np.exp(terms - most)
    before = weights / weights.sum(axis=1, keepdims=True)
    left = np.where(rows.possible, before, 0.0)
    known = left.sum(axis=1, keepdims=True)
    told = np.log(np.maximum(known, TINY))[:, 0]
    after = left / np.maximum(known, TINY)
    for row in np.flatnonzero(known < TINY):  # what came true had been given up: from the terms themselves
        told[row], after[row] = _again(terms[row], rows.possible[row])
    return before, after, told


def _again(terms: Doubles, possible: Flags) -> tuple[float, Doubles]:
    left = np.where(possible, terms, -np.inf)
    weights = np.exp(left - left.max())
    total = terms.max() + np.log(np.exp(terms - terms.max()).sum())
    return float(left.max() + np.log(weights.sum()) - total), weights / weights.sum()


def _moments(rows: Rows, before: Doubles, after: Doubles) -> tuple[Doubles, Doubles]:
    """First and second derivatives of each row's log-likelihood by 1 / T, a, b: differences of means and covariances.

    What a row's terms multiply are (z, 0, 0) for a candidate, (0, 1, 0) for absent and (0, 0, 1) for beyond.
    """
    means, covariances = [], []
    square = rows.logits**2
    for share in (before, after):
        held = share[:, :-2]
        mean = np.stack([np.einsum("rk,rk->r", held, rows.logits), share[:, -1], share[:, -2]], axis=1)
        squares = np.stack([np.einsum("rk,rk->r", held, square), share[:, -1], share[:, -2]], axis=1)
        covariance = -mean[:, :, None] * mean[:, None, :]
        covariance[:, range(NUMBERS), range(NUMBERS)] += squares
        means.append(mean)
        covariances.append(covariance)
    return means[1] - means[0], covariances[1] - covariances[0]

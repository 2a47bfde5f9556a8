"""How well the numbers of a curve explain what is known, and how that changes with each of them.

A row's likelihood is the sum of the probabilities (`wearabouts.calibration.curve`) of all that what is known leaves
possible: the right candidate alone where it is known, and all but one where people only said that this one is wrong.
"""

from __future__ import annotations

import numpy as np

from wearabouts.calibration.newton import Point
from wearabouts.calibration.shortlists import Doubles, Flags, Rows, Whole

NUMBERS = 4  # log T, a, b, log k
TINY = 1e-200


def shares(rows: Rows, numbers: Doubles, away: float = 0.0) -> tuple[Doubles, Doubles]:
    """What may be believed of each row, before and after looking at what is known.

    Args:
        rows: R rows.
        numbers: (R, 4) or (4,): log T, a, b, log k.
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
        numbers: (C, 4): log T, a, b, log k of each group.
        away: As in `shares`.
    """
    own = numbers[group]
    before, after, told = _both(rows, own, away)
    slope, bend = _derivatives(rows, own, before, after)
    # These are by 1 / T and k; the numbers hold the logarithms of T and k.
    inner = np.stack([-np.exp(-own[:, 0]), np.ones(len(own)), np.ones(len(own)), np.exp(own[:, 3])], axis=1)
    bend *= inner[:, :, None] * inner[:, None, :]
    bend[:, 0, 0] -= inner[:, 0] * slope[:, 0]
    bend[:, 3, 3] += inner[:, 3] * slope[:, 3]
    slope *= inner
    count = len(numbers)
    flat = (
        np.concatenate([told[:, None], slope, bend.reshape(len(rows), NUMBERS * NUMBERS)], axis=1)
        * rows.weight[:, None]
    )
    sums: Doubles = np.stack([np.bincount(group, column, count) for column in flat.T], axis=1).astype(np.float64)
    return Point(sums[:, 0], sums[:, 1 : NUMBERS + 1], sums[:, NUMBERS + 1 :].reshape(count, NUMBERS, NUMBERS))


def _here(rows: Rows, own: Doubles) -> tuple[Doubles, Doubles]:
    """Terms of candidates and *beyond* before they are weighed against *absent*, and E, see `curve`."""
    terms = np.concatenate([rows.logits * np.exp(-own[:, :1]), own[:, 2:3]], axis=1)
    terms[~rows.there[:, :-1]] = -np.inf
    evidence: Doubles = np.logaddexp.reduce(terms, axis=1)
    return terms, evidence


def _both(rows: Rows, own: Doubles, away: float) -> tuple[Doubles, Doubles, Doubles]:
    here, evidence = _here(rows, own)
    # Together they weigh exp(k E), *absent* exp(a) times the odds against being in the shop.
    terms = np.concatenate([here + (np.expm1(own[:, 3]) * evidence)[:, None], own[:, 1:2] + away], axis=1)
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


def _derivatives(rows: Rows, own: Doubles, before: Doubles, after: Doubles) -> tuple[Doubles, Doubles]:
    """First and second derivatives of each row's log-likelihood by 1 / T, a, b, k.

    A term's own derivative is x + (k - 1) m in 1 / T and b, and E in k, where x is (z, 0) of a candidate and (0, 1) of
    *beyond* and m is the mean of x over all that is here; that of *absent* is 1 in a. The log-likelihood's are the
    difference of their means after and before looking, that of their covariances, and, because the terms bend
    themselves, that of the mass that is here times their bend: (k - 1) times the covariance of x, and m across to k.
    """
    here, evidence = _here(rows, own)
    mean, squares = _of(rows, np.exp(here - evidence[:, None]))
    more = np.expm1(own[:, 3])[:, None]
    shared = np.stack([more[:, 0] * mean[:, 0], np.zeros(len(own)), more[:, 0] * mean[:, 2], evidence], axis=1)
    slopes, covariances, masses = [], [], []
    for share in (before, after):
        mass, away = share[:, :-1].sum(axis=1), share[:, -1]
        first, second = _of(rows, share[:, :-1])
        slope = first + mass[:, None] * shared
        across = first[:, :, None] * shared[:, None, :]
        moment = _diagonal(second) + across + across.transpose(0, 2, 1)
        moment += mass[:, None, None] * shared[:, :, None] * shared[:, None, :]
        slope[:, 1] += away
        moment[:, 1, 1] += away
        slopes.append(slope)
        covariances.append(moment - slope[:, :, None] * slope[:, None, :])
        masses.append(mass)
    bend = more[:, :, None] * (_diagonal(squares) - mean[:, :, None] * mean[:, None, :])
    bend[:, 3, :] = bend[:, :, 3] = mean
    gained = (masses[1] - masses[0])[:, None, None]
    return slopes[1] - slopes[0], covariances[1] - covariances[0] + gained * bend


def _of(rows: Rows, share: Doubles) -> tuple[Doubles, Doubles]:
    """Sums of x and of its squares over candidates and *beyond*, (R, 4) each; one part of x is always nothing."""
    nothing = np.zeros(len(rows))
    held, beyond = share[:, :-1], share[:, -1]
    sums = np.stack([np.einsum("rk,rk->r", held, rows.logits), nothing, beyond, nothing], axis=1)
    return sums, np.stack([np.einsum("rk,rk->r", held, rows.logits**2), nothing, beyond, nothing], axis=1)


def _diagonal(values: Doubles) -> Doubles:
    made: Doubles = values[:, :, None] * np.eye(NUMBERS)
    return made

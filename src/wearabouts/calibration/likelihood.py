"""How well the numbers of a curve explain what is known, and how that changes with each of them.

With E and the names of `wearabouts.calibration.curve`, s = k min(E, c) - a the log-odds of being in the shop, and F the
part of E that what is known leaves possible, a row's log-likelihood is

    (s + F - E) - log(1 + exp(s))                   where the item is known to be in the shop,
    -log(1 + exp(s))                                where it is known not to be,
    log(1 + exp(s + F - E)) - log(1 + exp(s))       where nobody knows: some candidates were ruled out, that is all.

So one pass over all candidates gives value, slope and bend, each from a few numbers a row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wearabouts.calibration.newton import Point
from wearabouts.calibration.shortlists import Doubles, Flags, Rows, Whole

NUMBERS = 4  # log T, a, b, log k
UPPER = tuple((i, j) for i in range(NUMBERS) for j in range(i, NUMBERS))


class _Sum(NamedTuple):
    """log Σ exp over some terms, and its derivatives by 1 / T and b.

    Attributes:
        value: (R,).
        sharp, beyond: (R,) first derivatives.
        sharp2, both, beyond2: (R,) second derivatives.
    """

    value: Doubles
    sharp: Doubles
    beyond: Doubles
    sharp2: Doubles
    both: Doubles
    beyond2: Doubles


def shares(rows: Rows, numbers: Doubles, away: float = 0.0) -> tuple[Doubles, Doubles]:
    """What may be believed of each row, before and after looking at what is known.

    Args:
        rows: R rows.
        numbers: (R, 4) or (4,): log T, a, b, log k.
        away: log((1 - s) / s) of the rows' own share s of items in the shop.

    Returns:
        Probabilities (R, K + 2) of candidates, beyond and absent; (R,) log-likelihoods.
    """
    own = np.broadcast_to(numbers, (len(rows), NUMBERS))
    terms = _terms(rows, own)
    every = _summed(terms, rows.logits)
    score = np.exp(own[:, 3]) * np.minimum(every.value, rows.ceiling) - own[:, 1] - away
    carried = _sigmoid(score)
    here = carried[:, None] * np.exp(terms - every.value[:, None])
    told, _ = _told(rows, score, score + _possible(rows, terms).value - every.value)
    return np.concatenate([here, 1 - carried[:, None]], axis=1), told


def point(rows: Rows, group: Whole, numbers: Doubles, away: float = 0.0) -> Point:
    """Log-likelihood of groups of rows, with derivatives.

    Args:
        rows: R rows.
        group: (R,) numbers 0 to C - 1.
        numbers: (C, 4): log T, a, b, log k of each group.
        away: As in `shares`.
    """
    own = numbers[group]
    terms = _terms(rows, own)
    every, left = _summed(terms, rows.logits), _possible(rows, terms)
    below = every.value < rows.ceiling  # above it E may change as it likes: the score stays
    worth = np.where(below, np.exp(own[:, 3]), 0.0)
    counted = np.minimum(every.value, rows.ceiling)
    score = np.exp(own[:, 3]) * counted - own[:, 1] - away
    told, after = _told(rows, score, score + left.value - every.value)
    carried = _sigmoid(score)
    # By 1 / T, a, b, k: of the score s, of F - E, and of their sum.
    nothing = np.zeros(len(rows))
    up = [worth * every.sharp, nothing - 1, worth * every.beyond, counted]
    on = [left.sharp - every.sharp, nothing, left.beyond - every.beyond, nothing]
    up2 = {
        (0, 0): worth * every.sharp2,
        (0, 2): worth * every.both,
        (2, 2): worth * every.beyond2,
        (0, 3): below * every.sharp,
        (2, 3): below * every.beyond,
    }
    on2 = {(0, 0): left.sharp2 - every.sharp2, (0, 2): left.both - every.both, (2, 2): left.beyond2 - every.beyond2}
    # Only where nobody knows does the second logarithm bend.
    spread = np.where(rows.present < 0, after * (1 - after), 0.0)
    gained, doubt = after - carried, carried * (1 - carried)
    slope = [gained * up[i] + after * on[i] for i in range(NUMBERS)]
    bend = [
        gained * up2.get((i, j), nothing)
        + after * on2.get((i, j), nothing)
        + spread * (up[i] + on[i]) * (up[j] + on[j])
        - doubt * up[i] * up[j]
        for i, j in UPPER
    ]
    return _summed_up(rows, group, own, (told, slope, bend), len(numbers))


def evidence(rows: Rows, numbers: Doubles) -> Doubles:
    """(R,) E of each row, whatever the ceiling.

    Args:
        rows: R rows.
        numbers: (R, 4) or (4,): log T, a, b, log k.
    """
    return _summed(_terms(rows, np.broadcast_to(numbers, (len(rows), NUMBERS))), rows.logits).value


def _summed_up(
    rows: Rows, group: Whole, own: Doubles, found: tuple[Doubles, list[Doubles], list[Doubles]], count: int
) -> Point:
    """Rows' derivatives by 1 / T, a, b, k as groups' by log T, a, b, log k."""
    told, slope, bend = found
    inner: list[Doubles] = [-np.exp(-own[:, 0]), np.ones(len(own)), np.ones(len(own)), np.exp(own[:, 3])]
    outer = {(0, 0): -inner[0] * slope[0], (3, 3): inner[3] * slope[3]}  # the logarithms bend, too
    columns = [
        told,
        *(inner[i] * slope[i] for i in range(NUMBERS)),
        *(inner[i] * inner[j] * part + outer.get((i, j), 0.0) for (i, j), part in zip(UPPER, bend, strict=True)),
    ]
    sums: Doubles = np.stack(
        [np.bincount(group, column * rows.weight, count).astype(np.float64) for column in columns], axis=1
    )
    bends = np.empty((count, NUMBERS, NUMBERS))
    for place, (i, j) in enumerate(UPPER, 1 + NUMBERS):
        bends[:, i, j] = bends[:, j, i] = sums[:, place]
    return Point(sums[:, 0], sums[:, 1 : NUMBERS + 1], bends)


def _terms(rows: Rows, own: Doubles) -> Doubles:
    """(R, K + 1) of candidates and *beyond*, -inf where there is no candidate."""
    terms = np.concatenate([rows.logits * np.exp(-own[:, :1]), own[:, 2:3]], axis=1)
    terms[~rows.there[:, :-1]] = -np.inf
    return terms


def _summed(terms: Doubles, logits: Doubles) -> _Sum:
    most = terms.max(axis=1)
    most[np.isneginf(most)] = 0.0  # nothing is possible: the sum is 0 and its logarithm -inf
    shares = np.exp(terms - most[:, None])
    total = shares.sum(axis=1)
    shares /= np.maximum(total, np.finfo(np.float64).tiny)[:, None]
    held, beyond = shares[:, :-1], shares[:, -1]
    mean = np.einsum("rk,rk->r", held, logits)
    square = np.einsum("rk,rk,rk->r", held, logits, logits)
    with np.errstate(divide="ignore"):
        value = most + np.log(total)
    return _Sum(value, mean, beyond, square - mean**2, -mean * beyond, beyond * (1 - beyond))


def _possible(rows: Rows, terms: Doubles) -> _Sum:
    """The same over what is possible in the shop; E's own value where the item is known not to be there."""
    here = np.arange(len(rows))
    place = np.where(rows.right >= 0, rows.right, -1)
    known = _Sum(
        terms[here, place],
        np.where(rows.right >= 0, rows.logits[here, place] if rows.logits.shape[1] else 0.0, 0.0),
        (rows.right < 0).astype(np.float64),
        *(np.zeros(len(rows)) for _ in range(3)),
    )
    unsure: Flags = rows.present < 0
    if unsure.any():
        cut = np.where(rows.possible[unsure, :-1], terms[unsure], -np.inf)
        for whole, part in zip(known, _summed(cut, rows.logits[unsure]), strict=True):
            whole[unsure] = part
    return known


def _told(rows: Rows, score: Doubles, both: Doubles) -> tuple[Doubles, Doubles]:
    """Log-likelihoods, and how likely the item is in the shop after looking."""
    told = np.where(rows.present == 1, both, np.where(rows.present == 0, 0.0, np.logaddexp(0.0, both)))
    after = np.where(rows.present < 0, _sigmoid(both), rows.present)
    return told - np.logaddexp(0.0, score), after


def _sigmoid(score: Doubles) -> Doubles:
    given: Doubles = 1 / (1 + np.exp(-np.clip(score, -700, 700)))
    return given

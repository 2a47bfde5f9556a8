"""The four numbers of all categories together, and of each as far as its labels carry.

Both are where likelihood times a Gaussian prior is the largest. The prior of all categories lies at the numbers of an
earlier calibration where there is one (so a shop's few labels change little, many much), else it is so wide that it
only keeps degenerate data finite. That of a category lies at the numbers of all; its width, so how different
categories are, is the one of a few whose curves explain queries of other items best (cross-fitted).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from wearabouts.calibration.curve import Calibration, Own
from wearabouts.calibration.likelihood import NUMBERS, evidence, point, shares
from wearabouts.calibration.newton import Point, maximum
from wearabouts.calibration.shortlists import Doubles, Flags, Rows, Whole

WIDE = np.array([2.0, 10.0, 10.0, 2.0])  # of log T, a, b, log k, where nothing is known before
SHIFT = np.array([0.5, 1.5, 1.5, 0.5])  # how far a shop's numbers are expected to lie from those it started with
SHAPE = np.array([0.5, 1.0, 1.0, 0.5])  # of a category's prior, times one of `WIDTHS`
WIDTHS = (0.0, 0.15, 0.3, 0.6, 1.2, 2.4)
REACHED = (0.1, 0.2, 0.3, 0.4, 0.5)  # shares of the rows that lie above a ceiling that is tried
FEW = 400  # rows below which no ceiling is looked for
CLEARLY = 3.0  # of log-likelihood
INNER = 3  # folds in which a width is chosen
WORSE = 2.0  # log-likelihood; a width so much worse than a narrower one ends the search
TURNS = 30
SETTLED = 1e-6


@dataclass(frozen=True)
class Curves:
    """Numbers log T, a, b, log k.

    Attributes:
        all: (4,) of all categories.
        own: Category → (4,), for those with numbers of their own.
        width: How far categories were found to differ, one of `WIDTHS`.
    """

    all: Doubles
    own: Mapping[str, Doubles]
    width: float

    def of(self, rows: Rows) -> Doubles:
        """(R, 4) numbers of each row."""
        table = np.stack([*(self.own.get(kind, self.all) for kind in rows.kinds), self.all])
        return table[rows.kind]


def curves_of(calibration: Calibration) -> Curves:
    """A calibration's numbers."""
    own = {kind: _numbers(one) for kind, one in calibration.own.items()}
    return Curves(_numbers(calibration), own, 0.0)


def _numbers(curve: Calibration | Own) -> Doubles:
    return np.array([np.log(curve.temperature), curve.absent, curve.beyond, np.log(curve.evidence)])


def fitted(rows: Rows, prior: Curves | None = None, width: float | None = None) -> Curves:
    """Fit all numbers.

    Args:
        rows: What is known.
        prior: Numbers of an earlier calibration.
        width: How far categories differ; None chooses it.
    """
    if width is None:
        width = _width(rows, prior)
    return _apart(rows, prior, width, *_together(rows, prior))


def ceiling_of(rows: Rows) -> float | None:
    """The E from which on more of it is worth nothing, under which one curve explains the rows best; None for none.

    Tried are a few of the shares of queries that come so high; a ceiling has to be clearly better than none.
    """
    if len(rows) < FEW:
        return None
    numbers, away = _together(replace(rows, ceiling=np.inf), None)
    height = evidence(rows, numbers)
    best, most = None, float(rows.weight @ shares(rows, numbers, away)[1]) + CLEARLY
    for share in REACHED:
        tried = replace(rows, ceiling=float(np.quantile(height, 1 - share)))
        numbers, away = _together(tried, None)
        told = float(tried.weight @ shares(tried, numbers, away)[1])
        if told > most:
            best, most = tried.ceiling, told
    return best


def folds_of(rows: Rows, folds: int, seed: int) -> Whole:
    """(R,) number of the fold of each row's item; folds have as many items as one another, give or take one."""
    items = np.unique(rows.item)
    place: Whole = np.random.default_rng(seed).permutation(len(items)) % folds
    which: Whole = place[np.searchsorted(items, rows.item)]
    return which


def _width(rows: Rows, prior: Curves | None) -> float:
    if len(rows.kinds) < 2 or len(np.unique(rows.item)) < 2 * INNER:
        return 0.0
    fold = folds_of(rows, INNER, 0)
    parts = [(rows.take(fold == part), rows.take(fold != part)) for part in range(INNER)]
    together = [_together(kept, prior) for _, kept in parts]
    best, most = 0.0, -np.inf
    for width in WIDTHS:
        gain = 0.0
        for (held, kept), (numbers, away) in zip(parts, together, strict=True):
            curves = _apart(kept, prior, width, numbers, away)
            gain += float(held.weight @ shares(held, curves.of(held))[1])
        if gain < most - WORSE:
            break  # wider is worse still
        if gain > most:  # of equals the narrowest
            best, most = width, gain
    return best


def _apart(rows: Rows, prior: Curves | None, width: float, numbers: Doubles, away: float) -> Curves:
    """Each category's own numbers beside those of all."""
    # What an earlier calibration knew of a category beyond all of them stays known of it.
    apart = {} if prior is None else {kind: own - prior.all for kind, own in prior.own.items()}
    own = {kind: numbers + shift for kind, shift in apart.items()}
    if width > 0 and len(rows.kinds):
        centres = np.stack([numbers + apart.get(kind, 0.0) for kind in rows.kinds])
        named = rows.take(rows.kind >= 0)
        found = maximum(_likelihood(named, named.kind, away), centres, centres, SHAPE * width)
        seen = np.bincount(named.kind, minlength=len(rows.kinds))
        own |= {kind: found[place] for place, kind in enumerate(rows.kinds) if seen[place]}
    return Curves(numbers, own, width)


def _together(rows: Rows, prior: Curves | None) -> tuple[Doubles, float]:
    """One curve for all rows, and log((1 - s) / s) of the share s of them whose item is in the shop.

    Where nobody knows of some whether their item is in the shop, s is what the curve itself expects, found in turns.
    Fitted to rows of one share, a conditional logit holds for any other once its constant is shifted by the log-odds
    (McFadden; Manski and Lerman, 1977), so `absent` always means half.
    """
    centre, spread = (np.zeros(NUMBERS), WIDE) if prior is None else (prior.all, SHIFT)
    unknown: Flags = rows.present < 0
    group = np.zeros(len(rows), np.int64)
    numbers, away, before = centre, 0.0, np.inf
    for _ in range(TURNS):
        expected = np.clip(rows.present, 0, 1).astype(np.float64)
        if unknown.any():
            expected[unknown] = _present(rows.take(unknown), numbers, away)
        share = np.clip(np.average(expected, weights=rows.weight), 0.02, 0.98) if len(rows) else 0.5
        away = float(np.log((1 - share) / share))
        numbers = maximum(_likelihood(rows, group, away), numbers[None], centre, spread)[0]
        if not unknown.any() or abs(away - before) < SETTLED:
            break
        before = away
    return numbers, away


def _present(rows: Rows, numbers: Doubles, away: float) -> Doubles:
    """(R,) how likely the item is in the shop, after what is known."""
    before, _ = shares(rows, numbers, away)
    left = np.where(rows.possible, before, 0.0)
    present: Doubles = 1 - left[:, -1] / left.sum(axis=1)
    return present


def _likelihood(rows: Rows, group: Whole, away: float) -> Callable[[Doubles], Point]:
    return lambda numbers: point(rows, group, numbers, away)

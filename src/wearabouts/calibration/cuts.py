"""Out of probabilities of queries that no curve was fitted on: from which one may be said what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wearabouts.calibration.curve import HALF, LIKELIER, Calibration, Cut
from wearabouts.calibration.curves import Curves, ceiling_of, curves_of, fitted, folds_of
from wearabouts.calibration.likelihood import NUMBERS, shares
from wearabouts.calibration.shortlists import Doubles, Flags, Rows, Shortlist, Whole, rows_of

FOLDS = 5
MOST = 0.999  # share of a population that is said to have every item: cuts need some that are not there
TINY = 1e-12
SEED = 0
PRECISIONS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995)
TRUE_ACCEPTS = 0.95
ERRORS = 1.0  # standard errors that a precision must lie above what is asked for
ENOUGH = 100  # answers or queries below which an earlier calibration's cut is kept


@dataclass(frozen=True)
class Answered:
    """What a calibration says of queries it was not fitted on; rows as in `Rows`: as asked, and without the item.

    Attributes:
        first: (R,) probability of the likeliest candidate, 0 where there is none.
        right: (R,) bool, whether that one is the item.
        certain: (R,) bool, whether it is known if it is.
        carried: (R,) probability that the item is in the shop.
        present: (R,) 1 where it is, 0 where not, -1 where nobody knows.
        told: (R,) log-likelihood of what is known.
        weight: (R,) of the row in the population: a share s of the queries has its item in the shop.
        query: (R,) place of the shortlist.
        item: (R,) number of the item.
        category: (R,) its category, or empty.
    """

    first: Doubles
    right: Flags
    certain: Flags
    carried: Doubles
    present: Whole
    told: Doubles
    query: Whole
    item: Whole
    category: tuple[str, ...]
    weight: Doubles


def cross_fitted(
    shortlists: Sequence[Shortlist],
    *,
    folds: int = FOLDS,
    prior: Calibration | None = None,
    seed: int = SEED,
    share: float = HALF,
) -> Answered:
    """Ask of each query curves fitted to queries of other items alone.

    Args:
        shortlists: Queries.
        folds: How many parts items are divided into; with fewer items than that, one item a part.
        prior: As in `fit`.
        seed: Same seed, same parts, whatever order the shortlists have.
        share: Of the queries, how many have their item in the shop, in (0, 1).
    """
    rows = laid_out(shortlists, prior)
    return out_of_fold(rows, folds, None if prior is None else curves_of(prior), seed, share)


def laid_out(shortlists: Sequence[Shortlist], prior: Calibration | None) -> Rows:
    """Rows with the ceiling of an earlier calibration, or, without one, that of all of them."""
    if prior is not None:
        return rows_of(shortlists, prior.ceiling)
    rows = rows_of(shortlists)
    found = ceiling_of(rows)
    return rows if found is None else replace(rows, ceiling=found)


def answered(shortlists: Sequence[Shortlist], calibration: Calibration) -> Answered:
    """Ask a calibration, in its own population; honest where it was fitted on other queries."""
    rows = rows_of(shortlists, calibration.ceiling)
    return _answered(rows, curves_of(calibration).of(rows), min(calibration.share, MOST))


def out_of_fold(rows: Rows, folds: int, prior: Curves | None, seed: int, share: float = HALF) -> Answered:
    """See `cross_fitted`."""
    fold = folds_of(rows, folds, seed)
    numbers = np.zeros((len(rows), NUMBERS))
    for part in range(folds):
        held = fold == part
        if held.any():
            numbers[held] = fitted(rows.take(~held), prior).of(rows.take(held))
    return _answered(rows, numbers, share)


def _answered(rows: Rows, numbers: Doubles, share: float) -> Answered:
    before, told = shares(rows, numbers, math.log((1 - share) / share))
    candidates = before[:, :-2]
    place = candidates.argmax(axis=1) if candidates.shape[1] else np.full(len(rows), -1)
    here = np.arange(len(rows))
    some = rows.there[:, :-2].any(axis=1)
    ruled_out = ~rows.possible[here, place]
    return Answered(
        first=np.where(some, before[here, place], 0.0) if candidates.shape[1] else np.zeros(len(rows)),
        right=some & (place == rows.right),
        certain=(rows.right != -2) | ruled_out,
        carried=1 - before[:, -1],
        present=rows.present,
        told=told,
        query=rows.query,
        item=rows.item,
        category=tuple(rows.kinds[kind] if kind >= 0 else "" for kind in rows.kind),
        weight=np.where(rows.present == 0, 1 - share, share),
    )


def cuts_of(given: Answered, earlier: tuple[Cut, ...] = ()) -> tuple[Cut, ...]:
    """For each of `PRECISIONS` the lowest probability, one half at least, whose answers are so precise.

    Of all answers at least so probable, the share that is right must lie one standard error above what is asked for
    (the lower bound of Wilson, 1927): the best of many cuts is better on the queries it was chosen on than on others.
    So a cut for .95 needs 19 answers, all right, and one for .99 needs 99.

    Args:
        given: Out-of-fold answers.
        earlier: Cuts of an earlier calibration, kept where there are under `ENOUGH` answers to judge by.
    """
    known = given.certain
    order = np.argsort(-given.first[known], kind="stable")
    first, right, weight = (part[known][order] for part in (given.first, given.right, given.weight))
    last = np.append(first[1:] < first[:-1], True) if len(first) else np.zeros(0, bool)  # of equals all or none
    total = np.cumsum(weight)
    # Answers of unequal weight tell as much as so many equal ones (Kish, 1965).
    surely = _at_least(np.cumsum(weight * right) / np.maximum(total, TINY), total**2 / np.cumsum(weight**2))
    cuts, floor = [], LIKELIER
    for precision in PRECISIONS:
        good = np.flatnonzero(last & (surely >= precision))
        probability = float(first[good[-1]]) if len(good) else None
        if earlier and len(first) < ENOUGH:
            probability = next((cut.probability for cut in earlier if cut.precision >= precision - 1e-9), None)
        if probability is not None:
            probability = floor = max(floor, probability)
        said = (
            float(np.average(first >= probability, weights=weight)) if probability is not None and len(first) else 0.0
        )
        cuts.append(Cut(precision=precision, probability=probability, said=said))
    return tuple(cuts)


def carried_cut(given: Answered, earlier: float = 0.5) -> float:
    """The highest probability of being in the shop that at least 95 % of the queries whose item is there reach."""
    there = np.sort(given.carried[given.present == 1])[::-1]
    if len(there) < ENOUGH:
        return earlier
    return float(there[math.ceil(TRUE_ACCEPTS * len(there)) - 1])


def _at_least(share: Doubles, count: Doubles) -> Doubles:
    z = ERRORS
    middle = share + z * z / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low: Doubles = (middle - half) / (1 + z * z / count)
    return low

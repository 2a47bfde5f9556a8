"""What stage two says of shortlists, and whether it is so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.calibration import Calibration
from wearabouts.evaluation.verified.candidates import Candidates
from wearabouts.metrics import Doubles, Integers
from wearabouts.types import Floats
from wearabouts.verifiers import Verifier

Truth = npt.NDArray[np.bool_]
Weighing = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Verified:
    """What was said of Q queries, and of their M candidates in all.

    Attributes:
        ranks: Per query the ranks of its right answers after stage two: the judged products by their log-odds, then the
            others in stage one's order.
        first: (Q,) probability of each query's first product; 0 where there is no candidate.
        hit: (Q,) whether that is the very same item.
        cosine: (Q,) its similarity; -1 where there is no candidate.
        nearest: (Q,) the highest similarity of any candidate: what stage one goes by.
        carried: (Q,) probability that the item is in the shop.
        owner: (M,) whose candidate each is.
        probability: (M,) of each being the very same item.
        similarity: (M,) its cosine.
        right: (M,) whether it is.
    """

    ranks: list[Integers]
    first: Doubles
    hit: Truth
    cosine: Doubles
    nearest: Doubles
    carried: Doubles
    owner: Integers
    probability: Doubles
    similarity: Doubles
    right: Truth


def verified(
    shortlists: Sequence[Candidates],
    ranks: Sequence[Integers],
    judge: Verifier,
    calibration: Calibration,
    *,
    judged: int,
    share: float | None,
    removed: bool = False,
    weighing: Weighing | None = None,
) -> Verified:
    """Put shortlists in stage two's order and say how likely each product is the very same item.

    Args:
        shortlists: At least `reach` products each, where there are so many.
        ranks: Stage one's ranks of the right answers.
        judge: Weighs signals and pools photos.
        calibration: Turns log-odds into probabilities.
        judged: K, how many products of each stage two looks at.
        share: How many queries' items the shop is said to carry, in (0, 1]; None for the calibration's own population.
        removed: Whether the right answers are taken out of the shop before it is asked.
        weighing: (n, F) signals to (n,) log-odds; None for the judge's own.
    """
    rows = []
    for whole in shortlists:
        short = (whole.without() if removed else whole).first(judged)
        rows.append(_asked(short, judge, calibration, weighing or judge.logits, share))
    if removed:
        after = [np.zeros(0, np.int64) for _ in rows]
    else:
        after = [reranked(before, row.right) for before, row in zip(ranks, rows, strict=True)]
    return Verified(
        after,
        np.array([row.probability[0] if len(row.right) else 0.0 for row in rows]),
        np.array([bool(len(row.right)) and bool(row.right[0]) for row in rows], bool),
        np.array([row.similarity[0] if len(row.right) else -1.0 for row in rows]),
        np.array([row.similarity.max(initial=-1.0) for row in rows]),
        np.array([row.carried for row in rows]),
        np.repeat(np.arange(len(rows)), [len(row.right) for row in rows]),
        np.concatenate([row.probability for row in rows]),
        np.concatenate([row.similarity for row in rows]),
        np.concatenate([row.right for row in rows]),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One query's candidates, likeliest first."""

    probability: Doubles
    similarity: Doubles
    right: Truth
    carried: float


def _asked(short: Candidates, judge: Verifier, calibration: Calibration, weigh: Weighing, share: float | None) -> _Row:
    if len(short):
        logits = judge.pooled(weigh(short.signals), short.owner.tolist())
    else:
        logits = np.zeros(0, np.float32)
    order = np.argsort(-logits, kind="stable")
    said = calibration.probabilities(logits[order], category=short.category, share=share)
    return _Row(said.same.astype(np.float64), short.similarity[order], short.right[order], said.carried)


def reranked(before: Integers, right: Truth) -> Integers:
    """Ranks of right answers once the first few products stand in another order; what lies beyond stays.

    Args:
        before: Rising ranks of stage one.
        right: (K,) of the first K products in their new order, whether each is right.
    """
    return np.concatenate([np.flatnonzero(right) + 1, before[before > len(right)]]).astype(np.int64)

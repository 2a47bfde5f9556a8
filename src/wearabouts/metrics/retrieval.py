"""Retrieval figures, each computed from the *ranks* of a query's relevant items.

Ranks are a rising integer array, 1 for the first place. Functions that take `ranks` take one array a query and return
one float a query. Below, r_1 < r_2 < … < r_R are the ranks of one query's R relevant items, and P(k) is the share of
the first k places that hold a relevant one.

Ties: equal similarities stay in the order of the gallery as given (a stable sort), as `wearabouts.types.Ranking` orders
ties by photo id. Give the gallery in order of id and every engine agrees.

A query without any relevant item has no figure; leave it out and say how many were left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def relevant_ranks(similarity: npt.ArrayLike, relevant: npt.ArrayLike) -> list[Integers]:
    """Where the relevant items of each query stand.

    Args:
        similarity: (Q, N) floats, larger is nearer; -inf puts an item behind all others. Ties keep the gallery's order.
        relevant: (Q, N) bool, which items answer which query.

    Returns:
        One rising array of ranks per query, 1 for the first place; empty where nothing is relevant.

    Raises:
        ValueError: Shapes differ, or a similarity is nan.
    """
    scores, truth = np.atleast_2d(np.asarray(similarity)), np.atleast_2d(np.asarray(relevant, dtype=bool))
    if scores.shape != truth.shape or scores.ndim != 2:
        raise ValueError(f"similarity {scores.shape} and relevant {truth.shape} must both be (queries, gallery)")
    if np.isnan(scores).any():
        raise ValueError("similarity holds nan: a vector was not of unit length")
    order = np.argsort(-scores, axis=1, kind="stable")
    return [np.flatnonzero(row) + 1 for row in np.take_along_axis(truth, order, axis=1)]


def hit_rate(ranks: Sequence[npt.ArrayLike], k: int) -> Doubles:
    """Whether *any* relevant item is among the first k, [r_1 ≤ k]: (Q,) of 0 or 1.

    What street-to-shop and metric learning papers call recall@k, Rank-k or top-k accuracy (Hadi Kiapour et al., 2015;
    Liu et al., DeepFashion, 2016). Where a query has one relevant item it equals `recall`; where it has more, it does
    not, and mmfashion's "recall" is the latter.
    """
    return np.array([float(row[0] <= _at_least_one(k)) for row in _checked(ranks)])


def cmc(ranks: Sequence[npt.ArrayLike], ks: Sequence[int]) -> Doubles:
    """Cumulative match characteristic: `hit_rate` at several k, (Q, len(ks)) of 0 or 1; its column means are the curve.

    All relevant gallery photos take part. The single-shot CMC of the person re-identification papers (CUHK03) draws
    one gallery photo an identity and averages over draws, which is lower.
    """
    first = first_hit(ranks)
    return np.asarray(first[:, None] <= np.array([_at_least_one(k) for k in ks])[None, :], dtype=np.float64)


def recall(ranks: Sequence[npt.ArrayLike], k: int) -> Doubles:
    """Share of *all* relevant items among the first k, #{r_i ≤ k} / R: (Q,) in [0, 1].

    The recall of information retrieval, and mmfashion's recall@k. It cannot reach 1 where k < R, and it is not what
    retrieval papers on fashion print under that name: see `hit_rate`.
    """
    return np.array([np.count_nonzero(row <= _at_least_one(k)) / len(row) for row in _checked(ranks)])


def precision(ranks: Sequence[npt.ArrayLike], k: int) -> Doubles:
    """Share of the first k places that hold a relevant item, P(k) = #{r_i ≤ k} / k: (Q,) in [0, 1].

    The divisor is k also where R < k or the gallery is shorter than k, as in trec_eval.
    """
    return np.array([np.count_nonzero(row <= _at_least_one(k)) / k for row in _checked(ranks)])


def r_precision(ranks: Sequence[npt.ArrayLike]) -> Doubles:
    """Precision at R, P(R): (Q,) in [0, 1]; trec_eval's Rprec, and R-precision in Musgrave et al. (2020)."""
    return np.array([np.count_nonzero(row <= len(row)) / len(row) for row in _checked(ranks)])


def average_precision(ranks: Sequence[npt.ArrayLike]) -> Doubles:
    """Mean of the precision at each relevant item, whole gallery ranked, (1/R) Σ_i i / r_i: (Q,) in (0, 1].

    trec_eval's map and scikit-learn's `average_precision_score` (which pools ties where we keep the gallery's order).
    Not the area under an interpolated curve, as in Pascal VOC 2007.
    """
    return np.array([np.mean(np.arange(1, len(row) + 1) / row) for row in _checked(ranks)])


def average_precision_at(
    ranks: Sequence[npt.ArrayLike], cut: int, *, over: Literal["found", "possible", "all"] = "found"
) -> Doubles:
    """Average precision of the first `cut` places, Σ_{i: r_i ≤ cut} i / r_i over a divisor: (Q,) in [0, 1].

    Args:
        ranks: One array per query.
        cut: How many places are looked at; "R" in the hashing papers' AP@R, no relation to the R above.
        over: The divisor, on which papers differ. ``found``: relevant items among the first `cut`, at least 1, as the
            hashing papers do (CIFAR-10 mAP@1000); it does not punish a relevant item that was missed. ``possible``:
            min(cut, R), the most that could have been found (Kaggle's MAP@k). ``all``: R (trec_eval's map_cut). All
            three equal `average_precision` when `cut` is the gallery's size.
    """
    values = []
    for row in _checked(ranks):
        within = row[row <= _at_least_one(cut)]
        precisions = np.arange(1, len(within) + 1) / within
        divisor = {"found": len(within), "possible": min(cut, len(row)), "all": len(row)}[over]
        values.append(float(np.sum(precisions)) / max(1, divisor))
    return np.array(values)


def average_precision_r(ranks: Sequence[npt.ArrayLike]) -> Doubles:
    """MAP@R of Musgrave et al., "A Metric Learning Reality Check" (2020): (1/R) Σ_{i: r_i ≤ R} i / r_i, in [0, 1].

    The first R places are looked at, R being the *query's* number of relevant items, and the divisor is R. It equals
    pytorch-metric-learning's mean_average_precision_at_r. The hashing papers' AP@R is another thing: there R is one
    number for all queries (`average_precision_at`).
    """
    values = []
    for row in _checked(ranks):
        within = row[row <= len(row)]
        values.append(float(np.sum(np.arange(1, len(within) + 1) / within)) / len(row))
    return np.array(values)


def ndcg(
    grades: Sequence[npt.ArrayLike],
    ideal: Sequence[npt.ArrayLike],
    k: int,
    *,
    gain: Literal["exponential", "linear"] = "exponential",
) -> Doubles:
    """Normalised discounted cumulative gain for graded relevance: (Q,) in [0, 1].

    NDCG@k = (1/Z) Σ_{j≤k} g(rel_j) / log2(j + 1), with Z the same sum over the best order the gallery allows.

    Args:
        grades: Per query the grades rel_j ≥ 0 of the items in the order they came; the first k are read, and a shorter
            row is a gallery that ended.
        ideal: Per query the grades of the gallery, in any order: all of them, or at least the k highest.
        k: How many places are looked at.
        gain: ``exponential``: g = 2^rel - 1 (Burges et al., 2005), which DARN uses with rel = share of the query's
            attributes that agree. ``linear``: g = rel (Järvelin & Kekäläinen, 2002; scikit-learn's `ndcg_score`). They
            agree where grades are 0 or 1.

    Raises:
        ValueError: A grade is negative or not finite, a query has no item of a grade above 0, or the items that came
            are worth more than the ideal.
    """
    values = np.zeros(len(grades))
    for place, (row, best) in enumerate(zip(grades, ideal, strict=True)):
        reached = _discounted(np.asarray(row, dtype=np.float64)[: _at_least_one(k)], gain)
        most = _discounted(np.sort(np.asarray(best, dtype=np.float64))[::-1][:k], gain)
        if not most > 0 or reached > most * (1 + 1e-9):
            raise ValueError(
                f"query {place}: the ideal gain must be above 0 and at least what was reached, not {most:g} with "
                f"{reached:g} reached; give the whole gallery's grades, and leave out queries without relevant items"
            )
        values[place] = min(1.0, reached / most)
    return values


def binary_ndcg(ranks: Sequence[npt.ArrayLike], k: int) -> Doubles:
    """NDCG@k where an item is relevant or not: Σ_{i: r_i ≤ k} 1/log2(r_i + 1) over Σ_{j≤min(k,R)} 1/log2(j + 1)."""
    values = []
    for row in _checked(ranks):
        reached = np.sum(1 / np.log2(row[row <= _at_least_one(k)] + 1.0))
        values.append(float(reached / np.sum(1 / np.log2(np.arange(2.0, min(k, len(row)) + 2)))))
    return np.array(values)


def first_hit(ranks: Sequence[npt.ArrayLike]) -> Integers:
    """Rank of the first relevant item, r_1: (Q,) int, 1 is best."""
    return np.array([row[0] for row in _checked(ranks)], dtype=np.int64)


def reciprocal_rank(ranks: Sequence[npt.ArrayLike]) -> Doubles:
    """One over the rank of the first relevant item, 1 / r_1; its mean is the MRR: (Q,) in (0, 1]."""
    return 1.0 / first_hit(ranks).astype(np.float64)


def _discounted(grades: Doubles, gain: str) -> float:
    if grades.ndim != 1 or not np.all(np.isfinite(grades)) or np.any(grades < 0):
        raise ValueError(f"grades must be one row of finite numbers from 0 on for each query, not {grades}")
    worth = np.exp2(grades) - 1 if gain == "exponential" else grades
    return float(np.sum(worth / np.log2(np.arange(2.0, len(grades) + 2))))


def _checked(ranks: Sequence[npt.ArrayLike]) -> Iterator[Integers]:
    for position, row in enumerate(ranks):
        array = np.asarray(row, dtype=np.int64)
        if array.ndim != 1 or not len(array) or array[0] < 1 or np.any(np.diff(array) < 1):
            raise ValueError(f"ranks of query {position} must be rising integers from 1 on, at least one: {array}")
        yield array


def _at_least_one(k: int) -> int:
    if k < 1:
        raise ValueError(f"k must be 1 or more, not {k}")
    return k

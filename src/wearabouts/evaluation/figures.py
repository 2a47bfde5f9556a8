"""Figures by name: what ``R@10`` or ``mAP@1000 of possible`` is, computed from the ranks of right answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wearabouts import metrics
from wearabouts.errors import EvaluationError
from wearabouts.metrics import Doubles, Integers

_AT = re.compile(r"(?P<kind>R|recall|P|mAP|nDCG)@(?P<k>\d+)(?P<possible> of possible)?")
EXPLAINED = {
    "R": "R@k: whether any right answer is among the first k (hit rate)",
    "recall": "recall@k: share of all right answers among the first k",
    "P": "P@k: share of the first k that is right",
    "mAP": "mAP: mean over queries of the average precision of the whole ranking",
    "mAP@": "mAP@R: average precision of the first R over the right answers found there",
    "possible": "“of possible”: over min(R, all right answers) instead",
    "nDCG": "nDCG@k: discounted hits among the first k over the most there could be, every right answer alike",
    "NDCG": "NDCG@k: the same with grades",
    "MRR": "MRR: mean of 1 / place of the first right answer",
    "MAP@R": "MAP@R: average precision of the first R, R the query's number of right answers, over R",
    "R-precision": "R-precision: share of the first R that is right, R the query's number of right answers",
}


def values(figure: str, ranks: Sequence[Integers]) -> Doubles:
    """One figure of every query.

    Args:
        figure: ``R@k``, ``recall@k``, ``P@k``, ``mAP``, ``mAP@R``, ``mAP@R of possible``, ``nDCG@k``, ``MRR``,
            ``MAP@R`` or ``R-precision``.
        ranks: Per query the rising ranks of its right answers, at least one.

    Returns:
        (Q,) float64.

    Raises:
        EvaluationError: No such figure.
    """
    if figure == "mAP":
        return metrics.average_precision(ranks)
    if figure == "MRR":
        return metrics.reciprocal_rank(ranks)
    if figure == "MAP@R":
        return metrics.average_precision_r(ranks)
    if figure == "R-precision":
        return metrics.r_precision(ranks)
    found = _AT.fullmatch(figure)
    if found is None:
        raise EvaluationError(f"figure {figure!r} is not known; known are {', '.join(EXPLAINED)}")
    k = int(found["k"])
    match found["kind"]:
        case "R":
            return metrics.hit_rate(ranks, k)
        case "recall":
            return metrics.recall(ranks, k)
        case "P":
            return metrics.precision(ranks, k)
        case "nDCG":
            return metrics.binary_ndcg(ranks, k)
    return metrics.average_precision_at(ranks, k, over="possible" if found["possible"] else "found")


def explained(figures: Sequence[str]) -> str:
    """What the figures are, for the note under a table."""
    kinds: dict[str, None] = {}
    for figure in figures:
        found = _AT.fullmatch(figure)
        if found is None:
            kinds[figure.partition("@")[0] if figure.startswith("NDCG") else figure] = None
            continue
        kinds["mAP@" if found["kind"] == "mAP" else found["kind"]] = None
        if found["possible"]:
            kinds["possible"] = None
    return "; ".join(EXPLAINED[kind] for kind in kinds if kind in EXPLAINED) + "."

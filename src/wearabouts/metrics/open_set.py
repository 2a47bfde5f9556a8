"""Is it in the gallery at all? Figures of queries some of which have no right answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.metrics.retrieval import Doubles, Integers
from wearabouts.metrics.verification import row_of


@dataclass(frozen=True, slots=True)
class DetectionErrors:
    """A detection-error curve, one value a threshold, from the strictest to the laxest.

    A query is accepted where its score is *at least* the threshold.

    Attributes:
        thresholds: (T,) falling: infinity, then every different score.
        false_accepts: (T,) share of queries whose item is not there that are accepted, rising from 0 to 1.
        false_rejects: (T,) share of queries whose item is there that are not accepted with it, falling from 1.
    """

    thresholds: Doubles
    false_accepts: Doubles
    false_rejects: Doubles


@dataclass(frozen=True, slots=True)
class AcceptPoint:
    """One threshold: a query is accepted where its score is *at least* that.

    Attributes:
        false_accepts: Share of queries whose item is not there that are accepted.
        true_accepts: Share of queries whose item is there that are accepted: at least what was asked for.
        threshold: A score.
        present: How many queries whose item is there.
        absent: How many whose item is not.
    """

    false_accepts: float
    true_accepts: float
    threshold: float
    present: int
    absent: int


@dataclass(frozen=True, slots=True)
class SaidCurve:
    """What saying *the same item* from a threshold on is worth, one value a threshold, from the strictest.

    Attributes:
        thresholds: (T,) falling, every different probability.
        precision: (T,) of the answers at least so probable, the share that is right.
        said: (T,) share of all queries that get such an answer.
        recall: (T,) of all first answers that are right, the share among them; nan where none is right.
        count: (T,) how many answers.
    """

    thresholds: Doubles
    precision: Doubles
    said: Doubles
    recall: Doubles
    count: Integers


def detection_errors(
    present: npt.ArrayLike, absent: npt.ArrayLike, found: npt.ArrayLike | None = None
) -> DetectionErrors:
    """False accepts against false rejects over all thresholds (ISO/IEC 19795-1: FPIR against FNIR).

    Args:
        present: Scores of queries whose item is in the gallery, larger is likelier there.
        absent: Scores of queries whose item is not.
        found: For each query of `present`, whether the right item was the first answer: one that was not is rejected
            at every threshold (identification). None: only being accepted counts (detection).

    Raises:
        ValueError: No scores, nan among them, or `found` of another length.
    """
    there, elsewhere = row_of(present, "present"), row_of(absent, "absent")
    right = np.ones(len(there), bool) if found is None else np.asarray(found, bool)
    if right.shape != there.shape:
        raise ValueError(f"found {right.shape} and present {there.shape} must be of the same queries")
    thresholds = np.append(np.inf, np.unique(np.concatenate([there, elsewhere]))[::-1])
    return DetectionErrors(
        thresholds,
        _at_least(elsewhere, thresholds) / len(elsewhere),
        1 - _at_least(there[right], thresholds) / len(there),
    )


def false_accepts_at(present: npt.ArrayLike, absent: npt.ArrayLike, true_accepts: float = 0.95) -> AcceptPoint:
    """Share of absent queries accepted at the strictest threshold that accepts at least `true_accepts` of the present.

    With n present queries the threshold is the ⌈true_accepts · n⌉-th highest of their scores; a query is accepted from
    it on, so all equal to it are. No interpolation between scores: papers that give FPR at 95 % TPR often interpolate.

    Args:
        present: Scores of queries whose item is in the gallery.
        absent: Scores of queries whose item is not.
        true_accepts: In (0, 1].

    Raises:
        ValueError: A share out of range, no scores, or nan among them.
    """
    there, elsewhere = row_of(present, "present"), row_of(absent, "absent")
    if not 0 < true_accepts <= 1:
        raise ValueError(f"true_accepts must lie in (0, 1], not {true_accepts:g}")
    place = int(np.ceil(true_accepts * len(there) - 1e-9))
    threshold = float(np.sort(there)[::-1][place - 1])
    return AcceptPoint(
        float(np.mean(elsewhere >= threshold)),
        float(np.mean(there >= threshold)),
        threshold,
        len(there),
        len(elsewhere),
    )


def detection_area(present: npt.ArrayLike, absent: npt.ArrayLike) -> float:
    """How often a query whose item is there scores above one whose item is not, ties half: in [0, 1], .5 is chance.

    The area under the curve of true over false accepts (Mann and Whitney, 1947; scikit-learn's `roc_auc_score`).
    """
    there, elsewhere = row_of(present, "present"), np.sort(row_of(absent, "absent"))
    below = np.searchsorted(elsewhere, there, side="left")
    tied = np.searchsorted(elsewhere, there, side="right") - below
    return float((below + tied / 2).mean() / len(elsewhere))


def said_curve(probabilities: npt.ArrayLike, right: npt.ArrayLike) -> SaidCurve:
    """Precision of saying *the same item* from each probability on, and how often it is then said.

    Args:
        probabilities: (N,) of each query's first answer.
        right: (N,) of 0 or 1, whether that answer is the item.

    Raises:
        ValueError: Shapes differ, or nothing is given.
    """
    given, hits = row_of(probabilities, "probabilities"), row_of(right, "right")
    if given.shape != hits.shape:
        raise ValueError(f"probabilities {given.shape} and right {hits.shape} must be of the same queries")
    thresholds = np.unique(given)[::-1]
    count = _at_least(given, thresholds)
    true = _at_least(given[hits > 0], thresholds)
    total = float((hits > 0).sum())
    recall = true / total if total else np.full(len(true), np.nan)
    return SaidCurve(thresholds, true / count, count / len(given), recall, count.astype(np.int64))


def _at_least(scores: Doubles, thresholds: Doubles) -> Doubles:
    """(T,) how many scores reach each threshold."""
    return (len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")).astype(np.float64)

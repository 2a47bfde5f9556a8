"""Figures of what is read off a photo: its class, its attributes, its landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.metrics.retrieval import Doubles, Integers

_ROWS = 4_096  # score rows sorted at a time: 33 MB at 1,000 attributes
_POINT = 2  # coordinates of a landmark


@dataclass(frozen=True, slots=True)
class AttributeRecall:
    """Attribute recall of one group at one k.

    Attributes:
        value: Sum of hits over sum of positives, in [0, 1]; nan where no photo has a positive.
        hits: (N,) positives of the photo among its first k attributes.
        positives: (N,) positives of the photo. ``bootstrap_ratio(hits, positives)`` gives the interval of `value`.
    """

    value: float
    hits: Doubles
    positives: Doubles

    @property
    def values(self) -> Doubles:
        """(N,) hits over the *mean* number of positives: their mean is `value`, for pairwise comparisons of runs."""
        values: Doubles = self.hits / self.positives.mean()
        return values


@dataclass(frozen=True, slots=True)
class LandmarkError:
    """Normalised error of landmarks.

    Attributes:
        value: Mean over all visible landmarks of all photos; nan where none is visible.
        by_landmark: (L,) mean over the photos where that landmark is visible, nan where it never is.
        visible: (L,) in how many photos.
        sums: (N,) errors of the photo's visible landmarks, added.
        counts: (N,) how many those are. ``bootstrap_ratio(sums, counts)`` gives the interval of `value`.
    """

    value: float
    by_landmark: Doubles
    visible: Integers
    sums: Doubles
    counts: Doubles

    @property
    def values(self) -> Doubles:
        """(N,) sums over the *mean* number of visible landmarks: their mean is `value`, for pairwise comparisons."""
        values: Doubles = self.sums / self.counts.mean()
        return values


def top_k_accuracy(probabilities: npt.ArrayLike, labels: npt.ArrayLike, k: int = 1) -> Doubles:
    """Whether the true class is among the k most probable: (N,) of 0 or 1; among equals the lower index is first.

    Args:
        probabilities: (N, C) floats, any scores where larger is likelier.
        labels: (N,) int in [0, C).
        k: How many classes are looked at.

    Raises:
        ValueError: Shapes do not fit or a label is not a class.
    """
    scores, truth = np.asarray(probabilities), np.asarray(labels)
    if scores.ndim != 2 or truth.shape != (len(scores),):
        raise ValueError(f"probabilities {scores.shape} and labels {truth.shape} must be (N, C) and (N,)")
    if len(truth) and not (truth.min() >= 0 and truth.max() < scores.shape[1]):
        raise ValueError(f"labels must lie in [0, {scores.shape[1]}), not {truth.min()} to {truth.max()}")
    _check_k(k)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.asarray(np.any(order == truth[:, None], axis=1), dtype=np.float64)


def attribute_recall(
    scores: npt.ArrayLike, truth: npt.ArrayLike, k: int, known: npt.ArrayLike | None = None
) -> AttributeRecall:
    """Attribute recall@k as DeepFashion counts it: hits of all photos over positives of all photos.

    Only the attributes of one group are ranked: give that group's columns (texture, fabric, …; all 1,000 for "all").
    A hit is a positive attribute among the photo's k highest; among equals the lower column is first. Photos with many
    positives weigh more, and those without any do not count; the mean of per-photo recalls is another figure. Liu et
    al. (CVPR 2016), as the open evaluation code has it (mmfashion's `calculate_topk_accuracy`).

    Args:
        scores: (N, A) floats, larger is likelier.
        truth: (N, A) bool, the positives.
        k: How many attributes a photo is allowed.
        known: (N, A) bool, False where the annotators did not say: such an attribute takes no place and is no
            positive. None: an unknown attribute counts as absent, as in the published figures.

    Raises:
        ValueError: Shapes differ, a score is nan, or k is below 1.
    """
    found, positive = np.asarray(scores), np.asarray(truth, dtype=bool)
    said = np.ones(positive.shape, bool) if known is None else np.asarray(known, dtype=bool)
    if found.ndim != 2 or not found.shape == positive.shape == said.shape:
        raise ValueError(f"scores {found.shape}, truth {positive.shape} and known {said.shape} must all be (N, A)")
    if np.isnan(found).any():
        raise ValueError("scores must not hold nan")
    _check_k(k)
    hits, positives = np.zeros(len(found)), np.zeros(len(found))
    for start in range(0, len(found), _ROWS):
        rows = slice(start, start + _ROWS)
        counted = positive[rows] & said[rows]
        order = np.argsort(np.where(said[rows], -found[rows].astype(np.float64), np.inf), axis=1, kind="stable")[:, :k]
        hits[rows] = np.take_along_axis(counted, order, axis=1).sum(axis=1)
        positives[rows] = counted.sum(axis=1)
    return AttributeRecall(_share(hits.sum(), positives.sum()), hits, positives)


def landmark_error(
    predicted: npt.ArrayLike, truth: npt.ArrayLike, visible: npt.ArrayLike, sizes: npt.ArrayLike | None = None
) -> LandmarkError:
    """Normalised error (NE) of landmarks: mean over the visible ones of the Euclidean length of (Δx/W, Δy/H).

    As in DeepFashion's landmark figures (Liu et al., CVPR and ECCV 2016): occluded and cut-off landmarks are left out,
    and W, H are those of the whole photo. The mean is over landmarks, so that photos with more of them weigh more; the
    mean of `by_landmark` is a slightly different figure, which some tables print. Papers on faces divide by the
    distance of the eyes instead.

    Args:
        predicted: (N, L, 2 or more) x and y; what follows them (a probability) is not read.
        truth: (N, L, 2 or more) likewise.
        visible: (N, L) bool, True where the annotators could see the landmark.
        sizes: (N, 2) width and height of each photo, coordinates then being in pixels. None: coordinates are fractions
            of width and height, as `wearabouts.types.Encoding.landmarks` are.

    Raises:
        ValueError: Shapes do not fit, a size is not above 0, or a visible landmark has no finite coordinates.
    """
    given, true = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    seen = np.asarray(visible, dtype=bool)
    if not given.ndim == true.ndim == 3 or not given.shape[:2] == true.shape[:2] == seen.shape:
        raise ValueError(f"predicted {given.shape}, truth {true.shape} must be (N, L, 2), visible {seen.shape} (N, L)")
    extent = np.ones((len(seen), _POINT)) if sizes is None else np.asarray(sizes, dtype=np.float64)
    if extent.shape != (len(seen), _POINT) or not np.all(extent > 0):
        raise ValueError(f"sizes must be (N, 2) with width and height above 0, not {extent.shape}")
    apart = (given[..., :_POINT] - true[..., :_POINT]) / extent[:, None, :]
    errors = np.where(seen, np.sqrt(np.sum(apart * apart, axis=2)), 0.0)
    if not np.all(np.isfinite(errors)):
        raise ValueError("coordinates of visible landmarks must be finite")
    sums, counts = errors.sum(axis=1), seen.sum(axis=1).astype(np.float64)
    by_landmark = np.array([_share(errors[:, place].sum(), seen[:, place].sum()) for place in range(seen.shape[1])])
    return LandmarkError(_share(sums.sum(), counts.sum()), by_landmark, seen.sum(axis=0), sums, counts)


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be 1 or more, not {k}")

"""What similarity alone would say: a logistic curve on the cosine, the reference that stage two has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.metrics import Doubles

FOLDS = 5
STEPS = 50
RIDGE = 1e-6  # of the slope, in units of one standard deviation: pairs that a cosine tells apart have no finite curve


def plain_curve(similarity: npt.ArrayLike, right: npt.ArrayLike) -> tuple[float, float]:
    """Slope and offset of P(right) = sigmoid(slope · similarity + offset) by maximum likelihood.

    Args:
        similarity: (M,) cosines.
        right: (M,) of 0 or 1.
    """
    cosine, truth = np.asarray(similarity, np.float64), np.asarray(right, np.float64)
    middle, spread = float(cosine.mean()), float(cosine.std()) or 1.0
    inputs = np.stack([(cosine - middle) / spread, np.ones(len(cosine))], axis=1)
    ridge = len(cosine) * np.diag([RIDGE, RIDGE])
    weights = np.zeros(2)
    for _ in range(STEPS):
        given = _sigmoid(inputs @ weights)
        pull = inputs.T @ (truth - given) - ridge @ weights
        bend = (inputs * (given * (1 - given))[:, None]).T @ inputs + ridge
        step = np.linalg.solve(bend, pull)
        weights += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    slope = float(weights[0] / spread)
    return slope, float(weights[1] - slope * middle)


def plain_probability(similarity: npt.ArrayLike, curve: tuple[float, float]) -> Doubles:
    """(M,) what a curve says."""
    slope, offset = curve
    return _sigmoid(slope * np.asarray(similarity, np.float64) + offset)


def out_of_fold(similarity: Doubles, right: npt.ArrayLike, groups: Sequence[Any], *, seed: int = 0) -> Doubles:
    """What curves fitted to the other folds say of each pair: (M,) in [0, 1].

    The curve is fitted on the very queries that it is measured on, if never on the same item; that favours it.

    Args:
        similarity: (M,) cosines.
        right: (M,) of 0 or 1.
        groups: M names; pairs of one name stay in one fold. With a single name, all pairs are one fold and its curve
            is fitted to itself.
        seed: Of the folds.
    """
    truth = np.asarray(right, np.float64)
    names, owner = np.unique(np.asarray(groups), return_inverse=True)
    folds = min(FOLDS, len(names))
    fold = (np.random.default_rng(seed).permutation(len(names)) % folds)[owner]
    said = np.zeros(len(similarity))
    for part in range(folds):
        held = fold == part
        taught = ~held if folds > 1 else held
        said[held] = plain_probability(similarity[held], plain_curve(similarity[taught], truth[taught]))
    return said


def _sigmoid(score: Doubles) -> Doubles:
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -500, 500))), np.float64)

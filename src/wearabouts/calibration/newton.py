"""Newton's method with damping, for many small problems at once; numpy is all it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from wearabouts.calibration.shortlists import Doubles

ROUNDS = 100
CLOSE = 1e-10  # a step that promises less than this, in log-likelihood, ends it
FAR = 3.0  # longest step of one number in one round
FLAT = 1e-9  # a curvature below this is taken for this, so that a step stays finite


class Point(NamedTuple):
    """A function of C problems' P numbers each, at one point.

    Attributes:
        value: (C,).
        slope: (C, P) first derivatives.
        bend: (C, P, P) second derivatives.
    """

    value: Doubles
    slope: Doubles
    bend: Doubles


def maximum(function: Callable[[Doubles], Point], start: Doubles, centre: Doubles, width: Doubles) -> Doubles:
    """Where each problem's function and a Gaussian prior are together the largest.

    A step is Newton's along directions in which the function bends down, and of the same length the other way round
    where it bends up, so it always leads upwards; where it led down, the next is half as long.

    Args:
        function: (C, P) numbers to a `Point`.
        start: (C, P).
        centre: (C, P) or (P,), the prior's mean.
        width: (P,), the prior's standard deviation, above 0.

    Returns:
        (C, P).
    """
    at = np.array(start, np.float64)
    now = _with_prior(function(at), at, centre, width)
    scale = np.ones(len(at))
    for _ in range(ROUNDS):
        step = _step(now) * scale[:, None]
        if (np.einsum("cp,cp->c", step, now.slope) < CLOSE).all():
            break
        trial = at + step
        then = _with_prior(function(trial), trial, centre, width)
        up = then.value >= now.value
        at = np.where(up[:, None], trial, at)
        now = Point(
            np.where(up, then.value, now.value),
            np.where(up[:, None], then.slope, now.slope),
            np.where(up[:, None, None], then.bend, now.bend),
        )
        scale = np.where(up, np.minimum(1.0, 2 * scale), scale / 2)
    return at


def _with_prior(point: Point, at: Doubles, centre: Doubles, width: Doubles) -> Point:
    away = (at - centre) / width
    return Point(
        point.value - 0.5 * (away**2).sum(axis=1),
        point.slope - away / width,
        point.bend - np.diag(1 / width**2),
    )


def _step(point: Point) -> Doubles:
    bends, axes = np.linalg.eigh(-point.bend)
    along = np.einsum("cpq,cp->cq", axes, point.slope) / np.maximum(np.abs(bends), FLAT)
    step: Doubles = np.einsum("cpq,cq->cp", axes, along)
    # Shortened as a whole: cut number by number it might no longer lead upwards.
    step /= np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True) / FAR)
    return step

"""Curves that outlines are made of: smooth lines through points, limbs along a bent bone, mirrored halves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Line = npt.NDArray[np.float64]  # (N, 2): x to the right, y down, in body heights unless said otherwise


def line(*points: Sequence[float]) -> Line:
    """(N, 2) float64 of the given points."""
    return np.asarray(points, dtype=np.float64)


def smooth(points: Line, steps: int = 6) -> Line:
    """A Catmull-Rom curve through all of `points`, with `steps` samples between neighbours; ends included."""
    if len(points) < 3:
        return points
    padded = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    a, b, c, d = (padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None])
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def along(points: Line, shares: npt.ArrayLike) -> Line:
    """Points at `shares` in [0, 1] of the length of a polyline."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.asarray(shares, dtype=np.float64) * lengths[-1]
    return np.stack([np.interp(at, lengths, points[:, 0]), np.interp(at, lengths, points[:, 1])], axis=-1)


def part_of(points: Line, share: float, samples: int = 9) -> Line:
    """The first `share` of a polyline, resampled to `samples` points."""
    return along(points, np.linspace(0, share, samples))


def normals(points: Line) -> Line:
    """Unit normals of a polyline, to the left of its direction in a y-down picture."""
    tangent = np.gradient(points, axis=0)
    tangent /= np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)[:, None]
    return np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)


def limb(bone: Line, widths: Sequence[float]) -> tuple[Line, Line]:
    """The two edges of a limb along a bone.

    Args:
        bone: (N, 2) centre line, from the body outwards.
        widths: Half widths at even steps along it.

    Returns:
        Two (N, 2) edges, both from the body outwards: the one left of the direction, the one right of it.
    """
    half = np.interp(np.linspace(0, 1, len(bone)), np.linspace(0, 1, len(widths)), widths)[:, None]
    sideways = normals(bone) * half
    return bone + sideways, bone - sideways


def mirrored(half: Line) -> Line:
    """A closed outline from its right half (top to bottom): the half, then its mirror image back up."""
    return np.concatenate([half, half[::-1] * np.array([-1.0, 1.0])])


def ellipse(centre: Sequence[float], radius_x: float, radius_y: float, samples: int = 28) -> Line:
    """A closed ellipse."""
    turn = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return np.stack([centre[0] + radius_x * np.cos(turn), centre[1] + radius_y * np.sin(turn)], axis=1)


def turned(points: Line, degrees: float, around: Sequence[float] = (0.0, 0.0)) -> Line:
    """Points turned clockwise (as seen, y down) by `degrees` around a point."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = np.asarray(around, dtype=np.float64)
    return np.asarray((points - centre) @ turn + centre)


def rectangle(left: float, top: float, right: float, bottom: float) -> Line:
    """A closed rectangle."""
    return line((left, top), (right, top), (right, bottom), (left, bottom))

"""The body under the clothes: proportions (a build), a pose, and the joints that follow from both.

Body heights are the unit: the crown is at y = 0, the soles at y = 1, x = 0 is the middle. Left is the left of the
picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.drawn.curves import Line, line


@dataclass(frozen=True, slots=True)
class Build:
    """Half widths of a body, in body heights, and whether it is drawn with a narrow waist."""

    name: str
    shoulder: float = 0.100
    chest: float = 0.082
    waist: float = 0.068
    hip: float = 0.088
    arm: float = 0.022
    leg: float = 0.044
    head: float = 1.0


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees: arms and legs from straight down, outward positive, the second joint relative to the first."""

    name: str
    left_arm: tuple[float, float] = (14, 4)
    right_arm: tuple[float, float] = (14, 4)
    left_leg: tuple[float, float] = (3, -1)
    right_leg: tuple[float, float] = (3, -1)
    head_tilt: float = 0.0


@dataclass(frozen=True, slots=True)
class Body:
    """Joints of a posed body: each limb is a (3, 2) line, from the trunk outwards."""

    build: Build
    left_arm: Line
    right_arm: Line
    left_leg: Line
    right_leg: Line
    head_tilt: float


SHOULDER_Y, CHEST_Y, WAIST_Y, HIP_Y, CROTCH_Y, SOLE_Y = (0.176, 0.245, 0.37, 0.455, 0.492, 1.0)


def _hang(root: Line, lengths: tuple[float, float], angles: tuple[float, float], outward: float) -> Line:
    first = np.deg2rad(angles[0]) * outward
    second = np.deg2rad(angles[0] + angles[1]) * outward
    middle = root + lengths[0] * np.array([np.sin(first), np.cos(first)])
    end = middle + lengths[1] * np.array([np.sin(second), np.cos(second)])
    return np.stack([root, middle, end])


def posed(build: Build, pose: Pose) -> Body:
    """The joints of a build in a pose."""
    shoulder = np.array([build.shoulder - 0.014, SHOULDER_Y + 0.012])
    hip = np.array([build.hip * 0.52, HIP_Y])
    flip = np.array([-1.0, 1.0])
    return Body(
        build,
        _hang(shoulder * flip, (0.165, 0.150), pose.left_arm, -1),
        _hang(shoulder, (0.165, 0.150), pose.right_arm, 1),
        _hang(hip * flip, (0.265, 0.235), pose.left_leg, -1),
        _hang(hip, (0.265, 0.235), pose.right_leg, 1),
        pose.head_tilt,
    )


def trunk(build: Build) -> Line:
    """Right half of the trunk from neck to crotch, (N, 2)."""
    return line(
        (0.026, 0.118),
        (0.028, 0.148),
        (build.shoulder * 0.62, SHOULDER_Y - 0.014),
        (build.shoulder, SHOULDER_Y + 0.008),
        (build.chest + 0.002, CHEST_Y),
        (build.waist, WAIST_Y),
        (build.hip, HIP_Y),
        (build.hip * 0.98, CROTCH_Y),
        (0.0, CROTCH_Y + 0.004),
    )


def leg_reach(body: Body, y: float) -> float:
    """How far from the middle the outer edge of either leg is at height `y`, in body heights."""
    reach = 0.0
    for bone, sign in ((body.left_leg, -1.0), (body.right_leg, 1.0)):
        x = float(np.interp(y, bone[:, 1], bone[:, 0])) * sign
        reach = max(reach, x + float(np.interp(y, (HIP_Y, 0.72, 0.95), (0.46, 0.30, 0.20))) * body.build.hip * 1.05)
    return reach


def crosses(bone: Line) -> bool:
    """Whether an arm's hand lies before the trunk."""
    return bool(abs(bone[2][0]) < 0.125 and abs(bone[2][0]) < abs(bone[1][0])) or bool(bone[2][0] * bone[0][0] < 0)

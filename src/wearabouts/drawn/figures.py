"""People (and mannequins) who wear the clothes: builds, poses, hair, skin. Each figure and pose belongs to one part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.drawn.body import Body, Build, Pose, crosses, trunk
from wearabouts.drawn.canvas import Canvas, paint
from wearabouts.drawn.curves import ellipse, limb, line, mirrored, smooth, turned
from wearabouts.drawn.palette import RGB, darker, lighter, mixed
from wearabouts.drawn.sewing import Panel, Seam
from wearabouts.drawn.templates import Part


@dataclass(frozen=True, slots=True)
class Figure:
    """A kind of person: the build, and the name of how the hair is worn."""

    name: str
    build: Build
    hair: str


def _figure(name: str, hair: str, *measures: float) -> Figure:
    return Figure(name, Build(name, *measures), hair)


FIGURES: dict[Part, tuple[Figure, ...]] = {
    "train": (
        _figure("anna", "long", 0.095, 0.079, 0.062, 0.088, 0.019, 0.043),
        _figure("ben", "short", 0.108, 0.088, 0.078, 0.086, 0.024, 0.045),
        _figure("carla", "bob", 0.098, 0.086, 0.074, 0.096, 0.022, 0.048),
        _figure("dev", "curls", 0.103, 0.083, 0.074, 0.082, 0.021, 0.042),
    ),
    "calibrate": (
        _figure("elif", "bun", 0.096, 0.081, 0.066, 0.091, 0.020, 0.044),
        _figure("farid", "short", 0.106, 0.092, 0.086, 0.090, 0.025, 0.047),
    ),
    "test": (
        _figure("gwen", "pony", 0.097, 0.080, 0.065, 0.090, 0.020, 0.044),
        _figure("hugo", "crop", 0.105, 0.086, 0.076, 0.084, 0.023, 0.043),
        _figure("imani", "afro", 0.099, 0.084, 0.070, 0.094, 0.021, 0.046),
        _figure("jun", "waves", 0.101, 0.082, 0.071, 0.085, 0.020, 0.042),
    ),
}
POSES: dict[Part, tuple[Pose, ...]] = {
    "train": (
        Pose("standing", (12, 3), (12, 3)),
        Pose("hand_on_hip", (12, 4), (44, -96)),
        Pose("walking", (20, -10), (8, -14), (7, -2), (0, 3), head_tilt=3),
        Pose("phone", (10, 4), (22, -138), (4, -2), (3, -1), head_tilt=-4),
        Pose("wide", (24, -4), (22, -8), (8, 1), (8, 1)),
    ),
    "calibrate": (
        Pose("relaxed", (16, -4), (10, 6), (5, -3), (2, 1)),
        Pose("pocket", (30, -46), (14, 0), (3, -1), (6, -2), head_tilt=3),
    ),
    "test": (
        Pose("waiting", (9, 8), (16, -2), (2, 0), (6, -4), head_tilt=-3),
        Pose("both_pockets", (32, -50), (31, -48), (4, -1), (4, -1)),
        Pose("stride", (12, -16), (24, 0), (-1, 4), (9, -4), head_tilt=2),
        Pose("holding_strap", (46, -150), (13, 4), (3, 0), (4, -2), head_tilt=4),
        Pose("elbow_out", (38, -84), (17, 3), (5, -2), (3, 0)),
    ),
}
SKINS: tuple[RGB, ...] = (
    (246, 216, 194),
    (232, 190, 158),
    (214, 168, 132),
    (178, 126, 90),
    (132, 88, 62),
    (92, 60, 44),
)
HAIRS: tuple[RGB, ...] = (
    (34, 28, 26),
    (66, 44, 32),
    (110, 72, 44),
    (170, 128, 78),
    (214, 180, 122),
    (140, 62, 36),
    (120, 118, 116),
)
MANNEQUIN: RGB = (226, 221, 213)


@dataclass(frozen=True, slots=True)
class Person:
    """A figure in one photo: its body, its colours; `hair` None for a mannequin without a face."""

    figure: Figure
    body: Body
    skin: RGB
    hair: RGB | None


def _arm(person: Person, right: bool, fore: bool) -> list[Panel]:
    bone = person.body.right_arm if right else person.body.left_arm
    wide = person.figure.build.arm
    one, other = limb(smooth(bone, 6), (wide * 1.05, wide, wide * 0.86, wide * 0.74, wide * 0.60))
    if fore:
        one, other = one[8:], other[8:]
    direction = bone[2] - bone[1]
    direction = direction / np.hypot(*direction)
    palm = bone[2] + direction * 0.020
    angle = float(np.degrees(np.arctan2(direction[1], direction[0])))
    hand = turned(ellipse(palm, 0.028, wide * 0.60, 16), angle, palm)
    skin = [paint(person.skin, hand, 0.4, 0.15), paint(person.skin, np.concatenate([one, other[::-1]]), 0.55, 0.22)]
    return (
        skin
        if fore
        else [paint(person.skin, ellipse(bone[0] + (0.0, 0.007), wide * 1.05, wide * 1.0, 18), 0.55), *skin]
    )


def paint_arms(canvas: Canvas, person: Person, fore: bool = False) -> None:
    """Both arms with their hands; `fore` for what lies before the trunk only, from the elbow on."""
    for right in (False, True):
        if fore and not crosses(person.body.right_arm if right else person.body.left_arm):
            continue
        for panel in _arm(person, right, fore):
            canvas.panel(panel)


def paint_trunk(canvas: Canvas, person: Person) -> None:
    """Legs, trunk and neck."""
    build = person.figure.build
    for bone, right in ((person.body.left_leg, False), (person.body.right_leg, True)):
        one, other = limb(
            smooth(bone, 6), (build.hip * 0.48, build.leg * 0.84, build.leg * 0.62, build.leg * 0.60, build.leg * 0.34)
        )
        canvas.panel(paint(person.skin, np.concatenate([one, other[::-1]]), 0.9, 0.1))
        end = bone[2]
        sign = 1.0 if right else -1.0
        foot = line(
            (end[0] - sign * 0.016, end[1] - 0.02),
            (end[0] + sign * 0.016, end[1] - 0.015),
            (end[0] + sign * 0.05, end[1] + 0.018),
            (end[0] + sign * 0.045, end[1] + 0.026),
            (end[0] - sign * 0.016, end[1] + 0.026),
        )
        canvas.panel(paint(person.skin, foot, 0.4))
    canvas.panel(paint(person.skin, mirrored(smooth(trunk(build), 5)), 0.9))


def paint_hair_behind(canvas: Canvas, person: Person) -> None:
    """What hangs behind the neck."""
    if person.hair is None:
        return
    shape = {
        "long": line((0.0, -0.006), (0.050, 0.03), (0.060, 0.10), (0.064, 0.19), (0.050, 0.235), (0.0, 0.22)),
        "bob": line((0.0, -0.006), (0.054, 0.03), (0.060, 0.09), (0.052, 0.135), (0.0, 0.13)),
        "waves": line(
            (0.0, -0.006),
            (0.052, 0.02),
            (0.050, 0.06),
            (0.066, 0.10),
            (0.054, 0.14),
            (0.066, 0.175),
            (0.04, 0.19),
            (0.0, 0.18),
        ),
        "curls": line((0.0, -0.016), (0.05, 0.0), (0.068, 0.05), (0.062, 0.10), (0.04, 0.12), (0.0, 0.11)),
        "afro": line((0.0, -0.034), (0.056, -0.018), (0.080, 0.035), (0.072, 0.09), (0.045, 0.115), (0.0, 0.11)),
        "pony": line((0.0, -0.006), (0.046, 0.02), (0.046, 0.07), (0.0, 0.08)),
    }.get(person.figure.hair)
    if shape is not None:
        canvas.panel(paint(person.hair, _tilted(person, mirrored(smooth(shape, 5))), 1.2))
    if person.figure.hair == "pony":
        tail = smooth(line((0.03, 0.01), (0.075, 0.04), (0.082, 0.12), (0.062, 0.19), (0.058, 0.10), (0.035, 0.05)), 5)
        canvas.panel(paint(person.hair, _tilted(person, tail), 0.8))
    if person.figure.hair == "bun":
        canvas.panel(paint(person.hair, _tilted(person, ellipse((0.0, -0.012), 0.026, 0.024)), 0.8))


def _tilted(person: Person, points: np.ndarray) -> np.ndarray:
    return turned(points, person.body.head_tilt, (0.0, 0.14))


def paint_head(canvas: Canvas, person: Person, back: bool = False) -> None:
    """Head, face and the hair that falls over it; from the back, hair alone."""
    face = line(
        (0.0, 0.006), (0.034, 0.018), (0.046, 0.055), (0.042, 0.092), (0.026, 0.122), (0.010, 0.133), (0.0, 0.134)
    )
    canvas.panel(paint(person.skin, _tilted(person, mirrored(smooth(face, 5))), 1.0, 0.25))
    if person.hair is None:
        return
    for sign in (-1, 1):
        canvas.panel(paint(person.skin, _tilted(person, ellipse((sign * 0.046, 0.074), 0.008, 0.014, 14)), 0.3))
    if back:
        canvas.panel(paint(person.hair, _tilted(person, ellipse((0.0, 0.052), 0.052, 0.060)), 1.0))
        return
    _face(canvas, person, darker(person.hair, 0.3))
    _fringe(canvas, person)


def _face(canvas: Canvas, person: Person, brow: RGB) -> None:
    for sign in (-1, 1):
        eye = _tilted(person, np.array([[sign * 0.018, 0.068]]))[0]
        canvas.panel(paint((250, 248, 246), ellipse(eye, 0.0078, 0.0042, 12), 0.05, 0.0))
        canvas.panel(paint((48, 36, 30), ellipse((eye[0], eye[1] + 0.0003), 0.0038, 0.0040, 10), 0.05))
        lash = _tilted(person, smooth(line((sign * 0.010, 0.0655), (sign * 0.018, 0.0628), (sign * 0.027, 0.066))))
        canvas.seam(Seam(lash, 0.0022, (40, 28, 26), 0.9))
        canvas.seam(
            Seam(
                _tilted(person, smooth(line((sign * 0.009, 0.0555), (sign * 0.019, 0.0520), (sign * 0.029, 0.056)))),
                0.0030,
                brow,
                0.85,
            )
        )
    nose = _tilted(person, smooth(line((0.003, 0.072), (0.007, 0.088), (0.0, 0.0925))))
    canvas.seam(Seam(nose, 0.0020, darker(person.skin, 0.35), 0.6))
    lips = mixed(person.skin, (176, 52, 60), 0.55)
    mouth = smooth(
        line(
            (-0.014, 0.107),
            (-0.005, 0.1045),
            (0.0, 0.106),
            (0.005, 0.1045),
            (0.014, 0.107),
            (0.0, 0.1135),
            (-0.014, 0.107),
        ),
        3,
    )
    canvas.panel(paint(lips, _tilted(person, mouth), 0.1, 0.0))
    canvas.seam(
        Seam(
            _tilted(person, smooth(line((-0.013, 0.107), (0, 0.1085), (0.013, 0.107)))), 0.0012, darker(lips, 0.5), 0.7
        )
    )


def _fringe(canvas: Canvas, person: Person) -> None:
    assert person.hair is not None, "only a person with hair has a fringe"
    style = person.figure.hair
    rise = {"curls": -0.018, "afro": -0.030, "crop": -0.002}.get(style, -0.007)
    side = {"short": 0.050, "crop": 0.040, "curls": 0.052, "afro": 0.056}.get(style, 0.082)
    outer = line(
        (-0.049, side),
        (-0.052, 0.035),
        (-0.034, rise + 0.008),
        (0.0, rise),
        (0.034, rise + 0.008),
        (0.052, 0.035),
        (0.049, side),
    )
    parting = 0.012 if style in ("long", "waves", "crop") else -0.014
    inner = line(
        (0.041, side * 0.92),
        (0.038, 0.045),
        (0.026 + parting * 0.3, 0.031),
        (parting, 0.026),
        (-0.024 + parting * 0.3, 0.034),
        (-0.038, 0.048),
        (-0.041, side * 0.92),
    )
    cap = np.concatenate([smooth(outer, 5), smooth(inner, 5)])
    canvas.panel(paint(person.hair, _tilted(person, cap), 0.7, 0.2))
    for x in (-0.026, -0.008, 0.012, 0.028):
        strand = smooth(line((x * 0.5 + parting * 0.5, rise + 0.006), (x, 0.012), (x * 1.25, 0.030)))
        canvas.seam(Seam(_tilted(person, strand), 0.0016, lighter(person.hair, 0.25), 0.5))


def paint_locks(canvas: Canvas, person: Person) -> None:
    """Hair that falls over the shoulders, before the clothes."""
    if person.hair is None or person.figure.hair not in ("long", "waves"):
        return
    for sign in (-1, 1):
        lock = smooth(
            line(
                (sign * 0.044, 0.06),
                (sign * 0.056, 0.10),
                (sign * 0.060, 0.17),
                (sign * 0.052, 0.222),
                (sign * 0.044, 0.16),
                (sign * 0.040, 0.10),
            ),
            5,
        )
        canvas.panel(paint(person.hair, _tilted(person, lock), 0.5, 0.2))

"""What a garment is made of before it is painted: panels, seams, studs and prints, in body heights, back to front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from wearabouts.drawn.curves import Line
from wearabouts.drawn.palette import RGB


@dataclass(frozen=True, slots=True)
class Fold:
    """A soft ridge (height above 0) or crease (below 0) of cloth along a line; width and height in body heights."""

    points: Line
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Panel:
    """A piece of cloth.

    Attributes:
        outline: (N, 2) closed polygon.
        cloth: ``base``, ``second`` (plain, second colour), ``plain`` (base colour without the pattern), ``lining``,
            or a colour.
        turn: Degrees the fabric lies turned on it (a sleeve follows the arm).
        puff: How far it bulges, 1 for a trunk.
        casts: Darkness in [0, 1] of the soft shadow it throws on what lies below.
        folds: Ridges and creases.
        rib: Whether it is a ribbed band.
    """

    outline: Line
    cloth: str | RGB = "base"
    turn: float = 0.0
    puff: float = 1.0
    casts: float = 0.0
    folds: tuple[Fold, ...] = ()
    rib: bool = False


@dataclass(frozen=True, slots=True)
class Seam:
    """A line on the cloth: `colour` None for a mere shadow, `dash` for stitches, alpha in [0, 1]."""

    points: Line
    width: float = 0.0016
    colour: RGB | None = None
    alpha: float = 0.35
    dash: bool = False


@dataclass(frozen=True, slots=True)
class Stud:
    """A button, rivet or eyelet."""

    x: float
    y: float
    radius: float
    colour: RGB


@dataclass(frozen=True, slots=True)
class Print:
    """Where the spec's graphic, or its small logo, goes: centre and width."""

    x: float
    y: float
    width: float
    logo: bool = False


Item = Panel | Seam | Stud | Print


@dataclass(slots=True)
class Garment:
    """Items in painting order, eight landmarks as (x, y, present), and how many items lie below the wearer's arms."""

    items: list[Item] = field(default_factory=list)
    below_arms: int = 0
    landmarks: list[tuple[float, float, bool]] = field(default_factory=list)

    def outlines(self) -> Iterator[Line]:
        """The outlines of all panels."""
        return (item.outline for item in self.items if isinstance(item, Panel))

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of all panels."""
        points = np.concatenate(list(self.outlines()))
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


def both(panel: Line) -> tuple[Line, Line]:
    """A shape and its mirror image."""
    return panel, panel * np.array([-1.0, 1.0])


def drapes(
    rng: np.random.Generator, box: tuple[float, float, float, float], count: int, height: float = 0.005
) -> tuple[Fold, ...]:
    """Long folds that start in the upper half of a box (left, top, right, bottom) and run down."""
    left, top, right, bottom = box
    out = []
    for _ in range(count):
        x = rng.uniform(left, right)
        y = top + (bottom - top) * rng.uniform(0.05, 0.6)
        y_end = min(bottom, y + (bottom - top) * rng.uniform(0.3, 0.7))
        spread = (x - (left + right) / 2) * rng.uniform(0.05, 0.35) + rng.normal(0, 0.008)
        bow = rng.normal(0, 0.006)
        points = np.array([(x, y), (x + spread * 0.4 + bow, (y + y_end) / 2), (x + spread, y_end)])
        out.append(Fold(points, rng.uniform(0.006, 0.016), height * rng.uniform(0.5, 1.2) * rng.choice((-1, 1, 1))))
    return tuple(out)


def pulls(
    rng: np.random.Generator,
    start: tuple[float, float],
    towards: tuple[float, float],
    count: int,
    height: float = 0.005,
) -> tuple[Fold, ...]:
    """Folds that radiate from a point of tension (an armpit, the crotch, an elbow) roughly towards another point."""
    out = []
    dx, dy = towards[0] - start[0], towards[1] - start[1]
    for _ in range(count):
        reach = rng.uniform(0.35, 1.0)
        bend = np.deg2rad(rng.normal(0, 16))
        ex, ey = (dx * np.cos(bend) - dy * np.sin(bend), dx * np.sin(bend) + dy * np.cos(bend))
        x, y = start[0] + rng.normal(0, 0.004), start[1] + rng.normal(0, 0.006)
        middle = (x + ex * reach * 0.5 + rng.normal(0, 0.004), y + ey * reach * 0.5 + rng.normal(0, 0.004))
        points = np.array([(x, y), middle, (x + ex * reach, y + ey * reach)])
        out.append(Fold(points, rng.uniform(0.004, 0.009), height * rng.uniform(0.5, 1.2) * rng.choice((-1, 1))))
    return tuple(out)

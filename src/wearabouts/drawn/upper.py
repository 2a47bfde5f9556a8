"""Garments that hang from the shoulders: shirts, tops, knitwear, jackets, coats and dresses."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.body import CHEST_Y, HIP_Y, SHOULDER_Y, WAIST_Y, Body, leg_reach
from wearabouts.drawn.closures import close, pockets
from wearabouts.drawn.collars import collar
from wearabouts.drawn.curves import Line, line, smooth
from wearabouts.drawn.sewing import Fold, Garment, Item, Panel, Print, Seam, drapes, pulls
from wearabouts.drawn.sleeves import SHARE, sew_sleeve
from wearabouts.drawn.specs import Spec

FLIP = np.array([-1.0, 1.0])


def shoulder_y(x: float) -> float:
    """Height of the shoulder line at a distance from the middle."""
    return float(np.interp(abs(x), (0.028, 0.1), (0.142, SHOULDER_Y - 0.003)))


class _Frame:
    """The points a trunk panel hangs on, right half."""

    def __init__(self, spec: Spec, body: Body, back: bool) -> None:
        cut, build = spec.cut, body.build
        fit = cut.fit + 0.006 * spec.shift[0] + (0.006 if spec.fabric in ("fleece", "knit") else 0)
        self.hem_y = cut.length + (0.022 if cut.length < 0.6 else 0.035) * spec.shift[1]
        self.neck_x = cut.neck + 0.004 * spec.shift[3]
        self.neck_y = shoulder_y(self.neck_x)
        self.sleeveless = spec.sleeve not in SHARE
        drop = min(cut.drop, -0.012) if self.sleeveless else max(cut.drop, -0.006)
        self.tip = np.array([build.shoulder + drop, shoulder_y(build.shoulder + drop) + max(drop, 0) * 0.5])
        self.armpit = np.array([build.chest + fit, CHEST_Y + fit * 0.7 + (0.006 if self.sleeveless else 0)])
        waist_x = build.waist + cut.waist + 0.006 * spec.shift[0]
        self.waist = np.array([waist_x, WAIST_Y])
        hem_body = float(np.interp(self.hem_y, (CHEST_Y, WAIST_Y, HIP_Y), (build.chest, build.waist, build.hip)))
        half = hem_body + cut.hem + 0.005 * spec.shift[0]
        self.hem = np.array(
            [max(half, leg_reach(body, self.hem_y) + 0.006) if self.hem_y > HIP_Y else half, self.hem_y]
        )
        self.depth = 0.010 if back else cut.depth * (1.75 if spec.collar == "v_neck" else 1.0) + 0.005 * spec.shift[3]
        self.straps = cut.style == "straps"
        if self.straps:
            self.tip = np.array([self.neck_x + 0.009, shoulder_y(self.neck_x + 0.009)])

    def side(self, spec: Spec, body: Body) -> Line:
        """From the shoulder tip down to the hem."""
        hole = [self.tip]
        if self.sleeveless:
            inward = self.tip[0] - 0.006 if not self.straps else self.tip[0]
            hole.append(np.array([inward, (self.tip[1] + self.armpit[1]) / 2 + 0.01]))
        down = [self.armpit]
        if self.hem_y > WAIST_Y + 0.03:
            down.append(self.waist)
        if self.hem_y > HIP_Y + 0.06:
            if spec.cut.style == "flared":
                share = (HIP_Y - WAIST_Y) / (self.hem_y - WAIST_Y)
                down.append(np.array([self.waist[0] + (self.hem[0] + 0.02 - self.waist[0]) * (share + 0.09), HIP_Y]))
            else:
                down.append(
                    np.array(
                        [
                            max(body.build.hip + max(spec.cut.hem, 0.008) * 0.8, leg_reach(body, HIP_Y + 0.03) + 0.006),
                            HIP_Y + 0.02,
                        ]
                    )
                )
        down.append(self.hem)
        return np.concatenate([smooth(np.array([*hole, self.armpit]), 4)[:-1], smooth(np.array(down), 5)])

    def neckline(self, shape: str) -> Line:
        """From the left neck point over the front (or back) to the right one."""
        x, y, deep = self.neck_x, self.neck_y, self.depth
        if self.straps:
            top = y + deep
            return line(
                (-x - 0.004, y),
                (-x + 0.002, top - 0.012),
                (-x * 0.5, top),
                (0, top + 0.006),
                (x * 0.5, top),
                (x - 0.002, top - 0.012),
                (x + 0.004, y),
            )
        if shape == "v_neck":
            return line((-x, y), (-x * 0.52, y + deep * 0.52), (0, y + deep), (x * 0.52, y + deep * 0.52), (x, y))
        turn = np.linspace(np.pi, 0, 13)
        return np.stack([x * np.cos(turn), y + deep * np.sin(turn) ** 0.85], axis=1)


def _hem(frame: _Frame, spec: Spec) -> Line:
    x, y, tail = frame.hem[0], frame.hem_y, spec.cut.tail
    turn = np.linspace(1, -1, 13)
    sag = tail * (1 - turn**2)
    if tail > 0.014 and spec.garment in ("shirt", "dress"):
        sag = tail * 1.5 * np.cos(turn * np.pi / 2) ** 0.6
    wave = 0.004 * np.sin(turn * 9) * (1 - turn**2) if spec.cut.style == "flared" else 0.0
    return np.stack([x * turn, y + sag + wave], axis=1)[1:-1]


def _trunk_folds(spec: Spec, frame: _Frame, rng: np.random.Generator) -> tuple[Fold, ...]:
    folds: tuple[Fold, ...] = ()
    for sign in (-1, 1):
        armpit = (sign * frame.armpit[0] * 0.96, float(frame.armpit[1]))
        folds += pulls(rng, armpit, (sign * 0.02, 0.30), 2)
        folds += pulls(rng, (sign * frame.waist[0] * 0.95, 0.38), (0.0, 0.40 + rng.normal(0, 0.02)), 2, 0.004)
    folds += drapes(rng, (-frame.armpit[0] * 0.8, 0.22, frame.armpit[0] * 0.8, min(frame.hem_y, 0.52)), 5)
    if frame.hem_y > 0.56:
        many = 11 if spec.cut.style == "flared" else 4
        for x in np.linspace(-0.9, 0.9, many) + rng.normal(0, 0.04, many):
            top = np.array([x * frame.waist[0], WAIST_Y + 0.02 + abs(rng.normal(0, 0.03))])
            run = np.stack(
                [
                    top,
                    [x * (frame.waist[0] + frame.hem[0]) / 2, (WAIST_Y + frame.hem_y) / 2],
                    [x * frame.hem[0], frame.hem_y],
                ]
            )
            tall = 0.008 if spec.cut.style == "flared" else 0.004
            folds += (Fold(run, rng.uniform(0.008, 0.016), tall * rng.uniform(0.6, 1.2) * rng.choice((-1, 1))),)
    return folds


def sew_upper(spec: Spec, body: Body, view: str, rng: np.random.Generator, worn: bool = False) -> Garment:
    """A garment that hangs from the shoulders.

    Args:
        spec: What to sew; garment one of the shirts, tops, jackets or a dress.
        body: The body it hangs on.
        view: ``back`` or anything else for the front.
        rng: Decides the folds.
        worn: Whether somebody wears it: then the inside of the back is not seen through the neck.

    Returns:
        Items back to front and landmarks, in body heights.
    """
    back = view == "back"
    frame = _Frame(spec, body, back)
    side = frame.side(spec, body)
    neckline = frame.neckline(spec.collar if not back else "round")
    outline = np.concatenate([neckline, side, _hem(frame, spec), (side * FLIP)[::-1]])
    behind, before = collar(spec, frame.neck_x, frame.neck_y, frame.depth, neckline, back, worn)
    sides = () if frame.sleeveless else ((body.left_arm, FLIP), (body.right_arm, np.ones(2)))
    sleeves = [sew_sleeve(spec, frame.tip * flip, frame.armpit * flip, bone, rng) for bone, flip in sides]
    made = Garment()
    for sleeve in sleeves:
        made.items += sleeve.behind
    made.items += [*behind, Panel(outline, "base", 0.0, 1.0, 0.25, _trunk_folds(spec, frame, rng))]
    _trim(made, spec, frame, side, neckline)
    made.items += [] if back else _front(spec, frame, float(neckline[len(neckline) // 2][1]))
    made.items += before
    for sign in (-1.0, 1.0) if sleeves else ():
        hole = np.array([frame.tip, frame.tip * 0.4 + frame.armpit * 0.6 - (0.008, 0), frame.armpit]) * (sign, 1.0)
        made.items.append(Seam(smooth(hole, 4), alpha=0.30))
    made.below_arms = len(made.items)
    for sleeve in sleeves:
        made.items += sleeve.before
    made.landmarks = _landmarks(spec, frame, [sleeve.end for sleeve in sleeves])
    return made


def _front(spec: Spec, frame: _Frame, top: float) -> list[Item]:
    """What only the front has: print, pockets, closure, logo; `top` is the lowest point of the neckline."""
    items: list[Item] = []
    if spec.pattern.kind == "graphic":
        items.append(Print(0.0, float(np.clip(frame.hem_y * 0.5 + 0.06, 0.27, 0.315)), spec.pattern.scale))
    items += pockets(spec, frame.hem_y, float(frame.hem[0]))
    items += close(spec, top, frame.hem_y + spec.cut.tail)
    if "logo" in spec.trims:
        items.append(Print(0.044, 0.243, 0.022, logo=True))
    return items


def _landmarks(spec: Spec, frame: _Frame, cuffs: list[tuple[float, float]]) -> list[tuple[float, float, bool]]:
    """The eight slots; a waist is told of dresses only, as DeepFashion does."""
    armpit = (float(frame.armpit[0]), float(frame.armpit[1]))
    ends = cuffs or [(-armpit[0], armpit[1]), armpit]
    marks = [(-frame.neck_x, frame.neck_y, True), (frame.neck_x, frame.neck_y, True)]
    marks += [(x, y, bool(cuffs)) for x, y in ends]
    marks += [(sign * float(frame.waist[0]), WAIST_Y, spec.garment == "dress") for sign in (-1, 1)]
    return marks + [(sign * float(frame.hem[0]), frame.hem_y, True) for sign in (-1, 1)]


def _trim(made: Garment, spec: Spec, frame: _Frame, side: Line, neckline: Line) -> None:
    """Hem band or stitching, yoke and belt."""
    hem = np.concatenate([[frame.hem], _hem(frame, spec), [frame.hem * FLIP]])
    if "yoke" in spec.trims:
        level = float(frame.armpit[1]) + 0.012
        upper = side[side[:, 1] < level]
        edge = np.array([np.interp(level, side[-8:, 1], side[-8:, 0]) if len(upper) == 0 else upper[-1, 0], level])
        made.items.append(
            Panel(np.concatenate([neckline, upper, [edge], [edge * FLIP], (upper * FLIP)[::-1]]), "second", puff=0.2)
        )
    if spec.garment == "hoodie" or spec.cut.style == "bomber":
        deep = np.array([0.0, 0.026])
        narrow = np.array([0.93, 1.0])
        cloth = "second" if "contrast_hem" in spec.trims else "plain"
        made.items.append(Panel(np.concatenate([hem * narrow, (hem - deep)[::-1]]), cloth, 0.0, 0.4, 0.1, rib=True))
    else:
        made.items.append(Seam(hem - np.array([0.0, 0.009]), alpha=0.28, dash=True))
        if "contrast_hem" in spec.trims:
            inner = float(np.interp(frame.hem_y - 0.018, side[:, 1], side[:, 0]) / frame.hem[0])
            above = (hem - np.array([0.0, 0.018])) * np.array([inner, 1.0])
            made.items.append(Panel(np.concatenate([hem, above[::-1]]), "second", 0.0, 0.2))
    if spec.garment == "dress" and spec.cut.style == "flared":
        made.items.append(
            Seam(line((-frame.waist[0], WAIST_Y), (0, WAIST_Y + 0.004), (frame.waist[0], WAIST_Y)), alpha=0.4)
        )
    if "belt" in spec.trims:
        x = float(frame.waist[0]) + 0.002
        made.items.append(Panel(line((-x, 0.358), (x, 0.358), (x, 0.378), (-x, 0.378)), "second", 0.0, 0.5, 0.35))
        made.items.append(
            Panel(
                line((-0.016, 0.354), (0.016, 0.354), (0.016, 0.382), (-0.016, 0.382)), (196, 170, 110), 0.0, 0.4, 0.3
            )
        )

"""Trousers and shorts: two legs, each a panel of its own, that meet in the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.drawn.body import CROTCH_Y, HIP_Y, Body
from wearabouts.drawn.closures import METAL
from wearabouts.drawn.curves import Line, along, limb, line, part_of, rectangle, smooth
from wearabouts.drawn.palette import RGB, lighter
from wearabouts.drawn.sewing import Fold, Garment, Item, Panel, Seam, Stud, both, drapes, pulls
from wearabouts.drawn.specs import Spec
from wearabouts.drawn.waists import DEEP, TOP_Y, waist_landmarks, waistband

ANKLE_Y = 0.965


@dataclass(frozen=True, slots=True)
class _Leg:
    """One leg: its closed outline, and its edges below the hip, from there to the hem."""

    outline: Line
    outer: Line
    inner: Line
    sign: float


def _leg(spec: Spec, body: Body, right: bool, half: float, hip: float) -> _Leg:
    cut = spec.cut
    bone = body.right_leg if right else body.left_leg
    sign = 1.0 if right else -1.0
    share = float(np.clip((cut.length + 0.018 * spec.shift[1] - HIP_Y) / (ANKLE_Y - HIP_Y), 0.1, 1.0))
    path = part_of(smooth(bone, 6), share, 12)
    thigh = body.build.leg + cut.fit * 0.8 + 0.003
    opening = cut.hem + 0.003 * spec.shift[2]
    long = (thigh, thigh * 0.93, thigh * 0.5 + opening * 0.5, opening * 0.98, opening)
    one, other = limb(path, long if share > 0.6 else (thigh, (thigh + opening) / 2, opening))
    outer, inner = (one, other) if right else (other, one)
    hip = max(hip, float(outer[1:4, 0].max() if right else -outer[1:4, 0].min()))
    # Legs never reach over the middle, where they meet, and part a little towards the hem.
    gap = np.interp(inner[:, 1], (CROTCH_Y, CROTCH_Y + 0.2), (0.0008, 0.006))
    inner = np.stack([np.maximum(inner[:, 0] * sign, gap) * sign, inner[:, 1]], axis=1)
    crotch = line((0.0, CROTCH_Y + 0.004 + cut.fit * 0.4))
    below = inner[inner[:, 1] > CROTCH_Y + 0.012]
    waist = half + (hip - half) * 0.62
    knots = np.array([(half * sign, TOP_Y), (waist * sign, HIP_Y - 0.035), (hip * sign, HIP_Y + 0.02), outer[3]])
    outline = np.concatenate([line((0.0, TOP_Y + 0.004)), smooth(knots, 4)[:-1], outer[3:], below[::-1], crotch])
    return _Leg(outline, outer[2:], below, sign)


def sew_trousers(spec: Spec, body: Body, view: str, rng: np.random.Generator) -> Garment:
    """Trousers or shorts.

    Args:
        spec: What to sew.
        body: The body they hang on.
        view: ``back`` or anything else for the front.
        rng: Decides the folds.

    Returns:
        Items back to front and landmarks, in body heights.
    """
    back = view == "back"
    half = body.build.waist + 0.006 + spec.cut.waist
    hip = body.build.hip + 0.006 + spec.cut.fit * 0.6 + 0.003 * spec.shift[0]
    legs = [_leg(spec, body, right, half, hip) for right in (False, True)]
    made = Garment([Panel(leg.outline, "base", 0.0, 0.8, 0.22, _folds(spec, leg, rng)) for leg in legs])
    made.items += _back(spec, half) if back else _front(spec, half, hip)
    for leg in legs:
        made.items += _ends(spec, leg)
        if spec.pocket == "cargo":
            made.items += _cargo(leg)
        if "ripped" in spec.trims and not back and spec.garment == "pants":
            made.items += _ripped(spec, leg)
    made.items += waistband(spec, half, back)
    left, right = ((float(leg.outer[-1][0]), float(leg.outer[-1][1])) for leg in legs)
    made.landmarks = waist_landmarks(half, left, right)
    return made


def _folds(spec: Spec, leg: _Leg, rng: np.random.Generator) -> tuple[Fold, ...]:
    shares = np.linspace(0.15, 1, 9)
    middle = (along(leg.outer, shares) + along(leg.inner, shares)) / 2
    folds = pulls(rng, (0.0, CROTCH_Y + 0.005), (0.06 * leg.sign, 0.46), 3)
    if spec.cut.style == "trousers":
        folds += (Fold(middle, 0.005, 0.006),)
    if spec.garment == "pants":
        knee, ankle = middle[4], middle[-1]
        for _ in range(3):
            y, slant = knee[1] + rng.normal(0, 0.02), rng.normal(0, 0.012)
            crease = line((knee[0] - 0.03, y + slant), (knee[0], y), (knee[0] + 0.03, y - slant))
            folds += (Fold(crease, 0.006, rng.choice((-1, 1)) * 0.004),)
        for step in range(3):
            y = float(ankle[1]) - 0.014 - 0.018 * step
            crease = line((ankle[0] - 0.02, y), (ankle[0] + 0.02, y + rng.normal(0, 0.006)))
            folds += (Fold(crease, 0.005, rng.choice((-1, 1)) * 0.004),)
    left, right = sorted((float(leg.outer[0, 0]), float(middle[0, 0])))
    return folds + drapes(rng, (left, 0.45, right, float(middle[-1][1])), 3, 0.004)


def _stitch(spec: Spec) -> tuple[RGB | None, float]:
    """Colour and alpha of the seams: contrast stitching, or a shadow."""
    return ((206, 150, 82), 0.9) if "stitching" in spec.trims else (None, 0.35)


def _front(spec: Spec, half: float, hip: float) -> list[Item]:
    stitch, alpha = _stitch(spec)
    items: list[Item] = [Seam(line((0, TOP_Y + DEEP), (0, CROTCH_Y + 0.004)), 0.0018, None, 0.5)]
    if spec.cut.style != "joggers":
        fly = line((0.012, TOP_Y + DEEP), (0.012, 0.445), (0.001, 0.468))
        items.append(Seam(smooth(fly), 0.0015, stitch, alpha, dash=True))
    if spec.cut.style == "jeans":
        slit = line((half * 0.55, TOP_Y + 0.022), (half * 0.66, 0.415), (hip * 0.98, 0.428))
    else:
        slit = line((half * 0.62, TOP_Y + 0.022), (hip * 0.93, 0.445))
    return items + [Seam(smooth(one), 0.002, stitch, max(alpha, 0.5)) for one in both(slit)]


def _back(spec: Spec, half: float) -> list[Item]:
    stitch, alpha = _stitch(spec)
    items: list[Item] = [Seam(line((0, TOP_Y + DEEP), (0, CROTCH_Y + 0.004)), 0.0018, None, 0.5)]
    for bag in both(line((0.020, 0.418), (0.062, 0.414), (0.063, 0.458), (0.042, 0.470), (0.021, 0.460))):
        edge = np.concatenate([bag, bag[:1]])
        items += [Panel(bag, "base", 0.0, 0.4, 0.3), Seam(edge, 0.0015, stitch, alpha, dash=True)]
    return [*items, Seam(smooth(line((-half, 0.396), (0, 0.408), (half, 0.396))), 0.0015, stitch, alpha)]


def _ends(spec: Spec, leg: _Leg) -> list[Item]:
    """The hem of one leg, and a tape down its side."""
    stitch, alpha = _stitch(spec)
    items: list[Item] = []
    if "tape" in spec.trims:
        shares = np.linspace(0, 1, 10)
        items.append(Seam(along(leg.outer, shares) * 0.88 + along(leg.inner, shares) * 0.12, 0.009, spec.second, 1.0))
    end = np.stack([leg.outer[-1], leg.inner[-1]])
    above = np.stack([along(leg.outer, [0.955])[0], along(leg.inner, [0.955])[0]])
    if spec.cut.style == "joggers" and spec.garment == "pants":
        cloth = "second" if "contrast_hem" in spec.trims else "plain"
        items.append(Panel(np.concatenate([end, above[::-1]]), cloth, 0.0, 0.3, 0.15, rib=True))
    elif "turn_up" in spec.trims:
        wider = (end - end.mean(axis=0)) * 1.05 + end.mean(axis=0)
        cloth_colour = lighter(spec.base, 0.35) if spec.fabric == "denim" else spec.second
        items.append(
            Panel(np.concatenate([wider, (wider - np.array([0.0, 0.024]))[::-1]]), cloth_colour, 0.0, 0.3, 0.3)
        )
    elif "contrast_hem" in spec.trims:
        items.append(Panel(np.concatenate([end, (end - np.array([0.0, 0.016]))[::-1]]), "second", 0.0, 0.2))
    else:
        items.append(Seam(end - np.array([0.0, 0.010]), 0.0015, stitch, alpha, dash=True))
    return items


def _cargo(leg: _Leg) -> list[Item]:
    at = along(leg.outer, [0.30])[0]
    x, y = float(at[0]) - leg.sign * 0.024, float(at[1]) - 0.02
    bag, flap = (rectangle(x - 0.022, y, x + 0.022, y + 0.058), rectangle(x - 0.024, y - 0.004, x + 0.024, y + 0.016))
    return [Panel(bag, "base", 0.0, 0.5, 0.4), Panel(flap, "base", 0.0, 0.4, 0.4), Stud(x, y + 0.008, 0.003, METAL)]


def _ripped(spec: Spec, leg: _Leg) -> list[Item]:
    x, y = (along(leg.outer, [0.52])[0] + along(leg.inner, [0.46])[0]) / 2
    thread = lighter(spec.base, 0.65)
    tears = [line((x - 0.016, y + step), (x + 0.014, y + step + 0.002)) for step in (-0.012, 0.0, 0.010)]
    return [Seam(tear, 0.005, thread, 0.9) for tear in tears]

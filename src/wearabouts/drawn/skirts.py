"""Skirts: one bell from waist to hem, its folds running down."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.body import HIP_Y, Body, leg_reach
from wearabouts.drawn.curves import Line, line, mirrored, smooth
from wearabouts.drawn.palette import darker, is_dark, lighter
from wearabouts.drawn.sewing import Fold, Garment, Item, Panel, Seam, Stud, both
from wearabouts.drawn.specs import Spec
from wearabouts.drawn.waists import TOP_Y, waist_landmarks, waistband

FLIP = np.array([-1.0, 1.0])


def sew_skirt(spec: Spec, body: Body, view: str, rng: np.random.Generator) -> Garment:
    """A skirt.

    Args:
        spec: What to sew.
        body: The body it hangs on.
        view: ``back`` or anything else for the front.
        rng: Decides the folds.

    Returns:
        Items back to front and landmarks, in body heights.
    """
    cut, build, back = spec.cut, body.build, view == "back"
    half = build.waist + 0.004 + cut.waist
    reach = cut.length + 0.022 * spec.shift[1]
    hem = max(build.hip + 0.008 + cut.hem + 0.006 * spec.shift[0], leg_reach(body, reach) + 0.006)
    hip = build.hip + 0.008 + max(cut.hem, 0) * 0.22
    middle = ((hip + hem) / 2 + 0.002, (HIP_Y + reach) / 2)
    side = smooth(np.array([(half, TOP_Y), (hip, HIP_Y), middle, (hem, reach)]), 5)
    turn = np.linspace(1, 0, 9)[1:]
    ripple = 0.003 * np.sin(turn * 17) if cut.style == "flared" else np.zeros(8)
    bottom = np.stack([hem * turn, reach + cut.tail * (1 - turn**2) + ripple], axis=1)
    shape = mirrored(np.concatenate([side, bottom]))
    made = Garment([Panel(shape, "base", 0.0, 1.0, 0.22, _folds(spec, half, hem, reach, rng))])
    if cut.style == "pleated":
        for x in np.linspace(-0.92, 0.92, 15):
            pleat = line((x * half, TOP_Y + 0.02), (x * hip, HIP_Y), (x * hem, reach + cut.tail * (1 - x * x)))
            made.items.append(Seam(pleat, 0.0018, None, 0.35))
    made.items += _hem(spec, hem, reach, bottom)
    made.items += [] if back else _front(spec, half, reach)
    made.items += waistband(spec, half, back)
    made.landmarks = waist_landmarks(half, (-hem, reach), (hem, reach))
    return made


def _hem(spec: Spec, hem: float, reach: float, bottom: Line) -> list[Item]:
    edge = np.concatenate([[(hem, reach)], bottom, (bottom * FLIP)[-2::-1], [(-hem, reach)]])
    items: list[Item] = []
    if "contrast_hem" in spec.trims:
        above = (edge - (0.0, 0.022))[::-1] * (0.985, 1.0)
        items.append(Panel(np.concatenate([edge, above]), "second", 0.0, 0.3))
    if "ruffle" in spec.trims:
        level = reach - 0.07
        narrow = 0.97 if spec.cut.style == "straight" else 0.88
        gather = edge[::-1] * (narrow, 1.0)
        gather[:, 1] += level - reach
        items += [Seam(gather, 0.003, None, 0.45), Seam(gather - (0.0, 0.004), 0.0014, None, 0.25)]
    return [*items, Seam(edge - (0.0, 0.008), 0.0014, None, 0.25)]


def _front(spec: Spec, half: float, reach: float) -> list[Item]:
    items: list[Item] = []
    if spec.closure == "buttons":
        colour = lighter(spec.base, 0.5) if is_dark(spec.base) else darker(spec.base, 0.5)
        items.append(Seam(line((0.012, TOP_Y), (0.012, reach)), 0.0016, None, 0.4))
        items += [Stud(0.0, float(y), 0.0046, colour) for y in np.arange(TOP_Y + 0.03, reach - 0.02, 0.046)]
    if spec.pocket == "patch":
        x = half
        bag = line((x * 0.35, 0.42), (x * 0.95, 0.417), (x * 0.96, 0.468), (x * 0.66, 0.478), (x * 0.36, 0.470))
        for one in both(bag):
            items += [Panel(one, "base", 0.0, 0.4, 0.3), Seam(one, 0.0015, None, 0.4, dash=True)]
    return items


def _folds(spec: Spec, half: float, hem: float, reach: float, rng: np.random.Generator) -> tuple[Fold, ...]:
    many = {"flared": 12, "pleated": 16, "straight": 4}[spec.cut.style]
    tall = {"flared": 0.009, "pleated": 0.007, "straight": 0.003}[spec.cut.style]
    out = []
    for step, x in enumerate(np.linspace(-0.93, 0.93, many) + rng.normal(0, 0.02, many)):
        start = TOP_Y + 0.02 + (0.0 if spec.cut.style == "pleated" else abs(rng.normal(0, 0.05)))
        run = line((x * half, start), (x * (half + hem) / 2, (start + reach) / 2), (x * hem, reach))
        out.append(Fold(run, 0.009 if many > 5 else 0.014, tall * (1 if step % 2 else -1) * rng.uniform(0.6, 1.1)))
    return tuple(out)

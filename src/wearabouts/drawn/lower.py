"""Garments that hang from the waist: trousers, shorts and skirts."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.body import CROTCH_Y, HIP_Y, WAIST_Y, Body, leg_reach
from wearabouts.drawn.curves import Line, limb, line, mirrored, part_of, smooth
from wearabouts.drawn.details import METAL
from wearabouts.drawn.palette import RGB, darker, is_dark, lighter
from wearabouts.drawn.sewing import Fold, Garment, Item, Panel, Seam, Stud, both, drapes, pulls
from wearabouts.drawn.specs import Spec

FLIP = np.array([-1.0, 1.0])
TOP_Y = WAIST_Y + 0.006


def sew_lower(spec: Spec, body: Body, view: str, rng: np.random.Generator) -> Garment:
    """Trousers, shorts or a skirt.

    Args:
        spec: What to sew.
        body: The body it hangs on.
        view: ``back`` or anything else for the front.
        rng: Decides the folds.

    Returns:
        Items back to front and landmarks, in body heights.
    """
    return (
        _skirt(spec, body, view == "back", rng) if spec.garment == "skirt" else _legs(spec, body, view == "back", rng)
    )


def _waistband(spec: Spec, half: float, back: bool) -> list[Item]:
    x, y, deep = half, TOP_Y, 0.020
    band = line((-x, y), (0, y + 0.004), (x, y), (x + 0.002, y + deep), (0, y + deep + 0.004), (-x - 0.002, y + deep))
    soft = spec.cut.style == "joggers"
    cloth = "second" if "contrast_hem" in spec.trims else ("plain" if soft else "base")
    items: list[Item] = [Panel(band, cloth, 0.0, 0.4, 0.2, rib=soft)]
    if "belt" in spec.trims:
        low = np.array([0.0, 0.002])
        items.append(Panel(band + low, spec.second, 0.0, 0.4, 0.2))
        items.append(
            Panel(
                line((-0.012, y + 0.003), (0.012, y + 0.003), (0.012, y + deep + 0.005), (-0.012, y + deep + 0.005)),
                (198, 176, 120),
                0.0,
                0.3,
                0.3,
            )
        )
    if soft and not back:
        cord: RGB = (244, 244, 240) if is_dark(spec.base) else darker(spec.base, 0.5)
        for sign, long in ((-1, 0.05), (1, 0.058)):
            items.append(
                Seam(
                    smooth(line((sign * 0.006, y + 0.014), (sign * 0.012, y + 0.03), (sign * 0.009, y + long))),
                    0.0032,
                    cord,
                    1.0,
                )
            )
    elif not soft:
        items += [
            Panel(
                line(
                    (sx - 0.003, y - 0.001),
                    (sx + 0.003, y - 0.001),
                    (sx + 0.003, y + deep + 0.004),
                    (sx - 0.003, y + deep + 0.004),
                ),
                "base",
                0.0,
                0.2,
                0.3,
            )
            for sx in (-0.6 * x, 0.6 * x)
        ]
        if not back and "belt" not in spec.trims:
            items.append(Stud(0.004, y + 0.013, 0.0048, METAL if spec.fabric == "denim" else darker(spec.base, 0.5)))
    return items


def _legs(spec: Spec, body: Body, back: bool, rng: np.random.Generator) -> Garment:
    cut, build = spec.cut, body.build
    half = build.waist + 0.006 + cut.waist
    hip = build.hip + 0.006 + cut.fit * 0.6 + 0.003 * spec.shift[0]
    reach = cut.length + 0.018 * spec.shift[1]
    edges = []
    for bone, right in ((body.left_leg, False), (body.right_leg, True)):
        flip = np.array([1.0, 1.0]) if right else FLIP
        share = float(np.clip((reach - HIP_Y) / (0.965 - HIP_Y), 0.1, 1.0))
        path = part_of(smooth(bone, 6), share, 9)
        thigh = build.leg + cut.fit + 0.004
        opening = cut.hem + 0.003 * spec.shift[2]
        widths = (
            (thigh, thigh * 0.93, (thigh * 0.5 + opening * 0.5), opening * 0.98, opening)
            if share > 0.6
            else (thigh, (thigh + opening) / 2, opening)
        )
        one, other = limb(path, widths)
        outer, inner = (one, other) if right else (other, one)
        # The first points of a leg lie inside the trunk: the hip and the crotch stand for them.
        edges.append((outer[2:], inner[np.nonzero(inner[:, 1] > CROTCH_Y + 0.012)[0]], flip))
    (left_outer, left_inner, _), (right_outer, right_inner, _) = edges
    crotch = np.array([[0.0, CROTCH_Y + 0.004 + cut.fit * 0.4]])
    side = smooth(
        np.array([(half, TOP_Y), (hip * 0.97, HIP_Y - 0.035), (hip, HIP_Y + 0.015), tuple(right_outer[1])]), 4
    )
    left_side = smooth(
        np.array([(-half, TOP_Y), (-hip * 0.97, HIP_Y - 0.035), (-hip, HIP_Y + 0.015), tuple(left_outer[1])]), 4
    )
    outline = np.concatenate(
        [side, right_outer[2:], right_inner[::-1], crotch, left_inner, left_outer[:1:-1], left_side[::-1]]
    )
    folds = _leg_folds(spec, right_outer, right_inner, left_outer, left_inner, rng)
    made = Garment([Panel(outline, "base", 0.0, 0.9, 0.22, folds)])
    made.items += _leg_details(spec, half, hip, back, (left_outer, left_inner), (right_outer, right_inner))
    made.items += _waistband(spec, half, back)
    ends = [tuple(left_outer[-1]), tuple(right_outer[-1])]
    made.landmarks = _waist_landmarks(half, ends)
    return made


def _leg_folds(spec: Spec, ro: Line, ri: Line, lo: Line, li: Line, rng: np.random.Generator) -> tuple[Fold, ...]:
    crotch = (0.0, CROTCH_Y + 0.005)
    folds = pulls(rng, crotch, (0.06, 0.46), 3) + pulls(rng, crotch, (-0.06, 0.46), 3)
    # The gap between the legs' tops, continued a little upwards and downwards.
    folds += (Fold(line((0, 0.40), (0, CROTCH_Y)), 0.004, -0.004),)
    for outer, inner in ((ro, ri), (lo, li)):
        middle = (outer[-len(inner) :] + inner) / 2 if len(inner) <= len(outer) else (outer + inner[-len(outer) :]) / 2
        if len(middle) < 3:
            continue
        crease = 0.006 if spec.cut.style == "trousers" else 0.0
        if crease:
            folds += (Fold(middle, 0.005, crease),)
        knee = middle[len(middle) // 2]
        if spec.garment == "pants":
            for _ in range(3):
                y = knee[1] + rng.normal(0, 0.02)
                tilt = rng.normal(0, 0.012)
                folds += (
                    Fold(
                        line((knee[0] - 0.03, y + tilt), (knee[0], y), (knee[0] + 0.03, y - tilt)),
                        0.006,
                        rng.choice((-1, 1)) * 0.004,
                    ),
                )
            for step in range(3):
                y = float(middle[-1][1]) - 0.014 - 0.018 * step
                wide = 0.02
                folds += (
                    Fold(
                        line((middle[-1][0] - wide, y), (middle[-1][0] + wide, y + rng.normal(0, 0.006))),
                        0.005,
                        rng.choice((-1, 1)) * 0.004,
                    ),
                )
        x0, x1 = sorted((float(outer[0, 0]), float(middle[0, 0])))
        folds += drapes(rng, (x0, 0.45, x1, float(middle[-1][1])), 3, 0.004)
    return folds


def _leg_details(
    spec: Spec, half: float, hip: float, back: bool, left: tuple[Line, Line], right: tuple[Line, Line]
) -> list[Item]:
    items: list[Item] = []
    stitch: RGB | None = (206, 150, 82) if "stitching" in spec.trims else None
    alpha = 0.9 if stitch else 0.35
    items.append(Seam(line((0, TOP_Y + 0.02), (0, CROTCH_Y + 0.004)), 0.0018, None, 0.5))
    if back:
        for shape in both(line((0.020, 0.418), (0.062, 0.414), (0.063, 0.458), (0.042, 0.470), (0.021, 0.460))):
            items += [
                Panel(shape, "base", 0.0, 0.4, 0.3),
                Seam(np.concatenate([shape, shape[:1]]), 0.0015, stitch, alpha, dash=True),
            ]
        items.append(Seam(smooth(line((-half, 0.396), (0, 0.408), (half, 0.396))), 0.0015, stitch, alpha))
    else:
        if spec.cut.style != "joggers":
            items.append(
                Seam(
                    smooth(line((0.012, TOP_Y + 0.02), (0.012, 0.445), (0.001, 0.468))),
                    0.0015,
                    stitch,
                    alpha,
                    dash=True,
                )
            )
        curve = (
            line((half * 0.55, TOP_Y + 0.022), (half * 0.66, 0.415), (hip * 0.98, 0.428))
            if spec.cut.style == "jeans"
            else line((half * 0.62, TOP_Y + 0.022), (hip * 0.93, 0.445))
        )
        items += [Seam(smooth(slit), 0.002, stitch, max(alpha, 0.5)) for slit in both(curve)]
    for outer, inner in (left, right):
        end = np.stack([outer[-1], inner[-1]])
        if spec.cut.style == "joggers" and spec.garment == "pants":
            upper = np.stack([outer[-1] * 0.8 + outer[-2] * 0.2, inner[-1] * 0.8 + inner[-2] * 0.2])
            items.append(
                Panel(
                    np.concatenate([end, upper[::-1]]),
                    "second" if "contrast_hem" in spec.trims else "plain",
                    0.0,
                    0.3,
                    0.15,
                    rib=True,
                )
            )
        elif "turn_up" in spec.trims:
            lift = np.array([0.0, -0.024])
            wider = (end - end.mean(axis=0)) * 1.06 + end.mean(axis=0)
            items.append(
                Panel(
                    np.concatenate([wider, (wider + lift)[::-1]]),
                    spec.second if spec.fabric != "denim" else lighter(spec.base, 0.35),
                    0.0,
                    0.3,
                    0.3,
                )
            )
        else:
            items.append(Seam(end + np.array([0.0, -0.010]), 0.0015, stitch, alpha, dash=True))
        if "tape" in spec.trims:
            items.append(Seam(outer[1:] * 0.86 + _matching(inner, len(outer) - 1) * 0.14, 0.009, spec.second, 1.0))
        if spec.pocket == "cargo":
            items += _cargo(spec, outer, inner)
        if "ripped" in spec.trims and not back and spec.garment == "pants":
            spot = (outer[-4] + inner[-4]) / 2
            for step in (-0.012, 0.0, 0.010):
                items.append(
                    Seam(
                        line((spot[0] - 0.016, spot[1] + step), (spot[0] + 0.014, spot[1] + step + 0.002)),
                        0.005,
                        lighter(spec.base, 0.65),
                        0.9,
                    )
                )
    return items


def _matching(edge: Line, count: int) -> Line:
    """The last `count` points of an edge, its first repeated where it is shorter."""
    short = count - len(edge)
    return edge[-count:] if short <= 0 else np.concatenate([np.repeat(edge[:1], short, axis=0), edge])


def _cargo(spec: Spec, outer: Line, inner: Line) -> list[Item]:
    at = outer[min(3, len(outer) - 2)]
    towards = -1.0 if at[0] > 0 else 1.0
    x, y = float(at[0]) + towards * 0.024, float(at[1]) - 0.02
    bag = line((x - 0.022, y), (x + 0.022, y), (x + 0.022, y + 0.058), (x - 0.022, y + 0.058))
    flap = line((x - 0.024, y - 0.004), (x + 0.024, y - 0.004), (x + 0.024, y + 0.016), (x - 0.024, y + 0.016))
    return [Panel(bag, "base", 0.0, 0.5, 0.4), Panel(flap, "base", 0.0, 0.4, 0.4), Stud(x, y + 0.008, 0.003, METAL)]


def _waist_landmarks(half: float, ends: list[tuple[float, ...]]) -> list[tuple[float, float, bool]]:
    waist = [(-half, TOP_Y, True), (half, TOP_Y, True)]
    hems = [(float(x), float(y), True) for x, y in ends]
    return [(-half, TOP_Y, False), (half, TOP_Y, False), (-half, TOP_Y, False), (half, TOP_Y, False), *waist, *hems]


def _skirt(spec: Spec, body: Body, back: bool, rng: np.random.Generator) -> Garment:
    cut, build = spec.cut, body.build
    half = build.waist + 0.004 + cut.waist
    reach = cut.length + 0.022 * spec.shift[1]
    hem = max(build.hip + 0.008 + cut.hem + 0.006 * spec.shift[0], leg_reach(body, reach) + 0.006)
    hip = build.hip + 0.008 + max(cut.hem, 0) * 0.22
    side = smooth(
        np.array([(half, TOP_Y), (hip, HIP_Y), ((hip + hem) / 2 + 0.002, (HIP_Y + reach) / 2), (hem, reach)]), 5
    )
    turn = np.linspace(1, 0, 9)[1:]
    ripple = 0.003 * np.sin(turn * 17) if cut.style == "flared" else np.zeros(8)
    bottom = np.stack([hem * turn, reach + cut.tail * (1 - turn**2) + ripple], axis=1)
    made = Garment(
        [
            Panel(
                mirrored(np.concatenate([side, bottom])),
                "base",
                0.0,
                1.0,
                0.22,
                _skirt_folds(spec, half, hem, reach, rng),
            )
        ]
    )
    if cut.style == "pleated":
        for x in np.linspace(-0.92, 0.92, 15):
            made.items.append(
                Seam(
                    line((x * half, TOP_Y + 0.02), (x * hip, HIP_Y), (x * hem, reach + cut.tail * (1 - x * x))),
                    0.0018,
                    None,
                    0.35,
                )
            )
    if "contrast_hem" in spec.trims:
        band = np.concatenate([[(hem, reach)], bottom, (bottom * FLIP)[-2::-1], [(-hem, reach)]])
        made.items.append(
            Panel(
                np.concatenate([band, (band - np.array([0.0, 0.022]))[::-1] * np.array([0.985, 1.0])]),
                "second",
                0.0,
                0.3,
            )
        )
    if "ruffle" in spec.trims:
        level = reach - 0.07
        made.items.append(
            Seam(
                smooth(
                    line(
                        (-hem * 0.94, level),
                        (-hem * 0.4, level + 0.008),
                        (hem * 0.4, level + 0.008),
                        (hem * 0.94, level),
                    )
                ),
                0.003,
                None,
                0.45,
            )
        )
    if spec.closure == "buttons" and not back:
        colour = darker(spec.base, 0.5) if not is_dark(spec.base) else lighter(spec.base, 0.5)
        made.items += [Seam(line((0.012, TOP_Y), (0.012, reach)), 0.0016, None, 0.4)]
        made.items += [Stud(0.0, float(y), 0.0046, colour) for y in np.arange(TOP_Y + 0.03, reach - 0.02, 0.046)]
    if spec.pocket == "patch" and not back:
        for shape in both(
            line(
                (half * 0.35, 0.42),
                (half * 0.95, 0.417),
                (half * 0.96, 0.468),
                (half * 0.66, 0.478),
                (half * 0.36, 0.470),
            )
        ):
            made.items += [Panel(shape, "base", 0.0, 0.4, 0.3), Seam(shape, 0.0015, None, 0.4, dash=True)]
    made.items.append(
        Seam(np.concatenate([bottom, (bottom * FLIP)[-2::-1]]) - np.array([0.0, 0.008]), 0.0014, None, 0.25)
    )
    made.items += _waistband(spec, half, back)
    made.landmarks = _waist_landmarks(half, [(-hem, reach), (hem, reach)])
    return made


def _skirt_folds(spec: Spec, half: float, hem: float, reach: float, rng: np.random.Generator) -> tuple[Fold, ...]:
    many = {"flared": 12, "pleated": 16, "straight": 4}[spec.cut.style]
    tall = {"flared": 0.009, "pleated": 0.007, "straight": 0.003}[spec.cut.style]
    out = []
    for step, x in enumerate(np.linspace(-0.93, 0.93, many) + rng.normal(0, 0.02, many)):
        start = TOP_Y + 0.02 + (0.0 if spec.cut.style == "pleated" else abs(rng.normal(0, 0.05)))
        run = line((x * half, start), (x * (half + hem) / 2, (start + reach) / 2), (x * hem, reach))
        out.append(Fold(run, 0.009 if many > 5 else 0.014, tall * (1 if step % 2 else -1) * rng.uniform(0.6, 1.1)))
    return tuple(out)

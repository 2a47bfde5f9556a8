"""Collars: round and V-shaped bands, shirt collars, lapels, hoods, high necks."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.closures import METAL
from wearabouts.drawn.curves import Line, ellipse, line, rectangle, smooth
from wearabouts.drawn.palette import RGB, darker, is_dark, lighter
from wearabouts.drawn.sewing import Item, Panel, Seam, Stud, both
from wearabouts.drawn.specs import Spec


def _trim_cloth(spec: Spec) -> str:
    return "second" if "contrast_collar" in spec.trims else "plain"


def _band_colour(spec: Spec) -> RGB:
    if "contrast_collar" in spec.trims:
        return spec.second
    return darker(spec.base, 0.10) if not is_dark(spec.base) else lighter(spec.base, 0.10)


def collar(
    spec: Spec, x: float, y: float, depth: float, neckline: Line, back: bool, worn: bool
) -> tuple[list[Item], list[Item]]:
    """The collar's items behind the trunk panel and before it.

    Args:
        spec: What is sewn.
        x: Half width of the neckline.
        y: Height of the neck point.
        depth: Depth of the neckline.
        neckline: From the left neck point to the right one.
        back: Whether the garment is seen from the back.
        worn: Whether somebody wears it.
    """
    behind = _inside(spec, x, y, neckline) if not worn and not back else []
    if spec.collar == "shirt_collar":
        return behind, _shirt_collar(spec, x, y, depth, back)
    if spec.collar == "lapel":
        return behind + _inner(spec, x, y, depth, back, worn), _lapel(spec, x, y, depth, back)
    if spec.collar == "hood":
        return [*_hood_behind(spec, x, y, back), *behind], _hood_before(spec, x, y, depth, back)
    if spec.collar == "high_neck":
        top = y - (0.030 if spec.garment != "outwear" else 0.022)
        tube = np.concatenate(
            [neckline, line((x * 0.86, top), (x * 0.4, top - 0.004), (-x * 0.4, top - 0.004), (-x * 0.86, top))]
        )
        return behind, [Panel(tube, _trim_cloth(spec), 0.0, 0.5, 0.25, rib=spec.garment != "blouse")]
    if spec.cut.style == "straps":
        return behind, [Seam(neckline[1:-1], 0.004, _band_colour(spec), 0.9)]
    wide = 0.0095 if spec.garment in ("t_shirt", "longsleeve", "hoodie", "undershirt") else 0.005
    return behind, [
        Seam(neckline, wide, _band_colour(spec), 1.0),
        Seam(neckline + np.array([0, wide * 0.55]), 0.0012, None, 0.35),
    ]


def _inside(spec: Spec, x: float, y: float, neckline: Line) -> list[Item]:
    """The inside of the back, seen through the neck of a garment nobody wears, with its label."""
    if spec.cut.style == "straps":
        edge = neckline[1:-1]
        return [Panel(np.concatenate([edge, edge[[-1, 0]] - np.array([0.0, 0.006])]), "lining", puff=0.2)]
    rise = 0.010 if spec.collar in ("shirt_collar", "lapel") else 0.002
    over = line((x, y - 0.002), (x * 0.6, y - rise), (-x * 0.6, y - rise), (-x, y - 0.002))
    binding = smooth(line((-x * 0.8, y + 0.006), (0, y + 0.012), (x * 0.8, y + 0.006)))
    return [
        Panel(np.concatenate([neckline, over]), "lining", puff=0.3),
        Seam(binding, 0.004, _band_colour(spec), 0.5),
        Panel(rectangle(-0.008, y + 0.012, 0.008, y + 0.022), (238, 236, 230), puff=0.1),
    ]


def _shirt_collar(spec: Spec, x: float, y: float, depth: float, back: bool) -> list[Item]:
    cloth = _trim_cloth(spec) if "contrast_collar" in spec.trims or spec.garment == "polo" else "base"
    if back:
        shape = line(
            (-x - 0.002, y + 0.004),
            (-x * 0.8, y - 0.016),
            (0, y - 0.020),
            (x * 0.8, y - 0.016),
            (x + 0.002, y + 0.004),
            (0, y + 0.018),
        )
        return [Panel(smooth(np.concatenate([shape, shape[:1]]), 4), cloth, 0.0, 0.5, 0.3)]
    low = y + depth + 0.004
    leaf = line(
        (0.002, low),
        (x * 0.62, y + 0.002),
        (x * 0.78, y - 0.014),
        (x + 0.004, y + 0.002),
        (x + 0.008, y + 0.016),
        (x * 0.72, low + 0.022),
    )
    return [Panel(shape, cloth, 28 * sign, 0.45, 0.4) for shape, sign in zip(both(leaf), (1, -1), strict=True)]


def _inner(spec: Spec, x: float, y: float, depth: float, back: bool, worn: bool) -> list[Item]:
    """What is worn under an open jacket, seen in its neck."""
    if back or not worn:
        return []
    inner = line(
        (-x, y), (-x * 0.6, y + 0.018), (0, y + 0.026), (x * 0.6, y + 0.018), (x, y), (x, y + depth), (-x, y + depth)
    )
    colour: RGB = (236, 236, 234) if is_dark(spec.base) else (72, 74, 80)
    return [Panel(inner, colour, 0.0, 0.3)]


def _lapel(spec: Spec, x: float, y: float, depth: float, back: bool) -> list[Item]:
    cloth = "second" if "contrast_collar" in spec.trims else "base"
    if back:
        return _shirt_collar(spec, x, y, 0.03, True)
    stance = y + depth
    wide = 0.038 + (0.008 if spec.garment == "outwear" else 0)
    notch = y + min(depth * 0.36, 0.05)
    lapel = line(
        (0.0, stance),
        (x * 0.5, y + depth * 0.45),
        (x * 0.86, y + 0.01),
        (x + 0.012, notch - 0.012),
        (x * 0.8 + wide * 0.6, notch - 0.004),
        (x * 0.72 + wide, notch + 0.010),
        (x * 0.5 + wide * 0.55, y + depth * 0.62),
    )
    top = line(
        (x * 0.70, y - 0.014),
        (x + 0.004, y - 0.004),
        (x + 0.018, notch - 0.014),
        (x * 0.8 + wide * 0.55, notch - 0.008),
        (x + 0.004, notch - 0.001),
        (x * 0.86, y + 0.012),
    )
    items: list[Item] = []
    for sign, shape in zip((-14, 14), both(lapel), strict=True):
        items.append(Panel(shape, cloth, sign, 0.4, 0.4))
    for sign, shape in zip((24, -24), both(top), strict=True):
        items.append(Panel(shape, cloth, sign, 0.4, 0.35))
    return items


def _hood_behind(spec: Spec, x: float, y: float, back: bool) -> list[Item]:
    if back:
        return []
    lobe = line(
        (x + 0.020, y + 0.030),
        (x + 0.026, y - 0.006),
        (x * 0.8, y - 0.034),
        (0, y - 0.042),
        (-x * 0.8, y - 0.034),
        (-x - 0.026, y - 0.006),
        (-x - 0.020, y + 0.030),
    )
    inside = ellipse((0, y + 0.002), x * 0.92, 0.030)
    return [Panel(smooth(lobe), "plain", 0.0, 0.7, 0.2), Panel(inside, "lining", puff=0.5)]


def _hood_before(spec: Spec, x: float, y: float, depth: float, back: bool) -> list[Item]:
    if back:
        bag = line(
            (-x - 0.012, y - 0.004),
            (0, y - 0.022),
            (x + 0.012, y - 0.004),
            (x * 0.98, y + 0.05),
            (x * 0.45, y + 0.094),
            (0, y + 0.104),
            (-x * 0.45, y + 0.094),
            (-x * 0.98, y + 0.05),
        )
        return [
            Panel(smooth(np.concatenate([bag, bag[:1]]), 4), "base", 0.0, 0.9, 0.45),
            Seam(line((0, y - 0.018), (0, y + 0.10)), 0.002, None, 0.4),
        ]
    low = y + depth + 0.012
    edge = line(
        (0.0, low + 0.010),
        (x * 0.55, low - 0.014),
        (x * 0.86, y - 0.004),
        (x + 0.006, y - 0.016),
        (x + 0.022, y + 0.012),
        (x * 0.85, low - 0.004),
    )
    items: list[Item] = [
        Panel(smooth(np.concatenate([shape, shape[:1]]), 3), "plain", 0.0, 0.6, 0.35) for shape in both(edge)
    ]
    cord = lighter(spec.base, 0.55) if is_dark(spec.base) else (246, 246, 244)
    for sign, long in ((-1, 0.085), (1, 0.072)):
        start = (sign * x * 0.42, low + 0.002)
        items.append(
            Seam(
                smooth(line(start, (start[0] + sign * 0.004, low + long * 0.5), (start[0], low + long))),
                0.0034,
                cord,
                1.0,
            )
        )
        items.append(Stud(start[0], start[1], 0.003, METAL))
    return items

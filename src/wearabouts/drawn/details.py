"""Collars, closures and pockets of what hangs from the shoulders."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.curves import Line, ellipse, line, smooth
from wearabouts.drawn.palette import RGB, darker, is_dark, lighter
from wearabouts.drawn.sewing import Item, Panel, Seam, Stud, both
from wearabouts.drawn.specs import Spec

METAL: RGB = (176, 176, 172)


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
    behind: list[Item] = []
    if not worn and not back:
        rise = 0.010 if spec.collar in ("shirt_collar", "lapel") else 0.002
        inside = np.concatenate(
            [neckline, line((x, y - 0.002), (x * 0.6, y - rise), (-x * 0.6, y - rise), (-x, y - 0.002))]
        )
        behind.append(Panel(inside, "lining", puff=0.3))
        behind.append(
            Seam(
                smooth(line((-x * 0.8, y + 0.006), (0, y + 0.012), (x * 0.8, y + 0.006))),
                0.004,
                _band_colour(spec),
                0.5,
            )
        )
        behind.append(
            Panel(
                line((-0.008, y + 0.012), (0.008, y + 0.012), (0.008, y + 0.022), (-0.008, y + 0.022)),
                (238, 236, 230),
                puff=0.1,
            )
        )
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


def close(spec: Spec, top: float, bottom: float) -> list[Item]:
    """Buttons or a zip down the front, from the bottom of the neckline to the hem."""
    button = (
        lighter(spec.base, 0.6)
        if is_dark(spec.base)
        else ((245, 243, 238) if spec.fabric == "woven" else darker(spec.base, 0.55))
    )
    if "contrast_collar" in spec.trims:
        button = spec.second
    items: list[Item] = []
    if spec.closure == "buttons":
        first = top + 0.018
        last = bottom - 0.045
        gap = 0.052 if spec.garment in ("shirt", "blouse", "dress") else 0.085
        radius = 0.0042 if spec.garment in ("shirt", "blouse", "dress") else 0.0066
        if spec.garment == "blazer" or spec.cut.style == "coat":
            top, count = top + 0.004, 1 if spec.cut.style == "one" else 2 if spec.garment == "blazer" else 3
            items.append(Seam(line((0.008, top), (0.010, bottom - 0.004)), 0.002, None, 0.55))
            spots = top + np.arange(count) * 0.062
        else:
            items += [
                Seam(line((side, top + 0.004), (side, bottom - 0.004)), 0.0014, None, 0.4, dash=side < 0)
                for side in (-0.011, 0.011)
            ]
            spots = np.arange(first, last, gap)
        items += [Stud(0.0, float(spot), radius, button) for spot in spots]
    elif spec.closure == "placket":
        end = top + 0.085
        items.append(
            Panel(
                line((-0.011, top - 0.004), (0.011, top - 0.004), (0.011, end), (-0.011, end)),
                "second" if "contrast_collar" in spec.trims else "base",
                0.0,
                0.2,
                0.2,
            )
        )
        items += [Stud(0.0, top + 0.014 + step * 0.028, 0.0042, button) for step in range(3)]
    elif spec.closure in ("zip", "half_zip"):
        end = bottom - 0.004 if spec.closure == "zip" else top + 0.11
        top -= 0.012 if spec.collar == "high_neck" else 0.0
        items.append(Seam(line((0, top), (0, end)), 0.009, darker(spec.base, 0.35), 0.8))
        items.append(Seam(line((0, top), (0, end)), 0.0034, METAL, 1.0, dash=True))
        items.append(Stud(0.0, top + 0.012, 0.005, METAL))
        items.append(Seam(line((0, top + 0.012), (0, top + 0.028)), 0.004, METAL, 1.0))
    return items


def pockets(spec: Spec, hem: float, half: float) -> list[Item]:
    """Pockets on the front of a trunk whose hem is at `hem`, `half` wide."""
    items: list[Item] = []
    if spec.pocket in ("chest", "two_chest"):
        for sign in (1, -1) if spec.pocket == "two_chest" else (1,):
            x, y = sign * 0.044, 0.246
            shape = line((x - 0.019, y), (x + 0.019, y), (x + 0.019, y + 0.034), (x, y + 0.042), (x - 0.019, y + 0.034))
            items.append(Panel(shape, "base", 0.0, 0.3, 0.35))
            items.append(Seam(shape[[0, 4, 3, 2, 1]], 0.0014, None, 0.4))
            if spec.pocket == "two_chest":
                flap = line(
                    (x - 0.021, y - 0.002),
                    (x + 0.021, y - 0.002),
                    (x + 0.021, y + 0.010),
                    (x, y + 0.016),
                    (x - 0.021, y + 0.010),
                )
                items += [Panel(flap, "base", 0.0, 0.3, 0.45), Stud(x, y + 0.010, 0.0036, METAL)]
    elif spec.pocket == "kangaroo":
        y = hem - 0.026
        bag = line(
            (-0.036, y - 0.075), (0.036, y - 0.075), (0.066, y - 0.026), (0.066, y), (-0.066, y), (-0.066, y - 0.026)
        )
        items.append(Panel(bag, "second" if "contrast_sleeves" in spec.trims else "base", 0.0, 0.6, 0.4))
        items += [Seam(side, 0.002, None, 0.5) for side in both(line((0.036, y - 0.075), (0.066, y - 0.026)))]
    elif spec.pocket == "side":
        y = min(hem - 0.10, 0.42)
        items += [
            Seam(slit, 0.0036, darker(spec.base, 0.45), 0.8)
            for slit in both(line((half * 0.62, y), (half * 0.80, y + 0.05)))
        ]
    elif spec.pocket == "patch":
        y = min(hem - 0.105, 0.43)
        for shape in both(
            line(
                (half * 0.30, y),
                (half * 0.84, y - 0.004),
                (half * 0.86, y + 0.056),
                (half * 0.82, y + 0.062),
                (half * 0.34, y + 0.062),
                (half * 0.30, y + 0.056),
            )
        ):
            items.append(Panel(shape, "base", 0.0, 0.4, 0.35))
            flap = shape[:2]
            low = np.array([0.0, 0.018])
            items.append(Panel(np.concatenate([flap, (flap + low)[::-1]]), "base", 0.0, 0.4, 0.4))
    return items

"""Buttons, zips and pockets on the front of what hangs from the shoulders."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.curves import line
from wearabouts.drawn.palette import RGB, darker, is_dark, lighter
from wearabouts.drawn.sewing import Item, Panel, Seam, Stud, both
from wearabouts.drawn.specs import Spec

METAL: RGB = (176, 176, 172)


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
            top, count = (top + 0.004, 1 if spec.cut.style == "one" else 2 if spec.garment == "blazer" else 3)
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

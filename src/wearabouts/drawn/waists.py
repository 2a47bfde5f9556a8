"""What trousers, shorts and skirts share: the waistband and the landmarks."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.body import WAIST_Y
from wearabouts.drawn.closures import METAL
from wearabouts.drawn.curves import line, rectangle, smooth
from wearabouts.drawn.palette import RGB, darker, is_dark
from wearabouts.drawn.sewing import Item, Panel, Seam, Stud
from wearabouts.drawn.specs import Spec

TOP_Y = WAIST_Y + 0.006
DEEP = 0.020
BRASS: RGB = (198, 176, 120)


def waistband(spec: Spec, half: float, back: bool) -> list[Item]:
    """The band at the top, `half` wide to either side, with belt, loops, button or cord."""
    x, y = half, TOP_Y
    edge = ((-x, y), (0, y + 0.004), (x, y), (x + 0.002, y + DEEP), (0, y + DEEP + 0.004), (-x - 0.002, y + DEEP))
    band = line(*edge)
    soft = spec.cut.style == "joggers"
    cloth = "second" if "contrast_hem" in spec.trims else ("plain" if soft else "base")
    items: list[Item] = [Panel(band, cloth, 0.0, 0.4, 0.2, rib=soft)]
    if "belt" in spec.trims:
        buckle = rectangle(-0.012, y + 0.003, 0.012, y + DEEP + 0.005)
        items += [Panel(band + np.array([0.0, 0.002]), spec.second, 0.0, 0.4, 0.2), Panel(buckle, BRASS, 0.0, 0.3, 0.3)]
    if soft:
        return items + ([] if back else _cord(spec, y))
    for loop in (-0.6 * x, 0.6 * x):
        items.append(Panel(rectangle(loop - 0.003, y - 0.001, loop + 0.003, y + DEEP + 0.004), "base", 0.0, 0.2, 0.3))
    if not back and "belt" not in spec.trims:
        items.append(Stud(0.004, y + 0.013, 0.0048, METAL if spec.fabric == "denim" else darker(spec.base, 0.5)))
    return items


def _cord(spec: Spec, y: float) -> list[Item]:
    colour: RGB = (244, 244, 240) if is_dark(spec.base) else darker(spec.base, 0.5)
    cord: list[Item] = []
    for sign, long in ((-1, 0.05), (1, 0.058)):
        path = smooth(line((sign * 0.006, y + 0.014), (sign * 0.012, y + 0.03), (sign * 0.009, y + long)))
        cord.append(Seam(path, 0.0032, colour, 1.0))
    return cord


def waist_landmarks(
    half: float, left: tuple[float, float], right: tuple[float, float]
) -> list[tuple[float, float, bool]]:
    """The eight slots of a garment without collar or sleeves: waist and the outer ends of the hem."""
    corners = [(-half, TOP_Y), (half, TOP_Y)]
    absent = [(x, y, False) for x, y in corners]
    return [*absent, *absent, *((x, y, True) for x, y in corners), (*left, True), (*right, True)]

"""Shoes, seen from the side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.drawn.curves import Line, line, smooth
from wearabouts.drawn.palette import RGB, darker, is_dark
from wearabouts.drawn.sewing import Garment, Item, Panel, Print, Seam, Stud
from wearabouts.drawn.specs import Spec

ABSENT = (0.0, 0.0, False)


@dataclass(frozen=True, slots=True)
class _Last:
    """Shape of a shoe in shoe lengths: heights of shaft, instep and toe, thickness of sole, lift of heel."""

    shaft: float
    instep: float
    toe: float
    sole: float
    heel: float = 0.0
    laces: bool = True
    open_top: bool = False
    elastic: bool = False


LASTS = {
    "runner": _Last(0.36, 0.36, 0.17, 0.11),
    "court": _Last(0.34, 0.33, 0.15, 0.08),
    "boot": _Last(0.74, 0.40, 0.18, 0.08, 0.06),
    "pump": _Last(0.30, 0.16, 0.11, 0.03, 0.20, False, True),
    "slip_on": _Last(0.32, 0.30, 0.15, 0.09, 0.0, False),
    "rain_boot": _Last(1.00, 0.42, 0.19, 0.07, 0.03, False),
    "trail": _Last(0.44, 0.40, 0.20, 0.14),
    "canvas": _Last(0.58, 0.38, 0.16, 0.09),
    "chelsea": _Last(0.64, 0.40, 0.17, 0.06, 0.05, False, False, True),
    "ballet": _Last(0.24, 0.12, 0.10, 0.03, 0.0, False, True),
}


def _shoe(spec: Spec) -> list[Item]:
    """One shoe in shoe lengths: heel at x = 0, toe at x = 1, the ground at y = 0, up is negative."""
    last = LASTS[spec.cut.style]
    high = last.shaft + 0.05 * spec.shift[1]
    opening = 0.56 if last.open_top else 0.34
    rim = _rim(last, high, opening)
    items: list[Item] = [
        Panel(_sole(last), _rubber(spec, last), 0.0, 1.2, 0.35),
        Panel(np.concatenate([_heel_edge(last, high), rim, _vamp(last, opening)]), "base", 0.0, 2.2, 0.1),
    ]
    if last.open_top:
        under = line((opening * 0.6, -high * 0.5 - last.heel * 0.5), (0.08, -high * 0.9 - last.heel * 0.55))
        items.append(Panel(smooth(np.concatenate([rim, under]), 3), "lining", 0.0, 0.6))
    if last.laces:
        items += _laces(spec, last, opening)
    if last.elastic:
        gusset = ((0.12, 0.92), (0.26, 0.94), (0.24, 0.50), (0.18, 0.44), (0.13, 0.50))
        items.append(Panel(line(*((x, -high * share) for x, share in gusset)), darker(spec.base, 0.45), 0.0, 0.6))
    if not last.open_top:
        items += _decoration(spec, last, high)
    toe = line((0.70, -last.sole - 0.02), (0.735, -last.toe * 0.8), (0.70, -last.toe - 0.055))
    return [*items, Seam(smooth(toe), 0.008, None, 0.35)]


def _rubber(spec: Spec, last: _Last) -> RGB:
    if spec.fabric == "leather" and not last.laces:
        return darker(spec.base, 0.5)
    return spec.second if "contrast_hem" in spec.trims else (242, 241, 237)


def _sole(last: _Last) -> Line:
    floor, lift = -last.sole, last.heel
    top = line(
        (-0.02, floor - lift - 0.012), (0.25, floor - lift * 0.6 - 0.008), (0.5, floor - 0.004), (0.85, floor - 0.012)
    )
    toe = line((1.02, floor - 0.035), (1.01, -0.02), (0.9, 0.0), (0.5, 0.0))
    inner = (0.28, -lift * 0.5) if lift < 0.12 else (0.24, -lift * 0.62)
    foot = (0.24, 0.0) if lift < 0.12 else (0.08, 0.0)
    back = (0.0, 0.0) if lift < 0.12 else (0.03, 0.0)
    return np.concatenate([smooth(np.concatenate([top, toe])), line(inner, foot, back, (-0.02, floor - lift))])


def _heel_edge(last: _Last, high: float) -> Line:
    floor, lift = -last.sole, last.heel
    low = line((0.02, floor - lift), (-0.02, floor - lift - 0.14))
    return smooth(np.concatenate([low, line((0.010, -high * 0.75 - lift * 0.5), (0.012, -high * 0.97 - lift * 0.6))]))


def _rim(last: _Last, high: float, opening: float) -> Line:
    """The edge the foot goes in by, from the heel forwards."""
    lift, instep = last.heel, last.instep
    if last.open_top:
        heel = line((0.06, -high - lift * 0.6), (0.22, -high * 0.72 - lift * 0.6))
        return np.concatenate([heel, line((opening, -instep - 0.02 - lift * 0.2), (opening + 0.12, -instep - 0.03))])
    heel = line((0.03, -high - lift * 0.6), (0.15, -high * 0.92 - lift * 0.5))
    tongue = line((opening - 0.04, -max(high, instep + 0.02) - lift * 0.4))
    front = line((opening + 0.02, -max(high * 0.96, instep) - lift * 0.3))
    return smooth(np.concatenate([heel, tongue, front]), 4)


def _vamp(last: _Last, opening: float) -> Line:
    """From the opening over the toes to the sole."""
    start = line((opening + 0.07, -last.instep - last.heel * 0.2), (0.62, -last.toe - 0.09), (0.82, -last.toe - 0.03))
    return smooth(np.concatenate([start, line((0.97, -last.toe * 0.72), (1.0, -last.sole - 0.01))]))


def _decoration(spec: Spec, last: _Last, high: float) -> list[Item]:
    items: list[Item] = []
    if "tape" in spec.trims:
        floor = -last.sole - last.heel * 0.45 - 0.03
        for step in (0.0, 0.09):
            stripe = line((0.32 + step, floor), (0.40 + step, -last.instep * 0.6), (0.54 + step, -last.toe - 0.035))
            items.append(Seam(smooth(stripe), 0.035, spec.second, 1.0))
    if "logo" in spec.trims:
        items.append(Stud(0.10, -high * 0.62, 0.028, spec.second))
    return items


def _laces(spec: Spec, last: _Last, opening: float) -> list[Item]:
    lift = last.heel
    lace: RGB = (246, 245, 240) if is_dark(spec.base) or "contrast_hem" not in spec.trims else spec.second
    top = np.array([opening + 0.02, -max(last.shaft * 0.92, last.instep) - lift * 0.3])
    low = np.array([0.60, -last.toe - 0.10])
    knee = np.array([opening + 0.07, -last.instep - lift * 0.2])
    path = np.concatenate(
        [np.linspace(top, knee, 3 if last.shaft > 0.5 else 1, endpoint=False), np.linspace(knee, low, 4)]
    )
    items: list[Item] = []
    for x, y in path:
        items.append(Seam(line((x - 0.065, y + 0.055), (x + 0.012, y + 0.004)), 0.022, lace, 1.0))
        items.append(Stud(x - 0.068, y + 0.058, 0.010, darker(spec.base, 0.4)))
    return items


def _moved(item: Item, scale: float, x: float, y: float, mirror: float, squash: float = 1.0) -> Item:
    """A copy of an item at another place and size."""
    shift, factor = np.array([x, y]), np.array([scale * mirror * squash, scale])
    if isinstance(item, Panel):
        return Panel(
            item.outline * factor + shift, item.cloth, item.turn, item.puff * scale * 7, item.casts, (), item.rib
        )
    if isinstance(item, Seam):
        return Seam(item.points * factor + shift, item.width * scale, item.colour, item.alpha, item.dash)
    if isinstance(item, Stud):
        return Stud(float(item.x * factor[0] + x), float(item.y * scale + y), item.radius * scale, item.colour)
    return Print(float(item.x * factor[0] + x), float(item.y * scale + y), item.width * scale, item.logo)


def sew_shoes(spec: Spec, view: str, feet: tuple[Line, Line] | None = None) -> Garment:
    """A pair of shoes, beside one another for a shop photo or on two feet.

    Args:
        spec: What to make.
        view: ``back`` shows the other sides.
        feet: Points (left, right) the soles' heels stand at; None for a shop photo.
    """
    one = _shoe(spec)
    made = Garment(landmarks=[ABSENT] * 8)
    if feet is None:
        mirror = 1.0 if view == "back" else -1.0
        for x, y, size in ((0.050, -0.030, 0.142), (0.0, 0.0, 0.152)):
            made.items += [_moved(item, size, 0.5 * 0.15 * -mirror + x * mirror, 0.95 + y, mirror) for item in one]
    else:
        for foot, mirror in ((feet[0], -1.0), (feet[1], 1.0)):
            made.items += [
                _moved(item, 0.128, float(foot[0]) - 0.030 * mirror, float(foot[1]), mirror, 0.80) for item in one
            ]
    return made

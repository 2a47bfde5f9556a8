"""Shoes, seen from the side, and hats, seen from the front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.drawn.curves import Line, line, smooth
from wearabouts.drawn.palette import RGB, darker, is_dark, lighter
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


def _shoe(spec: Spec, rng: np.random.Generator) -> list[Item]:
    """One shoe in shoe lengths: heel at x = 0, toe at x = 1, the ground at y = 0, up is negative."""
    last = LASTS[spec.cut.style]
    high = last.shaft + 0.05 * spec.shift[1]
    floor = -last.sole
    lift = last.heel
    opening = 0.34 if not last.open_top else 0.56
    edge = line(
        (0.02, floor - lift),
        (-0.02, floor - lift - 0.14),
        (0.015, -high * 0.75 - lift * 0.5),
        (0.0, -high - lift * 0.6),
    )
    if last.open_top:
        rim = line(
            (0.06, -high - lift * 0.6),
            (0.22, -high * 0.72 - lift * 0.6),
            (opening, -last.instep - 0.02 - lift * 0.2),
            (opening + 0.12, -last.instep - 0.03),
        )
    else:
        rim = line(
            (0.02, -high - lift * 0.6),
            (0.14, -high * 0.95 - lift * 0.5),
            (opening - 0.03, -max(high, last.instep + 0.04) - lift * 0.4),
            (opening + 0.02, -max(high * 0.96, last.instep) - lift * 0.3),
        )
    vamp = line(
        (opening + 0.07, -last.instep - lift * 0.2),
        (0.62, -last.toe - 0.09),
        (0.82, -last.toe - 0.03),
        (0.97, -last.toe * 0.72),
        (1.0, floor - 0.01),
    )
    upper = np.concatenate([smooth(edge), rim if last.open_top else smooth(rim, 4), smooth(vamp)])
    rubber: RGB = (242, 241, 237) if "contrast_hem" not in spec.trims else spec.second
    if spec.fabric == "leather" and not last.laces:
        rubber = darker(spec.base, 0.5)
    sole = smooth(
        line(
            (-0.02, floor - lift - 0.012),
            (0.25, floor - lift * 0.6 - 0.008),
            (0.5, floor - 0.004),
            (0.85, floor - 0.012),
            (1.02, floor - 0.035),
            (1.01, -0.02),
            (0.9, 0.0),
            (0.5, 0.0),
        )
    )
    heel = (
        line((0.28, -lift * 0.5), (0.24, 0.0), (0.0, 0.0), (-0.02, floor - lift))
        if lift < 0.12
        else line((0.24, -lift * 0.62), (0.08, 0.0), (0.03, 0.0), (-0.02, floor - lift))
    )
    items: list[Item] = [Panel(np.concatenate([sole, heel]), rubber, 0.0, 1.2, 0.35)]
    items.append(Panel(upper, "base", 0.0, 2.2, 0.1))
    if last.open_top:
        items.append(
            Panel(
                smooth(
                    np.concatenate(
                        [rim, line((opening * 0.6, -high * 0.5 - lift * 0.5), (0.08, -high * 0.9 - lift * 0.55))]
                    ),
                    3,
                ),
                "lining",
                0.0,
                0.6,
            )
        )
    if last.laces:
        items += _laces(spec, last, opening, lift)
    if "tape" in spec.trims and not last.open_top:
        items.append(
            Seam(
                smooth(line((0.32, floor - lift * 0.5 - 0.03), (0.40, -last.instep * 0.62), (0.54, -last.toe - 0.05))),
                0.035,
                spec.second,
                1.0,
            )
        )
        items.append(
            Seam(
                smooth(line((0.42, floor - lift * 0.4 - 0.03), (0.50, -last.instep * 0.5), (0.62, -last.toe - 0.02))),
                0.035,
                spec.second,
                1.0,
            )
        )
    if last.elastic:
        items.append(
            Panel(
                line(
                    (0.12, -high * 0.92),
                    (0.26, -high * 0.94),
                    (0.24, -high * 0.50),
                    (0.18, -high * 0.44),
                    (0.13, -high * 0.50),
                ),
                darker(spec.base, 0.45),
                0.0,
                0.6,
            )
        )
    if "logo" in spec.trims and not last.open_top:
        items.append(Stud(0.10, -high * 0.62, 0.028, spec.second))
    items.append(
        Seam(smooth(line((0.70, floor - 0.02), (0.735, -last.toe * 0.8), (0.70, -last.toe - 0.055))), 0.008, None, 0.35)
    )
    return items


def _laces(spec: Spec, last: _Last, opening: float, lift: float) -> list[Item]:
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


def sew_shoes(spec: Spec, view: str, rng: np.random.Generator, feet: tuple[Line, Line] | None = None) -> Garment:
    """A pair of shoes, beside one another for a shop photo or on two feet.

    Args:
        spec: What to make.
        view: ``back`` shows the other sides.
        rng: Decides small things.
        feet: Points (left, right) the soles' heels stand at; None for a shop photo.
    """
    one = _shoe(spec, rng)
    made = Garment(landmarks=[ABSENT] * 8)
    if feet is None:
        mirror = 1.0 if view == "back" else -1.0
        for x, y, size in ((0.022, -0.016, 0.148), (0.0, 0.0, 0.152)):
            made.items += [_moved(item, size, 0.5 * 0.15 * -mirror + x * mirror, 0.95 + y, mirror) for item in one]
    else:
        for foot, mirror in ((feet[0], -1.0), (feet[1], 1.0)):
            made.items += [
                _moved(item, 0.128, float(foot[0]) - 0.030 * mirror, float(foot[1]), mirror, 0.80) for item in one
            ]
    return made


def sew_hat(spec: Spec, view: str, rng: np.random.Generator, head_y: float = 0.03) -> Garment:
    """A hat seen from the front; its rim lies at `head_y` (body heights below the crown)."""
    style, half = spec.cut.style, 0.054
    made = Garment(landmarks=[ABSENT] * 8)
    y = head_y
    high = 0.062 + 0.008 * spec.shift[1]
    if style in ("cap", "dad_cap"):
        made.items += _cap(spec, half, y, high, view == "back")
    elif style in ("beanie", "watch", "fisher"):
        high *= {"beanie": 1.15, "watch": 0.95, "fisher": 0.72}[style]
        dome = smooth(
            line(
                (-half, y),
                (-half * 0.98, y - high * 0.5),
                (-half * 0.62, y - high * 0.93),
                (0, y - high * 1.06),
                (half * 0.62, y - high * 0.93),
                (half * 0.98, y - high * 0.5),
                (half, y),
            )
        )
        made.items.append(Panel(dome, "base", 0.0, 1.2, 0.1, rib=spec.pattern.kind == "plain"))
        deep = 0.026 if style != "fisher" else 0.018
        fold = line(
            (-half * 1.05, y + 0.008),
            (half * 1.05, y + 0.008),
            (half * 1.04, y + 0.008 - deep),
            (0, y - deep + 0.010),
            (-half * 1.04, y + 0.008 - deep),
        )
        made.items.append(Panel(fold, "second" if "contrast_hem" in spec.trims else "plain", 0.0, 0.6, 0.3, rib=True))
        if style == "beanie" and "yoke" in spec.trims:
            made.items.append(
                Panel(smooth(np.concatenate([_ring(0, y - high * 1.12, 0.017)])), "second", 0.0, 0.8, 0.2)
            )
    else:
        made.items += _brimmed(spec, style, half, y, high)
    if "logo" in spec.trims and view != "back":
        made.items.append(
            Print(0.0, y - (0.004 if style in ("beanie", "watch", "fisher") else high * 0.5), 0.022, logo=True)
        )
    return made


def _ring(x: float, y: float, radius: float) -> Line:
    turn = np.linspace(0, 2 * np.pi, 14)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1)


def _cap(spec: Spec, half: float, y: float, high: float, back: bool) -> list[Item]:
    dome = smooth(
        line(
            (-half, y),
            (-half * 0.97, y - high * 0.5),
            (-half * 0.55, y - high * 0.93),
            (0, y - high),
            (half * 0.55, y - high * 0.93),
            (half * 0.97, y - high * 0.5),
            (half, y),
        )
    )
    deep = 0.022 if spec.cut.style == "cap" else 0.030
    items: list[Item] = [
        Panel(np.concatenate([dome, line((half * 0.5, y + 0.004), (-half * 0.5, y + 0.004))]), "base", 0.0, 1.2, 0.1)
    ]
    items += [
        Seam(
            smooth(line((0, y - high), (sign * half * 0.34, y - high * 0.5), (sign * half * 0.40, y))),
            0.0016,
            None,
            0.4,
        )
        for sign in (-1, 1)
    ]
    items.append(Stud(0.0, y - high, 0.005, spec.second if "yoke" in spec.trims else darker(spec.base, 0.2)))
    if back:
        items.append(
            Panel(
                smooth(line((-half * 0.4, y), (-half * 0.3, y - 0.024), (half * 0.3, y - 0.024), (half * 0.4, y))),
                "lining",
                0.0,
                0.4,
            )
        )
        return items
    brim = smooth(
        line(
            (-half * 0.94, y - 0.006),
            (-half * 0.5, y - 0.013),
            (0, y - 0.015),
            (half * 0.5, y - 0.013),
            (half * 0.94, y - 0.006),
            (half * 0.98, y + deep * 0.5),
            (half * 0.5, y + deep),
            (0, y + deep * 1.1),
            (-half * 0.5, y + deep),
            (-half * 0.98, y + deep * 0.5),
            (-half * 0.94, y - 0.006),
        ),
        4,
    )
    items.append(Panel(brim, "second" if "contrast_hem" in spec.trims else "plain", 0.0, 0.8, 0.35))
    items.append(
        Seam(
            smooth(line((-half * 0.8, y + deep * 0.42), (0, y + deep * 0.86), (half * 0.8, y + deep * 0.42))),
            0.0014,
            None,
            0.35,
            dash=True,
        )
    )
    return items


def _brimmed(spec: Spec, style: str, half: float, y: float, high: float) -> list[Item]:
    wide = {"bucket": 1.42, "panama": 1.9, "fedora": 1.68}[style]
    droop = {"bucket": 0.030, "panama": 0.012, "fedora": 0.010}[style]
    under = smooth(
        line(
            (-half * wide, y + droop),
            (-half * 0.9, y - 0.002),
            (0, y - 0.006),
            (half * 0.9, y - 0.002),
            (half * wide, y + droop),
            (half * 0.8, y + droop + 0.012),
            (0, y + droop + 0.016),
            (-half * 0.8, y + droop + 0.012),
            (-half * wide, y + droop),
        ),
        4,
    )
    top = high * (0.92 if style == "bucket" else 1.12)
    dent = 0.0 if style == "bucket" else 0.014
    crown = line(
        (-half * 0.98, y + 0.006),
        (-half * 0.84, y - top * 0.86),
        (-half * 0.6, y - top),
        (0, y - top + dent),
        (half * 0.6, y - top),
        (half * 0.84, y - top * 0.86),
        (half * 0.98, y + 0.006),
        (0, y + 0.012),
    )
    band = line(
        (-half * 0.97, y + 0.002),
        (-half * 0.93, y - 0.016),
        (0, y - 0.011),
        (half * 0.93, y - 0.016),
        (half * 0.97, y + 0.002),
        (0, y + 0.009),
    )
    items: list[Item] = [
        Panel(smooth(np.concatenate([crown, crown[:1]]), 4), "base", 0.0, 1.2, 0.2),
        Panel(under, "base", 0.0, 0.8, 0.35),
    ]
    if style == "bucket":
        items.append(
            Seam(smooth(line((-half * 0.96, y - 0.001), (0, y + 0.007), (half * 0.96, y - 0.001))), 0.0018, None, 0.5)
        )
        items += [Stud(sign * half * 0.6, y - top * 0.45, 0.003, lighter(spec.base, 0.3)) for sign in (-1, 1)]
        return items
    strip = spec.second if "contrast_hem" in spec.trims else darker(spec.base, 0.55)
    return [items[0], Panel(band, strip, 0.0, 0.4), *items[1:]]

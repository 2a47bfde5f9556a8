"""Hats, seen from the front."""

from __future__ import annotations

import numpy as np

from wearabouts.drawn.curves import Line, line, smooth
from wearabouts.drawn.palette import darker, lighter
from wearabouts.drawn.sewing import Garment, Item, Panel, Print, Seam, Stud
from wearabouts.drawn.specs import Spec

ABSENT = (0.0, 0.0, False)


def sew_hat(spec: Spec, view: str, head_y: float = 0.03) -> Garment:
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
    deep = 0.022 if spec.cut.style == "cap" else 0.030
    rise = ((1.0, 0.0), (0.97, 0.5), (0.55, 0.93))
    over = [(-x, share) for x, share in rise] + [(0.0, 1.0)] + [(x, share) for x, share in rise[::-1]]
    dome = smooth(line(*((x * half, y - high * share) for x, share in over)))
    front = line((half * 0.5, y + 0.004), (-half * 0.5, y + 0.004))
    items: list[Item] = [Panel(np.concatenate([dome, front]), "base", 0.0, 1.2, 0.1)]
    for sign in (-1, 1):
        panel = line((0, y - high), (sign * half * 0.34, y - high * 0.5), (sign * half * 0.40, y))
        items.append(Seam(smooth(panel), 0.0016, None, 0.4))
    items.append(Stud(0.0, y - high, 0.005, spec.second if "yoke" in spec.trims else darker(spec.base, 0.2)))
    if back:
        strap = line((-half * 0.4, y), (-half * 0.3, y - 0.024), (half * 0.3, y - 0.024), (half * 0.4, y))
        return [*items, Panel(smooth(strap), "lining", 0.0, 0.4)]
    upper = [(x, -low) for x, low in ((-0.94, 0.006), (-0.5, 0.013), (0.0, 0.015), (0.5, 0.013), (0.94, 0.006))]
    lower = [(x, deep * low) for x, low in ((0.98, 0.5), (0.5, 1.0), (0.0, 1.1), (-0.5, 1.0), (-0.98, 0.5))]
    brim = smooth(line(*((x * half, y + dy) for x, dy in (*upper, *lower, upper[0]))), 4)
    items.append(Panel(brim, "second" if "contrast_hem" in spec.trims else "plain", 0.0, 0.8, 0.35))
    stitch = line((-half * 0.8, y + deep * 0.42), (0, y + deep * 0.86), (half * 0.8, y + deep * 0.42))
    return [*items, Seam(smooth(stitch), 0.0014, None, 0.35, dash=True)]


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

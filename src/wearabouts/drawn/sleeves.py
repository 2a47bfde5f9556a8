"""Sleeves: they follow the arm, lie behind the trunk, and from the elbow on before it where the arm is bent across."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.drawn.body import crosses
from wearabouts.drawn.curves import Line, along, limb, part_of, smooth
from wearabouts.drawn.sewing import Fold, Item, Panel, Seam, pulls
from wearabouts.drawn.specs import Spec

SHARE = {"short": 0.40, "three_quarter": 0.70, "long": 0.985}  # of the arm's length
SAMPLES = 10


@dataclass(frozen=True, slots=True)
class Sleeve:
    """A sleeve's items behind the trunk, those before it, and the middle of its end."""

    behind: list[Item]
    before: list[Item]
    end: tuple[float, float]


def sew_sleeve(spec: Spec, tip: Line, armpit: Line, bone: Line, rng: np.random.Generator) -> Sleeve:
    """One sleeve with its cuff.

    Args:
        spec: What is sewn; its sleeve is a key of `SHARE`.
        tip: (2,) where the shoulder ends.
        armpit: (2,) where the trunk's side begins.
        bone: (3, 2) shoulder, elbow, wrist.
        rng: Decides the folds.
    """
    sign = 1.0 if tip[0] > 0 else -1.0
    share = SHARE[spec.sleeve] + (0.05 * spec.shift[2] if spec.sleeve != "long" else 0)
    start = (tip + armpit) / 2
    root_at = start * 0.35 + bone[0] * 0.65
    path = part_of(smooth(np.stack([root_at, bone[1], bone[2]]), 6), share, SAMPLES)
    one, other = limb(path, _widths(spec, float(np.hypot(*(tip - armpit))) / 2))
    outer, inner = (one, other) if sign > 0 else (other, one)
    # Both ends of the armhole lie a little inside the trunk, which covers them.
    hidden = np.array([-0.020 * sign, 0.0])
    outline = np.concatenate([[tip + hidden, tip], outer[2:], inner[:1:-1], [armpit, armpit + hidden]])
    turn = -float(np.degrees(np.arctan2(*(path[-1] - path[0]))))
    folds = _folds(spec, path, armpit, sign, rng)
    cloth = "second" if "contrast_sleeves" in spec.trims else "base"
    ends: list[Item] = []
    if "tape" in spec.trims:
        ends.append(Seam(outer[1:] * 0.72 + inner[1:] * 0.28, 0.007, spec.second, 1.0))
    ends += _cuff(spec, path, outer, inner, turn)
    behind: list[Item] = [Panel(outline, cloth, turn, 0.75, 0.30, folds), *ends]
    before: list[Item] = []
    if spec.sleeve != "short" and crosses(bone):
        half = SAMPLES // 2
        elbow = _elbow(path[half], path[half] - path[half + 1], outer[half] - path[half])
        fore = np.concatenate([elbow, outer[half:], inner[: half - 1 : -1]])
        before = [Panel(fore, cloth, turn, 0.75, 0.30, folds), *ends]
    return Sleeve(behind, before, (float(path[-1][0]), float(path[-1][1])))


def _elbow(middle: Line, back: Line, side: Line) -> Line:
    """A round end for the forearm's part, from its inner edge to its outer one."""
    reach = float(np.hypot(*side))
    behind = back / max(float(np.hypot(*back)), 1e-9) * reach
    return np.stack([middle - side * 0.7 + behind * 0.7, middle + behind, middle + side * 0.7 + behind * 0.7])


def _widths(spec: Spec, root: float) -> tuple[float, ...]:
    """Half widths from the armhole, whose half is `root`, to the cuff."""
    cuff = spec.cut.sleeve + 0.003 * spec.shift[2] + (0.006 if spec.sleeve == "three_quarter" else 0)
    if spec.sleeve == "short":
        cuff = max(cuff, 0.030)
        return root * 0.95, (root + cuff) / 2, cuff
    # Cuts whose line gives the width of a short sleeve are narrower further down the arm.
    cuff = min(cuff, 0.026 if spec.garment in ("t_shirt", "polo", "dress") else 0.034)
    if spec.cut.style == "bell":
        return root * 0.9, 0.028, 0.030, cuff * 1.5
    fuller = 0.014 if spec.cut.style == "puff" else 0.0
    return (root * 0.95, max(0.030, cuff + 0.007) + fuller * 0.4, cuff + 0.004 + fuller, cuff)


def _folds(spec: Spec, path: Line, armpit: Line, sign: float, rng: np.random.Generator) -> tuple[Fold, ...]:
    folds = pulls(rng, (armpit[0], armpit[1]), (float(path[4][0]), float(path[4][1])), 3)
    if spec.sleeve != "short":
        x, y = along(path, [0.55])[0]
        middle = (float(path[len(path) // 2][0]), float(path[len(path) // 2][1]))
        folds += pulls(rng, (x - sign * 0.02, y), (x + sign * 0.02, y - 0.02), 3)
        folds += pulls(rng, (float(path[-2][0]), float(path[-2][1])), middle, 2, 0.004)
    return folds


def _cuff(spec: Spec, path: Line, outer: Line, inner: Line, turn: float) -> list[Item]:
    ribbed = spec.garment in ("hoodie", "longsleeve", "polo") or spec.cut.style in ("bomber", "puff")
    if not ribbed:
        back = 0.91 if spec.sleeve == "short" else 0.95
        return [Seam(np.stack([along(outer, [back])[0], along(inner, [back])[0]]), alpha=0.3, dash=True)]
    length = float(np.hypot(*np.diff(path, axis=0).T).sum())
    shares = np.linspace(1 - (0.012 if spec.sleeve == "short" else 0.020) / length, 1, 4)
    narrow = 0.86 if spec.garment == "hoodie" or spec.cut.style in ("bomber", "puff") else 1.0
    centre = along(path, shares)
    one = centre + (along(outer, shares) - centre) * narrow
    two = centre + (along(inner, shares) - centre) * narrow
    cloth = "second" if "contrast_hem" in spec.trims else "plain"
    return [Panel(np.concatenate([one, two[::-1]]), cloth, turn, 0.3, 0.2, rib=True)]

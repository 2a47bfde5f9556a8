"""Which products a shop has: families of siblings that differ in one attribute, all decided by numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from wearabouts.drawn.motifs import MOTIFS
from wearabouts.drawn.palette import DYES, RGB, darker, distance, is_dark, lighter, mixed
from wearabouts.drawn.prints import PRINTS
from wearabouts.drawn.specs import Pattern, Spec
from wearabouts.drawn.stock import (
    COLLARS,
    DENIMS,
    FABRICS,
    KINDS,
    OUTER_COLLAR,
    PATTERNS,
    SCALES,
    SLEEVES,
    STOCK,
    TRIMS,
    TROUSERS,
)
from wearabouts.drawn.templates import PARTS, Cut, Part, cuts
from wearabouts.drawn.wording import worded

BLOCK = 8  # products decided together: the families of a block
Rng = np.random.Generator


def _one(rng: Rng, options: Sequence[Any], weights: Sequence[float] | None = None) -> Any:
    shares = None if weights is None else np.asarray(weights, dtype=np.float64) / np.sum(weights)
    return options[int(rng.choice(len(options), p=shares))]


def dyed(rng: Rng, cloth: str = "", garment: str = "") -> RGB:
    """A colour clothes are sold in, a little different each time."""
    if cloth == "denim":
        colour = _one(rng, DENIMS)
    else:
        names = TROUSERS if garment in ("pants", "shorts", "blazer", "outwear") and rng.random() < 0.65 else tuple(DYES)
        colour = DYES[_one(rng, names)][0]
    jitter = rng.integers(-7, 8, 3) + rng.integers(-4, 5)
    red, green, blue = (int(v) for v in np.clip(np.array(colour) + jitter, 8, 250))
    return red, green, blue


def _companion(rng: Rng, base: RGB, apart: float = 32.0) -> RGB:
    """A second colour that can be told from the first."""
    if rng.random() < 0.4:
        quiet = (242, 240, 234) if is_dark(base) else _one(rng, ((32, 33, 38), (32, 44, 80), (250, 249, 246)))
        if distance(base, quiet) > apart:
            return quiet
    for _ in range(8):
        colour = dyed(rng)
        if distance(base, colour) > apart:
            return colour
    return lighter(base, 0.6) if is_dark(base) else darker(base, 0.6)


def _pattern(rng: Rng, garment: str, part: Part, kind: str | None = None) -> Pattern:
    kind = kind or _one(rng, KINDS, PATTERNS[garment])
    if kind == "plain":
        return Pattern()
    names = PRINTS[part] if kind == "graphic" else MOTIFS[part][kind]
    low, high = SCALES[kind]
    shrink = 0.55 if garment in ("shoes", "hat") else 1.0
    angle = 45.0 if kind == "checked" and garment == "skirt" and rng.random() < 0.25 else 0.0
    return Pattern(kind, _one(rng, tuple(names)), float(rng.uniform(low, high)) * shrink, angle)


def _length(garment: str, reach: float) -> str:
    """The length word of a hem at `reach` body heights below the crown."""
    if garment in ("shoes", "hat"):
        return "short"
    limits = {"dress": (0.66, 0.80), "skirt": (0.63, 0.76), "pants": (0.60, 0.88), "shorts": (0.62, 0.88)}.get(
        garment, (0.455, 0.535)
    )
    return "short" if reach < limits[0] else "middle" if reach < limits[1] else "long"


def _closure(rng: Rng, garment: str, style: str, collar: str) -> str:
    if garment in ("shirt", "blazer") or style in ("coat", "trucker"):
        return "buttons"
    if garment == "polo":
        return "placket"
    if garment == "hoodie":
        return str(_one(rng, ("none", "zip", "half_zip") if collar == "hood" else ("none", "none", "half_zip")))
    if garment == "outwear":
        return "zip"
    if garment in ("dress", "blouse", "skirt"):
        return str(_one(rng, ("none", "none", "buttons")))
    return "laces" if garment == "shoes" else "none"


def _pocket(rng: Rng, garment: str, style: str, closure: str) -> str:
    options = {
        "t_shirt": ("none", "none", "chest"),
        "longsleeve": ("none", "none", "none", "chest"),
        "shirt": ("chest", "none", "two_chest"),
        "polo": ("none", "none", "chest"),
        "hoodie": ("kangaroo", "kangaroo", "none") if closure != "zip" else ("side", "none"),
        "blazer": ("side", "patch"),
        "outwear": ("two_chest",) if style == "trucker" else ("side", "patch"),
        "skirt": ("none", "none", "patch"),
        "pants": ("none", "none", "none", "cargo") if style != "jeans" else ("none",),
        "shorts": ("none", "none", "cargo"),
    }
    return str(_one(rng, options.get(garment, ("none",))))


def founder(rng: Rng, part: Part) -> Spec:
    """The first product of a family: everything but its name, price and id."""
    garment = _one(rng, tuple(STOCK), tuple(STOCK.values()))
    cut = _one(rng, cuts(part, garment))
    fabric = _fabric(rng, garment, cut.style)
    pattern = Pattern() if fabric == "denim" else _pattern(rng, garment, part)
    collar = _collar(rng, cut)
    closure = _closure(rng, garment, cut.style, collar)
    base = dyed(rng, fabric, garment)
    second = _companion(rng, base)
    shift = tuple(float(v) for v in np.clip(rng.normal(0, 0.6, 4), -1.2, 1.2))
    spec = Spec(
        product_id="",
        cut=cut,
        base=base,
        second=second,
        third=_third(base, second, _one(rng, (mixed(base, second, 0.5), _companion(rng, base, 22.0)))),
        pattern=pattern,
        fabric=fabric,
        sleeve=_one(rng, SLEEVES.get(garment, ("none",))),
        collar=collar,
        length="middle",
        closure=closure,
        pocket=_pocket(rng, garment, cut.style, closure),
        trims=tuple(name for name, share in TRIMS[garment] if rng.random() < share and _suits(name, fabric)),
        shift=(shift[0], shift[1], shift[2], shift[3]),
        gender=_gender(rng, garment),
    )
    return _measured(spec)


def _third(base: RGB, second: RGB, wanted: RGB) -> RGB:
    """The colour wanted, unless a print in it would be lost on the fabric."""
    return (
        wanted
        if distance(base, wanted) > 20
        else mixed(second, (255, 255, 255) if is_dark(second) else (20, 20, 24), 0.35)
    )


def _suits(trim: str, fabric: str) -> bool:
    return fabric == "denim" or trim not in ("ripped", "stitching")


def _collar(rng: Rng, cut: Cut) -> str:
    if cut.style == "straps":
        return "none"
    if cut.garment == "outwear":
        return OUTER_COLLAR[cut.style]
    return "shirt_collar" if cut.name == "dress.shirt" else str(_one(rng, COLLARS.get(cut.garment, ("none",))))


def _measured(spec: Spec) -> Spec:
    return replace(spec, length=_length(spec.garment, spec.cut.length + 0.02 * spec.shift[1]))


def _fabric(rng: Rng, garment: str, style: str) -> str:
    if garment == "outwear":
        return {"parka": "shell", "bomber": str(_one(rng, ("shell", "leather"))), "coat": "woven", "trucker": "denim"}[
            style
        ]
    if garment in ("pants", "shorts"):
        return {"jeans": "denim", "trousers": "woven", "joggers": "fleece"}[style]
    return str(_one(rng, FABRICS[garment]))


def _gender(rng: Rng, garment: str) -> str:
    if garment in ("dress", "skirt", "blouse"):
        return "women"
    return str(
        _one(rng, ("women", "men", "unisex") if garment in ("t_shirt", "hoodie", "shoes", "hat") else ("women", "men"))
    )


def _sibling(rng: Rng, spec: Spec, part: Part, change: str) -> Spec | None:
    """The same product with one thing changed, or None where that cannot be changed."""
    garment = spec.garment
    if change == "colour":
        base = dyed(rng, spec.fabric, garment)
        if distance(base, spec.base) < 14 or distance(base, spec.second) < 20:
            return None
        return replace(spec, base=base)
    if change == "second" and (spec.pattern.kind != "plain" or spec.trims):
        second = _companion(rng, spec.base)
        return replace(spec, second=second) if distance(second, spec.second) > 20 else None
    if change == "scale" and spec.pattern.kind not in ("plain", "graphic"):
        factor = float(_one(rng, (0.55, 1.75)))
        return replace(spec, pattern=replace(spec.pattern, scale=spec.pattern.scale * factor))
    if change == "motif" and spec.fabric != "denim":
        pattern = _pattern(rng, garment, part)
        return replace(spec, pattern=pattern) if pattern.motif != spec.pattern.motif else None
    if change == "sleeve":
        sleeve = _one(rng, SLEEVES.get(garment, ("none",)))
        return replace(spec, sleeve=sleeve) if sleeve != spec.sleeve else None
    if change == "collar" and garment != "outwear" and spec.cut.style != "straps":
        collar = _one(rng, COLLARS.get(garment, ("none",)))
        return replace(spec, collar=collar) if collar != spec.collar and spec.collar != "shirt_collar" else None
    if change == "pocket":
        pocket = _pocket(rng, garment, spec.cut.style, spec.closure)
        return replace(spec, pocket=pocket) if pocket != spec.pocket else None
    if change == "cut":
        cut = _one(rng, cuts(part, garment))
        return _measured(replace(spec, cut=cut)) if cut != spec.cut and cut.style == spec.cut.style else None
    if change == "trim":
        name = _one(rng, [name for name, _ in TRIMS[garment]])
        if not _suits(name, spec.fabric):
            return None
        trims = tuple(t for t in spec.trims if t != name) if name in spec.trims else (*spec.trims, name)
        return replace(spec, trims=trims)
    return None


CHANGES = ("colour", "second", "scale", "motif", "sleeve", "collar", "pocket", "cut", "trim")
CHANGE_WEIGHTS = (26, 12, 9, 9, 10, 9, 8, 8, 12)


@lru_cache(maxsize=256)
def block(seed: int, part: Part, number: int) -> tuple[Spec, ...]:
    """The `BLOCK` products of one block of a shop, the same whatever else the shop holds."""
    rng = np.random.default_rng((seed, PARTS.index(part), 101, number))
    made: list[Spec] = []
    family = 0
    while len(made) < BLOCK:
        size = int(_one(rng, (1, 2, 3, 4), (20, 30, 30, 20)))
        members = [founder(rng, part)]
        groups = [0]
        for _ in range(size * 4):
            if len(members) >= min(size, BLOCK - len(made)):
                break
            change = _one(rng, CHANGES, CHANGE_WEIGHTS)
            parent = int(rng.integers(len(members)))
            other = _sibling(rng, members[parent], part, change)
            if other is not None and other not in members:
                members.append(other)
                groups.append(groups[parent] if change in ("colour", "second") else len(members) - 1)
        name = f"{part[:2]}{seed}-{number:05d}{family}"
        made += [
            worded(rng, spec, f"{name}-{step}", name, f"{name}-g{groups[step]}") for step, spec in enumerate(members)
        ]
        family += 1
    return tuple(made[:BLOCK])

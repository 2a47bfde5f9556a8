"""People dressed in a product and quiet clothes beside it, and what they carry before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from wearabouts.drawn import figures
from wearabouts.drawn.body import Body, Pose, posed
from wearabouts.drawn.canvas import Canvas, paint
from wearabouts.drawn.curves import Line, line, smooth
from wearabouts.drawn.fabric import Cloth
from wearabouts.drawn.hats import sew_hat
from wearabouts.drawn.palette import RGB, darker
from wearabouts.drawn.sewing import Garment, Seam
from wearabouts.drawn.shoes import sew_shoes
from wearabouts.drawn.skirts import sew_skirt
from wearabouts.drawn.specs import Pattern, Spec
from wearabouts.drawn.templates import Part, cuts
from wearabouts.drawn.trousers import sew_trousers
from wearabouts.drawn.upper import sew_upper

Rng = np.random.Generator
LOWER = ("pants", "shorts", "skirt")


def sew(spec: Spec, body: Body, view: str, rng: Rng, worn: bool) -> Garment:
    """The garment on a body, whatever it is."""
    if spec.garment in LOWER:
        return sew_skirt(spec, body, view, rng) if spec.garment == "skirt" else sew_trousers(spec, body, view, rng)
    if spec.garment == "shoes":
        feet = (body.left_leg[2] + (0, 0.028), body.right_leg[2] + (0, 0.028)) if worn else None
        return sew_shoes(spec, view, feet)
    if spec.garment == "hat":
        return sew_hat(spec, view, 0.026)
    return sew_upper(spec, body, view, rng, worn)


NEUTRALS: tuple[RGB, ...] = (
    (238, 237, 233),
    (44, 46, 52),
    (120, 124, 130),
    (206, 196, 180),
    (36, 44, 70),
    (82, 108, 146),
    (96, 84, 72),
)


def _quiet(part: Part, garment: str, rng: Rng, colour: RGB | None = None) -> Spec:
    """Quiet clothes beside the product."""
    options = cuts(part, garment)
    cut = options[int(rng.integers(len(options)))]
    base = colour or NEUTRALS[int(rng.integers(len(NEUTRALS)))]
    fabric = {"pants": "denim" if cut.style == "jeans" else "woven", "shoes": "leather", "skirt": "woven"}.get(
        garment, "jersey"
    )
    sleeve = {"t_shirt": "short", "longsleeve": "long"}.get(garment, "none")
    collar = "round" if garment in ("t_shirt", "longsleeve") else "none"
    return Spec("", cut, base, darker(base), base, Pattern(), fabric, sleeve, collar, "middle")


def somebody(part: Part, rng: Rng, mannequin: bool = False) -> figures.Person:
    """A person of a part in one of its poses, or a mannequin."""
    some, poses = figures.FIGURES[part], figures.POSES[part]
    figure = some[int(rng.integers(len(some)))]
    pose = poses[int(rng.integers(len(poses)))]
    if mannequin:
        return figures.Person(figure, posed(figure.build, replace(poses[0], head_tilt=0.0)), figures.MANNEQUIN, None)
    jitter = rng.normal(0, 3, 8)
    pose = Pose(
        pose.name,
        (pose.left_arm[0] + jitter[0], pose.left_arm[1] + jitter[1]),
        (pose.right_arm[0] + jitter[2], pose.right_arm[1] + jitter[3]),
        (pose.left_leg[0] + jitter[4] * 0.3, pose.left_leg[1] + jitter[5] * 0.3),
        (pose.right_leg[0] + jitter[6] * 0.3, pose.right_leg[1] + jitter[7] * 0.3),
        pose.head_tilt + float(rng.normal(0, 2)),
    )
    skin = figures.SKINS[int(rng.integers(len(figures.SKINS)))]
    return figures.Person(figure, posed(figure.build, pose), skin, figures.HAIRS[int(rng.integers(len(figures.HAIRS)))])


@dataclass(frozen=True, slots=True)
class _Piece:
    """A garment with its fabric; `owned` where it is the product."""

    garment: Garment
    cloth: Cloth
    owned: bool = False


def _beside(spec: Spec, product: _Piece, person: figures.Person, part: Part, view: str, rng: Rng) -> dict[str, _Piece]:
    """Top, legs and shoes of an outfit: the product in its place, quiet clothes in the others."""
    legs = "skirt" if rng.random() < 0.25 and spec.gender != "men" else "pants"
    if spec.garment == "shoes" and rng.random() < 0.6:
        legs = "shorts" if legs == "pants" else legs
    kinds = {"top": "t_shirt" if rng.random() < 0.6 else "longsleeve", "legs": legs, "shoes": "shoes"}
    place = "legs" if spec.garment in LOWER else spec.garment if spec.garment in ("shoes", "hat") else "top"
    outfit: dict[str, _Piece] = {}
    for where, kind in kinds.items():
        quiet = _quiet(part, kind, rng)
        if where == place:
            outfit[where] = product
        elif not (where == "legs" and spec.garment == "dress"):
            outfit[where] = _Piece(sew(quiet, person.body, view, rng, True), Cloth(quiet))
    return outfit


def dress(
    canvas: Canvas, person: figures.Person, spec: Spec, garment: Garment, cloth: Cloth, part: Part, rng: Rng, view: str
) -> None:
    """Paint a person in the product and quiet clothes.

    Args:
        canvas: What to paint on.
        person: Who wears it.
        spec: The product.
        garment: The product, sewn on the person's body.
        cloth: Its fabric.
        part: Whose cuts the quiet clothes are of.
        rng: Decides them.
        view: ``back`` or anything else for the front.
    """
    product = _Piece(garment, cloth, True)
    outfit = _beside(spec, product, person, part, view, rng)
    top = outfit["top"]
    if view != "back":
        figures.paint_hair_behind(canvas, person)
    figures.paint_trunk(canvas, person)
    figures.paint_arms(canvas, person)

    def put_on(name: str) -> None:
        if name in outfit:
            piece = outfit[name]
            below = piece.garment.below_arms or None
            canvas.sew(piece.garment.items[:below], piece.cloth, piece.owned)

    # A product below the waist is worn over a tucked-in top, shoes over the trousers: so that they can be seen.
    orders = {"shoes": ("legs", "top", "shoes"), "pants": ("shoes", "top", "legs")}
    order = orders["pants"] if spec.garment in LOWER else orders.get(spec.garment, ("shoes", "legs", "top"))
    for name in order:
        put_on(name)
    figures.paint_arms(canvas, person, fore=True)
    canvas.sew(top.garment.items[top.garment.below_arms :], top.cloth, top.owned)
    figures.paint_head(canvas, person, back=view == "back")
    if view == "back":
        figures.paint_hair_behind(canvas, person)
    if spec.garment == "hat":
        canvas.sew(garment.items, cloth, True)


def put_before(canvas: Canvas, person: figures.Person, spec: Spec, rng: Rng) -> None:
    """Hair over the shoulders, a bag or a strap: what hides a part of the product."""
    figures.paint_locks(canvas, person)
    chance = rng.random()
    leather: RGB = ((62, 42, 32), (24, 24, 26), (150, 104, 64), (188, 180, 168), (92, 28, 34))[int(rng.integers(5))]
    if chance < 0.25:
        side = float(rng.choice((-1, 1)))
        strap = smooth(line((side * 0.05, 0.155), (0.0, 0.28), (-side * 0.10, 0.44)))
        canvas.seam(Seam(strap, 0.011, leather, 1.0))
        x, y = -side * 0.118, 0.45
        bag = _rounded(x, y + 0.035, 0.044, 0.040)
        canvas.panel(paint(leather, bag, 1.0, 0.35))
        canvas.panel(paint(darker(leather, 0.12), _rounded(x, y + 0.018, 0.045, 0.024), 0.6, 0.3))
    elif chance < 0.40:
        hand = person.body.left_arm[2] if rng.random() < 0.5 else person.body.right_arm[2]
        x, y = float(hand[0]), float(hand[1]) + 0.075
        handle = line((x - 0.026, y - 0.02), (x - 0.012, y - 0.065), (x + 0.012, y - 0.065), (x + 0.026, y - 0.02))
        canvas.seam(Seam(smooth(handle), 0.007, darker(leather, 0.2), 1.0))
        canvas.panel(paint(leather, _rounded(x, y + 0.028, 0.052, 0.050), 1.0, 0.35))


def _rounded(x: float, y: float, half_width: float, half_height: float) -> Line:
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack(
        [x + half_width * np.sign(cos) * np.abs(cos) ** 0.4, y + half_height * np.sign(sin) * np.abs(sin) ** 0.4],
        axis=1,
    )

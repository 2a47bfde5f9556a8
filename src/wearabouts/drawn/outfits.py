"""People dressed in a product and quiet clothes beside it, and what they carry before it."""

from __future__ import annotations

from dataclasses import replace

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
        return sew_shoes(spec, view, rng, feet)
    if spec.garment == "hat":
        return sew_hat(spec, view, rng, 0.026)
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


def dress(
    canvas: Canvas,
    person: figures.Person,
    spec: Spec,
    garment: Garment,
    cloth: Cloth,
    part: Part,
    rng: Rng,
    back: bool = False,
) -> None:
    """Paint a person in the product and quiet clothes."""
    view = "back" if back else "front"
    top = garment if spec.garment not in (*LOWER, "shoes", "hat") else None
    legs = garment if spec.garment in LOWER else None
    shoes = garment if spec.garment == "shoes" else None
    quiet_top = _quiet(part, "t_shirt" if rng.random() < 0.6 else "longsleeve", rng)
    quiet_legs = _quiet(part, "pants" if rng.random() < 0.75 or spec.gender == "men" else "skirt", rng)
    quiet_shoes = _quiet(part, "shoes", rng)
    if not back:
        figures.paint_hair_behind(canvas, person)
    figures.paint_trunk(canvas, person)
    figures.paint_arms(canvas, person)
    pair = shoes or sew(quiet_shoes, person.body, view, rng, True)
    canvas.sew(pair.items, cloth if shoes else Cloth(quiet_shoes), shoes is not None)
    upper_part = top or sew(quiet_top, person.body, view, rng, True)
    upper_cloth = cloth if top else Cloth(quiet_top)
    below = upper_part.items[: upper_part.below_arms]
    if legs is not None:  # the top is tucked in, so that the product can be seen
        canvas.sew(below, upper_cloth, False)
        canvas.sew(legs.items, cloth, True)
    else:
        if spec.garment != "dress":
            trousers = sew(quiet_legs, person.body, view, rng, True)
            canvas.sew(trousers.items, Cloth(quiet_legs), False)
        canvas.sew(below, upper_cloth, top is not None)
    figures.paint_arms(canvas, person, fore=True)
    canvas.sew(upper_part.items[upper_part.below_arms :], upper_cloth, top is not None)
    figures.paint_head(canvas, person)
    if back:
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
        canvas.seam(
            Seam(
                smooth(
                    line((x - 0.026, y - 0.02), (x - 0.012, y - 0.065), (x + 0.012, y - 0.065), (x + 0.026, y - 0.02))
                ),
                0.007,
                darker(leather, 0.2),
                1.0,
            )
        )
        canvas.panel(paint(leather, _rounded(x, y + 0.028, 0.052, 0.050), 1.0, 0.35))


def _rounded(x: float, y: float, half_width: float, half_height: float) -> Line:
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack(
        [x + half_width * np.sign(cos) * np.abs(cos) ** 0.4, y + half_height * np.sign(sin) * np.abs(sin) ** 0.4],
        axis=1,
    )

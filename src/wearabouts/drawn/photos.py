"""One photo of one product: the studio's, or a customer's in the street."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from wearabouts.drawn import camera, figures
from wearabouts.drawn.body import Body, Build, Pose, posed
from wearabouts.drawn.canvas import Canvas, Framing, Light, paint
from wearabouts.drawn.curves import Line, line, smooth
from wearabouts.drawn.fabric import Cloth
from wearabouts.drawn.hats import sew_hat
from wearabouts.drawn.palette import RGB, darker
from wearabouts.drawn.scenes import SCENES, STUDIOS, scenery, studio
from wearabouts.drawn.sewing import Garment, Panel, Seam
from wearabouts.drawn.shoes import sew_shoes
from wearabouts.drawn.skirts import sew_skirt
from wearabouts.drawn.specs import Pattern, Spec
from wearabouts.drawn.templates import Part, cuts
from wearabouts.drawn.trousers import sew_trousers
from wearabouts.drawn.upper import sew_upper
from wearabouts.types import Box, Landmark

Rng = np.random.Generator
LOWER = ("pants", "shorts", "skirt")
ASPECT = 0.8  # width to height of every photo
LOGOS = {"train": "star", "calibrate": "badge", "test": "bolt"}
HANGER = posed(Build("hanger"), Pose("flat", (23, -5), (23, -5), (2.5, 0), (2.5, 0)))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn photo and what is known of it.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        box: What can be seen of the garment, in pixels.
        landmarks: The eight slots of `types.LANDMARK_SLOTS`.
        labels: View, garment and attributes.
        mask: (H, W) bool: where the garment can be seen.
    """

    pixels: npt.NDArray[np.uint8]
    box: Box
    landmarks: tuple[Landmark, ...]
    labels: dict[str, str]
    mask: npt.NDArray[np.bool_]


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


def _plain(part: Part, garment: str, rng: Rng, colour: RGB | None = None) -> Spec:
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


def _shop_framing(garment: Garment, view: str, size: tuple[int, int], rng: Rng) -> Framing:
    left, top, right, bottom = garment.bounds()
    width, height = size
    if view == "detail":
        zoom = float(rng.uniform(2.0, 2.6))
        scale = min(width / (right - left), height / (bottom - top)) * 0.86 * zoom
        x = (left + right) / 2 + (right - left) * float(rng.uniform(-0.10, 0.10))
        y = top + height / scale * float(rng.uniform(0.42, 0.52)) + (bottom - top) * float(rng.uniform(0, 0.12))
    else:
        scale = min(width / (right - left), height / (bottom - top)) * float(rng.uniform(0.80, 0.88))
        x, y = (left + right) / 2, (top + bottom) / 2
    return Framing(scale, x - width / 2 / scale, y - height / 2 / scale)


def shop_photo(spec: Spec, part: Part, view: str, long_side: int, rng: Rng) -> Drawn:
    """A clean photo of a product in the studio.

    Args:
        spec: The product.
        part: Whose studios and mannequins.
        view: ``front``, ``back`` or ``detail``.
        long_side: Height of the photo in px.
        rng: Decides ground, framing and folds.
    """
    size = (round(long_side * ASPECT), long_side)
    grounds = tuple(STUDIOS[part])
    ground = grounds[int(rng.choice(len(grounds), p=_falling(len(grounds))))]
    wears = spec.garment not in ("shoes", "hat") and view != "detail" and rng.random() < 0.28
    person = _person(part, rng, mannequin=bool(rng.random() < 0.5)) if wears else None
    body = person.body if person else HANGER
    garment = sew(spec, body, view, rng, person is not None)
    framing = _shop_framing(garment, view, size, rng)
    canvas = Canvas(studio(part, ground, *size), framing, Light())
    cloth = Cloth(spec, LOGOS[part])
    if person is not None:
        _dressed(canvas, person, spec, garment, cloth, part, rng, view == "back")
    else:
        if spec.garment == "shoes":
            _floor_shadow(canvas, garment)
        canvas.sew(garment.items, cloth, True)
    picture, owner = canvas.finished()
    corner = np.array([framing.left, framing.top])
    points = (np.array([(x, y) for x, y, _ in garment.landmarks]) - corner) * framing.scale
    return _drawn(np.asarray(picture), np.asarray(owner), points, garment, {"view": view, **spec.labels()}, shop=True)


def _falling(count: int) -> npt.NDArray[np.float64]:
    weights = 1 / np.arange(1, count + 1) ** 1.5
    return np.asarray(weights / weights.sum())


def _floor_shadow(canvas: Canvas, garment: Garment) -> None:
    left, _, right, bottom = garment.bounds()
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    pool = np.stack(
        [(left + right) / 2 + (right - left) * 0.47 * np.cos(turn), bottom - 0.004 + 0.007 * np.sin(turn)], axis=1
    )
    canvas.panel(Panel(pool, (206, 206, 206), 0.0, 0.1, 0.3))


def _person(part: Part, rng: Rng, mannequin: bool = False) -> figures.Person:
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


def _dressed(
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
    quiet_top = _plain(part, "t_shirt" if rng.random() < 0.6 else "longsleeve", rng)
    quiet_legs = _plain(part, "pants" if rng.random() < 0.75 or spec.gender == "men" else "skirt", rng)
    quiet_shoes = _plain(part, "shoes", rng)
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


def _street_framing(garment: Garment, spec: Spec, size: tuple[int, int], rng: Rng) -> Framing:
    left, top, right, bottom = garment.bounds()
    width, height = size
    low, high = {"shoes": (0.60, 0.90), "hat": (0.30, 0.50)}.get(spec.garment, (0.46, 0.80))
    scale = min(width * 1.05 / (right - left), height / (bottom - top)) * float(rng.uniform(low, high))
    scale = max(scale, height / 1.25)
    x = (left + right) / 2 + float(rng.normal(0, 0.05)) * width / scale
    y = (top + bottom) / 2 + float(rng.normal(0, 0.05)) * height / scale
    y += {"hat": 0.12, "shoes": -0.20}.get(spec.garment, 0.0) * height / scale
    return Framing(scale, x - width / 2 / scale, y - height / 2 / scale)


def street_photo(spec: Spec, part: Part, number: int, long_side: int, rng: Rng) -> Drawn:
    """A customer's photo of a product worn in the street or at home.

    Args:
        spec: The product.
        part: Whose people, poses, scenes and lights.
        number: Which of the product's street photos, for the label.
        long_side: Height of the photo in px.
        rng: Decides everything else.
    """
    size = (round(long_side * ASPECT), long_side)
    scenes = tuple(SCENES[part])
    weathers = camera.WEATHERS[part]
    weather = weathers[int(rng.integers(len(weathers)))]
    person = _person(part, rng)
    garment = sew(spec, person.body, "front", rng, True)
    framing = _street_framing(garment, spec, size, rng)
    soles = (1.0 - framing.top) * framing.scale / size[1]
    ground = scenery(part, scenes[int(rng.integers(len(scenes)))], *size, soles, rng)
    light = Light(weather.name, *weather.direction, 0.8 + 0.9 * float(rng.random()) * (weather.gradient + 0.5))
    canvas = Canvas(ground, framing, light)
    _dressed(canvas, person, spec, garment, Cloth(spec, LOGOS[part]), part, rng)
    _in_front(canvas, person, spec, rng)
    picture, owner = canvas.finished()
    matrix = camera.tilt(rng, *size)
    if rng.random() < 0.5:  # phones mirror the photos of their front camera
        matrix = np.array([[-1.0, 0, size[0]], [0, 1, 0], [0, 0, 1]]) @ matrix
        matrix = matrix / matrix[2, 2]
    pixels = camera.taken(camera.reframed(picture, matrix, (128, 128, 128)), weather, rng)
    mask = np.asarray(camera.reframed(owner, matrix, 0))
    corner = np.array([framing.left, framing.top])
    scene_points = (np.array([(x, y) for x, y, _ in garment.landmarks]) - corner) * framing.scale
    points = camera.seen_at(matrix, scene_points)
    return _drawn(
        pixels,
        mask,
        points,
        garment,
        {"view": f"street-{number}", **spec.labels()},
        shop=False,
        flipped=matrix[0, 0] < 0,
    )


def _in_front(canvas: Canvas, person: figures.Person, spec: Spec, rng: Rng) -> None:
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


_FLIPPED = (1, 0, 3, 2, 5, 4, 7, 6)


def _drawn(
    pixels: npt.NDArray[np.uint8],
    owner: npt.NDArray[np.uint8],
    points: Line,
    garment: Garment,
    labels: dict[str, str],
    shop: bool,
    flipped: bool = False,
) -> Drawn:
    """Box, landmarks and mask of a finished photo; slots change sides in a mirrored one."""
    mask = owner > 127
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:  # everything hidden: the whole photo is the best that can be said
        rows, columns = np.array([0, height - 1]), np.array([0, width - 1])
    box = Box(float(columns[0]), float(rows[0]), float(columns[-1] - columns[0] + 1), float(rows[-1] - rows[0] + 1))
    near = max(height // 40, 3)
    landmarks = []
    for slot in _FLIPPED if flipped else range(8):
        x, y = float(points[slot][0]), float(points[slot][1])
        column, row = round(x), round(y)
        around = mask[max(row - near, 0) : max(row + near, 0), max(column - near, 0) : max(column + near, 0)]
        seen = garment.landmarks[slot][2] and 0 <= x < width and 0 <= y < height and bool(around.any())
        landmarks.append(Landmark(round(x, 1), round(y, 1), seen))
    return Drawn(pixels, box, tuple(landmarks), labels, mask)

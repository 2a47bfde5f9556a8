"""One photo of one product: the studio's, or a customer's in the street."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.drawn import camera
from wearabouts.drawn.backdrops import SCENES, STUDIOS, scenery, studio
from wearabouts.drawn.body import Build, Pose, posed
from wearabouts.drawn.canvas import Canvas, Framing, Light
from wearabouts.drawn.curves import Line
from wearabouts.drawn.fabric import Cloth
from wearabouts.drawn.outfits import dress, put_before, sew, somebody
from wearabouts.drawn.sewing import Garment, Panel
from wearabouts.drawn.specs import Spec
from wearabouts.drawn.templates import Part
from wearabouts.types import Box, Landmark

Rng = np.random.Generator
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


def _shop_framing(garment: Garment, view: str, worn: bool, size: tuple[int, int], rng: Rng) -> Framing:
    left, top, right, bottom = garment.bounds()
    width, height = size
    if view == "detail":
        zoom = float(rng.uniform(2.0, 2.6))
        scale = min(width / (right - left), height / (bottom - top)) * 0.86 * zoom
        x = (left + right) / 2 + (right - left) * float(rng.uniform(-0.10, 0.10))
        y = top + height / scale * float(rng.uniform(0.42, 0.52)) + (bottom - top) * float(rng.uniform(0, 0.12))
    else:
        scale = min(width / (right - left), height / (bottom - top)) * float(
            rng.uniform(0.66, 0.78) if worn else rng.uniform(0.80, 0.88)
        )
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
    person = somebody(part, rng, mannequin=bool(rng.random() < 0.5)) if wears else None
    body = person.body if person else HANGER
    garment = sew(spec, body, view, rng, person is not None)
    framing = _shop_framing(garment, view, wears, size, rng)
    canvas = Canvas(studio(part, ground, *size), framing, Light())
    cloth = Cloth(spec, LOGOS[part])
    if person is not None:
        dress(canvas, person, spec, garment, cloth, part, rng, view)
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


def _street_framing(garment: Garment, spec: Spec, size: tuple[int, int], rng: Rng) -> Framing:
    left, top, right, bottom = garment.bounds()
    width, height = size
    low, high = {"shoes": (0.60, 0.90), "hat": (0.30, 0.50)}.get(spec.garment, (0.56, 0.90))
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
    person = somebody(part, rng)
    garment = sew(spec, person.body, "front", rng, True)
    framing = _street_framing(garment, spec, size, rng)
    soles = (1.0 - framing.top) * framing.scale / size[1]
    ground = scenery(part, scenes[int(rng.integers(len(scenes)))], *size, soles, rng)
    light = Light(weather.name, *weather.direction, 0.8 + 0.9 * float(rng.random()) * (weather.gradient + 0.5))
    canvas = Canvas(ground, framing, light)
    dress(canvas, person, spec, garment, Cloth(spec, LOGOS[part]), part, rng, "front")
    put_before(canvas, person, spec, rng)
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

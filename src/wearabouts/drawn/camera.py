"""What a phone does to a scene: perspective, tilt and crop, the light's colour, blur, noise, JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from wearabouts.drawn.templates import Part


@dataclass(frozen=True, slots=True)
class Weather:
    """Ranges of the light a photo is taken in.

    Attributes:
        name: Unique over all parts.
        warmth: Low and high: gain of red over blue, as a share (0.1: 10 % more red, 10 % less blue).
        tint: Low and high: gain of green, as a share.
        exposure: Low and high: factor on all channels.
        gradient: Largest fall of light across the photo, as a share.
        haze: Largest share of grey veil.
        direction: Where the light comes from (x, y; negative is left, top).
    """

    name: str
    warmth: tuple[float, float]
    tint: tuple[float, float]
    exposure: tuple[float, float]
    gradient: float
    haze: float
    direction: tuple[float, float]


WEATHERS: dict[Part, tuple[Weather, ...]] = {
    "train": (
        Weather("noon", (-0.012, 0.048), (-0.021, 0.014), (0.96, 1.18), 0.26, 0.05, (0.4, -0.8)),
        Weather("overcast", (-0.084, 0.0), (-0.014, 0.021), (0.92, 1.1), 0.14, 0.13, (-0.2, -0.7)),
        Weather("tungsten", (0.072, 0.18), (-0.042, 0.014), (0.9, 1.1), 0.38, 0.04, (-0.7, -0.3)),
        Weather("open_shade", (-0.132, -0.048), (-0.014, 0.028), (0.9, 1.06), 0.21, 0.08, (0.5, -0.5)),
        Weather("evening", (0.03, 0.144), (-0.056, 0.0), (0.86, 1.04), 0.34, 0.1, (0.8, -0.2)),
    ),
    "calibrate": (
        Weather("morning", (0.012, 0.096), (-0.035, 0.007), (0.87, 1.08), 0.26, 0.11, (0.7, -0.4)),
        Weather("office", (-0.048, 0.024), (0.014, 0.056), (0.88, 1.08), 0.24, 0.05, (0.0, -0.9)),
    ),
    "test": (
        Weather("golden_hour", (0.06, 0.156), (-0.042, 0.0), (0.92, 1.12), 0.34, 0.11, (-0.8, -0.25)),
        Weather("fluorescent", (-0.072, 0.0), (0.021, 0.07), (0.92, 1.1), 0.26, 0.05, (0.1, -0.9)),
        Weather("bright_cloud", (-0.06, 0.012), (-0.014, 0.014), (0.94, 1.14), 0.17, 0.11, (0.3, -0.7)),
        Weather("warm_led", (0.036, 0.12), (-0.014, 0.035), (0.9, 1.1), 0.36, 0.04, (0.6, -0.5)),
        Weather("blue_hour", (-0.144, -0.06), (-0.028, 0.014), (0.88, 1.04), 0.26, 0.11, (-0.4, -0.6)),
    ),
}
Matrix = npt.NDArray[np.float64]


def tilt(rng: np.random.Generator, width: int, height: int) -> Matrix:
    """A random tilt, keystone and zoom: (3, 3) float64, from pixels of the taken photo to pixels of the scene."""
    centre = np.array([width / 2, height / 2])
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)
    angle = np.deg2rad(float(np.clip(rng.normal(0, 3.2), -9, 9)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    zoom = float(rng.uniform(0.90, 1.0))
    source = (corners - centre) @ turn.T * zoom + centre
    # A phone held low or high narrows the far edge; one held aside, a side.
    lean, side = rng.normal(0, 0.035), rng.normal(0, 0.025)
    squeeze = np.array([(lean, side), (-lean, -side), (lean, side), (-lean, -side)]) * (width, height)
    source = source + squeeze
    # Shrink towards the middle until no corner looks past the edge of the scene.
    over = np.abs(source - centre) / centre
    return homography(corners, centre + (source - centre) / max(1.0, float(over.max())))


def homography(start: Matrix, end: Matrix) -> Matrix:
    """The (3, 3) matrix that takes four points to four points, its last entry 1."""
    rows, values = [], []
    for (x, y), (u, v) in zip(start, end, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows), np.array(values)), 1.0).reshape(3, 3)


def seen_at(matrix: Matrix, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where points of the scene, (N, 2), fall in the taken photo."""
    inverse = np.linalg.inv(matrix)
    lifted = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ inverse.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:])


def reframed(picture: Image.Image, matrix: Matrix, fill: tuple[int, int, int] | int) -> Image.Image:
    """The picture through a homography, same size."""
    flat = tuple(float(v) for v in matrix.ravel()[:8])
    return picture.transform(picture.size, Image.Transform.PERSPECTIVE, flat, Image.Resampling.BILINEAR, fillcolor=fill)


@lru_cache(maxsize=1)
def _noise() -> npt.NDArray[np.int16]:
    """Unit noise times 64, (997, 997, 3), somewhat stronger in blue, as sensors have it."""
    rng = np.random.default_rng(3)
    grey = rng.normal(0, 1, (997, 997, 1))
    return ((grey * 0.7 + rng.normal(0, 0.7, (997, 997, 3))) * 64 * (1.0, 0.9, 1.2)).astype(np.int16)


def taken(picture: Image.Image, weather: Weather, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A phone's photo of a scene.

    Args:
        picture: RGB scene, already reframed.
        weather: Ranges of the light.
        rng: Decides everything within them.

    Returns:
        (H, W, 3) uint8 RGB after the phone's own JPEG.
    """
    picture = _lit(picture, weather, rng)
    unit = max(picture.size) / 600
    kind = rng.random()
    if kind < 0.45:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 1.7)) * unit))
    elif kind < 0.60:
        picture = _shaken(picture, rng, unit)
    pixels = np.asarray(picture).astype(np.int16)
    sigma = int(rng.uniform(0.8, 5.0) * (1.4 if weather.exposure[0] < 0.78 else 1.0) * (0.5 + 0.5 * unit) * 16)
    dy, dx = (int(v) for v in rng.integers(0, 390, 2))
    noise = (
        np.resize(_noise()[dy:, dx:], pixels.shape)
        if max(picture.size) > 600
        else _noise()[dy : dy + pixels.shape[0], dx : dx + pixels.shape[1]]
    )
    pixels += (noise.astype(np.int32) * sigma >> 10).astype(np.int16)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=int(rng.integers(38, 88)))
    with Image.open(buffer) as reread:
        return np.asarray(reread.convert("RGB"))


def _lit(picture: Image.Image, weather: Weather, rng: np.random.Generator) -> Image.Image:
    warmth, tint = rng.uniform(*weather.warmth), rng.uniform(*weather.tint)
    gains = np.array([1 + warmth, 1 + tint, 1 - warmth]) * rng.uniform(*weather.exposure)
    contrast, veil = rng.uniform(0.85, 1.15), rng.uniform(0, weather.haze)
    levels = np.arange(256) / 255
    curve = np.clip((levels[:, None] * gains - 0.5) * contrast + 0.5, 0, 1)
    curve = curve * (1 - veil) + 0.72 * veil * np.clip(gains, 0.6, 1.2) / 1.1
    table = np.rint(np.clip(curve, 0, 1) * 255).astype(int).T.ravel().tolist()
    picture = picture.point(table)
    fall, turn = rng.uniform(0, weather.gradient), rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1:1:12j, -1:1:12j]
    field = 1 - fall * np.clip(0.5 + 0.5 * (x * np.cos(turn) + y * np.sin(turn)), 0, 1) - 0.10 * (x * x + y * y)
    if rng.random() < 0.2:  # the hard edge of a shadow: of an awning, a tree, a lamp post
        edge = x * np.cos(turn + 1.9) + y * np.sin(turn + 1.9) - rng.uniform(-0.5, 0.6)
        field = field * np.where(edge > 0, 1 - rng.uniform(0.12, 0.32), 1.0)
    shade = Image.fromarray((np.clip(field, 0, 1) * 255).astype(np.uint8)).resize(
        picture.size, Image.Resampling.BICUBIC
    )
    return ImageChops.multiply(picture, Image.merge("RGB", (shade, shade, shade)))


def _shaken(picture: Image.Image, rng: np.random.Generator, unit: float) -> Image.Image:
    """Motion blur: the mean of a few shifted copies."""
    reach, turn = float(rng.uniform(1.0, 3.6)) * unit, float(rng.uniform(0, np.pi))
    out = picture
    for step, share in enumerate((-1.0, 1.0, 0.5)):
        move = ImageChops.offset(picture, round(reach * share * np.cos(turn)), round(reach * share * np.sin(turn)))
        out = Image.blend(out, move, 1 / (step + 2))
    return out

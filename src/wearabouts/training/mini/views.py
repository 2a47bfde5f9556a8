"""Two ways to show one garment: as a shop would picture it, and as a phone would.

A view is made once, from the decoded photo, and kept: the lower layers are frozen, so what they say of a view can be
    kept too, and an epoch costs seconds instead of minutes. Every random number comes from the generator that is
    handed in.

Colour is identity here. A change of light is drawn as one (gains, gamma, a cast), never as a turn of the hue; a
*recoloured* photo is a different item that differs in nothing else, the hardest negative there is.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from wearabouts.types import Pixels

White = (255, 255, 255)


def fit(photo: Image.Image, size: int) -> Pixels:
    """The photo fitted into a white square, as the encoder sees it: (size, size, 3) uint8."""
    scale = size / max(photo.size)
    width, height = (max(1, round(side * scale)) for side in photo.size)
    small = photo.resize((width, height), Image.Resampling.BICUBIC)
    square = Image.new("RGB", (size, size), White)
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return np.asarray(square)


def shop_view(photo: Image.Image, size: int, rng: np.random.Generator) -> Pixels:
    """A careful picture: nearly the whole photo, even light, at times mirrored."""
    view = _warp(photo, size, rng, area=(0.7, 1.0), turn=4.0, bend=0.02)
    return fit(_light(view, rng, strength=0.3), size)


def street_view(
    photo: Image.Image, size: int, rng: np.random.Generator, *, area: tuple[float, float] = (0.15, 0.9)
) -> Pixels:
    """A hurried picture: a part of the photo, tilted, in other light, blurred, covered here and there, saved badly."""
    view = _warp(photo, size, rng, area=area, turn=20.0, bend=0.10)
    view = _cover(_light(view, rng, strength=1.0), rng)
    if rng.random() < 0.3:
        view = view.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.6)) * size / 192))
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(2, 12), (view.height, view.width, 3))
        view = Image.fromarray(np.clip(np.asarray(view) + noise, 0, 255).astype(np.uint8))
    if rng.random() < 0.6:
        view = _saved(view, int(rng.integers(25, 85)))
    return fit(view, size)


def recoloured(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The same photo of another item: the hue turned by 40 degrees at least, greys tinted or re-lit."""
    hue, saturation, value = (np.asarray(band, np.float32) for band in photo.convert("HSV").split())
    turned = (hue + rng.uniform(28, 228)) % 256  # of 256: 40 to 320 degrees
    channels = [turned, saturation * rng.uniform(0.75, 1.3), value]
    merged = Image.merge("HSV", [Image.fromarray(np.clip(band, 0, 255).astype(np.uint8)) for band in channels])
    out = np.asarray(merged.convert("RGB"), np.float32) / 255
    if float(saturation.mean()) < 60:  # greyish: a hue has little to turn
        tint = rng.uniform(0.25, 1.0, 3)
        out = out * tint / tint.max() if rng.random() < 0.6 else out ** rng.choice([0.45, 2.2])
    return Image.fromarray((np.clip(out, 0, 1) * 255).astype(np.uint8))


def _warp(
    photo: Image.Image, size: int, rng: np.random.Generator, *, area: tuple[float, float], turn: float, bend: float
) -> Image.Image:
    """Crop, turn, mirror, bend in one resampling; `area` of the photo, `turn` in degrees, `bend` of the sides."""
    width, height = photo.size
    share = rng.uniform(*area)
    ratio = np.exp(rng.uniform(-0.3, 0.3))
    w = width * min(1.0, np.sqrt(share * ratio))
    h = height * min(1.0, np.sqrt(share / ratio))
    x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
    corners = np.array([[x, y], [x, y + h], [x + w, y + h], [x + w, y]])
    centre = corners.mean(0)
    angle = np.deg2rad(rng.uniform(-turn, turn))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = (corners - centre) @ rotation.T + centre + rng.uniform(-bend, bend, (4, 2)) * (w, h)
    if rng.random() < 0.5:
        corners = corners[[3, 2, 1, 0]]
    scale = size / max(w, h)
    target = (max(8, round(w * scale)), max(8, round(h * scale)))
    if scale < 0.6:  # reduce first: the transform alone would alias
        factor = int(1 / scale)
        photo = photo.reduce(factor)
        corners = corners / factor
    return photo.transform(
        target, Image.Transform.QUAD, tuple(corners.ravel()), Image.Resampling.BILINEAR, fillcolor=White
    )


def _light(view: Image.Image, rng: np.random.Generator, *, strength: float) -> Image.Image:
    """Other light: brightness, gamma, a colour cast, paler or stronger colours, a gradient across the picture."""
    pixels = np.asarray(view, np.float32) / 255
    gains = np.exp(rng.normal(0, 0.06 * strength, 3)) * np.exp(rng.normal(0, 0.18 * strength))
    pixels = pixels ** np.exp(rng.normal(0, 0.18 * strength)) * gains.astype(np.float32)
    grey = pixels.mean(2, keepdims=True)
    pixels = grey + (pixels - grey) * np.exp(rng.normal(0, 0.18 * strength))
    if rng.random() < 0.4 * strength:
        first, last = rng.uniform(0.7, 1.25, 2).tolist()
        ramp = np.linspace(first, last, view.width if rng.random() < 0.5 else view.height)
        pixels = pixels * (ramp[None, :, None] if len(ramp) == view.width else ramp[:, None, None])
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def _cover(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Hide a part behind something of one colour, as an arm or a bag would."""
    if rng.random() > 0.35:
        return view
    view = view.copy()
    w, h = (max(2, int(side * rng.uniform(0.1, 0.4))) for side in view.size)
    x, y = int(rng.integers(0, view.width - w + 1)), int(rng.integers(0, view.height - h + 1))
    view.paste(tuple(int(c) for c in rng.integers(0, 256, 3)), (x, y, x + w, y + h))
    return view


def _saved(view: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    view.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")

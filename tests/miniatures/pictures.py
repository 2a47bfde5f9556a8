"""Little drawn garments: two colours that tell the item, photographed in a shop or in the street."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
from PIL import Image

from wearabouts.types import Box, Pixels

SHOP_SIZE = (48, 64)
STREET_SIZE = (96, 112)


def colours(item: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Upper and lower colour of an item; neighbours differ well."""
    pair = []
    for part in (0, 1):
        hue = (item * 0.381966 + part * (0.17 + 0.23 * (item % 4))) % 1.0
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, (0.9, 0.55)[(item + part) % 2])
        pair.append((round(red * 255), round(green * 255), round(blue * 255)))
    return pair[0], pair[1]


def garment(item: int, width: int, height: int, seed: int = 0) -> Pixels:
    """(height, width, 3) uint8: the upper and the lower half of an item, with a little grain."""
    upper, lower = colours(item)
    pixels = np.empty((height, width, 3), np.int16)
    pixels[: height // 2], pixels[height // 2 :] = upper, lower
    pixels += np.random.default_rng((item, seed)).integers(-8, 9, pixels.shape, dtype=np.int16)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def shop(item: int, view: int = 0) -> Pixels:
    """The garment on white, nearly filling the picture."""
    width, height = SHOP_SIZE
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[2:-2, 2:-2] = garment(item, width - 4, height - 4, view)
    return pixels


def street(items: dict[int, Box], seed: int = 0) -> Pixels:
    """Garments in their boxes, before a grey, speckled background."""
    width, height = STREET_SIZE
    generator = np.random.default_rng(seed)
    pixels = generator.integers(90, 150, (height, width, 3), dtype=np.int16).astype(np.uint8)
    for item, box in items.items():
        left, top, wide, high = int(box.left), int(box.top), int(box.width), int(box.height)
        pixels[top : top + high, left : left + wide] = garment(item, wide, high, seed)
    return pixels


def save(path: Path, pixels: Pixels) -> None:
    """Write a picture in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"quality": 92} if path.suffix in (".jpg", ".jpeg") else {}))

"""Square tiles that repeat without a seam: how stripes, checks, dots, flowers and other motifs are drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from wearabouts.drawn.palette import RGB, mixed

Colours = tuple[RGB, RGB, RGB]


class Tile:
    """A square picture that wraps around: shapes over an edge come back at the other."""

    def __init__(self, side: int, ground: RGB) -> None:
        self.side = side
        self.image = Image.new("RGB", (side, side), ground)
        self.draw = ImageDraw.Draw(self.image)

    def band(self, start: float, end: float, colour: RGB, upright: bool = True) -> None:
        """A stripe from `start` to `end` (shares of the tile): upright, or lying."""
        low, high = (round(start * self.side), max(round(end * self.side) - 1, round(start * self.side)))
        box = (low, 0, high, self.side) if upright else (0, low, self.side, high)
        self.draw.rectangle(box, fill=colour)

    def spot(self, x: float, y: float, radius: float, colour: RGB, stretch: float = 1.0) -> None:
        """An ellipse at shares of the tile."""
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                cx, cy = (x + dx) * self.side, (y + dy) * self.side
                rx, ry = radius * self.side, radius * stretch * self.side
                self.draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=colour)

    def shape(self, points: npt.NDArray[np.float64], colour: RGB) -> None:
        """A polygon at shares of the tile."""
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                self.draw.polygon([tuple(p) for p in (points + np.array([dx, dy])) * self.side], fill=colour)


Motif = Callable[[int, Colours], Image.Image]


def stripes(bands: tuple[tuple[float, float, int], ...], upright: bool) -> Motif:
    """Bands of (start, end, colour number), upright or lying."""

    def draw(side: int, colours: Colours) -> Image.Image:
        tile = Tile(side, colours[0])
        for start, end, which in bands:
            tile.band(start, end, colours[which], upright)
        return tile.image

    return draw


def checks(bands: tuple[tuple[float, float, int], ...], share: float = 0.5) -> Motif:
    """Warp bands crossed by the same weft bands, each half seen, as woven cloth shows them."""

    def draw(side: int, colours: Colours) -> Image.Image:
        warp, weft = Tile(side, colours[0]), Tile(side, colours[0])
        for start, end, which in bands:
            warp.band(start, end, colours[which], True)
            weft.band(start, end, colours[which], False)
        return Image.blend(warp.image, weft.image, share)

    return draw


def dots(spots: tuple[tuple[float, float, float, int], ...]) -> Motif:
    """Spots of (x, y, radius, colour number)."""

    def draw(side: int, colours: Colours) -> Image.Image:
        tile = Tile(side, colours[0])
        for x, y, radius, which in spots:
            tile.spot(x, y, radius, colours[which])
        return tile.image

    return draw


def flowers(places: tuple[tuple[float, float, float, int], ...], petals: int, thin: float, leaves: bool) -> Motif:
    """Flowers at (x, y, size, turn in degrees): petals around a heart, with leaves beside them."""

    def draw(side: int, colours: Colours) -> Image.Image:
        tile = Tile(side, colours[0])
        green = mixed((72, 108, 66), colours[0], 0.25)
        for x, y, size, turn in places:
            if leaves:
                for angle in (turn + 40, turn + 220):
                    tile.shape(petal(x, y, size * 1.75, angle, 0.20), green)
            for step in range(petals):
                tile.shape(petal(x, y, size, turn + 360 / petals * step, thin), colours[1])
            tile.spot(x, y, size * 0.24, colours[2])
        return tile.image

    return draw


def petal(x: float, y: float, reach: float, angle: float, thin: float) -> npt.NDArray[np.float64]:
    """A leaf-shaped polygon from (x, y) outwards."""
    t = np.linspace(0, np.pi, 9)
    forth = np.stack([(1 - np.cos(t)) / 2, np.sin(t) * thin], axis=1)
    leaf = np.concatenate([forth, (forth * (1, -1))[::-1]]) * reach
    a = np.deg2rad(angle)
    return np.asarray(leaf @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + (x, y))


def leaves(side: int, colours: Colours) -> Image.Image:
    """Palm leaves in two colours."""
    tile = Tile(side, colours[0])
    for x, y, turn, which in (
        (0.2, 0.2, 30, 1),
        (0.7, 0.15, 140, 2),
        (0.45, 0.55, 260, 1),
        (0.9, 0.65, 200, 2),
        (0.15, 0.8, -40, 1),
    ):
        for angle in (-45, 0, 45):
            tile.shape(petal(x, y, 0.30, turn + angle, 0.16), colours[which])
    return tile.image


def blobs(count: int, size: float, stretch: float, seed: int) -> Motif:
    """Blots strewn about, in the second and third colour: camouflage, terrazzo, animal spots."""

    def draw(side: int, colours: Colours) -> Image.Image:
        rng = np.random.default_rng(seed)
        tile = Tile(side, colours[0])
        turn = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        for step in range(count):
            x, y = rng.uniform(0, 1, 2)
            radius = (
                size
                * rng.uniform(0.5, 1.2)
                * (1 + 0.35 * np.sin(turn * 2 + rng.uniform(0, 6)) + 0.22 * np.sin(turn * 3 + rng.uniform(0, 6)))
            )
            blot = np.stack([x + radius * np.cos(turn) * stretch, y + radius * np.sin(turn)], axis=1)
            tile.shape(blot, colours[1 + step % 2])
        return tile.image

    return draw


def leopard(side: int, colours: Colours) -> Image.Image:
    """Rosettes of a leopard's coat."""
    rng = np.random.default_rng(5)
    tile = Tile(side, colours[0])
    for x, y in (
        (0.16, 0.2),
        (0.5, 0.1),
        (0.82, 0.3),
        (0.3, 0.5),
        (0.64, 0.55),
        (0.1, 0.78),
        (0.45, 0.85),
        (0.85, 0.8),
    ):
        x, y = x + rng.normal(0, 0.02), y + rng.normal(0, 0.02)
        tile.spot(x, y, 0.075, colours[2], 0.9)
        for angle in rng.uniform(0, 60) + np.array([0, 100, 215]):
            a = np.deg2rad(angle)
            tile.spot(x + 0.085 * np.cos(a), y + 0.08 * np.sin(a), 0.044, colours[1], 0.85)
    return tile.image


def zigzag(side: int, colours: Colours) -> Image.Image:
    """Two zigzag lines."""
    tile = Tile(side, colours[0])
    for level, which in ((0.0, 1), (0.5, 2)):
        tile.shape(
            np.array(
                [
                    (0, level + 0.25),
                    (0.5, level),
                    (1, level + 0.25),
                    (1, level + 0.45),
                    (0.5, level + 0.2),
                    (0, level + 0.45),
                ]
            ),
            colours[which],
        )
    return tile.image


def houndstooth(side: int, colours: Colours) -> Image.Image:
    """The broken check of houndstooth."""
    tile = Tile(side, colours[0])
    tooth = (
        (0, 0),
        (0.5, 0),
        (0.5, 0.25),
        (0.75, 0),
        (1, 0),
        (0.5, 0.5),
        (0.5, 0.75),
        (0.25, 1),
        (0, 1),
        (0.25, 0.75),
        (0.25, 0.5),
        (0, 0.5),
    )
    tile.shape(np.array(tooth), colours[1])
    return tile.image


def diamonds(side: int, colours: Colours) -> Image.Image:
    """Argyle: diamonds and thin crossing lines."""
    tile = Tile(side, colours[0])
    tile.shape(np.array([(0.5, 0.0), (0.85, 0.5), (0.5, 1.0), (0.15, 0.5)]), colours[1])
    for offset in (0.0, 0.5):
        tile.shape(
            np.array([(offset, 0.0), (offset + 0.5, 1.0), (offset + 0.52, 1.0), (offset + 0.02, 0.0)]), colours[2]
        )
        tile.shape(
            np.array([(offset + 0.5, 0.0), (offset, 1.0), (offset + 0.02, 1.0), (offset + 0.52, 0.0)]), colours[2]
        )
    return tile.image


def waves(side: int, colours: Colours) -> Image.Image:
    """Three wavy bands."""
    tile = Tile(side, colours[0])
    x = np.linspace(0, 1, 33)
    for level, which in ((0.05, 1), (0.38, 2), (0.71, 1)):
        top = level + 0.09 * np.sin(2 * np.pi * x)
        tile.shape(np.concatenate([np.stack([x, top], 1), np.stack([x, top + 0.14], 1)[::-1]]), colours[which])
    return tile.image

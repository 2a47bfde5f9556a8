"""A small picture to build a scene on, and what scenes are built of: bricks, paving, windows, trees, people, cars."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from wearabouts.drawn.palette import DYES, RGB, darker, mixed

Rng = np.random.Generator


class Stage:
    """A small picture to draw a scene on, in shares of its width and height."""

    def __init__(self, width: int, height: int, rng: Rng) -> None:
        self.w, self.h, self.rng = width, height, rng
        self.image = Image.new("RGB", (width, height), (200, 200, 200))
        self.draw = ImageDraw.Draw(self.image)

    def fill(self, top: RGB, bottom: RGB, start: float = 0.0, end: float = 1.0) -> None:
        """A vertical gradient between two heights."""
        y0, y1 = (round(start * self.h), max(round(end * self.h), round(start * self.h) + 1))
        share = np.linspace(0, 1, y1 - y0)[:, None, None]
        band = np.array(top) + (np.array(bottom) - np.array(top)) * share
        self.image.paste(Image.fromarray(np.repeat(band, self.w, axis=1).astype(np.uint8)), (0, y0))

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: RGB) -> None:
        """A rectangle."""
        left, top = x0 * self.w, y0 * self.h
        self.draw.rectangle((left, top, max(x1 * self.w - 1, left), max(y1 * self.h - 1, top)), fill=colour)

    def blob(self, x: float, y: float, radius: float, colour: RGB, stretch: float = 1.0) -> None:
        """An ellipse; `radius` in shares of the width."""
        r = radius * self.w
        self.draw.ellipse(
            (x * self.w - r, y * self.h - r * stretch, x * self.w + r, y * self.h + r * stretch), fill=colour
        )

    def shape(self, colour: RGB, *points: tuple[float, float]) -> None:
        """A polygon."""
        self.draw.polygon([(x * self.w, y * self.h) for x, y in points], fill=colour)

    def beam(self, colour: RGB, width: float, *points: tuple[float, float]) -> None:
        """A line; `width` in shares of the width."""
        self.draw.line([(x * self.w, y * self.h) for x, y in points], fill=colour, width=max(1, round(width * self.w)))

    def some(self, low: float, high: float) -> float:
        """A number between two."""
        return float(self.rng.uniform(low, high))

    def grey(self, low: int, high: int, tint: int = 8) -> RGB:
        """A slightly tinted grey."""
        value = self.rng.integers(low, high) + self.rng.integers(-tint, tint + 1, 3)
        return (int(np.clip(value[0], 0, 255)), int(np.clip(value[1], 0, 255)), int(np.clip(value[2], 0, 255)))

    def paint(self, *names: str) -> RGB:
        """One of some dyes, a little off."""
        pool = names or tuple(DYES)
        colour = DYES[pool[int(self.rng.integers(len(pool)))]][0]
        return mixed(colour, self.grey(60, 220), self.some(0.05, 0.3))


def tiles(
    s: Stage, y0: float, y1: float, wide: float, high: float, colour: RGB, joint: RGB, spread: float = 0.1
) -> None:
    """Bricks or tiles in rows, every other row shifted."""
    s.box(0, y0, 1, y1, joint)
    row, y = 0, y0
    while y < y1:
        x = -wide * (0.5 if row % 2 else 0.0)
        while x < 1:
            tone = mixed(colour, (30, 20, 20) if s.rng.random() < 0.5 else (240, 230, 225), s.some(0, spread))
            s.box(max(x, 0) + 0.002, y + 0.001, x + wide - 0.004, min(y + high - 0.003, y1), tone)
            x += wide
        y += high
        row += 1


def paving(s: Stage, y0: float, colour: RGB) -> None:
    """A ground of slabs that run towards the horizon."""
    s.fill(mixed(colour, (235, 235, 235), 0.2), darker(colour, 0.15), y0, 1)
    line = darker(colour, 0.25)
    for step in np.linspace(-1.2, 2.2, 15):
        s.beam(line, 0.003, (0.5 + (step - 0.5) * 0.55, y0), (0.5 + (step - 0.5) * 1.7, 1.0))
    for step in (0.08, 0.22, 0.42, 0.7):
        s.beam(line, 0.003, (0, y0 + (1 - y0) * step), (1, y0 + (1 - y0) * step))


def windows(s: Stage, x0: float, y0: float, x1: float, y1: float, columns: int, rows: int, glass: RGB) -> None:
    """Rows of windows, some lit."""
    dx, dy = (x1 - x0) / columns, (y1 - y0) / rows
    for i in range(columns):
        for j in range(rows):
            tone = (
                mixed(glass, (255, 236, 190), s.some(0.3, 0.8))
                if s.rng.random() < 0.25
                else mixed(glass, (20, 30, 40), s.some(0, 0.4))
            )
            s.box(x0 + dx * (i + 0.2), y0 + dy * (j + 0.2), x0 + dx * (i + 0.8), y0 + dy * (j + 0.85), tone)


def trees(s: Stage, horizon: float, count: int) -> None:
    """Trees along a horizon."""
    for _ in range(count):
        x, size = s.some(-0.1, 1.1), s.some(0.12, 0.28)
        s.box(x - 0.012, horizon - size * 0.5, x + 0.012, horizon + 0.02, (84, 66, 52))
        for _ in range(7):
            green = mixed((70, 112, 58), (168, 178, 84), s.some(0, 0.7))
            s.blob(
                x + s.some(-0.6, 0.6) * size,
                horizon - size * s.some(0.5, 1.3),
                size * s.some(0.3, 0.55),
                darker(green, s.some(0, 0.35)),
            )


def passers(s: Stage, floor: float, count: int) -> None:
    """Other people, far away and out of focus."""
    for _ in range(count):
        x, size = s.some(0, 1), s.some(0.14, 0.3)
        y = floor + size * 0.25
        top, legs = s.paint(), s.paint("black", "navy", "denim", "charcoal", "sand")
        s.box(x - 0.10 * size, y - size * 0.45, x - 0.01 * size, y, legs)
        s.box(x + 0.01 * size, y - size * 0.45, x + 0.10 * size, y, legs)
        s.blob(x, y - size * 0.62, 0.15 * size, top, 1.7)
        s.blob(x, y - size * 0.94, 0.075 * size, mixed((240, 205, 178), (92, 60, 44), s.some(0, 1)), 1.2)


def car(s: Stage, x: float, y: float, size: float) -> None:
    """A parked car seen from the side."""
    body = s.paint("cherry", "cobalt", "white", "steel", "black", "bottle green", "mustard")
    s.shape(
        body,
        (x + 0.18 * size, y - 0.28 * size),
        (x + 0.32 * size, y - 0.46 * size),
        (x + 0.72 * size, y - 0.46 * size),
        (x + 0.88 * size, y - 0.28 * size),
    )
    s.shape(
        (150, 176, 190),
        (x + 0.25 * size, y - 0.29 * size),
        (x + 0.35 * size, y - 0.42 * size),
        (x + 0.69 * size, y - 0.42 * size),
        (x + 0.80 * size, y - 0.29 * size),
    )
    s.box(x, y - 0.29 * size, x + size, y - 0.08 * size, body)
    for wheel in (0.22, 0.78):
        s.blob(x + wheel * size, y - 0.07 * size, 0.085 * size, (34, 34, 36))

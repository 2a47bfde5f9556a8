"""Graphics printed on a chest: each draws a picture with transparency, `side` px square."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from wearabouts.drawn.palette import RGB
from wearabouts.drawn.templates import Part

Draw = ImageDraw.ImageDraw
Artist = Callable[[Draw, int, RGB, RGB], None]


def _sunset(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    draw.ellipse((0.1 * s, 0.1 * s, 0.9 * s, 0.9 * s), fill=one)
    for step in range(5):
        y = (0.48 + 0.09 * step) * s
        draw.rectangle((0, y, s, y + (0.012 + 0.009 * step) * s), fill=(0, 0, 0, 0))
    draw.polygon(
        [(0.0, 0.9 * s), (0.3 * s, 0.5 * s), (0.48 * s, 0.72 * s), (0.62 * s, 0.58 * s), (s, 0.9 * s)], fill=two
    )


def _peaks(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    draw.polygon([(0.02 * s, 0.8 * s), (0.36 * s, 0.2 * s), (0.7 * s, 0.8 * s)], fill=one)
    draw.polygon(
        [(0.26 * s, 0.38 * s), (0.36 * s, 0.2 * s), (0.46 * s, 0.38 * s), (0.39 * s, 0.35 * s), (0.34 * s, 0.42 * s)],
        fill=two,
    )
    draw.polygon([(0.44 * s, 0.8 * s), (0.7 * s, 0.38 * s), (0.98 * s, 0.8 * s)], fill=two)
    draw.rectangle((0.02 * s, 0.85 * s, 0.98 * s, 0.9 * s), fill=one)


def _star(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    for radius, colour in ((0.48, one), (0.34, two), (0.22, one)):
        turn = np.arange(10) * np.pi / 5 - np.pi / 2
        reach = np.where(np.arange(10) % 2 == 0, radius, radius * 0.42) * s
        draw.polygon(
            [(0.5 * s + r * np.cos(a), 0.52 * s + r * np.sin(a)) for r, a in zip(reach, turn, strict=True)], fill=colour
        )


def _words(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    """Three lines of block lettering that spell nothing: bars and bowls."""
    for row, (count, colour) in enumerate(((5, one), (7, two), (4, one))):
        wide = s / count
        for step in range(count):
            x0, x1 = (step + 0.10) * wide, (step + 0.88) * wide
            y0, y1 = (0.16 + 0.25 * row) * s, (0.36 + 0.25 * row) * s
            draw.rectangle((x0, y0, x1, y1), fill=colour)
            if (step * 7 + row) % 3 != 1:
                inset = wide * 0.22
                draw.rectangle((x0 + inset, y0 + 0.05 * s, x1 - inset, y0 + 0.09 * s), fill=(0, 0, 0, 0))
            if (step * 5 + row) % 2:
                draw.rectangle((x0 + wide * 0.28, y0 + 0.13 * s, x1, y0 + 0.16 * s), fill=(0, 0, 0, 0))


def _badge(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    draw.ellipse((0.04 * s, 0.04 * s, 0.96 * s, 0.96 * s), fill=one)
    draw.ellipse((0.11 * s, 0.11 * s, 0.89 * s, 0.89 * s), fill=(0, 0, 0, 0))
    draw.ellipse((0.15 * s, 0.15 * s, 0.85 * s, 0.85 * s), fill=two)
    draw.polygon([(0.5 * s, 0.22 * s), (0.72 * s, 0.62 * s), (0.28 * s, 0.62 * s)], fill=one)
    draw.rectangle((0.3 * s, 0.67 * s, 0.7 * s, 0.72 * s), fill=one)


def _cat(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    draw.polygon(
        [
            (0.16 * s, 0.5 * s),
            (0.18 * s, 0.1 * s),
            (0.42 * s, 0.28 * s),
            (0.58 * s, 0.28 * s),
            (0.82 * s, 0.1 * s),
            (0.84 * s, 0.5 * s),
        ],
        fill=one,
    )
    draw.ellipse((0.12 * s, 0.24 * s, 0.88 * s, 0.9 * s), fill=one)
    for x in (0.35, 0.65):
        draw.ellipse(((x - 0.07) * s, 0.46 * s, (x + 0.07) * s, 0.60 * s), fill=two)
        draw.rectangle(((x - 0.012) * s, 0.47 * s, (x + 0.012) * s, 0.59 * s), fill=one)
    draw.polygon([(0.46 * s, 0.66 * s), (0.54 * s, 0.66 * s), (0.5 * s, 0.71 * s)], fill=two)


def _palm(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    draw.ellipse((0.3 * s, 0.12 * s, 0.94 * s, 0.76 * s), fill=two)
    draw.polygon([(0.42 * s, 0.92 * s), (0.46 * s, 0.4 * s), (0.50 * s, 0.4 * s), (0.52 * s, 0.92 * s)], fill=one)
    for angle in (-170, -135, -100, -60, -20, 10):
        a = np.deg2rad(angle)
        tip = (0.48 * s + 0.36 * s * np.cos(a), 0.42 * s + 0.30 * s * np.sin(a) + 0.1 * s)
        up = (0.48 * s + 0.22 * s * np.cos(a), 0.34 * s + 0.22 * s * np.sin(a))
        draw.polygon([(0.48 * s, 0.38 * s), up, tip, (0.48 * s, 0.44 * s)], fill=one)
    draw.rectangle((0.1 * s, 0.9 * s, 0.9 * s, 0.94 * s), fill=one)


def _blocks(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    draw.rectangle((0.05 * s, 0.1 * s, 0.48 * s, 0.53 * s), fill=one)
    draw.ellipse((0.5 * s, 0.08 * s, 0.95 * s, 0.53 * s), fill=two)
    draw.polygon([(0.05 * s, 0.95 * s), (0.27 * s, 0.56 * s), (0.48 * s, 0.95 * s)], fill=two)
    draw.pieslice((0.3 * s, 0.34 * s, 0.94 * s, 1.16 * s), 270, 360, fill=one)


def _bolt(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    bolt = [(0.6, 0.04), (0.2, 0.56), (0.44, 0.56), (0.34, 0.96), (0.8, 0.4), (0.54, 0.4)]
    draw.polygon([((x + 0.05) * s, (y + 0.02) * s) for x, y in bolt], fill=two)
    draw.polygon([(x * s, y * s) for x, y in bolt], fill=one)


def _bicycle(draw: Draw, s: int, one: RGB, two: RGB) -> None:
    width = max(2, round(0.05 * s))
    for x in (0.22, 0.78):
        draw.ellipse(((x - 0.2) * s, 0.42 * s, (x + 0.2) * s, 0.82 * s), outline=one, width=width)
    frame = [(0.22, 0.62), (0.42, 0.34), (0.7, 0.34), (0.48, 0.62), (0.22, 0.62)]
    draw.line([(x * s, y * s) for x, y in frame], fill=two, width=width)
    draw.line([(0.42 * s, 0.34 * s), (0.48 * s, 0.62 * s)], fill=two, width=width)
    draw.line([(0.78 * s, 0.62 * s), (0.68 * s, 0.22 * s), (0.8 * s, 0.2 * s)], fill=two, width=width)
    draw.rectangle((0.34 * s, 0.26 * s, 0.5 * s, 0.31 * s), fill=one)


PRINTS: dict[Part, dict[str, Artist]] = {
    "train": {"sunset": _sunset, "star": _star, "words": _words, "blocks": _blocks},
    "calibrate": {"badge": _badge, "palm": _palm},
    "test": {"peaks": _peaks, "cat": _cat, "bolt": _bolt, "bicycle": _bicycle},
}


def printed(name: str, side: int, one: RGB, two: RGB) -> Image.Image:
    """A graphic, RGBA, `side` px square, drawn larger and reduced so that its edges are soft."""
    artist = next(prints[name] for prints in PRINTS.values() if name in prints)
    fine = max(side, 64)
    picture = Image.new("RGBA", (fine, fine), (0, 0, 0, 0))
    artist(ImageDraw.Draw(picture), fine, one, two)
    return picture.resize((side, side), Image.Resampling.BILINEAR) if side != fine else picture

"""The fabric of one product: its pattern at any scale and turn, its weave, how it shines."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops

from wearabouts.drawn.curves import Line
from wearabouts.drawn.motifs import tile
from wearabouts.drawn.palette import RGB, darker, is_dark, lighter
from wearabouts.drawn.specs import Spec

GLOSS = {
    "jersey": 0.75,
    "woven": 0.9,
    "knit": 0.7,
    "denim": 0.8,
    "fleece": 0.6,
    "shell": 1.5,
    "leather": 1.9,
    "silk": 1.7,
}
GRAIN = 0.16  # one repeat of the weave, in body heights
GRAIN_FROM = 1100.0  # pixels a body height from which the weave can be seen at all


@lru_cache(maxsize=8)
def _weave(fabric: str) -> Image.Image:
    """One repeat of a weave, (256, 256) L, about 255 where the thread lies on top."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[0:256, 0:256]
    noise = rng.normal(0, 1, (256, 256))
    if fabric == "knit":
        field = 0.90 + 0.08 * np.sin(x * 2 * np.pi / 8) + 0.05 * np.sin((y + 2 * np.abs((x % 8) - 4)) * 2 * np.pi / 8)
    elif fabric == "denim":
        field = 0.90 + 0.07 * np.sin((x + y) * 2 * np.pi / 4) + 0.045 * noise
    elif fabric == "fleece":
        soft = sum(np.roll(noise, (dy, dx), (0, 1)) for dy in range(4) for dx in range(4)) / 4
        field = 0.94 + 0.035 * soft
    elif fabric == "leather":
        soft = sum(np.roll(noise, (dy, dx), (0, 1)) for dy in range(3) for dx in range(3)) / 3
        field = 0.93 + 0.04 * soft
    elif fabric in ("shell", "silk"):
        field = 0.975 + 0.012 * noise
    else:
        field = 0.95 + 0.03 * noise + 0.012 * np.sin(y * 2 * np.pi / 4)
    return Image.fromarray((np.clip(field, 0, 1) * 255).astype(np.uint8))


def _repeated(piece: np.ndarray, width: int, height: int, x: int, y: int) -> Image.Image:
    """A wrapping tile continued over width x height pixels, with its pixel (x, y) first."""
    rows = (np.arange(height) + y) % piece.shape[0]
    columns = (np.arange(width) + x) % piece.shape[1]
    return Image.fromarray(np.ascontiguousarray(piece[rows][:, columns]))


class Cloth:
    """The fabric of one product; tiles are kept while one photo is painted."""

    def __init__(self, spec: Spec, logo: str = "star") -> None:
        self.spec = spec
        self.logo = logo
        self.gloss = GLOSS[spec.fabric]
        self.repeats = spec.pattern.kind not in ("plain", "graphic")
        self._tiles: dict[tuple[str, int], np.ndarray] = {}

    def colour(self, role: str) -> RGB:
        """The flat colour of a role: ``base``, ``plain``, ``second`` or ``lining``."""
        if role == "second":
            return self.spec.second
        if role == "lining":
            return (
                darker(self.spec.base, 0.34)
                if not is_dark(self.spec.base)
                else lighter(darker(self.spec.base, 0.25), 0.05)
            )
        return self.spec.base

    def patch(
        self, role: str, box: tuple[int, int, int, int], origin: Line, scale: float, turn: float, rib: bool
    ) -> Image.Image:
        """The fabric as it lies over a box of the painting.

        Args:
            role: ``base`` (with the pattern), ``plain``, ``second`` or ``lining``.
            box: Left, top, right, bottom in pixels of the painting.
            origin: (2,) body point at the painting's upper left.
            scale: Pixels of the painting a body height.
            turn: Degrees the fabric is turned.
            rib: Whether it is a ribbed band.

        Returns:
            RGB picture of the box's size.
        """
        size = (box[2] - box[0], box[3] - box[1])
        # Pixel of the fabric at the box's corner: the middle of the fabric hangs at the body's neck.
        x, y = (box[0] + float(origin[0]) * scale, box[1] + float(origin[1] - 0.15) * scale)
        if role == "base" and self.repeats:
            picture = self._patterned(size, x, y, scale, turn + self.spec.pattern.angle)
        else:
            picture = Image.new("RGB", size, self.colour(role))
        if rib and scale > 500:
            picture = ImageChops.multiply(picture, self._grained("rib", size, x, y, scale))
        elif scale > GRAIN_FROM:
            picture = ImageChops.multiply(picture, self._grained(self.spec.fabric, size, x, y, scale))
        return picture

    def _grained(self, fabric: str, size: tuple[int, int], x: float, y: float, scale: float) -> Image.Image:
        side = max(round(GRAIN * scale), 16)
        if (fabric, side) not in self._tiles:
            if fabric == "rib":
                wave = 0.90 + 0.10 * np.sin(np.arange(side) * 2 * np.pi / max(side / 28, 3))
                self._tiles[fabric, side] = np.repeat((np.clip(wave, 0, 1) * 255).astype(np.uint8)[None], 8, axis=0)
            else:
                self._tiles[fabric, side] = np.asarray(_weave(fabric).resize((side, side), Image.Resampling.BILINEAR))
        grey = _repeated(self._tiles[fabric, side], *size, round(x), round(y))
        return Image.merge("RGB", (grey, grey, grey))

    def _patterned(self, size: tuple[int, int], x: float, y: float, scale: float, turn: float) -> Image.Image:
        pattern = self.spec.pattern
        side = max(round(pattern.scale * scale), 3)
        if ("", side) not in self._tiles:
            drawn = tile(pattern.kind, pattern.motif, side, (self.spec.base, self.spec.second, self.spec.third))
            self._tiles["", side] = np.asarray(drawn)
        piece = self._tiles["", side]
        if abs(turn) < 0.5:
            return _repeated(piece, *size, round(x), round(y))
        angle = np.deg2rad(turn)
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        corners = np.array([(x, y), (x + size[0], y), (x, y + size[1]), (x + size[0], y + size[1])])
        turned = corners @ np.array([[cos, -sin], [sin, cos]])
        low = np.floor(turned.min(axis=0)).astype(int) - 1
        high = np.ceil(turned.max(axis=0)).astype(int) + 2
        sheet = _repeated(piece, int(high[0] - low[0]), int(high[1] - low[1]), int(low[0]), int(low[1]))
        start = turned[0] - low
        # Output pixel (i, j) → sheet pixel: a turn around the box's corner.
        matrix = (cos, sin, float(start[0]), -sin, cos, float(start[1]))
        return sheet.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)

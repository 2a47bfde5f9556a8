"""Painting at twice the final size: panels of cloth with their relief, seams, studs and prints.

The relief is light on a height field: the blurred panel bulges, folds are ridges and creases on it, and the slope towards the light
decides what is multiplied (shade) and screened (sheen). It is worked out at an eighth of the painting's size and stretched, for
shading is smooth and numpy is slow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from wearabouts.drawn.curves import Line
from wearabouts.drawn.fabric import Cloth
from wearabouts.drawn.palette import RGB
from wearabouts.drawn.prints import printed
from wearabouts.drawn.sewing import Fold, Item, Panel, Seam, Stud
from wearabouts.drawn.sewing import Print as PrintPlace

OVERSAMPLING = 2
COARSE = 4
Box4 = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Framing:
    """Where body coordinates fall on the final picture: pixels a body height, and the body point at its upper left."""

    scale: float
    left: float
    top: float


@dataclass(frozen=True, slots=True)
class Light:
    """Direction the light comes from (x, y; negative is left, top) and how hard it models, about 1."""

    name: str = "studio"
    x: float = -0.45
    y: float = -0.65
    strength: float = 1.0


class Canvas:
    """A picture being painted, and the mask of what of the product can still be seen."""

    def __init__(self, ground: Image.Image, framing: Framing, light: Light) -> None:
        """Start from a ground.

        Args:
            ground: RGB picture of the final size.
            framing: Where the body falls on it.
            light: Where the light comes from.
        """
        self.size = (ground.width * OVERSAMPLING, ground.height * OVERSAMPLING)
        self.image = ground.resize(self.size, Image.Resampling.BILINEAR)
        self.owner = Image.new("L", self.size, 0)
        self.scale = framing.scale * OVERSAMPLING
        self.origin = np.array([framing.left, framing.top])
        self.light = light

    def place(self, points: Line) -> Line:
        """Body coordinates to pixels of the painting."""
        return (points - self.origin) * self.scale

    def finished(self) -> tuple[Image.Image, Image.Image]:
        """The picture and the mask, at the final size."""
        return self.image.reduce(OVERSAMPLING), self.owner.reduce(OVERSAMPLING)

    def sew(self, items: Iterable[Item], cloth: Cloth, owned: bool) -> None:
        """Paint items of a garment; `owned` where it is the product the photo is of."""
        for item in items:
            if isinstance(item, Panel):
                self.panel(item, cloth, owned)
            elif isinstance(item, Seam):
                self.seam(item, owned)
            elif isinstance(item, Stud):
                self.stud(item)
            else:
                self.printed(item, cloth)

    def _bounds(self, pixels: Line, margin: int = 0) -> Box4 | None:
        low, high = np.floor(pixels.min(axis=0)) - margin, np.ceil(pixels.max(axis=0)) + 1 + margin
        box = (
            max(int(low[0]), 0),
            max(int(low[1]), 0),
            min(int(high[0]), self.size[0]),
            min(int(high[1]), self.size[1]),
        )
        return box if box[2] - box[0] > 1 and box[3] - box[1] > 1 else None

    def panel(self, panel: Panel, cloth: Cloth | None = None, owned: bool = False) -> None:
        """Paint one panel: its shadow on what lies below, its fabric, its relief."""
        pixels = self.place(panel.outline)
        box = self._bounds(pixels)
        if box is None:
            return
        if panel.casts > 0:
            self._shadow(pixels, panel.casts)
        size = (box[2] - box[0], box[3] - box[1])
        mask = Image.new("L", size, 0)
        ImageDraw.Draw(mask).polygon([(x - box[0], y - box[1]) for x, y in pixels.tolist()], fill=255)
        if isinstance(panel.cloth, str):
            assert cloth is not None, "cloth named by role needs the spec's fabric"
            patch = cloth.patch(panel.cloth, box, self.origin, self.scale, panel.turn, panel.rib)
            gloss = cloth.gloss
        else:
            patch, gloss = Image.new("RGB", size, panel.cloth), 0.7
        patch = self._relief(patch, mask, box, panel, gloss)
        self.image.paste(patch, box[:2], mask)
        self.owner.paste(255 if owned else 0, box, mask)

    def _shadow(self, pixels: Line, dark: float) -> None:
        """Darken around a panel, away from the light."""
        reach = max(self.scale * 0.008, 1.0)
        box = self._bounds(pixels, int(reach * 3))
        if box is None:
            return
        small = (max((box[2] - box[0]) // COARSE, 1), max((box[3] - box[1]) // COARSE, 1))
        offset = np.array([-self.light.x, -self.light.y]) * reach * 0.9
        blot = Image.new("L", small, 255)
        points = ((pixels + offset - box[:2]) / COARSE).tolist()
        ImageDraw.Draw(blot).polygon([(x, y) for x, y in points], fill=int(255 * (1 - dark)))
        blot = blot.filter(ImageFilter.GaussianBlur(reach / COARSE)).resize(
            (box[2] - box[0], box[3] - box[1]), Image.Resampling.BILINEAR
        )
        region = self.image.crop(box)
        self.image.paste(ImageChops.multiply(region, Image.merge("RGB", (blot, blot, blot))), box[:2])

    def _relief(self, patch: Image.Image, mask: Image.Image, box: Box4, panel: Panel, gloss: float) -> Image.Image:
        small = mask.resize((max(mask.width // COARSE, 2), max(mask.height // COARSE, 2)), Image.Resampling.BOX)
        scale = self.scale / COARSE
        reach = max(0.017 * panel.puff * scale, 0.6)
        bulge = np.asarray(small.filter(ImageFilter.GaussianBlur(reach)), dtype=np.float32) / 255
        height = bulge * (0.020 * panel.puff)
        if panel.folds:
            height = height + self._folded(panel.folds, small.size, box)
        slope_y, slope_x = np.gradient(height * scale)
        light = self.light
        lit = -(slope_x * light.x + slope_y * light.y) * light.strength * 0.78
        shade = 1.0 + lit - 0.20 * (1 - bulge) * light.strength
        dark = Image.fromarray((np.clip(shade, 0.25, 1.0) * 255).astype(np.uint8)).resize(
            mask.size, Image.Resampling.BILINEAR
        )
        sheen = Image.fromarray((np.clip(shade - 1.0, 0.0, 0.6) * (150 * gloss)).astype(np.uint8)).resize(
            mask.size, Image.Resampling.BILINEAR
        )
        patch = ImageChops.multiply(patch, Image.merge("RGB", (dark, dark, dark)))
        return ImageChops.screen(patch, Image.merge("RGB", (sheen, sheen, sheen)))

    def _folded(self, folds: tuple[Fold, ...], size: tuple[int, int], box: Box4) -> np.ndarray:
        """Height, in body heights, of folds over the coarse grid of a box."""
        field = Image.new("L", size, 128)
        draw = ImageDraw.Draw(field)
        shrink = 1 / COARSE
        for fold in sorted(folds, key=lambda fold: -fold.width):
            points = ((self.place(fold.points) - box[:2]) * shrink).ravel().tolist()
            tone = 128 + int(np.clip(fold.height / 0.012, -1, 1) * 127)
            draw.line(points, fill=tone, width=max(int(fold.width * self.scale * shrink), 1), joint="curve")
        field = field.filter(ImageFilter.GaussianBlur(max(0.0045 * self.scale * shrink, 0.5)))
        return (np.asarray(field, dtype=np.float32) - 128) * (0.012 / 127)

    def seam(self, seam: Seam, owned: bool = False) -> None:
        """Paint a line; one thinner than a pixel of the painting fades instead."""
        pixels = self.place(seam.points)
        width = seam.width * self.scale
        colour = seam.colour if seam.colour is not None else (0, 0, 0)
        alpha = int(255 * seam.alpha * min(1.0, max(width, 0.15)))
        draw = ImageDraw.Draw(self.image, "RGBA")
        if seam.dash and width > 1.2:
            self._dashes(draw, pixels, max(int(width), 1), (*colour, alpha))
        else:
            draw.line(pixels.ravel().tolist(), fill=(*colour, alpha), width=max(round(width), 1), joint="curve")
        if owned and seam.colour is not None:
            ImageDraw.Draw(self.owner).line(pixels.ravel().tolist(), fill=255, width=max(round(width), 1))

    def _dashes(self, draw: ImageDraw.ImageDraw, pixels: Line, width: int, fill: tuple[int, int, int, int]) -> None:
        for start, end in zip(pixels[:-1], pixels[1:], strict=True):
            length = float(np.hypot(*(end - start)))
            count = max(int(length / (0.0065 * self.scale)), 1)
            steps = np.linspace(0, 1, count + 1)
            for step in steps[:-1]:
                one, two = start + (end - start) * step, start + (end - start) * (step + 0.58 / count)
                draw.line((one[0], one[1], two[0], two[1]), fill=fill, width=width)

    def stud(self, stud: Stud) -> None:
        """Paint a button with a rim and a glint."""
        x, y = self.place(np.array([[stud.x, stud.y]]))[0]
        radius = max(stud.radius * self.scale, 0.8)
        draw = ImageDraw.Draw(self.image, "RGBA")
        draw.ellipse((x - radius * 1.1, y - radius * 0.9, x + radius * 1.25, y + radius * 1.35), fill=(0, 0, 0, 90))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=stud.colour)
        if radius > 4:
            draw.ellipse(
                (x - radius * 0.7, y - radius * 0.7, x + radius * 0.7, y + radius * 0.7),
                outline=(0, 0, 0, 60),
                width=max(int(radius / 6), 1),
            )
            hole = radius * 0.14
            for dx in (-0.25, 0.25):
                draw.ellipse((x + dx * radius - hole, y - hole, x + dx * radius + hole, y + hole), fill=(0, 0, 0, 120))

    def printed(self, item: PrintPlace, cloth: Cloth) -> None:
        """Paint the spec's graphic or its small logo, with the fabric's shading kept where it is dark."""
        side = max(round(item.width * self.scale), 4)
        x, y = self.place(np.array([[item.x, item.y]]))[0] - side / 2
        at = (round(x), round(y))
        name = cloth.logo if item.logo else cloth.spec.pattern.motif
        picture = printed(name, side, cloth.spec.second, cloth.spec.third if not item.logo else cloth.spec.second)
        self.image.paste(picture.convert("RGB"), at, picture.getchannel("A").point(lambda a: a * 9 // 10))


def paint(color: RGB, outline: Line, puff: float = 0.6, casts: float = 0.2, folds: tuple[Fold, ...] = ()) -> Panel:
    """A panel of plain colour: skin, hair, things."""
    return Panel(outline, color, 0.0, puff, casts, folds)

"""Painting at twice the final size: panels of cloth with their relief, seams, studs and prints.

The relief is light on a height field: the blurred panel bulges, folds are ridges and creases on it, and the slope
towards the light decides what is multiplied (shade) and screened (sheen). It is worked out at half the final size and
stretched, for shading is smooth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from wearabouts.drawn.curves import Line
from wearabouts.drawn.fabric import Cloth
from wearabouts.drawn.palette import RGB
from wearabouts.drawn.prints import printed
from wearabouts.drawn.sewing import Fold, Item, Panel, Seam, Stud
from wearabouts.drawn.sewing import Print as PrintPlace

OVERSAMPLING = 2
COARSE = 2  # final pixels to one of the height field
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
    """A picture being painted: its colours, its light, and the mask of what of the product can still be seen.

    Colours are painted at twice the final size, so that edges come out smooth; light (shade to multiply with, sheen
    to screen with) and mask are kept at the final size.
    """

    def __init__(self, ground: Image.Image, framing: Framing, light: Light) -> None:
        """Start from a ground.

        Args:
            ground: RGB picture of the final size.
            framing: Where the body falls on it.
            light: Where the light comes from.
        """
        self.size = (ground.width * OVERSAMPLING, ground.height * OVERSAMPLING)
        self.image = ground.resize(self.size, Image.Resampling.NEAREST)
        self.owner = Image.new("L", ground.size, 0)
        self.shade = Image.new("L", ground.size, 255)
        self.sheen = Image.new("L", ground.size, 0)
        self.scale = framing.scale * OVERSAMPLING
        self.origin = np.array([framing.left, framing.top])
        self.light = light

    def place(self, points: Line) -> Line:
        """Body coordinates to pixels of the painting."""
        return np.asarray((points - self.origin) * self.scale)

    def finished(self) -> tuple[Image.Image, Image.Image]:
        """The picture and the mask, at the final size."""
        picture = self.image.reduce(OVERSAMPLING)
        picture = ImageChops.multiply(picture, Image.merge("RGB", (self.shade,) * 3))
        return ImageChops.screen(picture, Image.merge("RGB", (self.sheen,) * 3)), self.owner

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
        """The box around pixels of the painting, on whole final pixels; None where nothing of it is in the picture."""
        low = (np.floor(pixels.min(axis=0) / OVERSAMPLING).astype(int) - margin) * OVERSAMPLING
        high = (np.ceil(pixels.max(axis=0) / OVERSAMPLING).astype(int) + 1 + margin) * OVERSAMPLING
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
        ImageDraw.Draw(mask).polygon((pixels - box[:2]).ravel().tolist(), fill=255)
        if isinstance(panel.cloth, str):
            if cloth is None:
                raise ValueError(f"cloth {panel.cloth!r} is named by its role; give the product's fabric, or a colour")
            patch: Image.Image | RGB = cloth.patch(panel.cloth, box, self.origin, self.scale, panel.turn, panel.rib)
            gloss = cloth.gloss
        else:
            patch, gloss = panel.cloth, 0.7
        self.image.paste(patch, box if isinstance(patch, tuple) else box[:2], mask)
        final = (box[0] // OVERSAMPLING, box[1] // OVERSAMPLING, box[2] // OVERSAMPLING, box[3] // OVERSAMPLING)
        soft = mask.reduce(OVERSAMPLING)
        self._relief(soft, final, panel, gloss)
        self.owner.paste(255 if owned else 0, final, soft)

    def _shadow(self, pixels: Line, dark: float) -> None:
        """Darken around a panel, away from the light."""
        reach = max(self.scale * 0.008 / OVERSAMPLING, 0.5)
        box = self._bounds(pixels, int(reach * 3))
        if box is None:
            return
        final = (box[0] // OVERSAMPLING, box[1] // OVERSAMPLING, box[2] // OVERSAMPLING, box[3] // OVERSAMPLING)
        size = (final[2] - final[0], final[3] - final[1])
        blot = Image.new("L", (max(size[0] // COARSE, 1), max(size[1] // COARSE, 1)), 255)
        offset = np.array([-self.light.x, -self.light.y]) * reach * 0.9
        points = (pixels / OVERSAMPLING + offset - final[:2]) / COARSE
        ImageDraw.Draw(blot).polygon(points.ravel().tolist(), fill=int(255 * (1 - dark)))
        blot = blot.filter(ImageFilter.GaussianBlur(reach / COARSE)).resize(size, Image.Resampling.BILINEAR)
        for field in (self.shade, self.sheen):
            field.paste(ImageChops.multiply(field.crop(final), blot), final[:2])

    def _relief(self, mask: Image.Image, final: Box4, panel: Panel, gloss: float) -> None:
        small = mask.resize((max(mask.width // COARSE, 2), max(mask.height // COARSE, 2)), Image.Resampling.BOX)
        scale = self.scale / OVERSAMPLING / COARSE
        reach = max(0.017 * panel.puff * scale, 0.6)
        bulge = np.asarray(small.filter(ImageFilter.GaussianBlur(reach)), dtype=np.float32) / 255
        height = bulge * (0.020 * panel.puff)
        if panel.folds:
            height = height + self._folded(panel.folds, small.size, final)
        slope_y, slope_x = np.gradient(height * scale)
        light = self.light
        lit = -(slope_x * light.x + slope_y * light.y) * light.strength * 0.78
        shade = 1.0 + lit - 0.20 * (1 - bulge) * light.strength
        dark = Image.fromarray((np.clip(shade, 0.25, 1.0) * 255).astype(np.uint8))
        sheen = Image.fromarray((np.clip(shade - 1.0, 0.0, 0.6) * (150 * gloss)).astype(np.uint8))
        for field, tone in ((self.shade, dark), (self.sheen, sheen)):
            field.paste(tone.resize(mask.size, Image.Resampling.BILINEAR), final[:2], mask)

    def _folded(self, folds: tuple[Fold, ...], size: tuple[int, int], final: Box4) -> npt.NDArray[np.float32]:
        """Height, in body heights, of folds over the coarse grid of a box."""
        field = Image.new("L", size, 128)
        draw = ImageDraw.Draw(field)
        shrink = 1 / COARSE / OVERSAMPLING
        for fold in sorted(folds, key=lambda fold: -fold.width):
            points = (self.place(fold.points) * shrink - np.array(final[:2]) / COARSE).ravel().tolist()
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
            thin = max(round(width / OVERSAMPLING), 1)
            ImageDraw.Draw(self.owner).line((pixels / OVERSAMPLING).ravel().tolist(), fill=255, width=thin)

    def _dashes(self, draw: ImageDraw.ImageDraw, pixels: Line, width: int, fill: tuple[int, int, int, int]) -> None:
        for start, end in pairwise(pixels):
            length = float(np.hypot(*(end - start)))
            count = max(int(length / (0.0065 * self.scale)), 1)
            steps = np.linspace(0, 1, count + 1)
            for step in steps[:-1]:
                one, two = (start + (end - start) * step, start + (end - start) * (step + 0.58 / count))
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

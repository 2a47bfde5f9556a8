"""The only door for untrusted pixels: bytes in, upright sRGB pixels out, or one `ImageError`.

Limits are checked on the file's own header before a decoder sees it, and the decoder sees only what it needs
(`wearabouts.images.envelopes`). Pictures are decoded in this process: a flaw inside a decoder is not contained here, so
a service for strangers should also cap the memory of its process.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from PIL import AvifImagePlugin, BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from wearabouts.errors import ImageError
from wearabouts.images.colours import STRIP_ROWS, to_srgb
from wearabouts.images.envelopes import OPENERS, Envelope, cut_short, open_envelope, orientation_of
from wearabouts.images.limits import LIMITS, Limits
from wearabouts.types import Box, Pixels

__all__ = ["FORMATS", "LIMITS", "Limits", "Picture", "decode"]

# Imported above so that they are registered before the first thread opens a picture.
_PLUGINS = (AvifImagePlugin, BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
FORMATS: tuple[str, ...] = tuple(OPENERS)
THUMBNAIL_QUALITY = 85


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded photo.

    Attributes:
        pixels: (H, W, 3) uint8, sRGB, upright; may be smaller than the original (see `decode`).
        size: Width and height of the upright original in pixels: boxes count in these.
        format: What the file was: one of `FORMATS`.
    """

    pixels: Pixels
    size: tuple[int, int]
    format: str

    def crop(self, box: Box | None) -> Pixels:
        """The part of the pixels that a box covers, at least one pixel.

        Args:
            box: In pixels of the upright original; None for the whole photo.

        Returns:
            (h, w, 3) uint8, a view of `pixels`.

        Raises:
            ImageError: The box lies outside the photo.
        """
        if box is None:
            return self.pixels
        width, height = self.size
        inside = box.clipped(width, height)
        if inside is None:
            raise ImageError(f"box {box} covers less than a pixel of the {width}x{height} photo; give one inside it")
        rows, columns = self.pixels.shape[:2]
        across, down = columns / width, rows / height
        left, top = min(floor(inside.left * across), columns - 1), min(floor(inside.top * down), rows - 1)
        right = ceil(round((inside.left + inside.width) * across, 6))
        bottom = ceil(round((inside.top + inside.height) * down, 6))
        return self.pixels[top : max(bottom, top + 1), left : max(right, left + 1)]

    def thumbnail(self, side: int = 512) -> bytes:
        """A JPEG of the whole photo without any metadata, its longer side at most `side` pixels; never enlarged."""
        image = Image.fromarray(self.pixels)
        # Hamming is as sharp as bicubic for making smaller, at two thirds of its cost.
        image.thumbnail((side, side), Image.Resampling.HAMMING, reducing_gap=2.0)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=THUMBNAIL_QUALITY)
        return out.getvalue()


def decode(data: bytes, *, target: int = 0, limits: Limits = LIMITS) -> Picture:
    """Decode one picture: first frame, upright, sRGB, alpha over white, 16 bits scaled to 8, metadata left behind.

    Args:
        data: The file's bytes.
        target: The longer side needed, in pixels. A larger picture comes at a whole fraction (1/2, 1/3, …) of its size,
            never below the target; a JPEG is already decoded at 1/2, 1/4 or 1/8, which is several times faster. 0 for
            full size.
        limits: What is accepted.

    Returns:
        The picture. The same bytes, target and library versions give the same pixels.

    Raises:
        ImageError: No accepted format, over a limit, cut short or damaged.
    """
    envelope = open_envelope(data, limits)
    try:
        return _decoded(envelope, target, limits)
    except ImageError:
        raise
    except Exception as error:
        # Damaged files make Pillow raise OSError, ValueError, SyntaxError, IndexError, TypeError, struct.error, …
        if isinstance(error, MemoryError):
            raise ImageError(f"the {envelope.format} picture needs more memory than there is; scale it down") from None
        raise cut_short(envelope.format) from error


def _decoded(envelope: Envelope, target: int, limits: Limits) -> Picture:
    image = _opened(envelope)
    limits.check_size(*image.size)
    stated = image.size
    if target and envelope.format == "JPEG":
        shrink = max(max(stated) // target, 1)
        image.draft(None, (max(stated[0] // shrink, 1), max(stated[1] // shrink, 1)))
    image.load()
    profile = envelope.profile if envelope.profile is not None else image.info.get("icc_profile") or b""
    orientation = envelope.orientation or orientation_of(image.info.get("exif") or b"")
    image = to_srgb(_reduced(image, target), profile if len(profile) <= limits.icc_bytes else b"")
    image = _reduced(image, target)
    pixels = _upright(_pixels(image), orientation)
    size = (stated[1], stated[0]) if orientation > 4 else stated
    return Picture(pixels, size, envelope.format)


def _opened(envelope: Envelope) -> Image.Image:
    if envelope.format == "HEIF":
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise ImageError(
                "HEIF pictures are accepted only where pillow-heif is installed: pip install 'wearabouts[heif]', "
                f"or save it as one of {', '.join(name for name in FORMATS if name != 'HEIF')}"
            ) from None
        if "HEIF" not in Image.OPEN:
            register_heif_opener(thumbnails=False)
    return Image.open(io.BytesIO(envelope.data), formats=(envelope.format,))


def _reduced(image: Image.Image, target: int) -> Image.Image:
    """Average whole blocks of pixels (where the mode allows it: palettes and key colours do not)."""
    factor = max(image.size) // target if target else 1
    if factor < 2 or image.mode not in ("L", "RGB", "RGBA", "LA", "CMYK") or "transparency" in image.info:
        return image
    return image.reduce((min(factor, image.width), min(factor, image.height)))


def _pixels(image: Image.Image) -> Pixels:
    """Copy the pixels in strips: a whole-image copy would hold a 40-megapixel picture three times."""
    pixels: Pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height)))
        pixels[top : top + STRIP_ROWS] = np.asarray(strip)
    return pixels


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo the camera's rotation: EXIF orientation 1 to 8 names the eight ways to flip and turn a rectangle."""
    flips: dict[int, Any] = {
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: pixels[::-1].transpose(1, 0, 2),
        7: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: pixels[:, ::-1].transpose(1, 0, 2),
    }
    return np.ascontiguousarray(flips.get(orientation, pixels))

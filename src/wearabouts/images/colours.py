"""Whatever a file calls colour, as sRGB: profiles, ink, alpha, palettes, sixteen bits."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

# Profiles that say of themselves that they are sRGB, under the names that cameras and the large sites write.
SRGB_NAMES = ("sRGB", "sRGB IEC61966-2.1", "sRGB built-in", "c2", "uRGB")
STRIP_ROWS = 512  # wide intermediate forms exist for so many rows at a time: they would be the peak of memory
PROFILE_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to mode RGB in sRGB, alpha laid over white.

    Args:
        image: A loaded picture of any mode that Pillow has.
        profile: Its ICC profile, or empty. One that is broken or of another colour space is ignored, as browsers do.
    """
    flat = _opaque(_eight_bits(image))
    if flat.mode not in PROFILE_SPACES:
        flat = flat.convert("RGB")
    managed = _managed(flat, profile) if profile else None
    if managed is not None:
        return managed
    # Without a profile ink is (1 - ink) * (1 - black) of each channel; Pillow has already undone Adobe's inversion.
    return flat if flat.mode == "RGB" else flat.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits: 65535 becomes 255, nothing is clipped."""
    if not image.mode.startswith("I"):
        return image
    levels = np.empty((image.height, image.width), np.uint8)
    for top in range(0, image.height, STRIP_ROWS):
        deep = np.asarray(image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height))), np.int32)
        levels[top : top + STRIP_ROWS] = (deep.clip(0, 65535) + 128) // 257
    grey = Image.fromarray(levels)
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey.putalpha(Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8)))
    return grey


def _opaque(image: Image.Image) -> Image.Image:
    """Lay what is transparent, by channel, palette or key colour, over white."""
    if not image.has_transparency_data:
        return image
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > 255:
        image.info["transparency"] = tuple(level >> 8 for level in key)  # Pillow keeps the 16-bit key of 8-bit pixels
    white = Image.new("RGB", image.size, (255, 255, 255))
    for top in range(0, image.height, STRIP_ROWS):
        layer = image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height))).convert("RGBA")
        white.paste(layer, (0, top), mask=layer.getchannel("A"))
    return white


def _managed(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Through the profile to sRGB; None where the profile cannot be used or need not be."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        named = ImageCms.getProfileDescription(source).strip()
        if source.profile.xcolor_space != PROFILE_SPACES[image.mode] or named in SRGB_NAMES:
            return None
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, ImageCms.Intent.PERCEPTUAL, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None

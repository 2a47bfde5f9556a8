"""The colours clothes are sold in, and the word of `garments.ATTRIBUTES["color"]` nearest to any colour."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

RGB = tuple[int, int, int]

# What the shop calls it: (exact colour, the model's word).
DYES: dict[str, tuple[RGB, str]] = {
    "black": ((30, 30, 33), "black"),
    "ink black": ((22, 24, 30), "black"),
    "washed black": ((52, 52, 55), "black"),
    "white": ((244, 244, 242), "white"),
    "ivory": ((242, 237, 224), "white"),
    "chalk": ((232, 231, 227), "white"),
    "light grey": ((190, 192, 194), "grey"),
    "heather grey": ((158, 161, 164), "grey"),
    "steel": ((118, 124, 130), "grey"),
    "charcoal": ((76, 79, 84), "grey"),
    "cherry": ((190, 32, 46), "red"),
    "brick": ((164, 62, 50), "red"),
    "burgundy": ((110, 28, 44), "red"),
    "poppy": ((222, 58, 48), "red"),
    "tangerine": ((232, 124, 46), "orange"),
    "rust": ((188, 92, 44), "orange"),
    "apricot": ((240, 170, 110), "orange"),
    "lemon": ((244, 222, 98), "yellow"),
    "mustard": ((208, 164, 48), "yellow"),
    "butter": ((246, 232, 166), "yellow"),
    "bottle green": ((26, 78, 58), "green"),
    "olive": ((106, 108, 62), "green"),
    "sage": ((158, 174, 144), "green"),
    "mint": ((176, 218, 196), "green"),
    "emerald": ((22, 128, 92), "green"),
    "khaki green": ((130, 126, 88), "green"),
    "sky": ((152, 196, 230), "blue"),
    "cobalt": ((36, 82, 176), "blue"),
    "teal": ((26, 114, 128), "blue"),
    "denim": ((78, 110, 152), "blue"),
    "light denim": ((138, 168, 200), "blue"),
    "cornflower": ((98, 140, 214), "blue"),
    "navy": ((30, 42, 78), "navy"),
    "midnight": ((24, 32, 60), "navy"),
    "indigo": ((44, 58, 98), "navy"),
    "plum": ((92, 44, 88), "purple"),
    "lilac": ((190, 170, 216), "purple"),
    "violet": ((112, 80, 166), "purple"),
    "rose": ((232, 168, 178), "pink"),
    "blush": ((244, 208, 204), "pink"),
    "fuchsia": ((206, 56, 124), "pink"),
    "coral": ((242, 128, 120), "pink"),
    "chocolate": ((82, 56, 44), "brown"),
    "tobacco": ((128, 88, 56), "brown"),
    "cognac": ((158, 98, 56), "brown"),
    "camel": ((196, 156, 108), "beige"),
    "oat": ((224, 210, 186), "beige"),
    "sand": ((210, 190, 158), "beige"),
    "stone": ((196, 186, 170), "beige"),
}


def lab(colours: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """CIE L*a*b* (D65) of sRGB colours.

    Args:
        colours: (..., 3) values in [0, 255].

    Returns:
        (..., 3) float64: L in [0, 100], a and b roughly in [-128, 128].
    """
    linear = np.asarray(colours, dtype=np.float64) / 255
    linear = np.where(linear > 0.04045, ((linear + 0.055) / 1.055) ** 2.4, linear / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883])
    curve = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = curve[..., 0], curve[..., 1], curve[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@lru_cache(maxsize=1)
def _dye_table() -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    return lab([rgb for rgb, _ in DYES.values()]), tuple(DYES)


@lru_cache(maxsize=4096)
def dye_name(rgb: RGB) -> str:
    """The shop's name of the nearest dye, by distance in L*a*b*."""
    table, names = _dye_table()
    return names[int(np.argmin(np.linalg.norm(table - lab(rgb), axis=1)))]


def color_word(rgb: RGB) -> str:
    """The word of `garments.ATTRIBUTES["color"]` nearest to a colour."""
    return DYES[dye_name(rgb)][1]


def distance(one: RGB, other: RGB) -> float:
    """How different two colours look, in L*a*b* units (about 2.3 can just be told apart)."""
    return float(np.linalg.norm(lab(one) - lab(other)))


def mixed(one: RGB, other: RGB, share: float) -> RGB:
    """`one` with a `share` in [0, 1] of `other` mixed in."""
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


def darker(rgb: RGB, share: float = 0.3) -> RGB:
    """The colour with a `share` in [0, 1] of its light gone."""
    return mixed(rgb, (0, 0, 0), share)


def lighter(rgb: RGB, share: float = 0.3) -> RGB:
    """The colour with a `share` in [0, 1] of white mixed in."""
    return mixed(rgb, (255, 255, 255), share)


def is_dark(rgb: RGB) -> bool:
    """Whether the colour is darker than middle grey."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] < 110

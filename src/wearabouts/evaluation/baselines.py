"""Encoders to compare with, never to ship: a colour histogram, and two encoders joined."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from wearabouts.encoders import Encoder
from wearabouts.types import Encoding, Floats, Pixels, Side

HUES, SATURATIONS, VALUES = 16, 4, 4
NEAR_WHITE = 0.95  # value from which on a pixel of little saturation is shop background
NEAR_GREY = 0.05  # saturation up to which it is


class HistogramEncoder:
    """How much of which colour: an HSV histogram of 16 x 4 x 4 bins, near-white left out, square root, unit length.

    A photo would be padded to a white square like any other encoder's; since near-white is left out, the padding counts
    for nothing and is not drawn. A photo of nothing but near-white is counted whole.
    """

    name = "histogram"
    dim = HUES * SATURATIONS * VALUES
    input_size = 224
    garments: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = {}

    def __init__(self) -> None:
        recipe = f"hsv {HUES}x{SATURATIONS}x{VALUES} white {NEAR_WHITE} grey {NEAR_GREY} side {self.input_size} sqrt"
        self.hash = hashlib.sha256(recipe.encode()).hexdigest()

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        """(N, 256) unit vectors of the photos; both sides are seen alike."""
        vectors = np.zeros((len(photos), self.dim), np.float32)
        for row, photo in zip(vectors, photos, strict=True):
            row[:] = self._histogram(photo)
        return Encoding(vectors)

    def _histogram(self, photo: Pixels) -> Floats:
        picture = Image.fromarray(photo)
        picture.thumbnail((self.input_size, self.input_size), Image.Resampling.BILINEAR)
        hsv = np.asarray(picture.convert("HSV"), dtype=np.float32).reshape(-1, 3) / 256
        coloured = (hsv[:, 1] > NEAR_GREY) | (hsv[:, 2] < NEAR_WHITE)
        hsv = hsv[coloured] if coloured.any() else hsv
        hue, saturation, value = (hsv * (HUES, SATURATIONS, VALUES)).astype(np.int64).T
        counts = np.bincount((hue * SATURATIONS + saturation) * VALUES + value, minlength=self.dim)
        return np.asarray(np.sqrt(counts / counts.sum()), dtype=np.float32)


class MixedEncoder:
    """Two encoders' unit vectors joined, the second scaled by a weight, and made unit length again.

    The one convention used everywhere, in tables too: blocks `[a, weight * b]`, so that the cosine is
    `(cos_a + weight² · cos_b) / (1 + weight²)`. Weight 0 is the first encoder alone, weight 1 counts both alike.

    Args:
        first: Gives garments and attributes too, where it has any.
        second: The encoder that is added.
        weight: In [0, 1].
        name: For people; made of the two names where it is not given.
    """

    def __init__(self, first: Encoder, second: Encoder, weight: float = 1.0, *, name: str = "") -> None:
        self.first, self.second, self.weight = first, second, weight
        self.name = name or f"{first.name} + {weight:g} {second.name}"
        self.hash = hashlib.sha256(f"joined {first.hash} {second.hash} {weight!r}".encode()).hexdigest()
        self.dim = first.dim + second.dim
        self.input_size = max(first.input_size, second.input_size)
        self.garments = first.garments
        self.attributes = first.attributes

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        """(N, first.dim + second.dim) unit vectors, with the first encoder's garments and attributes."""
        ours = self.first.encode(photos, side)
        theirs = self.second.encode(photos, side)
        return Encoding(
            joined(ours.vectors, theirs.vectors, self.weight), ours.garments, ours.attributes, ours.saliency
        )


def joined(first: Floats, second: Floats, weight: float) -> Floats:
    """Rows `[first, weight * second] / sqrt(1 + weight²)`: (N, A) and (N, B) unit rows give (N, A + B) unit rows.

    Raises:
        ValueError: The weight is not in [0, 1].
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must lie in [0, 1], not {weight}; exchange the two to give the second more")
    return np.asarray(np.hstack([first, weight * second]) / math.hypot(1, weight), dtype=np.float32)

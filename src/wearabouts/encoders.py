"""Photos to vectors: the door between a bundle and everything that searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from wearabouts.types import Encoding, Pixels, Side


class Encoder(Protocol):
    """Anything that turns photos into unit vectors.

    Attributes:
        name: For people.
        hash: Changes whenever the shop-side vectors would: graph, preprocessing, decode mode, precision.
        dim: Floats per vector.
        input_size: Side of the square the photo is fitted into, in pixels (what `images.decode` may aim at).
        garments: Names of the garment classes, empty where the model knows none.
        attributes: name → its values, in the order of the probabilities.
    """

    name: str
    hash: str
    dim: int
    input_size: int
    garments: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        """Encode photos of any size.

        Args:
            photos: (H, W, 3) uint8 RGB each, as `wearabouts.images` gives them, already cropped.
            side: Which tower; one-tower models ignore it.
        """
        ...

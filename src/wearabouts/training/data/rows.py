"""Rows to learn from or to measure with: fitted photos, and all that is known of each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wearabouts.training.data.vocabulary import Integers, Signs, Vocabulary
from wearabouts.types import Floats, Pixels


def _no_pairs() -> Integers:
    return np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class Supervision:
    """What is learned from, a photo a row.

    Attributes:
        pixels: (N, S, S, 3) uint8, fitted as the served graph sees them; may be a file mapped into memory.
        product: (N,) int64, which product it shows.
        street: (N,) bool, whether a customer took it.
        category: (N,) int64, a place in the vocabulary's categories; -1 unknown.
        attributes: (N, A) int64, places in the values of each attribute; -1 unknown.
        tags: (N, T) int8: 1 holds, -1 does not, 0 unknown.
        landmarks: (N, 8, 3) float32: x, y as fractions of the square, and 1 where visible, else 0; nan where not
            annotated.
        vocabulary: The words behind the numbers.
        lost: Photos that could not be read.
        different: (M, 2) int64, a row and a product that people said it does not show.
    """

    pixels: Pixels
    product: Integers
    street: npt.NDArray[np.bool_]
    category: Integers
    attributes: Integers
    tags: Signs
    landmarks: Floats
    vocabulary: Vocabulary
    lost: int = 0
    different: Integers = field(default_factory=_no_pairs)

    def __len__(self) -> int:
        return len(self.product)

    @property
    def annotated(self) -> npt.NDArray[np.bool_]:
        """(N,) bool, which rows have landmarks."""
        return np.asarray(~np.isnan(self.landmarks).any(axis=(1, 2)))

    def taken(self, rows: npt.NDArray[np.int64]) -> Supervision:
        """Some of the rows, in that order, in memory; each at most once where there are `different` pairs."""
        at = np.full(len(self), -1, np.int64)
        at[rows] = np.arange(len(rows))
        different = self.different[at[self.different[:, 0]] >= 0] if len(self.different) else self.different
        return Supervision(
            np.asarray(self.pixels[rows]),
            self.product[rows],
            self.street[rows],
            self.category[rows],
            self.attributes[rows],
            self.tags[rows],
            np.asarray(self.landmarks[rows]),
            self.vocabulary,
            self.lost,
            np.stack((at[different[:, 0]], different[:, 1]), axis=1),
        )

"""What the second stage knows of a photo, and how it is kept beside the photo's vector.

The vector alone is what the first stage compares. Beside it the encoder's regions and what its heads say are kept, a
byte a number: at most 1.6 KB a photo with the shipped model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.errors import StoreError
from wearabouts.types import Encoding, Floats

KIND = "evidence"  # under which a store keeps it, see `wearabouts.stores.PhotoRecord.beside`
HALF = "half-"  # how the kinds of kept halves begin, see `wearabouts.verifiers.half_kind`
FULL = 255  # a label's probability of 1


@dataclass(frozen=True, slots=True)
class Layout:
    """How many numbers an encoder gives of a photo.

    Attributes:
        regions: R, 0 for none.
        dim: C, numbers a region.
        labels: L: garments and all attributes' values, in the card's order; 0 for none.
    """

    regions: int = 0
    dim: int = 0
    labels: int = 0

    @property
    def size(self) -> int:
        """Bytes a photo."""
        return self.regions * self.dim + self.labels


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of N photos.

    Attributes:
        vectors: (N, D) float32 of length 1.
        regions: (N, R, C) int8, or None.
        labels: (N, L) uint8: probabilities of garments and of each attribute's values, 255 for 1, or None.
        halves: (N, H) float32: the shop's half of the pair network's first layer, where it was kept, else None.
    """

    vectors: Floats
    regions: npt.NDArray[np.int8] | None = None
    labels: npt.NDArray[np.uint8] | None = None
    halves: Floats | None = None

    def __len__(self) -> int:
        return len(self.vectors)


def seen(encoding: Encoding) -> Evidence:
    """The evidence of photos just encoded."""
    heads = [part for part in (encoding.garments, *encoding.attributes.values()) if part is not None]
    labels = np.rint(np.concatenate(heads, axis=1) * FULL).astype(np.uint8) if heads else None
    return Evidence(encoding.vectors, encoding.regions, labels)


def packed(evidence: Evidence) -> list[bytes]:
    """One value a photo, regions first, then labels; empty where the encoder gives neither."""
    parts = [
        part.reshape(len(evidence), -1).view(np.uint8)
        for part in (evidence.regions, evidence.labels)
        if part is not None
    ]
    if not parts:
        return [b""] * len(evidence)
    return [row.tobytes() for row in np.ascontiguousarray(np.concatenate(parts, axis=1))]


def unpacked(vectors: Floats, kept: Sequence[bytes | None], layout: Layout) -> Evidence:
    """Evidence from what a store keeps; where a photo has none, regions and labels are zeros.

    Args:
        vectors: (N, D) float32.
        kept: N values as `packed` made them.
        layout: Of the encoder that filled the store.

    Raises:
        StoreError: A value has another length than the layout says.
    """
    wrong = [value for value in kept if value and len(value) != layout.size]
    if wrong:
        raise StoreError(
            f"what the store keeps for the second stage has {len(wrong[0])} bytes a photo, this model's is "
            f"{layout.size}; index again with --rebuild"
        )
    blank = bytes(layout.size)
    rows = np.frombuffer(b"".join(value or blank for value in kept), np.uint8).reshape(len(kept), layout.size)
    split = layout.regions * layout.dim
    regions = rows[:, :split].view(np.int8).reshape(len(kept), layout.regions, layout.dim) if split else None
    return Evidence(vectors, regions, rows[:, split:] if layout.labels else None)


def packed_halves(halves: Floats) -> list[bytes]:
    """(N, H) halves as a store keeps them: N values of H little-endian float16."""
    return [row.tobytes() for row in np.ascontiguousarray(halves, "<f2")]


def unpacked_halves(kept: Sequence[bytes | None], hidden: int) -> Floats | None:
    """(N, H) float32 from what `packed_halves` made; None where one is missing: then all are computed from vectors.

    Args:
        kept: N values.
        hidden: H.
    """
    if not all(value is not None and len(value) == 2 * hidden for value in kept):
        return None
    rows = np.frombuffer(b"".join(value for value in kept if value), "<f2")
    return rows.astype(np.float32).reshape(len(kept), hidden)

"""Near copies among photos: the encoder finds them alike, and a look at their pixels agrees.

A near copy is the same picture saved again, resized, or cut and lit a little differently. Mirrored pictures and copies
in grey are not found. Two photos of one model in one pose can pass, so what is found is for people to look at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from wearabouts.metrics import Integers
from wearabouts.types import Floats, Pixels

Octets = npt.NDArray[np.uint8]

BLOCK = 4_000_000  # similarities held at a time: 16 MB
CELLS = 8  # pixels are compared as 8 x 8 mean colours
SIGNATURE = CELLS * CELLS // 8 + CELLS * CELLS * 3  # bytes a photo
# Copies made on purpose (JPEG of quality 50, halved, brightened, cut by 2 %) and 3,000 photos of a shop, looked at one
# by one, set these: either the encoder is sure and the pixels agree roughly, or they agree closely and it finds the
# photos likely. Differing bits of 64; root mean square of the colours' difference, of 255.
SURE, ROUGH_BITS, ROUGH_COLOURS = 0.96, 8, 16.0
LIKELY, CLOSE_BITS, CLOSE_COLOURS = 0.80, 3, 5.0


def signature(pixels: Pixels) -> bytes:
    """A photo in `SIGNATURE` bytes: in which direction brightness runs from cell to cell, and the cells' colours."""
    photo = Image.fromarray(pixels)
    grey = np.asarray(photo.convert("L").resize((CELLS + 1, CELLS), Image.Resampling.BOX))
    colours = np.asarray(photo.resize((CELLS, CELLS), Image.Resampling.BOX))
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes() + colours.tobytes()


def near_copies(
    ours: Floats, our_signatures: Octets, others: Floats, other_signatures: Octets, *, block: int = BLOCK
) -> Iterator[tuple[Integers, Integers, Floats]]:
    """Find near copies between two sets of photos, block by block; the arrays may be memory-mapped.

    Args:
        ours: (Q, D) float32 unit vectors.
        our_signatures: (Q, `SIGNATURE`) uint8.
        others: (N, D) float32 unit vectors.
        other_signatures: (N, `SIGNATURE`) uint8.
        block: Similarities held at a time.

    Yields:
        Places in `ours`, places in `others` and the cosine of each pair; blocks without any are passed over.
    """
    height = max(1, min(len(ours), int(block**0.5)))
    width = max(1, block // height)
    for top in range(0, len(ours), height):
        mine = np.asarray(ours[top : top + height])
        for left in range(0, len(others), width):
            similarity = mine @ np.asarray(others[left : left + width]).T
            rows, columns = np.nonzero(similarity >= LIKELY)
            for start in range(0, len(rows), height):
                at = slice(start, start + height)
                found = similarity[rows[at], columns[at]]
                first, second = rows[at] + top, columns[at] + left
                kept = _agree(our_signatures[first], other_signatures[second], found)
                if kept.any():
                    yield first[kept], second[kept], found[kept]


def _agree(first: Octets, second: Octets, similarity: Floats) -> npt.NDArray[np.bool_]:
    bits = CELLS * CELLS // 8
    differing = np.unpackbits(first[:, :bits] ^ second[:, :bits], axis=1).sum(axis=1)
    apart = first[:, bits:].astype(np.float32) - second[:, bits:]
    colours = np.sqrt(np.mean(apart**2, axis=1))
    roughly = (similarity >= SURE) & (differing <= ROUGH_BITS) & (colours <= ROUGH_COLOURS)
    closely = (similarity >= LIKELY) & (differing <= CLOSE_BITS) & (colours <= CLOSE_COLOURS)
    return np.asarray(roughly | closely)

"""The gallery in pieces: photos of whole items side by side, read when they are needed and never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.evaluation.ranking.shelf import Shelf
from wearabouts.metrics import Doubles, Integers
from wearabouts.types import Floats

Numbers = npt.NDArray[np.floating]
_READ = 2**23  # bytes read at a time where the whole gallery is gone through


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of the gallery.

    Attributes:
        first: Its first item.
        last: The item after its last.
        position: Where its photos begin on the shelf.
        vectors: (P, D) their vectors, as the gallery has them.
        starts: (items,) row of each item's first photo; None: one row each.
    """

    first: int
    last: int
    position: int
    vectors: Floats
    starts: Integers | None


class Tiles:
    """A gallery as its shelf orders it.

    Args:
        gallery: (N, D) vectors, perhaps a memory map.
        shelf: Which photos, in which order.
    """

    def __init__(self, gallery: Floats, shelf: Shelf) -> None:
        self._gallery, self._shelf = gallery, shelf
        self.photos = len(gallery) if shelf.photos is None else len(shelf.photos)
        self._ends = None if shelf.starts is None else np.append(shelf.starts, self.photos)[1:]
        sizes = np.ones(1, np.int64) if self._ends is None else self._ends - shelf.starts
        self.most = int(sizes.max(initial=1))

    def vectors(self, positions: Integers | slice) -> Floats:
        """The vectors at positions of the shelf."""
        where = positions if self._shelf.photos is None else self._shelf.photos[positions]
        return np.asarray(self._gallery[where])

    def indices(self, positions: Integers) -> Integers:
        """Gallery indices of the photos at positions of the shelf; -1 stays -1."""
        if self._shelf.photos is None:
            return positions
        return np.where(positions < 0, -1, self._shelf.photos[positions])

    def of_items(self, items: Integers) -> tuple[Integers, Integers]:
        """First position of each item, and the one after its last."""
        if self._shelf.starts is None or self._ends is None:
            return items, items + 1
        return self._shelf.starts[items], self._ends[items]

    def bounds(self, photos: int) -> list[tuple[int, int]]:
        """Items [first, last) of tiles of at most so many photos, or of one item with more."""
        if self._ends is None:
            return [(first, min(first + photos, self.photos)) for first in range(0, self.photos, photos)]
        found, first = [], 0
        while first < len(self._ends):
            before = 0 if first == 0 else int(self._ends[first - 1])
            last = max(first + 1, int(np.searchsorted(self._ends, before + photos, side="right")))
            found.append((first, last))
            first = last
        return found

    def tile(self, first: int, last: int) -> Tile:
        """The tile of some items."""
        if self._shelf.starts is None or self._ends is None:
            return Tile(first, last, first, self.vectors(slice(first, last)), None)
        position, end = int(self._shelf.starts[first]), int(self._ends[last - 1])
        starts = self._shelf.starts[first:last] - position
        alone = len(starts) == end - position
        return Tile(first, last, position, self.vectors(slice(position, end)), None if alone else starts)

    def longest(self) -> float:
        """Length of the longest vector, nan where one holds nan."""
        step = max(1, _READ // (8 * max(1, self._gallery.shape[1])))
        lengths = (_longest(self.vectors(rows)) for rows in _slices(self.photos, step))
        return float(np.max(np.fromiter(lengths, np.float64), initial=0.0))


def lengths(vectors: Doubles) -> Doubles:
    """(N,) Euclidean length of each vector."""
    found: Doubles = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return found


def _longest(vectors: Floats) -> float:
    return float(np.max(lengths(vectors.astype(np.float64)), initial=0.0))


def _slices(count: int, step: int) -> Iterator[slice]:
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))

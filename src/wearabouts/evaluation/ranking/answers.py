"""A block of queries while it is ranked: the keys of right answers, what stands ahead of them, the best so far.

A *key* is a similarity in units of 10^-DECIMALS, rounded, times a power of two above the number of items, less the
item's place. Keys are whole numbers below 2^53, exact as doubles and all different: a larger key is a better place,
ties included, so that counting places is comparing keys. What does not compete has the key -inf.
"""

from __future__ import annotations

import numpy as np

from wearabouts.evaluation.ranking.tiles import Numbers, Tile
from wearabouts.metrics import Doubles, Integers
from wearabouts.types import Floats

Pairs = tuple[Integers, Integers]
_SLOTS = 4  # right answers of a row up to which they are counted one after the other, without sorting the tile


class Block:
    """Some queries against a gallery.

    Args:
        vectors: (B, D) of the queries.
        pairs: Right answers: row of the block, rising, and item.
        hidden: What does not compete: row of the block, and position of the photo on the shelf.
        shown: How many of the best keys are kept.
        photos: On the shelf.
    """

    def __init__(self, vectors: Floats, pairs: Pairs, hidden: Pairs | None, shown: int, photos: int) -> None:
        self.narrow = vectors
        self.vectors = vectors.astype(np.float64)
        self.rows, self.items = pairs
        self.bounds = np.searchsorted(self.rows, np.arange(len(vectors) + 1))
        self.keys = np.full(len(self.rows), -np.inf)
        self.ahead = np.zeros(len(self.rows), np.int64)
        self.best = np.full((len(vectors), shown), -np.inf)
        self._photos = photos
        self._hidden = None if hidden is None else np.sort(hidden[0] * photos + hidden[1])

    def settle(self, rows: slice) -> None:
        """Order each row's keys, best first; from then on they can be counted."""
        for row in range(rows.start, rows.stop):
            low, high = self.bounds[row], self.bounds[row + 1]
            if high - low > 1:
                self.keys[low:high] = np.sort(self.keys[low:high])[::-1]

    def answers(self, rows: slice, tile: Tile) -> tuple[Integers, Integers, Integers]:
        """Right answers of some rows that lie in a tile: which, row among the rows, column of the tile."""
        low, high = self.bounds[rows.start], self.bounds[rows.stop]
        items = self.items[low:high]
        which = low + np.flatnonzero((items >= tile.first) & (items < tile.last))
        return which, self.rows[which] - rows.start, self.items[which] - tile.first

    def conceal(self, similarity: Numbers, rows: slice, tile: Tile) -> None:
        """Give hidden photos the similarity -inf in a (rows, photos) tile."""
        if self._hidden is None:
            return
        low, high = np.searchsorted(self._hidden, [rows.start * self._photos, rows.stop * self._photos])
        row, position = np.divmod(self._hidden[low:high], self._photos)
        column = position - tile.position
        inside = (column >= 0) & (column < len(tile.vectors))
        similarity[row[inside] - rows.start, column[inside]] = -np.inf

    def concealed(self, rows: Integers, positions: Integers) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
        """(P,) which pairs of row and photo are hidden; None where nothing is."""
        if self._hidden is None or not len(self._hidden):
            return None
        asked = rows * self._photos + positions
        found = np.minimum(np.searchsorted(self._hidden, asked), len(self._hidden) - 1)
        return np.asarray(self._hidden[found] == asked)

    def offer(self, rows: Integers, keys: Doubles) -> None:
        """Keep the best of what was kept and what is offered."""
        touched, which = np.unique(rows, return_inverse=True)
        shown = self.best.shape[1]
        whose = np.concatenate([which, np.repeat(np.arange(len(touched)), shown)])
        every = np.concatenate([keys, self.best[touched].ravel()])
        order = np.lexsort((-every, whose))
        first = np.searchsorted(whose[order], np.arange(len(touched)))
        self.best[touched] = every[order][first[:, None] + np.arange(shown)]

    def slots(self, rows: slice) -> int:
        """The most right answers one of these rows has."""
        return int(np.diff(self.bounds[rows.start : rows.stop + 1]).max(initial=0))

    def slot(self, rows: slice, place: int) -> tuple[Integers, Integers]:
        """The place-th right answer of each row that has so many: which row among the rows, which answer."""
        having = np.flatnonzero(np.diff(self.bounds[rows.start : rows.stop + 1]) > place)
        return having, self.bounds[rows.start + having] + place

    def weigh(self, keys: Doubles, rows: slice) -> None:
        """Count how many keys of a tile stand ahead of each right answer; `keys` may be sorted in place."""
        if self.slots(rows) <= _SLOTS:
            for place in range(self.slots(rows)):
                having, which = self.slot(rows, place)
                part = keys if len(having) == len(keys) else keys[having]
                self.ahead[which] += counted(part > self.keys[which][:, None])
            return
        keys.sort(axis=1)
        for row in range(rows.start, rows.stop):
            answers = slice(self.bounds[row], self.bounds[row + 1])
            found = np.searchsorted(keys[row - rows.start], self.keys[answers], side="right")
            self.ahead[answers] += keys.shape[1] - found

    def ranks(self) -> list[Integers]:
        """Rising ranks of each row's competing right answers."""
        competing = self.keys > -np.inf
        among = np.arange(len(self.keys)) - self.bounds[self.rows]
        places = (self.ahead + among + 1)[competing]
        sizes = np.bincount(self.rows[competing], minlength=len(self.vectors))
        ends = np.cumsum(sizes)
        return [places[start:end] for start, end in zip((ends - sizes).tolist(), ends.tolist(), strict=True)]


def counted(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Integers:
    """How many are true in each row; long rows one by one, which is eight times as fast as along an axis."""
    return np.fromiter((np.count_nonzero(row) for row in mask), np.int64, len(mask))

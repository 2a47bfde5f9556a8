"""Where newer photos would lie in the base's index, so that a search need not compare with all of them.

The newest few are always compared. The others are placed, a part at each write, in the lists of the index; a search
then passes over those that cannot matter, by the same geometry by which it passes over rows of the base.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from wearabouts.stores.embedded.generations.columns import Growing
from wearabouts.stores.embedded.generations.filtering import Mask
from wearabouts.stores.embedded.indexes import Index, Lists
from wearabouts.stores.embedded.indexes.scanning import last_of, margin
from wearabouts.types import Floats

FROM: Final = 2_048  # newer photos up to which comparing with all of them costs nothing to speak of
STEP: Final = 128  # placed at once at least: a matrix product is cheaper than as many vectors
MOST: Final = 512  # and at most, so that no write waits long for it

Placed = tuple[Lists, Floats]

NONE_PLACED: Final[Placed] = (np.zeros(0, np.int32), np.zeros(0, np.float32))


class Placing:
    """The list, and the distance from its direction, of the first so many photos of a delta."""

    def __init__(self, index: Index) -> None:
        """Nothing is placed so far, nor ever where an index has no lists."""
        self._place = getattr(index, "place", None)
        self._lists = Growing(np.int32)
        self._distances = Growing(np.float32)

    def go_on(self, vectors: Floats) -> None:
        """Place some more.

        Args:
            vectors: (n, D) float32, all of the delta.
        """
        done = self._lists.size
        if self._place is None or len(vectors) < FROM or len(vectors) - done < STEP:
            return
        lists, distances = self._place(vectors[done : done + MOST])
        self._lists.extend(lists)
        self._distances.extend(distances)

    def filled(self) -> Placed:
        """What is placed so far."""
        return self._lists.filled(), self._distances.filled()


def promising(
    index: Index, placed: Placed, query: Floats, scores: Floats, count: int, alive: Mask, *, effort: float, far: bool
) -> Mask:
    """The rows of a delta that are worth comparing.

    Args:
        index: Of the base.
        placed: What is placed of the delta.
        query: (D,) float32 of length 1.
        scores: What was found in the base.
        count: How many are asked for.
        alive: (n,) bool, the rows that may be given.
        effort: As in `Index.near`.
        far: Whether a filter may have removed the query's neighbourhood.
    """
    lists, distances = placed
    worth = getattr(index, "worth", None)
    if worth is None or not len(lists) or len(scores) < count:
        return alive
    limit = last_of(scores, count) - margin(len(query))
    kept = alive.copy()
    kept[: len(lists)] &= worth(query, limit, lists, distances, effort=effort, far=far)
    return kept

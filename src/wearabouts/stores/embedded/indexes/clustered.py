"""The clustered index: vectors sorted into lists of neighbours, of which a search goes through those that can matter.

Which lists can matter is a question of geometry, asked anew by each search (`_worth`). Let a list's direction be c and
the root mean square of the distances of its vectors from c be s. The best similarity that is to be expected in it is
q·c + r·s. `r`, the reach, is tuned once (`tuning`); a list is gone through as long as that lies above the similarity of
the `count`-th best row found so far. Nothing in this counts lists or rows: where a filter removes a query's whole
neighbourhood, the `count`-th best lies lower, so the search looks further by itself, and an easy query ends early.
The rows of a list are neighbours in the file too, and are compared in full: there are no codes whose error would have
to be made up for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.indexes import Allowed, Facts, Lists, Mask, Places, Require, checked_lists, parting
from wearabouts.stores.embedded.indexes.scanning import best, kept, margin, nearest, scored, scored_all
from wearabouts.types import Floats

FIRST: Final = 8  # lists gone through before the reach is asked
STEP: Final = 4_096  # rows gone through before it is asked again; each further step is twice as long
REACH: Final = 1.0  # of an index that was not tuned
MAX_REACH: Final = 4.0  # similarities differ by 2 at most, and a list is hardly narrower than a half


class ClusteredMaking:
    """Learns the lists from a sample, then sorts every vector into one and measures how wide each is."""

    def __init__(self, lists: int, sample: Floats, seed: int) -> None:
        self._centroids = parting.centroids(np.ascontiguousarray(sample, np.float32), lists, seed)
        self._sorter = parting.Sorter(self._centroids)
        self._sizes = np.zeros(len(self._centroids), np.int64)
        self._squares = np.zeros(len(self._centroids))

    def assign(self, vectors: Floats) -> Lists:
        """The list of each vector."""
        lists, squares = self._sorter.assign(np.ascontiguousarray(vectors, np.float32))
        self._sizes += np.bincount(lists, minlength=len(self._sizes))
        self._squares += np.bincount(lists, squares, minlength=len(self._sizes))
        return lists

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """``centroids`` (L, D) float32, ``spread`` (L,) float32 and ``lists``."""
        spread = np.sqrt(self._squares / np.maximum(self._sizes, 1))
        # A list of equals may be told from a few; a newcomer to it would lie elsewhere. None is taken as thinner than
        # a third of the middle one.
        least = np.median(spread[self._sizes > 0]) / 3 if self._sizes.any() else 0.0
        return {
            "centroids": self._centroids,
            "spread": np.maximum(spread, least).astype(np.float32),
            "lists": np.concatenate([np.zeros(1, np.int64), np.cumsum(self._sizes)]),
        }


class Clustered:
    """`wearabouts.stores.embedded.indexes.Index` over lists; exact within every list it goes through."""

    kind = "clustered"

    def __init__(
        self, arrays: Mapping[str, npt.NDArray[Any]], vectors: Floats, facts: Facts, require: Require | None
    ) -> None:
        if require is not None:
            for name, array in arrays.items():
                require(name, np.zeros(1, np.int64), np.full(1, len(array)))
        self.vectors = vectors
        self.lists = checked_lists(arrays, len(vectors))
        self.centroids = _finite(arrays, "centroids", (len(self.lists) - 1, vectors.shape[1]))
        self.spread = _finite(arrays, "spread", (len(self.lists) - 1,))
        self.reach = _reach(facts)
        self._sizes = np.diff(self.lists)
        self._require = require

    @staticmethod
    def making(lists: int, sample: Floats, seed: int) -> ClusteredMaking:
        """Fit the lists to a sample."""
        return ClusteredMaking(lists, sample, seed)

    def tuned(self, seed: int) -> dict[str, Any]:
        """How far searches have to look."""
        from wearabouts.stores.embedded.indexes.tuning import reach

        return {"reach": reach(self, seed)}

    def allow(self, mask: Mask) -> Allowed:
        """Counts what is left in each list."""
        return kept(mask, self.lists)

    def near(
        self,
        query: Floats,
        count: int,
        *,
        allowed: Allowed | None = None,
        alive: Mask | None = None,
        exact: bool = False,
        effort: float = 1.0,
    ) -> tuple[Floats, Places]:
        """Goes through the lists that can matter, the most promising first."""
        if exact or count >= len(self.vectors) or (allowed is not None and allowed.rows is not None):
            return nearest(self.vectors, query, count, allowed, alive, self._require)
        promise = scored_all(self.centroids, query) + np.float32(self.reach * effort) * self.spread
        sizes = self._sizes if allowed is None else allowed.each
        masks = [each for each in (None if allowed is None else allowed.mask, alive) if each is not None]
        promise[sizes == 0] = -np.inf
        slack = margin(self.vectors.shape[1])
        first = min(len(promise), FIRST + 2 * count * len(promise) // max(1, int(sizes.sum())))
        chosen: Places = np.argpartition(promise, len(promise) - first)[len(promise) - first :]
        scores, rows = np.zeros(0, np.float32), np.zeros(0, np.int64)
        step = STEP
        while len(chosen):
            found = self._rows(chosen, masks)
            scores = np.concatenate([scores, scored(self.vectors, query, found)])
            rows = np.concatenate([rows, found])
            scores, rows = best(scores, rows, count, slack)
            promise[chosen] = -np.inf
            limit = float(scores.min()) if len(scores) >= count else -2.0
            chosen = _next(promise, limit, sizes, step)
            step *= 2
        return scores, rows

    def _rows(self, chosen: Places, masks: list[Mask]) -> Places:
        """The rows of some lists that may be given."""
        starts, sizes = self.lists[chosen], self._sizes[chosen]
        if self._require is not None:
            self._require("vectors", starts, starts + sizes)
        stops = np.cumsum(sizes)
        rows: Places = np.repeat(starts - stops + sizes, sizes) + np.arange(stops[-1])
        for mask in masks:
            rows = rows[mask[rows]]
        return rows

    def describe(self) -> dict[str, Any]:
        """Its lists and its reach."""
        return {"kind": self.kind, "lists": len(self._sizes), "reach": round(self.reach, 3)}


def _next(promise: Floats, limit: float, sizes: Places, step: int) -> Places:
    """The most promising lists that can still matter, with about `step` rows between them."""
    waiting: Places = np.flatnonzero(promise >= limit)
    if int(sizes[waiting].sum()) > step:
        waiting = waiting[np.argsort(-promise[waiting])]
        waiting = waiting[: 1 + int(np.searchsorted(np.cumsum(sizes[waiting]), step))]
    return waiting


def _finite(arrays: Mapping[str, npt.NDArray[Any]], name: str, shape: tuple[int, ...]) -> Floats:
    array = arrays.get(name)
    if array is None or array.shape != shape or array.dtype != np.float32:
        raise ValueError(f"the {name} of the index are not {shape} float32")
    if not np.isfinite(array).all():
        raise ValueError(f"the {name} of the index are not all finite")
    return array


def _reach(facts: Facts) -> float:
    reach = facts.get("reach", REACH)
    if not isinstance(reach, int | float) or not 0 <= reach <= MAX_REACH:
        raise ValueError(f"the reach of the index is {reach!r}; allowed is 0 to {MAX_REACH:g}")
    return float(reach)

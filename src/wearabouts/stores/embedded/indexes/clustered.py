"""The clustered index: vectors sorted into lists of neighbours, of which a search goes through those that can matter.

Which lists can matter is a question of geometry, asked anew by each search. Let c be a list's direction and R the
distance of its farthest vector from c. The best similarity that is to be expected in it is q·c + r·R: r, the reach,
would be 1 if that vector lay exactly towards the query; among hundreds of dimensions that does not happen, and how near
to it things come is tuned once, on the vectors themselves (`tuning`). A list is gone through as long as what is
expected of it lies above the `count`-th best row found so far, and of its rows those whose own distance from c is
enough for that.

Nothing in this counts lists or rows. Where a filter removes a query's whole neighbourhood, the `count`-th best lies
lower, and the search looks further by itself; an easy query ends early. What is then found are the stragglers of many
lists, and they lie where they do because it is towards the query: such searches have a reach of their own.

The rows of a list are neighbours in the file too, and are compared in full: there are no codes whose error would have
to be made up for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.indexes import (
    Allowed,
    Facts,
    Lists,
    Mask,
    Places,
    Progress,
    Require,
    checked_lists,
    parting,
)
from wearabouts.stores.embedded.indexes.allowed import kept
from wearabouts.stores.embedded.indexes.scanning import WHOLE, best, margin, nearest, scored, scored_all
from wearabouts.types import Floats

FIRST: Final = 8  # lists gone through before the reach is asked
STEP: Final = 4_096  # rows gone through before it is asked again; each further step is twice as long
REACHES: Final = {"reach": 0.5, "far_reach": 0.7}  # of an index that was not tuned
MAX_REACH: Final = 4.0
LEAST_SHARE: Final = 8
TINY: Final = 1e-3  # instead of nothing, where something is divided by it
OPPOSED: Final = 0.5  # of what is to be expected near a query: a filter that leaves less removes its neighbourhood


class ClusteredMaking:
    """Learns the lists from a sample, then sorts every vector into one and measures how wide each is."""

    def __init__(self, lists: int, sample: Floats, seed: int, progress: Progress) -> None:
        self._centroids = parting.centroids(np.ascontiguousarray(sample, np.float32), lists, seed, progress)
        self._sorter = parting.Sorter(self._centroids)
        self._lists: list[Lists] = []
        self._distances: list[Floats] = []

    def assign(self, vectors: Floats) -> Lists:
        """The list of each vector."""
        lists, distances = self._sorter.assign(np.ascontiguousarray(vectors, np.float32))
        self._lists.append(lists)
        self._distances.append(distances)
        return lists

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """``centroids`` (L, D) float32, ``radius`` (L,) float32, ``share`` (N,) uint8 and ``lists``.

        The share of a row is its distance from its list's direction, in 255ths of the radius, rounded up.
        """
        lists = np.concatenate([np.zeros(0, np.int32), *self._lists])
        distances = np.concatenate([np.zeros(0, np.float32), *self._distances])
        sizes = np.bincount(lists, minlength=len(self._centroids))
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        order = np.argsort(lists, kind="stable")
        distances = distances[order]
        radius = np.zeros(len(self._centroids), np.float32)
        if len(lists):
            radius[sizes > 0] = np.maximum.reduceat(distances, starts[:-1][sizes > 0])
        # A list of one has no width of its own, nor has one of equals: a third of the middle one's is the least.
        least = max(float(np.median(radius[sizes > 0])) / 3, TINY) if len(lists) else TINY
        radius = np.maximum(radius, np.float32(least))
        share = np.ceil(WHOLE * distances / np.repeat(radius, sizes))
        return {
            "centroids": self._centroids,
            "radius": radius,
            "share": np.clip(share, LEAST_SHARE, WHOLE).astype(np.uint8),
            "lists": starts,
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
        self.radius = _finite(arrays, "radius", (len(self.lists) - 1,))
        if not (self.radius > 0).all():
            raise ValueError("a radius of the index is not above 0")
        self.share = arrays.get("share", np.zeros(0))
        if self.share.shape != (len(vectors),) or self.share.dtype != np.uint8:
            raise ValueError(f"the shares of the index are not ({len(vectors)},) uint8")
        self.reach, self.far_reach = (_reach(facts, name) for name in REACHES)
        self._sizes = np.diff(self.lists)
        self._sorter: parting.Sorter | None = None
        self._require = require

    @staticmethod
    def making(lists: int, sample: Floats, seed: int, progress: Progress) -> ClusteredMaking:
        """Fit the lists to a sample."""
        return ClusteredMaking(lists, sample, seed, progress)

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
        similarity = scored_all(self.centroids, query)
        sizes, total = self._sizes, len(self.vectors) if allowed is None else max(1, allowed.count)
        slack = margin(self.vectors.shape[1])
        first = FIRST + 2 * count * len(sizes) // max(1, total)
        width = np.float32(max(effort * self.reach, TINY)) * self.radius
        promise = similarity + width
        chosen = _most(promise, first)
        opposed, share = self._left(chosen, allowed, alive)
        if opposed:
            if allowed is not None:
                sizes, share = allowed.counted(self.lists), 1.0
            width = np.float32(max(effort * self.far_reach, TINY)) * self.radius
            promise = np.where(sizes > 0, similarity + width, np.float32(-np.inf))
            chosen = _most(promise, first)
        scores, rows = np.zeros(0, np.float32), np.zeros(0, np.int64)
        limit, step = -2.0, STEP / share
        while len(chosen):
            need = (limit - similarity[chosen]) / width[chosen]
            found = self._rows(chosen, need, allowed, alive)
            scores = np.concatenate([scores, scored(self.vectors, query, found)])
            rows = np.concatenate([rows, found])
            scores, rows = best(scores, rows, count, slack)
            promise[chosen] = -np.inf
            if len(scores) >= count:
                limit = float(scores.min())
            chosen = _next(promise, limit, sizes, step)
            step *= 2
        return scores, rows

    def _left(self, near: Places, allowed: Allowed | None, alive: Mask | None) -> tuple[bool, float]:
        """Whether a filter, or deletions, remove what is in the lists near the query; and the part the filter keeps."""
        if allowed is None and alive is None:
            return False, 1.0
        rows, share, opposed = self._all_rows(near), 1.0, False
        if allowed is not None:
            share = float(np.count_nonzero(allowed.holds(rows))) / max(1, len(rows))
            opposed = len(self.vectors) * share < OPPOSED * allowed.count
        if alive is not None:
            opposed = opposed or bool(np.count_nonzero(alive[rows]) < OPPOSED * len(rows))
        return opposed, max(share, TINY)

    def _all_rows(self, chosen: Places) -> Places:
        starts, sizes = self.lists[chosen], self._sizes[chosen]
        stops = np.cumsum(sizes)
        rows: Places = np.repeat(starts - stops + sizes, sizes) + np.arange(stops[-1])
        return rows

    def _rows(self, chosen: Places, need: Floats, allowed: Allowed | None, alive: Mask | None) -> Places:
        """The rows of some lists that may be given, and lie as far out as they need to."""
        starts, sizes = self.lists[chosen], self._sizes[chosen]
        if self._require is not None:
            self._require("vectors", starts, starts + sizes)
        rows = self._all_rows(chosen)
        if need.max() > 0:
            least = np.clip(np.floor(WHOLE * need), 0, WHOLE).astype(np.uint8)
            rows = rows.take(np.flatnonzero(self.share.take(rows) >= np.repeat(least, sizes)))
        if allowed is not None:
            rows = rows.take(np.flatnonzero(allowed.holds(rows)))
        return rows if alive is None else rows.take(np.flatnonzero(alive.take(rows)))

    def place(self, vectors: Floats) -> tuple[Lists, Floats]:
        """Where vectors that are not in it would lie: (n,) int32 lists, and their distances from their directions."""
        if self._sorter is None:
            self._sorter = parting.Sorter(self.centroids)
        return self._sorter.assign(np.ascontiguousarray(vectors, np.float32))

    def worth(
        self, query: Floats, limit: float, lists: Lists, distances: Floats, *, effort: float = 1.0, far: bool = False
    ) -> Mask:
        """Which of some placed vectors may be as similar as `limit`, as far as searches look: (n,) bool.

        Args:
            query: (D,) float32 of length 1.
            limit: A similarity.
            lists: From `place`.
            distances: From `place`.
            effort: As in `near`.
            far: Look as far as where a filter has removed the query's neighbourhood.
        """
        reach = np.float32(max(effort * (self.far_reach if far else self.reach), TINY))
        return np.asarray(scored_all(self.centroids, query)[lists] + reach * distances >= limit)

    def describe(self) -> dict[str, Any]:
        """Its lists and its reach."""
        return {
            "kind": self.kind,
            "lists": len(self._sizes),
            "reach": round(self.reach, 3),
            "far_reach": round(self.far_reach, 3),
        }


def _most(values: Floats, count: int) -> Places:
    """The places of the `count` largest, or of all, in no order."""
    first = max(0, len(values) - count)
    found: Places = np.argpartition(values, first)[first:]
    return found


def _next(promise: Floats, limit: float, sizes: Places, step: float) -> Places:
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


def _reach(facts: Facts, name: str) -> float:
    reach = facts.get(name, REACHES[name])
    if not isinstance(reach, int | float) or not 0 <= reach <= MAX_REACH:
        raise ValueError(f"the {name} of the index is {reach!r}; allowed is 0 to {MAX_REACH:g}")
    return float(reach)

"""Every query against the whole gallery, block by block, exactly: the ranks that all figures are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.metrics import Doubles, Integers, relevant_ranks
from wearabouts.types import Floats

DECIMALS = 6  # what float32 vectors can tell
_BLOCK = 4_000_000  # similarities held at a time: 32 MB, whatever the size of the gallery


@dataclass(frozen=True, slots=True)
class Ranked:
    """Where the right answers stood, and what stood in front.

    Attributes:
        ranks: Per query the rising ranks of its relevant items; empty where the gallery has none.
        nearest: (Q, shown) gallery photo indices of the first items, each item by its best photo.
    """

    ranks: list[Integers]
    nearest: Integers


def rank(
    queries: Floats,
    gallery: Floats,
    query_truths: Sequence[str],
    gallery_truths: Sequence[str],
    *,
    items: Sequence[str] | None = None,
    query_kinds: Sequence[str] | None = None,
    gallery_kinds: Sequence[str] | None = None,
    shown: int = 3,
) -> Ranked:
    """Rank the gallery for each query by cosine.

    Args:
        queries: (Q, D) float32 unit vectors.
        gallery: (N, D) float32 unit vectors, in order of id (ties keep it).
        query_truths: Q labels; a gallery item is relevant when its label is the same.
        gallery_truths: N labels.
        items: N names of what a photo shows; photos of one item count once, by the best of them. None: each photo is
            an item.
        query_kinds: Q kinds; given, only gallery photos of the query's kind are ranked (needs `gallery_kinds` too).
        gallery_kinds: N kinds.
        shown: How many of the first items are named per query.
    """
    names = np.arange(len(gallery)).astype(str) if items is None else np.asarray(items)
    # Items in the order of their first photo; the photos of one item side by side.
    _, first, which = np.unique(names, return_index=True, return_inverse=True)
    place = np.argsort(np.argsort(first))[which] if items is not None else np.arange(len(gallery))
    photos = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[photos], prepend=-1))
    truths = np.asarray(gallery_truths)[photos[starts]]
    count = min(shown, len(starts))
    columns = gallery[photos].astype(np.float64).T
    ranks: list[Integers] = []
    nearest = np.zeros((len(queries), count), np.int64)
    size = max(1, _BLOCK // max(1, len(gallery)))
    for start in range(0, len(queries), size):
        rows = slice(start, start + size)
        # In double precision, so that rounding makes copies of one vector equal wherever in a block they stand.
        similarity = np.round(queries[rows].astype(np.float64) @ columns, DECIMALS)
        if query_kinds is not None and gallery_kinds is not None:
            other = np.asarray(query_kinds[rows])[:, None] != np.asarray(gallery_kinds)[photos][None, :]
            similarity[other] = -np.inf
        best = np.maximum.reduceat(similarity, starts, axis=1)
        relevant = (np.asarray(query_truths[rows])[:, None] == truths[None, :]) & (best > -np.inf)
        ranks += relevant_ranks(best, relevant)
        nearest[rows] = _best_photos(similarity, best, photos, starts, count)
    return Ranked(ranks, nearest)


def _best_photos(similarity: Doubles, best: Doubles, photos: Integers, starts: Integers, count: int) -> Integers:
    ends = np.append(starts[1:], len(photos))
    order = np.argsort(-best, axis=1, kind="stable")[:, :count]
    found = np.empty(order.shape, np.int64)
    for row, items in enumerate(order):
        for column, item in enumerate(items):
            within = similarity[row, starts[item] : ends[item]]
            found[row, column] = photos[starts[item] + int(np.argmax(within))]
    return found


def measured(ranks: Sequence[Integers]) -> npt.NDArray[np.bool_]:
    """(Q,) which queries have any right answer in the gallery; the others have no figure."""
    return np.array([len(row) > 0 for row in ranks], dtype=bool)

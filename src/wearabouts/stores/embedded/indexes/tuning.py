"""How far a clustered index has to look: tried out on queries that are not copies of anything stored.

No shop's queries are known when its index is made. So queries are made from the vectors stored, in ways in which a
photo taken in the street differs from the one in the shop: moved by noise, half way to another of the same
neighbourhood, half way out of it. What each would have had to look through is known from comparing it with everything,
and the reach is what the hardest of these kinds needs, and a margin.

For searches whose filter removes the query's neighbourhood, such filters are made too: the vectors fall into groups
that have nothing to do with the lists, as a shop's categories have not, and those nearest to the query are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.indexes import Progress
from wearabouts.stores.embedded.indexes.clustered import Clustered
from wearabouts.stores.embedded.indexes.scanning import WHOLE
from wearabouts.types import Floats

QUERIES: Final = (100, 200)  # of each kind, at least and at most
COMPARISONS: Final = 10**8  # of the queries of a kind with all vectors, between these two
COUNTS: Final = (10, 20, 100)  # neighbours asked for
GOAL: Final = 0.9995  # of all true neighbours lie within reach
MARGIN: Final = 1.15  # times what the sample needed: real queries differ from made ones
LEAST: Final = 0.4  # and MOST: a reach beyond these says more of the made queries than of real ones
MOST: Final = 1.0
NEARBY: Final = (100, 1_000)  # ranks of the neighbours towards which queries are moved
NOISE: Final = (0.95, 0.8)  # similarity to what they were made from
ANY: Final = 0.5  # share of any other vector that is mixed in

FAR_QUERIES: Final = 100
FAR_COUNT: Final = 20
FAR_GOAL: Final = 0.997
GROUPS: Final = 300
REMOVED: Final = (0.1, 0.5)  # of all vectors, those nearest to the query
CHUNK: Final = 2**13  # vectors compared at once


def tuned(index: Clustered, seed: int, progress: Progress) -> dict[str, float]:
    """How far searches in this index have to look.

    Args:
        index: Opened with facts or without.
        seed: Of the queries.
        progress: Told how far it is.
    """
    near = reach(index, seed, lambda part: progress(0.6 * part))
    far = far_reach(index, seed, lambda part: progress(0.6 + 0.4 * part))
    return {"reach": near, "far_reach": max(near, far)}


def reach(index: Clustered, seed: int, progress: Progress) -> float:
    """The reach at which all kinds of made queries find `GOAL` of their true neighbours, times `MARGIN`."""
    counts = [count for count in COUNTS if count <= len(index.vectors)]
    if not counts:
        return index.reach
    kinds = _made(index, np.random.default_rng(seed))
    queries = np.concatenate(kinds)
    best = _Best(len(queries), max(counts))
    for start, chunk in _chunks(index.vectors, progress):
        found = faiss.knn(queries, chunk, min(max(counts), len(chunk)), metric=faiss.METRIC_INNER_PRODUCT)
        best.add(found[0], found[1] + start)
    scores, rows = best.sorted()
    needed = []
    for count in counts:
        needs = _needed(index, queries, rows[:, :count], scores[:, count - 1])
        needed += [np.quantile(part, GOAL) for part in np.split(needs, len(kinds))]
    return float(np.clip(MARGIN * max(needed), LEAST, MOST))


def far_reach(index: Clustered, seed: int, progress: Progress) -> float:
    """The same for queries whose nearest groups are left out."""
    generator = np.random.default_rng(seed)
    count = len(index.vectors)
    if count < 4 * GROUPS:
        return index.far_reach
    middles = np.asarray(index.vectors[np.sort(generator.choice(count, GROUPS, replace=False))])
    queries = _made(index, generator)[1][:FAR_QUERIES]
    order = np.argsort(-(queries @ middles.T), axis=1)
    groups = [
        np.argmax(chunk @ middles.T, axis=1) for _, chunk in _chunks(index.vectors, lambda part: progress(part / 2))
    ]
    before = np.cumsum(np.bincount(np.concatenate(groups), minlength=GROUPS)[order], axis=1)
    left_out = [np.zeros(order.shape, np.bool_) for _ in REMOVED]
    for mask, removed in zip(left_out, REMOVED, strict=True):
        np.put_along_axis(mask, order, before <= removed * count, axis=1)
    best = [_Best(len(queries), FAR_COUNT) for _ in REMOVED]
    chunks = _chunks(index.vectors, lambda part: progress((1 + part) / 2))
    for (start, chunk), group in zip(chunks, groups, strict=True):
        scores = queries @ chunk.T
        for each, mask in zip(best, left_out, strict=True):
            left = np.where(mask[:, group], -np.inf, scores).astype(np.float32)
            each.add(left, np.broadcast_to(np.arange(start, start + len(chunk)), left.shape))
    needs = [_needed(index, queries, rows, scores[:, -1]) for scores, rows in (each.sorted() for each in best)]
    return float(np.clip(MARGIN * max(np.quantile(each, FAR_GOAL) for each in needs), LEAST, MOST))


class _Best:
    """The best rows of each query so far."""

    def __init__(self, queries: int, count: int) -> None:
        self._count = count
        self._scores = np.full((queries, count), -np.inf, np.float32)
        self._rows = np.zeros((queries, count), np.int64)

    def add(self, scores: Floats, rows: npt.NDArray[np.int64]) -> None:
        """Take what is better from more rows: two arrays of (queries, any)."""
        if scores.shape[1] > self._count:
            best = np.argpartition(scores, scores.shape[1] - self._count, axis=1)[:, -self._count :]
            scores, rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)
        scores, rows = np.concatenate([self._scores, scores], axis=1), np.concatenate([self._rows, rows], axis=1)
        best = np.argpartition(scores, scores.shape[1] - self._count, axis=1)[:, -self._count :]
        self._scores, self._rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)

    def sorted(self) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Scores and rows, best first."""
        order = np.argsort(-self._scores, axis=1, kind="stable")
        return np.take_along_axis(self._scores, order, 1), np.take_along_axis(self._rows, order, 1)


def _chunks(vectors: Floats, progress: Progress) -> Iterator[tuple[int, Floats]]:
    for start in range(0, len(vectors), CHUNK):
        yield start, vectors[start : start + CHUNK]
        progress(min(1.0, (start + CHUNK) / len(vectors)))


def _needed(index: Clustered, queries: Floats, rows: npt.NDArray[np.int64], last: Floats) -> npt.NDArray[np.float64]:
    """The reach at which each true neighbour is looked at: (queries, neighbours)."""
    lists = np.searchsorted(index.lists, rows, side="right") - 1
    promised = np.stack([index.centroids[each] @ query for each, query in zip(lists, queries, strict=True)])
    distance = index.radius[lists] * index.share[rows] / WHOLE
    return np.asarray((last[:, None] - promised) / distance, np.float64)


def _made(index: Clustered, generator: np.random.Generator) -> list[Floats]:
    """Queries of each kind, the same number of each."""
    count = len(index.vectors)
    wanted = min(count, max(QUERIES[0], min(QUERIES[1], COMPARISONS // count)))
    rows = generator.choice(count, wanted, replace=False)
    chosen = np.asarray(index.vectors[rows])
    kinds = []
    for similarity in NOISE:
        noise = _unit(generator.standard_normal(chosen.shape))
        kinds.append(_unit(similarity * chosen + (1 - similarity**2) ** 0.5 * noise))
    for rank in NEARBY:
        near = [index.near(query, min(rank, count)) for query in chosen]
        others = np.asarray([found[np.argmin(scores)] for scores, found in near])
        kinds.append(_unit(chosen + index.vectors[others]))
    kinds.append(_unit(chosen + ANY * index.vectors[generator.integers(count, size=len(chosen))]))
    return kinds


def _unit(vectors: npt.NDArray[np.floating]) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)

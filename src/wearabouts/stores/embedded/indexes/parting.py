"""Sorting vectors into lists of neighbours: k-means twice over, first into regions, then within each region."""

from __future__ import annotations

from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.indexes import Lists, Progress
from wearabouts.types import Floats

ROUNDS: Final = 10  # of Lloyd's algorithm
SEEN: Final = 40  # vectors for each centroid
FEW: Final = 32  # regions whose lists are all compared with every vector
LOOKED: Final = 4  # regions in which a vector looks for its list, where there are more


def centroids(sample: Floats, lists: int, seed: int, progress: Progress) -> Floats:
    """The directions of so many lists.

    One k-means into thousands of lists takes minutes; one into regions, and another within each, seconds.

    Args:
        sample: (n, D) float32 of length 1.
        lists: At least 1; fewer are made where the sample is smaller.
        seed: Of the choice of the first centroids.
        progress: Told the part that is done after each region.

    Returns:
        (L, D) float32 of length 1, those of one region side by side.
    """
    if not len(sample):
        return np.eye(1, sample.shape[1], dtype=np.float32)
    lists = min(lists, len(sample))
    regions = max(1, round(lists**0.5))
    middle = _means(sample, regions, seed)
    region = _nearest(middle, sample)
    sizes = np.bincount(region, minlength=len(middle)).astype(np.int64)
    parts = _apportioned(sizes, lists)
    order = np.argsort(region, kind="stable")
    stops = np.cumsum(sizes)
    found = []
    for place, (size, stop, part) in enumerate(zip(sizes.tolist(), stops.tolist(), parts.tolist(), strict=True)):
        progress(place / len(sizes))
        if part:
            found.append(_means(sample[order[stop - size : stop]], part, seed + place))
    return np.concatenate(found)


def _means(vectors: Floats, count: int, seed: int) -> Floats:
    if count >= len(vectors):
        return vectors.copy()
    settings = faiss.ClusteringParameters()
    settings.niter, settings.seed, settings.spherical = ROUNDS, seed + 1, True
    settings.min_points_per_centroid, settings.max_points_per_centroid = 1, SEEN
    making = faiss.Clustering(vectors.shape[1], count, settings)
    making.train(vectors, faiss.IndexFlatIP(vectors.shape[1]))
    return np.asarray(faiss.vector_float_to_array(making.centroids), np.float32).reshape(count, -1)


def _nearest(centres: Floats, vectors: Floats) -> Lists:
    return np.asarray(_flat(centres).search(vectors, 1)[1][:, 0], np.int32)


def _apportioned(sizes: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """Whole numbers that sum to `total`, in proportion to the sizes and never above them (Hamilton's method)."""
    exact = sizes * (total / sizes.sum())
    parts = np.minimum(np.floor(exact).astype(np.int64), sizes)
    while (missing := total - int(parts.sum())) > 0:
        room = np.flatnonzero(parts < sizes)
        chosen = room[np.argsort(parts[room] - exact[room], kind="stable")[:missing]]
        parts[chosen] += 1
    return np.asarray(parts, np.int64)


def _flat(centres: Floats) -> faiss.Index:
    index = faiss.IndexFlatIP(centres.shape[1])
    index.add(centres)
    return index


def _by_region(centres: Floats, regions: int) -> faiss.Index:
    dim = centres.shape[1]
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, regions, faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid = 1
    index.cp.spherical = True
    index.train(centres)
    index.add(centres)
    index.nprobe = LOOKED
    return index


class Sorter:
    """Finds the list of each vector: the nearest of all centroids, or of those of the nearest regions when many."""

    def __init__(self, centres: Floats) -> None:
        regions = round(len(centres) ** 0.5)
        self._index = _flat(centres) if regions <= FEW else _by_region(centres, regions)

    def assign(self, vectors: Floats) -> tuple[Lists, Floats]:
        """The list of each vector, (n,) int32, and its distance from the list's direction, (n,) float32."""
        similarity, lists = self._index.search(vectors, 1)
        squares = np.maximum(2 - 2 * similarity[:, 0].astype(np.float64), 0)
        return np.asarray(lists[:, 0], np.int32), np.sqrt(squares).astype(np.float32)

"""Comparing a query with rows of vectors that lie in memory or in a mapped file: every row, or those asked for."""

from __future__ import annotations

from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.indexes import Allowed, Places, Require
from wearabouts.types import Floats

NARROW: Final = 8  # a filter that keeps fewer than one row in so many is gone through row by row
CHUNK: Final = 2**16  # rows whose scores are held at once


def margin(dim: int) -> float:
    """How far below another a single-precision score must lie to be surely lower.

    A single-precision dot product of unit vectors is off by at most D x 2^-24 (Higham, Accuracy and Stability of
    Numerical Algorithms, 3.1), so twice that parts two of them; this is three times that.
    """
    return 3 * dim * 2.0**-24


def scored(vectors: Floats, query: Floats, rows: Places) -> Floats:
    """Inner products with the rows asked for, where they lie, without a copy and without the GIL.

    Args:
        vectors: (N, D) float32, contiguous.
        query: (D,) float32, contiguous.
        rows: (n,) int64, contiguous, each in 0 … N - 1.
    """
    scores = np.empty(len(rows), np.float32)
    pointers = [faiss.swig_ptr(each) for each in (scores, query, vectors, rows)]
    faiss.fvec_inner_products_by_idx(*pointers, vectors.shape[1], 1, len(rows))  # type: ignore[attr-defined] # by SWIG
    return scores


def best(scores: Floats, rows: Places, count: int, slack: float) -> tuple[Floats, Places]:
    """The `count` best, and all within `slack` of the last of them."""
    if len(scores) <= count:
        return scores, rows
    limit = np.partition(scores, len(scores) - count)[len(scores) - count] - slack
    kept = np.flatnonzero(scores >= limit)
    return scores[kept], rows[kept]


def nearest(
    vectors: Floats, query: Floats, count: int, allowed: Allowed, require: Require | None
) -> tuple[Floats, Places]:
    """The `count` best of all rows allowed, and all within rounding of the last of them.

    Runs on the calling thread alone, so that searches never multiply threads.
    """
    total = len(vectors)
    if allowed.count == 0:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    if allowed.count * NARROW < total:
        rows: Places = np.flatnonzero(allowed.mask)
        if require is not None:
            require("vectors", rows, rows + 1)
        return best(scored(vectors, query, rows), rows, count, margin(vectors.shape[1]))
    if require is not None:
        require("vectors", np.zeros(1, np.int64), np.full(1, total, np.int64))
    scores, places = _all(vectors, query, allowed.mask)
    return best(scores, places, count, margin(vectors.shape[1]))


def _all(vectors: Floats, query: Floats, mask: npt.NDArray[np.bool_]) -> tuple[Floats, Places]:
    scores = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), CHUNK):
        part = vectors[start : start + CHUNK]
        pointers = [faiss.swig_ptr(each) for each in (scores[start : start + CHUNK], query, part)]
        faiss.fvec_inner_products_ny(*pointers, vectors.shape[1], len(part))  # type: ignore[attr-defined] # by SWIG
    if mask.all():
        return scores, np.arange(len(scores), dtype=np.int64)
    rows: Places = np.flatnonzero(mask)
    return scores[rows], rows

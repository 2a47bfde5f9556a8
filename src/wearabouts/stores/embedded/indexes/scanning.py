"""Comparing a query with rows of vectors that lie in memory or in a mapped file."""

from __future__ import annotations

from typing import Final

import faiss
import numpy as np

from wearabouts.stores.embedded.indexes import Allowed, Mask, Places, Require
from wearabouts.types import Floats

WHOLE: Final = 255  # the share of a row that lies as far out as any of its list
CHUNK: Final = 2**16  # rows scored before the worst of them are forgotten


def margin(dim: int) -> float:
    """How far below another a single-precision score must lie to be surely lower.

    A single-precision dot product of unit vectors is off by at most D x 2^-24 (Higham, Accuracy and Stability of
    Numerical Algorithms, 3.1), so twice that parts two of them; this is three times that.
    """
    return 3 * dim * 2.0**-24


def scored(vectors: Floats, query: Floats, rows: Places) -> Floats:
    """Inner products with the rows asked for, where they lie: no copy, no GIL, no other thread.

    Args:
        vectors: (N, D) float32, contiguous.
        query: (D,) float32, contiguous.
        rows: (n,) int64, contiguous, each in 0 … N - 1.
    """
    scores = np.empty(len(rows), np.float32)
    pointers = [faiss.swig_ptr(each) for each in (scores, query, vectors, rows)]
    # It would begin a team of threads for its one query, and on a busy machine wait for them. The setting is that of
    # the calling thread alone.
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        faiss.fvec_inner_products_by_idx(  # type: ignore[attr-defined] # made by SWIG
            *pointers, vectors.shape[1], 1, len(rows)
        )
    finally:
        faiss.omp_set_num_threads(threads)
    return scores


def scored_all(vectors: Floats, query: Floats) -> Floats:
    """Inner products with every row, on the calling thread alone and without the GIL.

    Args:
        vectors: (N, D) float32, contiguous.
        query: (D,) float32, contiguous.
    """
    scores = np.empty(len(vectors), np.float32)
    pointers = [faiss.swig_ptr(each) for each in (scores, query, vectors)]
    faiss.fvec_inner_products_ny(*pointers, vectors.shape[1], len(vectors))  # type: ignore[attr-defined] # by SWIG
    return scores


def last_of(scores: Floats, count: int) -> float:
    """The `count`-th best score; -inf where there are fewer."""
    return float(np.partition(scores, len(scores) - count)[len(scores) - count]) if len(scores) >= count else -np.inf


def best(scores: Floats, rows: Places, count: int, slack: float) -> tuple[Floats, Places]:
    """The `count` best, and all within `slack` of the last of them."""
    if len(scores) <= count:
        return scores, rows
    kept = np.flatnonzero(scores >= last_of(scores, count) - slack)
    return scores[kept], rows[kept]


def nearest(
    vectors: Floats,
    query: Floats,
    count: int,
    allowed: Allowed | None = None,
    alive: Mask | None = None,
    require: Require | None = None,
) -> tuple[Floats, Places]:
    """The `count` best of all rows that may be given, and all within rounding of the last of them.

    Args:
        vectors: (N, D) float32, contiguous.
        query: (D,) float32 of length 1, contiguous.
        count: How many.
        allowed: Only these; None for all.
        alive: (N,) bool; None where nothing was deleted.
        require: Called before rows are read.
    """
    slack = margin(vectors.shape[1])
    if allowed is not None and allowed.rows is not None:
        rows = allowed.rows if alive is None else allowed.rows[alive[allowed.rows]]
        if require is not None:
            require("vectors", rows, rows + 1)
        return best(scored(vectors, query, rows), rows, count, slack)
    scores, places = np.zeros(0, np.float32), np.zeros(0, np.int64)
    for start in range(0, len(vectors), CHUNK):
        part = slice(start, min(start + CHUNK, len(vectors)))
        if require is not None:
            require("vectors", np.asarray([part.start]), np.asarray([part.stop]))
        found, where = _part(vectors, query, part, allowed, alive)
        if len(scores) >= count:  # only what may still matter is kept
            better = np.flatnonzero(found >= last_of(scores, count) - slack)
            found, where = found[better], where[better]
        scores, places = np.concatenate([scores, found]), np.concatenate([places, where])
        scores, places = best(scores, places, count, slack)
    return scores, places


def _part(
    vectors: Floats, query: Floats, part: slice, allowed: Allowed | None, alive: Mask | None
) -> tuple[Floats, Places]:
    wanted = [] if allowed is None else [allowed.holds(part)]
    wanted += [] if alive is None else [alive[part]]
    if not wanted:
        return scored_all(vectors[part], query), np.arange(part.start, part.stop)
    rows = np.flatnonzero(wanted[0] if len(wanted) == 1 else wanted[0] & wanted[1]) + part.start
    if 2 * len(rows) < part.stop - part.start:
        return scored(vectors, query, rows), rows
    return scored_all(vectors[part], query)[rows - part.start], rows

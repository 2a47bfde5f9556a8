"""Searching a view: the nearest living rows that the filters keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import faiss
import numpy as np

from wearabouts.errors import QueryError
from wearabouts.stores.embedded.columns import Mask
from wearabouts.stores.embedded.view import Places, View
from wearabouts.stores.where import parse
from wearabouts.types import Floats, Ranking

FEW: Final = 2_048  # rows left by a filter up to which scoring just these beats a scan
SPARE: Final = 32  # neighbours asked beyond `count`, so that rounding and ties at the edge are seen
REMEMBERED: Final = 32  # filters whose result a view keeps
CHUNK: Final = 4_096  # rows scored at once in double precision


def search(view: View, vector: Floats, count: int, where: str | None, garments: Sequence[str]) -> Ranking:
    """The `count` nearest living rows that the filters keep; exact, ties by photo id."""
    mask = _mask(view, where, tuple(garments))
    left = int(np.count_nonzero(mask))
    count = min(count, left)
    if not count:
        return Ranking((), (), np.zeros(0, np.float32))
    found = np.flatnonzero(mask) if left <= FEW else _near(view, vector, count, mask)
    similarity = _scored(view, vector, found)
    ids = view.photo_ids(found)
    order = sorted(range(len(found)), key=lambda place: (-similarity[place], ids[place]))[:count]
    return Ranking(tuple(ids[place] for place in order), tuple(view.product_ids(found[order])), similarity[order])


def _mask(view: View, where: str | None, garments: tuple[str, ...]) -> Mask:
    if where is None and not garments:
        return view.alive
    known = view.kept.get((where, garments))
    if known is not None:
        return known
    products = view.present
    if where is not None:
        products = products & view.columns.mask(parse(where))
    if garments:
        products = products & view.columns.among("garment", garments)
    mask = view.spread(products)
    if len(view.kept) < REMEMBERED:
        view.kept[where, garments] = mask
    return mask


def _near(view: View, vector: Floats, count: int, mask: Mask) -> Places:
    """Rows among which the `count` best surely are: everything within the scan's rounding of the last of them.

    A single-precision dot product of unit vectors is off by at most D x 2^-24 (Higham, Accuracy and Stability of
    Numerical Algorithms, 3.1), so no row further than twice that below the `count`-th score can belong; the
    margin is three times that.
    """
    margin = 3 * len(vector) * 2.0**-24
    if count > CHUNK:
        return _all_near(view, vector, count, mask, margin)
    size = len(view.base.vectors)
    parts = [(view.base.vectors, mask[:size], 0), (view.vectors, mask[size:], size)]
    scores, places, complete = [], [], []
    for vectors, part, offset in parts:
        score, place = scanned(vectors, vector, count + SPARE, part)
        scores.append(score)
        places.append(place + offset)
        # What a full list may have left out scores at most its last.
        complete.append(score[-1] if len(score) == count + SPARE else -np.inf)
    score, place = np.concatenate(scores), np.concatenate(places)
    limit = np.partition(score, -count)[-count] - margin
    if max(complete) < limit:
        return np.asarray(place[score >= limit], np.int64)
    return _all_near(view, vector, count, mask, margin)


def _all_near(view: View, vector: Floats, count: int, mask: Mask, margin: float) -> Places:
    """The same by scoring every row: for crowds of equal photos at the edge."""
    score = np.concatenate([view.base.vectors @ vector, view.vectors @ vector])
    score[~mask] = -np.inf
    limit = np.partition(score, -count)[-count] - margin
    return np.flatnonzero(mask & (score >= limit))


def _scored(view: View, vector: Floats, places: Places) -> Floats:
    """Similarities in double precision, rounded once: equal photos tie, whichever way each was found."""
    exact = vector.astype(np.float64)
    parts = [
        (view.gathered(places[start : start + CHUNK]).astype(np.float64) * exact).sum(axis=1)
        for start in range(0, len(places), CHUNK)
    ]
    return np.asarray(np.clip(np.concatenate(parts), -1, 1), np.float32)


def scanned(vectors: Floats, query: Floats, count: int, mask: Mask) -> tuple[Floats, Places]:
    """The best rows of one contiguous part by inner product: FAISS's flat scan over our own memory, without a copy.

    Runs on the calling thread alone and without the GIL, so that searches never multiply threads.

    Args:
        vectors: (N, D) float32, contiguous.
        query: (D,) float32, contiguous.
        count: How many at most.
        mask: (N,) bool, the rows allowed.

    Returns:
        Scores and rows, best first; fewer than `count` only where fewer are allowed.
    """
    count = min(count, int(np.count_nonzero(mask)))
    if not count:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    score, place = np.empty(count, np.float32), np.empty(count, np.int64)
    bits = np.packbits(mask, bitorder="little")
    # Always with a selector: measured five times as fast as FAISS's path without one.
    selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
    pointers = [faiss.swig_ptr(each) for each in (query, vectors, score, place)]
    faiss.knn_inner_product(
        pointers[0], pointers[1], vectors.shape[1], 1, len(vectors), count, pointers[2], pointers[3], selector
    )
    return score, place


def checked_query(vector: Floats, dim: int, count: int) -> Floats:
    """The query in the form the scan needs.

    Raises:
        QueryError: Not (dim,) finite floats of length 1, or a count below 1.
    """
    array = np.asarray(vector)
    if array.shape != (dim,) or array.dtype.kind != "f":
        raise QueryError(
            f"the query vector is {array.shape} {array.dtype}; this store holds ({dim},) float32; use its encoder"
        )
    length = float(np.linalg.norm(array.astype(np.float64)))
    if not abs(length - 1) <= 1e-3:
        raise QueryError(f"the query vector has length {length:.4g}; allowed is 1 within 0.001; normalise it")
    if count < 1:
        raise QueryError(f"{count} results were asked for; allowed is 1 or more")
    return np.ascontiguousarray(array, np.float32)

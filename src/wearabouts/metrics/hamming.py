"""Binary codes: how many bits differ, and what a ranking by so coarse a distance is worth.

With K bits there are K + 1 distances, so most of a gallery is tied with its neighbours, and a mean average precision
depends on who comes first among equals. `average_precision` gives the mean over all orders of the tied: nobody's luck.
Where a list is needed, `nearest` puts tied photos in the gallery's order, as every search here does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


def distances(queries: Bytes, gallery: Bytes) -> npt.NDArray[np.int32]:
    """How many bits of each pair of codes differ.

    Args:
        queries: (Q, B) uint8, eight bits a byte.
        gallery: (N, B) uint8.

    Returns:
        (Q, N) int32 in [0, 8 B].
    """
    if queries.dtype != np.uint8 or gallery.dtype != np.uint8 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"codes must be uint8 and of one length, not {queries.dtype} {queries.shape} and "
            f"{gallery.dtype} {gallery.shape}"
        )
    # With bits as +1 and -1, a product of matrices counts agreements less differences, exactly: 8 B < 2**24.
    signs = [np.unpackbits(codes, axis=1).astype(np.float32) * 2 - 1 for codes in (queries, gallery)]
    agreement = signs[0] @ signs[1].T
    return np.asarray((8 * queries.shape[1] - agreement) / 2, dtype=np.int32)


def nearest(queries: Bytes, gallery: Bytes, count: int) -> Integers:
    """The photos whose codes differ in the fewest bits; tied ones in the gallery's order.

    Args:
        queries: (Q, B) uint8.
        gallery: (N, B) uint8.
        count: How many a query, at least 1; all where there are no more.

    Returns:
        (Q, min(count, N)) int64 places in the gallery.
    """
    size = len(gallery)
    key = distances(queries, gallery).astype(np.int64) * size + np.arange(size)  # no two keys of a row are equal
    if count < size:
        key = np.partition(key, count - 1, axis=1)[:, :count]
    return np.asarray(np.sort(key, axis=1) % size)


def average_precision(found: npt.NDArray[np.int32], relevant: npt.NDArray[np.bool_]) -> Doubles:
    """Average precision of a ranking by a whole-numbered distance, its mean over all orders of tied photos.

    With R relevant photos in all, and at distance d in the ranking's order n_d photos, r_d of them relevant, behind N_d
    photos with R_d relevant:

        AP = 1/R Σ_d r_d/n_d Σ_{i=1..n_d} ( R_d + 1 + (i - 1) (r_d - 1) / (n_d - 1) ) / (N_d + i).

    The inner term is the precision expected where a relevant photo stands at place i of its tie: itself, all before the
    tie, and of the i - 1 others before it the share that is relevant. (With n_d = 1 the last part is 0.)

    Args:
        found: (Q, N) distances, at least 0.
        relevant: (Q, N) bool; every row must have one.

    Returns:
        (Q,) in (0, 1].

    Source: McSherry & Najork, *Computing information retrieval performance measures efficiently in the presence of tied
        scores*, ECIR 2008.
    """
    if found.shape != relevant.shape:
        raise ValueError(f"distances {found.shape} and relevant {relevant.shape} must both be (queries, gallery)")
    if not relevant.any(axis=1).all():
        raise ValueError("a query has no relevant photo: its average precision is not defined")
    size = found.shape[1]
    harmonic = np.concatenate(([0.0], np.cumsum(1 / np.arange(1, size + 1))))
    values = np.empty(len(found))
    for row, (distance, right) in enumerate(zip(found, relevant, strict=True)):
        counts = np.bincount(distance)
        hits = np.bincount(distance[right], minlength=len(counts))
        before, before_hits = np.cumsum(counts) - counts, np.cumsum(hits) - hits
        tied = hits > 0
        n, r, past, past_hits = (part[tied].astype(np.float64) for part in (counts, hits, before, before_hits))
        slope = np.divide(r - 1, n - 1, out=np.zeros_like(n), where=n > 1)
        # Σ 1/(N+i) is a difference of harmonic numbers h, and Σ (i-1)/(N+i) = n - (N+1) h.
        h = harmonic[(past + n).astype(np.int64)] - harmonic[past.astype(np.int64)]
        each = (past_hits + 1) * h + slope * (n - (past + 1) * h)
        values[row] = float((r / n * each).sum() / r.sum())
    return values

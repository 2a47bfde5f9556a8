"""Search in two stages with binary codes: few bits to find candidates, their vectors to order them.

The coarse stage reads K / 8 bytes a photo where the vectors have four a float; the fine stage reads the vectors of the
shortlist alone. The order of the result is that of the vectors among the candidates, so it can be no better than the
codes let through: report both, as the shortlist grows the result comes nearer to the exact one.

Source: Lin et al., CVPR Workshops 2015 (`wearabouts.models.codes`). Differs: a fixed number of candidates in place of
    a greatest distance, so that every query gets an answer.
"""

from __future__ import annotations

import numpy as np

from wearabouts.metrics.hamming import Bytes, Integers, nearest
from wearabouts.types import Floats

AT_ONCE = 100  # queries ranked together: their distances to a million photos take a gigabyte


def two_stages(codes: tuple[Bytes, Bytes], vectors: tuple[Floats, Floats], shortlist: int, count: int) -> Integers:
    """The best photos of each query.

    Args:
        codes: Of queries (Q, B) and gallery (N, B), uint8.
        vectors: Of queries (Q, D) and gallery (N, D), float32 of length 1; their cosine orders as Euclid's distance,
            which the paper uses, would.
        shortlist: How many candidates the codes give; tied ones in the gallery's order.
        count: How many of them are returned.

    Returns:
        (Q, min(count, shortlist, N)) int64 places in the gallery, best first; equal ones in the gallery's order.
    """
    if not 0 < count <= shortlist:
        raise ValueError(f"count must be from 1 to the shortlist's {shortlist}, not {count}")
    parts = []
    for start in range(0, len(codes[0]), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        # In the gallery's order, so that equal similarities keep it.
        candidates = np.sort(nearest(codes[0][rows], codes[1], shortlist), axis=1)
        score = np.einsum("qd,qnd->qn", vectors[0][rows], vectors[1][candidates])
        order = np.argsort(-score, axis=1, kind="stable")[:, :count]
        parts.append(np.take_along_axis(candidates, order, axis=1))
    return np.concatenate(parts) if parts else np.zeros((0, min(count, len(codes[1]))), np.int64)

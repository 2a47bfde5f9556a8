"""Same item or not: how many pairs of a query and its own photos are missed when few others may pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from wearabouts import metrics
from wearabouts.metrics import OperatingPoint
from wearabouts.types import Floats

RATES = (0.1, 0.01, 0.001)
DIFFERENT = 200_000  # pairs drawn: a thousandth of them is still two hundred
_BLOCK = 10_000  # pairs at a time


def operating_points(
    queries: Floats,
    gallery: Floats,
    query_truths: Sequence[str],
    gallery_truths: Sequence[str],
    *,
    seed: int = 0,
    rates: Sequence[float] = RATES,
) -> tuple[tuple[float, OperatingPoint], ...]:
    """FNMR at each false match rate.

    Args:
        queries: (Q, D) float32 unit vectors.
        gallery: (N, D) float32 unit vectors.
        query_truths: Q labels; a pair is the same where labels are.
        gallery_truths: N labels.
        seed: Of the draw of different pairs.
        rates: False match rates allowed; those that the different pairs at hand cannot tell are left out.

    Returns:
        Rate and what it costs; empty where there are no same or no different pairs.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, truth in enumerate(gallery_truths):
        places[truth].append(place)
    same = np.array([(row, place) for row, truth in enumerate(query_truths) for place in places.get(truth, ())])
    rng = np.random.default_rng(seed)
    drawn = np.column_stack([rng.integers(0, len(queries), DIFFERENT), rng.integers(0, len(gallery), DIFFERENT)])
    if len(queries) * len(gallery) <= DIFFERENT:  # few enough to take every one
        drawn = np.indices((len(queries), len(gallery))).reshape(2, -1).T
    labels, codes = np.unique([*query_truths, *gallery_truths], return_inverse=True)
    del labels
    asked, there = codes[: len(queries)], codes[len(queries) :]
    different = drawn[asked[drawn[:, 0]] != there[drawn[:, 1]]]
    if not len(same) or not len(different):
        return ()
    scores = _similar(queries, gallery, same), _similar(queries, gallery, different)
    return tuple((rate, metrics.fnmr_at_fmr(*scores, rate)) for rate in rates if rate * len(different) >= 1)


def _similar(queries: Floats, gallery: Floats, pairs: np.ndarray) -> Floats:
    found = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), _BLOCK):
        part = pairs[start : start + _BLOCK]
        found[start : start + _BLOCK] = np.einsum("pd,pd->p", queries[part[:, 0]], gallery[part[:, 1]])
    return found

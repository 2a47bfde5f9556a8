"""How far a clustered index has to look: tried out on queries that are not copies of anything stored.

No shop's queries are known when its index is made. So queries are made from the vectors stored, in ways in which a
photo taken in the street differs from the one in the shop: moved by noise, half way to another of the same
neighbourhood, half way out of it. What each would have had to look through is known from comparing it with everything,
and the reach is what the hardest of these kinds needs, and a margin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import faiss
import numpy as np
import numpy.typing as npt

from wearabouts.types import Floats

if TYPE_CHECKING:
    from wearabouts.stores.embedded.indexes.clustered import Clustered

QUERIES: Final = 200  # of each kind
COUNTS: Final = (10, 20, 100)  # neighbours asked for
GOAL: Final = 0.9995  # of all true neighbours lie within reach
MARGIN: Final = 1.15  # times what the sample needed: real queries differ from made ones
LEAST: Final = 0.5  # and MOST: a reach beyond these says more of the sample than of the shop
MOST: Final = 2.0
NEARBY: Final = (100, 1_000)  # ranks of the neighbours towards which queries are moved
NOISE: Final = (0.95, 0.8)  # similarity to what they were made from
ANY: Final = 0.5  # share of any other vector that is mixed in


def reach(index: Clustered, seed: int) -> float:
    """The reach at which all kinds of made queries find `GOAL` of their true neighbours, times `MARGIN`."""
    kinds = _made(index, np.random.default_rng(seed))
    counts = [count for count in COUNTS if count <= len(index.vectors)]
    if not kinds or not counts:
        return index.reach
    queries = np.concatenate(kinds)
    scores, rows = faiss.knn(queries, index.vectors, max(counts), metric=faiss.METRIC_INNER_PRODUCT)
    lists = np.searchsorted(index.lists, rows, side="right") - 1
    promised = np.stack([index.centroids[each] @ query for each, query in zip(lists, queries, strict=True)])
    needed = []
    for count in counts:
        needs = (scores[:, count - 1, None] - promised[:, :count]) / index.spread[lists[:, :count]]
        needed += [np.quantile(part, GOAL) for part in np.split(needs, len(kinds))]
    return float(np.clip(MARGIN * max(needed), LEAST, MOST))


def _made(index: Clustered, generator: np.random.Generator) -> list[Floats]:
    """Queries of each kind, the same number of each."""
    count = len(index.vectors)
    rows = generator.choice(count, min(QUERIES, count), replace=False)
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

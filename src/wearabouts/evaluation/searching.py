"""Exact rankings as a protocol asks for them: within a category, by product or by photo, with one or several truths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from wearabouts.evaluation.dividing import Entry
from wearabouts.evaluation.protocols.values import Retrieval
from wearabouts.evaluation.ranking import Ranked, rank
from wearabouts.metrics import Integers
from wearabouts.types import Floats

NOWHERE = -1  # in `Ranked.nearest`: the gallery is smaller than what was to be shown


def ranking(
    rules: Retrieval,
    queries: Sequence[Entry],
    vectors: Floats,
    gallery: Sequence[Entry],
    gallery_vectors: Floats,
    *,
    coarse: bool = False,
    shown: int = 3,
) -> Ranked:
    """Rank the gallery for every query.

    Args:
        rules: Says what is searched for a query and what is ranked.
        queries: Who asks.
        vectors: (Q, D) float32 unit vectors of them.
        gallery: In order of id, which decides ties.
        gallery_vectors: (N, D) float32 unit vectors of them.
        coarse: Whether the laxer truth counts.
        shown: How many of the first are named.

    Returns:
        As `ranking.rank`; `nearest` has `NOWHERE` where fewer than `shown` are searched.
    """

    def truths(entry: Entry) -> tuple[str, ...]:
        return (entry.coarse,) if coarse else entry.truths

    ranks: list[Integers] = [np.zeros(0, np.int64)] * len(queries)
    nearest = np.full((len(queries), shown), NOWHERE, np.int64)
    searched = _by_kind(gallery) if rules.within else {"": np.arange(len(gallery))}
    asking = _by_kind(queries) if rules.within else {"": np.arange(len(queries))}
    for kind, asks in asking.items():
        places = searched.get(kind)
        if places is None:
            continue
        there = [gallery[place] for place in places]
        found = _ranked(
            [queries[ask] for ask in asks], vectors[asks], there, gallery_vectors[places], rules, truths, shown
        )
        for ask, row in zip(asks, found.ranks, strict=True):
            ranks[ask] = row
        nearest[asks, : found.nearest.shape[1]] = places[found.nearest]
    return Ranked(ranks, nearest)


def _by_kind(entries: Sequence[Entry]) -> dict[str, Integers]:
    found: dict[str, list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        found[entry.kind].append(place)
    return {kind: np.array(places, np.int64) for kind, places in found.items()}


def _ranked(
    queries: Sequence[Entry],
    vectors: Floats,
    gallery: Sequence[Entry],
    gallery_vectors: Floats,
    rules: Retrieval,
    truths: Callable[[Entry], tuple[str, ...]],
    shown: int,
) -> Ranked:
    """A query with several right answers that share no label is asked once for each, and the ranks are put together."""
    rows = np.array([row for row, query in enumerate(queries) for _ in truths(query)], np.int64)
    found = rank(
        vectors if len(rows) == len(queries) else vectors[rows],
        gallery_vectors,
        [truth for query in queries for truth in truths(query)],
        [truths(entry)[0] if truths(entry) else "" for entry in gallery],
        items=[entry.product for entry in gallery] if rules.items else None,
        shown=shown,
    )
    if len(rows) == len(queries):
        return found
    together: list[list[Integers]] = [[] for _ in queries]
    nearest = np.empty((len(queries), found.nearest.shape[1]), np.int64)
    for place, row in enumerate(rows):
        together[row].append(found.ranks[place])
        nearest[row] = found.nearest[place]
    return Ranked([np.unique(np.concatenate(parts)) for parts in together], nearest)

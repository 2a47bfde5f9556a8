"""Exact rankings as a protocol asks for them: within a category, by product or by photo, with one or several truths."""

from __future__ import annotations

from collections.abc import Sequence

from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.protocols.values import Retrieval
from wearabouts.evaluation.ranking import Ranked, rank
from wearabouts.types import Floats

NOWHERE = -1  # in `Ranked.nearest`: fewer are searched than were to be shown


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
    """

    def truths(entry: Entry) -> tuple[str, ...]:
        return (entry.coarse,) if coarse else entry.truths

    return rank(
        vectors,
        gallery_vectors,
        [truths(query) for query in queries],
        [next(iter(truths(entry)), "") for entry in gallery],
        items=[entry.product for entry in gallery] if rules.items else None,
        query_kinds=[query.kind for query in queries] if rules.within else None,
        gallery_kinds=[entry.kind for entry in gallery] if rules.within else None,
        shown=shown,
    )

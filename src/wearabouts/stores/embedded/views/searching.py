"""Searching a view: the nearest living rows that the filters keep, from the base's index and from the delta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from wearabouts.stores.embedded.indexes.scanning import best, margin, nearest
from wearabouts.stores.embedded.views.placing import promising
from wearabouts.stores.embedded.views.view import Places, View
from wearabouts.stores.records import checked_query as checked_query
from wearabouts.types import Floats, Ranking

CHUNK: Final = 4_096  # rows scored at once in double precision


def search(
    view: View,
    vector: Floats,
    count: int,
    where: str | None = None,
    garments: Sequence[str] = (),
    *,
    exact: bool = False,
    effort: float = 1.0,
) -> Ranking:
    """The `count` nearest living rows that the filters keep, ties by photo id.

    Args:
        view: What is searched.
        vector: (D,) float32 of length 1, contiguous.
        count: How many; fewer are given only where fewer are left.
        where: A filter, or None.
        garments: Only photos of products that count as one of these; empty for all.
        exact: Compare with everything.
        effort: Above 1, let the index look further than it was tuned to.

    Raises:
        QueryError: The filter cannot be read or has no meaning.
    """
    size = len(view.base)
    alive = view.alive[size:]
    allowed = None
    if where is not None or garments:
        allowed, since = view.filtered(where, tuple(garments))
        alive = alive & since
    scores, rows = view.base.index.near(vector, count, allowed=allowed, alive=view.buried, exact=exact, effort=effort)
    if len(alive):
        if not exact:
            far = allowed is not None or view.buried is not None
            index, placed = view.base.index, view.placed
            alive = promising(index, placed, vector, scores, count, alive, effort=effort, far=far)
        newer, places = nearest(view.vectors, vector, count, alive=alive)
        scores, rows = np.concatenate([scores, newer]), np.concatenate([rows, places + size])
        scores, rows = best(scores, rows, count, margin(len(vector)))
    return _ranked(view, vector, rows, count)


def _ranked(view: View, vector: Floats, rows: Places, count: int) -> Ranking:
    """The `count` best of some rows."""
    similarity = _scored(view, vector, rows)
    order = np.argsort(-similarity, kind="stable")
    if len(order) > count:  # equals of the last one may come before it by their ids
        order = order[: int(np.searchsorted(-similarity[order], -similarity[order[count - 1]], side="right"))]
    rows, similarity = rows[order], similarity[order]
    ids = view.photo_ids(rows)
    if np.any(similarity[1:] == similarity[:-1]):
        by_id = sorted(range(len(ids)), key=lambda place: (-similarity[place], ids[place]))
        rows, similarity, ids = rows[by_id], similarity[by_id], [ids[place] for place in by_id]
    return Ranking(tuple(ids[:count]), tuple(view.product_ids(rows[:count])), similarity[:count])


def _scored(view: View, vector: Floats, rows: Places) -> Floats:
    """Similarities in double precision, rounded once: equal photos tie, whichever way each was found."""
    exact = vector.astype(np.float64)
    parts = [
        (view.gathered(rows[start : start + CHUNK]).astype(np.float64) * exact).sum(axis=1)
        for start in range(0, len(rows), CHUNK)
    ]
    return np.asarray(np.clip(np.concatenate([np.zeros(0), *parts]), -1, 1), np.float32)

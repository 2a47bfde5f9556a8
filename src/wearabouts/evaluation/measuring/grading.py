"""NDCG with grades: how many of the query's attributes the first photos share with it, beside the best possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.measuring.searching import NOWHERE
from wearabouts.metrics import Doubles, Integers

_BLOCK = 8_000_000  # grades held at a time


@dataclass(frozen=True, slots=True)
class Grades:
    """Gains of the first places.

    Attributes:
        found: (Q, K) gains in the order that the encoder gave; 0 where nothing stands.
        best: (Q, K) gains in the best order that the gallery has.
    """

    found: Doubles
    best: Doubles

    def at(self, k: int) -> Doubles:
        """NDCG@k of every query: (Q,) in [0, 1]; nan where nothing searched shares anything, or nothing is known."""
        k = min(k, self.found.shape[1])
        discounts = 1 / np.log2(np.arange(2, k + 2))
        most = self.best[:, :k] @ discounts
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(most > 0, self.found[:, :k] @ discounts / most, np.nan))


def graded(queries: Sequence[Entry], gallery: Sequence[Entry], nearest: Integers, within: bool) -> Grades:
    """Grade what came first.

    Args:
        queries: Their `facts` are the attributes that are known of them.
        gallery: What was searched.
        nearest: (Q, K) places in `gallery`, `NOWHERE` for none.
        within: Whether only the query's own category was searched.

    Returns:
        Gains 2^r - 1, r in [0, 1] the share of the query's known attributes that the photo has with the same value.
    """
    codes: dict[tuple[str, str], int] = {}
    for entry in (*queries, *gallery):
        for fact in known(entry.facts):
            codes.setdefault(fact, len(codes))
    searched = _rows(gallery, codes)
    kinds = np.array([entry.kind for entry in gallery])
    depth = nearest.shape[1]
    found, best = np.zeros((len(queries), depth)), np.zeros((len(queries), depth))
    size = max(1, _BLOCK // max(1, len(gallery)))
    for start in range(0, len(queries), size):
        rows = slice(start, start + size)
        asking = _rows(queries[rows], codes)
        shares = asking @ searched.T / np.maximum(asking.sum(axis=1, keepdims=True), 1)
        if within:
            shares[np.array([entry.kind for entry in queries[rows]])[:, None] != kinds[None, :]] = 0
        gains = np.exp2(shares.astype(np.float64)) - 1
        places = nearest[rows]
        found[rows] = np.where(places == NOWHERE, 0, np.take_along_axis(gains, np.maximum(places, 0), axis=1))
        count = min(depth, len(gallery))
        top = -np.partition(-gains, count - 1, axis=1)[:, :count]
        best[rows, :count] = -np.sort(-top, axis=1)
    return Grades(found, best)


def known(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Attribute and value, without those whose value is not known."""
    return [(name, value) for name, value in facts.items() if value]


def _rows(entries: Sequence[Entry], codes: Mapping[tuple[str, str], int]) -> np.ndarray:
    rows = np.zeros((len(entries), max(1, len(codes))), np.float32)
    for row, entry in zip(rows, entries, strict=True):
        row[[codes[fact] for fact in known(entry.facts)]] = 1
    return rows

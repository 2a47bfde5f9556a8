"""How good vectors and labels are on held-out rows, by the figures of `wearabouts.metrics`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from wearabouts import metrics
from wearabouts.training.data.rows import Supervision
from wearabouts.types import Floats

AT_ONCE = 500  # queries ranked at once


def retrieval(vectors: Floats, held: Supervision) -> dict[str, float]:
    """Search the shop photos with each street photo: products are ranked by their nearest photo.

    Where no product has both sides, as among photos of one side, every photo is asked in turn for the other photos of
    its product.

    Args:
        vectors: (N, D) float32 of length 1, of the rows of `held`.
        held: Rows; their products say what is right.

    Returns:
        ``R@1``, ``R@10`` (hit rates) and ``mAP``, means over the queries that have an answer; empty where none has.
    """
    street, shop = np.flatnonzero(held.street), np.flatnonzero(~held.street)
    asked = street[np.isin(held.product[street], held.product[shop])]
    one_side = not len(asked)
    if one_side:
        products, counts = np.unique(held.product, return_counts=True)
        asked = np.flatnonzero(np.isin(held.product, products[counts > 1]))
        shop = np.arange(len(held))
    if not len(asked):
        return {}
    ranks: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(asked), AT_ONCE):
        rows = asked[start : start + AT_ONCE]
        similarity = vectors[rows] @ vectors[shop].T
        if one_side:
            similarity[np.arange(len(rows)), rows] = -np.inf  # a photo is not its own answer
            right = (held.product[rows][:, None] == held.product[None]) & (rows[:, None] != shop[None])
            ranks += metrics.relevant_ranks(similarity, right)
        else:
            nearest, products = _by_product(similarity, held.product[shop])
            ranks += metrics.relevant_ranks(nearest, held.product[rows][:, None] == products[None])
    return {
        "R@1": float(metrics.hit_rate(ranks, 1).mean()),
        "R@10": float(metrics.hit_rate(ranks, 10).mean()),
        "mAP": float(metrics.average_precision(ranks).mean()),
    }


def labels(
    held: Supervision, categories: Floats | None = None, attributes: Mapping[str, Floats] | None = None
) -> dict[str, float]:
    """How often the classes and attribute values given are right, over the rows where they are known.

    Args:
        held: Rows; those of unknown class or value do not count.
        categories: (N, C) scores, larger is likelier.
        attributes: Name → (N, V) scores.

    Returns:
        ``category``, ``category top-3``, ``<attribute>``, and ``attributes``, the mean over attributes.
    """
    figures: dict[str, float] = {}
    known = held.category >= 0
    if categories is not None and known.any():
        for name, k in (("category", 1), ("category top-3", 3)):
            figures[name] = float(metrics.top_k_accuracy(categories[known], held.category[known], k).mean())
    each: list[float] = []
    for column, name in enumerate(held.vocabulary.attributes):
        truth = held.attributes[:, column]
        known = truth >= 0
        if attributes is not None and name in attributes and known.any():
            right = float(metrics.top_k_accuracy(attributes[name][known], truth[known]).mean())
            figures[name] = right
            each.append(right)
    if each:
        figures["attributes"] = float(np.mean(each))
    return figures


def _by_product(similarity: Floats, products: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Each product's best similarity (Q, P), and which product stands where."""
    order = np.argsort(products, kind="stable")
    names, first = np.unique(products[order], return_index=True)
    return np.maximum.reduceat(similarity[:, order], first, axis=1), names

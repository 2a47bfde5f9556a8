"""How high the true product comes among those of its category, by cosine and once the first K have been judged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wearabouts import metrics
from wearabouts.training.wtbi.features import Features, Integers
from wearabouts.training.wtbi.mining import shortlist
from wearabouts.types import Floats

AT = (1, 5, 20)  # 20 is the paper's

Judge = Callable[[Floats, Floats, int], Floats]


def product_ranks(features: Features, judge: Judge | None, k: int) -> Integers:
    """Rank of each street photo's product among the products of its category.

    A product counts once, with its best row: what is on the shortlist comes first, by the judge's word, then the rest
    by cosine; ties in order of the products' numbers.

    Args:
        features: Of held-out photos.
        judge: (n, D) street vectors, (n, D) shop vectors and their category → (n,) probabilities; None for cosine.
        k: Length of the shortlist.

    Returns:
        One rank for each street photo whose category is known and whose product has a shop photo in it.
    """
    lists: list[Integers] = []
    if judge is not None:
        lists = shortlist(features.street, features.shop, features.street_category, features.shop_category, k)
    ranks = []
    for query in np.flatnonzero(features.street_category >= 0):
        category, truth = features.street_category[query], features.street_product[query]
        pool = np.flatnonzero(features.shop_category == category)
        if not (features.shop_product[pool] == truth).any():
            continue
        score = np.asarray(features.shop[pool] @ features.street[query], np.float64)
        if judge is not None:
            first = lists[query]
            street = np.broadcast_to(features.street[query], (len(first), features.street.shape[1]))
            # Probabilities end at 1, cosines begin at -1: three apart, the shortlist is wholly before the rest.
            score[np.searchsorted(pool, first)] = judge(street, features.shop[first], int(category)) + 3.0
        ranks.append(_rank(score, features.shop_product[pool], truth))
    return np.array(ranks, np.int64)


def _rank(score: metrics.Doubles, product: Integers, truth: int) -> int:
    names, places = np.unique(product, return_inverse=True)
    best = np.full(len(names), -np.inf)
    np.maximum.at(best, places, score)
    right = int(np.searchsorted(names, truth))
    return 1 + int((best > best[right]).sum()) + int((best[:right] == best[right]).sum())


def figures(features: Features, judge: Judge | None, k: int) -> dict[str, float]:
    """Retrieval in category of held-out photos; empty where none can be searched for.

    Returns:
        ``R@1``, ``R@5``, ``R@20``: share of street photos whose product is among so many first products; ``mAP``: with
        one true product a photo, the mean of one over its rank; ``queries``.
    """
    ranks = product_ranks(features, judge, k)
    if not len(ranks):
        return {}
    rows = [[int(rank)] for rank in ranks]
    told = {f"R@{at}": float(metrics.hit_rate(rows, at).mean()) for at in AT}
    return told | {"mAP": float(metrics.average_precision(rows).mean()), "queries": float(len(ranks))}

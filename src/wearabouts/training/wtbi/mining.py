"""Which pairs the pair network learns from: each street photo's nearest shop photos of its category, by cosine.

Of the first K by cosine, those of the true product are the positives and all others the negatives, each of which the
plain cosine took for likely: hard ones. A photo of the true product that is not among the first K is left out. With
several rows a shop photo (proposals) that is what keeps out the rows that show something else than the product.

Source: Hadi Kiapour et al., *Where to Buy It*, ICCV 2015 (K = 1000). The share of positives could not be checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.training.wtbi.features import Features, Integers
from wearabouts.types import Floats

AT_ONCE = 256  # street photos whose similarities are held at a time


@dataclass(frozen=True)
class Pairs:
    """Pairs, those of a street photo one after another, its positives first.

    Attributes:
        street: (P,) int64, places among the street rows.
        shop: (P,) int64, places among the shop rows.
        same: (P,) int64: 1 where both are of one product, else 0.
        category: (P,) int64, the street photo's.
        asked: Street photos that were looked at.
        missed: Those of them whose product was not among the first K; they give no pair.
    """

    street: Integers
    shop: Integers
    same: Integers
    category: Integers
    asked: int = 0
    missed: int = 0

    def __len__(self) -> int:
        return len(self.same)

    def of(self, *categories: int) -> Integers:
        """Places of the pairs of some categories, in order."""
        return np.flatnonzero(np.isin(self.category, categories))

    def positives(self, categories: int) -> Integers:
        """How many positives each category has: (C,)."""
        return np.bincount(self.category[(self.same == 1) & (self.category >= 0)], minlength=categories)


def shortlist(
    street: Floats, shop: Floats, street_category: Integers, shop_category: Integers, k: int
) -> list[Integers]:
    """The first `k` shop rows of each street row's category by cosine, nearest first, ties by place.

    Args:
        street: (Q, D) unit vectors.
        shop: (M, D) unit vectors.
        street_category: (Q,); -1, unknown, gives an empty list.
        shop_category: (M,).
        k: At most so many a street row.
    """
    lists: list[Integers] = [np.zeros(0, np.int64)] * len(street)
    for category in np.unique(street_category[street_category >= 0]):
        asked, pool = np.flatnonzero(street_category == category), np.flatnonzero(shop_category == category)
        gallery = shop[pool]
        for start in range(0, len(asked), AT_ONCE):
            some = asked[start : start + AT_ONCE]
            for n, row in zip(some, street[some] @ gallery.T, strict=True):
                lists[n] = pool[_first(row, k)]
    return lists


def _first(similarity: Floats, k: int) -> Integers:
    """Places of the `k` largest, largest first, ties by place."""
    if k < len(similarity):
        least = np.partition(similarity, len(similarity) - k)[len(similarity) - k]
        kept = np.flatnonzero(similarity >= least)
    else:
        kept = np.arange(len(similarity))
    return kept[np.argsort(-similarity[kept], kind="stable")][:k]


def extended(lists: list[Integers], features: Features, different: Integers) -> list[Integers]:
    """Shortlists with what people said is not in a photo: all shop rows of that product, as further negatives.

    Args:
        lists: What `shortlist` gave.
        features: Whose.
        different: (M, 2): a photo and a product that it does not show.
    """
    lists = list(lists)
    place_of = {int(photo): place for place, photo in enumerate(features.street_photo)}
    for photo, product in different.tolist():
        place = place_of.get(photo)
        if place is not None:
            rows = np.flatnonzero(features.shop_product == product)
            lists[place] = np.concatenate([lists[place], rows[~np.isin(rows, lists[place])]])
    return lists


def mine(lists: list[Integers], street_product: Integers, shop_product: Integers, street_category: Integers) -> Pairs:
    """Pairs from shortlists; a street row whose list holds no positive, or no negative, gives none.

    Args:
        lists: What `shortlist` gave.
        street_product: (Q,).
        shop_product: (M,).
        street_category: (Q,).
    """
    street, shop, same = [], [], []
    asked = missed = 0
    for n, found in enumerate(lists):
        if not len(found):
            continue
        right = shop_product[found] == street_product[n]
        asked += 1
        missed += int(not right.any())
        if right.any() and not right.all():
            street.append(np.full(len(found), n))
            shop.append(np.concatenate([found[right], found[~right]]))
            same.append(np.sort(right.astype(np.int64))[::-1])
    joined = [
        np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64) for parts in (street, shop, same)
    ]
    return Pairs(joined[0], joined[1], joined[2], street_category[joined[0]], asked, missed)


class Deck:
    """Some street photos' pairs, to be drawn from step by step.

    Args:
        pairs: What `mine` gave.
        places: Which of them may be drawn: whole blocks of street photos, in order.
    """

    def __init__(self, pairs: Pairs, places: Integers) -> None:
        self._places = places
        same, street = pairs.same[places], pairs.street[places]
        begins = np.flatnonzero(np.r_[True, np.diff(street) != 0])
        right = np.add.reduceat(same, begins)
        # A block begins with its positives: what is left of it are their negatives.
        self._positives = np.flatnonzero(same == 1)
        self._first = np.repeat(begins + right, right)
        self._count = np.repeat(np.diff(np.r_[begins, len(same)]) - right, right)

    def draw(self, step: int, *, seed: int, count: int, ratio: int) -> Integers:
        """Pairs of one step: positives drawn evenly, each with `ratio` negatives of the same street photo.

        Args:
            step: The same step draws the same pairs.
            seed: Of the training.
            count: Pairs wanted; what is drawn is the largest multiple of 1 + `ratio` in it, at least one of them.
            ratio: Negatives a positive.

        Returns:
            (n,) int64 places among the pairs.
        """
        rng = np.random.default_rng((seed, step, 41))
        chosen = rng.integers(len(self._positives), size=max(1, count // (1 + ratio)))
        where = rng.random((len(chosen), ratio)) * self._count[chosen, None]
        negatives = self._first[chosen, None] + where.astype(np.int64)
        return self._places[np.concatenate([self._positives[chosen], negatives.ravel()])]

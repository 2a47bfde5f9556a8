"""What a street photo is shown in training: shop photos of its own product, and the ones a search takes for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wearabouts.training.verifier.kept import Kept
from wearabouts.training.verifier.recipe import Lists
from wearabouts.training.verifier.sources import DRAWN, GROCERY

Rows = npt.NDArray[np.int64]
AT_ONCE = 256  # street photos whose similarities are held at a time


class Shown(NamedTuple):
    """Candidates of some street photos.

    Attributes:
        shop: (B, L) rows of `Kept`.
        right: (B, L) bool: a photo of the street photo's own product.
        there: (B, L) bool: False in places that hold nothing.
    """

    shop: Rows
    right: npt.NDArray[np.bool_]
    there: npt.NDArray[np.bool_]


class Shortlists:
    """Draws street photos and their candidates; what is drawn depends on the seed, the step and the photo alone.

    Args:
        kept: The training part.
        lists: What a list is made of.
        seed: Of the training.

    Attributes:
        queries: Street photos whose product has a shop photo.
    """

    def __init__(self, kept: Kept, lists: Lists, seed: int) -> None:
        self.kept, self.lists, self.seed = kept, lists, seed
        self.product = kept.product()
        shop = np.flatnonzero(~kept.street & (kept.first | (kept.source != DRAWN) | (not lists.first)))
        own: dict[int, list[int]] = {}
        for row in shop.tolist():
            own.setdefault(int(self.product[row]), []).append(row)
        self.own = {product: np.array(rows, np.int64) for product, rows in own.items()}
        street = np.flatnonzero(kept.street)
        self.queries = street[[int(self.product[row]) in self.own for row in street]]
        self.shop = shop
        self._place = {row: n for n, row in enumerate(self.queries.tolist())}
        self._near = self._nearest()

    def _nearest(self) -> Rows:
        """(Q, M) shop rows of other products, nearest first by cosine; ties by place."""
        count = min(max(self.lists.among, self.lists.near), len(self.shop) - max(map(len, self.own.values())))
        gallery, owner = self.kept.vector[self.shop], self.product[self.shop]
        found = np.empty((len(self.queries), max(count, 0)), np.int64)
        for start in range(0, len(self.queries), AT_ONCE):
            rows = self.queries[start : start + AT_ONCE]
            similarity = self.kept.vector[rows] @ gallery.T
            similarity[owner[None] == self.product[rows][:, None]] = -np.inf
            found[start : start + len(rows)] = self.shop[np.argsort(-similarity, axis=1, kind="stable")[:, :count]]
        return found

    def draw(self, step: int, queries: int, garment: int | None = None) -> Rows:
        """Street photos of a step: from both sources, or of one drawn garment.

        Args:
            step: Of the training.
            queries: How many.
            garment: Index into `wearabouts.garments.GARMENTS`.
        """
        rng = np.random.default_rng((self.seed, 61, step, 0 if garment is None else garment + 1))
        if garment is not None:
            return rng.choice(self.queries[self.kept.garment[self.queries] == garment], queries)
        source = self.kept.source[self.queries]
        drawn, grocery = (self.queries[source == which] for which in (DRAWN, GROCERY))
        share = self.lists.grocery if len(grocery) and len(drawn) else float(len(drawn) == 0)
        goods = int(rng.binomial(queries, share))
        return np.concatenate(
            [rng.choice(rows, count) for rows, count in ((drawn, queries - goods), (grocery, goods)) if count]
        )

    def shown(self, rows: Rows, step: int) -> Shown:
        """Candidates of street photos in a step, one list a row."""
        lists = self.lists
        length = lists.right + lists.near + lists.random
        shop = np.zeros((len(rows), length), np.int64)
        right, there = np.zeros((2, len(rows), length), bool)
        for n, row in enumerate(rows.tolist()):
            rng = np.random.default_rng((self.seed, 62, step, n, row))
            own = rng.permutation(self.own[int(self.product[row])])[: lists.right]
            near = self._near[self._place[row]]
            likely = rng.permutation(near[: lists.among])[: lists.near]
            other = rng.choice(self.shop, lists.random)
            other = other[self.product[other] != self.product[row]]
            list_ = np.concatenate([own, likely, other])
            shop[n, : len(list_)] = list_
            right[n, : len(own)] = True
            there[n, : len(list_)] = True
        return Shown(shop, right, there)

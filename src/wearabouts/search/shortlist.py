"""From a query's vector to the best photo of each of k products, under the restriction asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts.errors import QueryError, StoreError, unknown
from wearabouts.looks import Look
from wearabouts.settings import SearchSettings
from wearabouts.stores import Store
from wearabouts.types import Floats, Ranking, Restriction

RESTRICTIONS: tuple[Restriction, ...] = ("hard", "soft", "off")


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of the store, the vector aside."""

    k: int
    category: Restriction = "off"
    garment: str | None = None
    where: str | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """The best photo of one product; its probability of being the very same item, where it was judged."""

    product_id: str
    photo_id: str
    similarity: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Products under a restriction.

    Attributes:
        hits: Best first.
        notes: What the person should know about them.
        of_kind: Whether there is any of the kinds searched for.
    """

    hits: Sequence[Hit]
    notes: tuple[str, ...] = ()
    of_kind: bool = True


def checked(ask: Ask, most: int, garments: Sequence[str]) -> Ask:
    """The question as given.

    Args:
        ask: The question.
        most: Products that one answer may hold.
        garments: Those the model knows.

    Raises:
        QueryError: It cannot be meant.
    """
    if not 1 <= ask.k <= most:
        raise QueryError(f"k {ask.k} is not allowed; ask for 1 to {most} products")
    if ask.category not in RESTRICTIONS:
        raise QueryError(unknown("category restriction", ask.category, RESTRICTIONS))
    if ask.garment is not None and garments and ask.garment not in garments:
        raise QueryError(unknown("garment", ask.garment, garments))
    return ask


class Shortlist:
    """Asks one store.

    Args:
        store: The store.
        settings: How far lists grow, and what soft restriction holds possible.
    """

    def __init__(self, store: Store, settings: SearchSettings) -> None:
        self._store, self._settings = store, settings

    def collect(self, look: Look, ask: Ask, *, least: int = 0) -> Listing:
        """The shortlist of a photo under the restriction asked for.

        Args:
            look: The photo.
            ask: What is asked for.
            least: Products to list even where fewer are asked for, because a second stage judges them.
        """
        count = max(ask.k, least)
        if ask.category == "off":
            return Listing(self.nearest(look.vector, ask, count=count))
        if ask.garment is not None:
            kinds: tuple[str, ...] = (ask.garment,)
        else:
            kinds = look.likely(0.0 if ask.category == "hard" else self._settings.soft_mass)
        if not kinds:
            note = "this model knows no garments: every kind is compared"
            return Listing(self.nearest(look.vector, ask, count=count), (note,))
        return self._within(look.vector, ask, kinds, count)

    def _within(self, vector: Floats, ask: Ask, kinds: tuple[str, ...], count: int) -> Listing:
        """Products of some kinds, and unless the restriction is hard others after them where these are too few."""
        hits = self.nearest(vector, ask, kinds, count=count)
        if len(hits) >= count:
            return Listing(hits)
        words = f"only {len(hits)} product{'' if len(hits) == 1 else 's'} of kind {' or '.join(kinds)}"
        few = len(hits) < ask.k
        if ask.category == "hard":
            notes = (f"{words}; search with category soft or off for others",) if few else ()
            return Listing(hits, notes, bool(hits))
        taken = {hit.product_id for hit in hits}
        others = [hit for hit in self.nearest(vector, ask, count=count) if hit.product_id not in taken]
        notes = (f"{words}; the others are of other kinds",) if others and few else ()
        return Listing([*hits, *others][:count], notes, bool(hits))

    def nearest(
        self,
        vector: Floats,
        ask: Ask,
        garments: Sequence[str] = (),
        *,
        without: str | None = None,
        count: int = 0,
    ) -> list[Hit]:
        """The best photo of each of the most similar products: the list of photos grows until it holds so many.

        Args:
            vector: (D,) of length 1.
            ask: Filter, exactness, and how many products where `count` says none.
            garments: Only these; empty for all.
            without: A product that is not listed.
            count: How many products; 0 for as many as are asked for.
        """
        wanted = count or ask.k
        photos = (wanted + (without is not None)) * self._settings.widening
        while True:
            ranking = self._store.search(vector, photos, where=ask.where, garments=garments, exact=ask.exact)
            hits: dict[str, Hit] = {}
            for i, product in enumerate(ranking.product_ids):
                if product != without and product not in hits:
                    hits[product] = Hit(product, ranking.photo_ids[i], float(ranking.similarity[i]))
            if len(hits) >= wanted or len(ranking) < photos:
                return list(hits.values())[:wanted]
            photos *= 2

    def whole(self, vector: Floats, hits: Sequence[Hit]) -> Ranking:
        """All photos of some products, those beyond the shortlist too: each product is judged by all it has.

        Args:
            vector: The query's, (D,) of length 1.
            hits: The products; one that is no longer there is left out.
        """
        products = [hit.product_id for hit in hits]
        photos_of = zip(products, self._store.photos(products), strict=True)
        owner = {photo: product for product, photos in photos_of for photo in photos}
        similarity = self._similarities(vector, list(owner)) if owner else {}
        similarity |= {hit.photo_id: hit.similarity for hit in hits if hit.photo_id in owner}
        photos = tuple(sorted(similarity, key=lambda ident: (-similarity[ident], ident)))
        return Ranking(
            photos,
            tuple(owner[ident] for ident in photos),
            np.asarray([similarity[ident] for ident in photos], np.float32),
        )

    def _similarities(self, vector: Floats, photo_ids: Sequence[str]) -> dict[str, float]:
        """In double precision and rounded once, as stores do it: a photo has the same similarity in both stages."""
        try:
            vectors = self._store.vectors(photo_ids)
        except StoreError:  # one of them has gone in this moment; the photos that the search gave are enough
            return {}
        exact = np.clip((vectors.astype(np.float64) * vector.astype(np.float64)).sum(axis=1), -1, 1)
        return dict(zip(photo_ids, exact.astype(np.float32).tolist(), strict=True))


def best_photos(ranking: Ranking) -> list[Hit]:
    """The first photo of each product of a ranking, in its order."""
    places: dict[str, int] = {}
    for place, product in enumerate(ranking.product_ids):
        places.setdefault(product, place)
    similarity = ranking.similarity.tolist()
    said = [math.nan] * len(ranking) if ranking.probability is None else ranking.probability.tolist()
    shares = [None if math.isnan(share) else share for share in said]  # what was not judged is not a number
    return [Hit(product, ranking.photo_ids[at], similarity[at], shares[at]) for product, at in places.items()]

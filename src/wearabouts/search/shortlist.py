"""From a query's vector to the best photo of each of k products, under the restriction asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wearabouts.looks import Look
from wearabouts.settings import SearchSettings
from wearabouts.stores import Store
from wearabouts.types import Floats, Restriction


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
    """The best photo of one product."""

    product_id: str
    photo_id: str
    similarity: float


class Shortlist:
    """Asks one store.

    Args:
        store: The store.
        settings: How far lists grow, and what soft restriction holds possible.
    """

    def __init__(self, store: Store, settings: SearchSettings) -> None:
        self._store, self._settings = store, settings

    def collect(self, look: Look, ask: Ask) -> tuple[list[Hit], tuple[str, ...]]:
        """The shortlist of a photo under the restriction asked for, and what the person should know about it."""
        if ask.category == "off":
            return self.nearest(look.vector, ask), ()
        if ask.garment is not None:
            kinds: tuple[str, ...] = (ask.garment,)
        else:
            kinds = look.likely(0.0 if ask.category == "hard" else self._settings.soft_mass)
        if not kinds:
            return self.nearest(look.vector, ask), ("this model knows no garments: every kind is compared",)
        return self.within(look.vector, ask, kinds)

    def within(self, vector: Floats, ask: Ask, kinds: tuple[str, ...]) -> tuple[list[Hit], tuple[str, ...]]:
        """Products of some kinds, and unless the restriction is hard others after them where these are too few."""
        hits = self.nearest(vector, ask, kinds)
        if len(hits) >= ask.k:
            return hits, ()
        words = f"only {len(hits)} product{'' if len(hits) == 1 else 's'} of kind {' or '.join(kinds)}"
        if ask.category == "hard":
            return hits, (f"{words}; search with category soft or off for others",)
        taken = {hit.product_id for hit in hits}
        others = [hit for hit in self.nearest(vector, ask) if hit.product_id not in taken]
        return [*hits, *others][: ask.k], (f"{words}; the others are of other kinds",) if others else ()

    def nearest(
        self, vector: Floats, ask: Ask, garments: Sequence[str] = (), *, without: str | None = None
    ) -> list[Hit]:
        """The best photo of each of the k most similar products: the list of photos grows until it holds so many."""
        count = (ask.k + (without is not None)) * self._settings.widening
        while True:
            ranking = self._store.search(vector, count, where=ask.where, garments=garments, exact=ask.exact)
            hits: dict[str, Hit] = {}
            for i, product in enumerate(ranking.product_ids):
                if product != without and product not in hits:
                    hits[product] = Hit(product, ranking.photo_ids[i], float(ranking.similarity[i]))
            if len(hits) >= ask.k or len(ranking) < count:
                return list(hits.values())[: ask.k]
            count *= 2

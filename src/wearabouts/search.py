"""A photo in, the shop's products out: look, shortlist, group by product, answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wearabouts.encoders import Encoder
from wearabouts.errors import QueryError, StoreError, unknown
from wearabouts.images import Picture
from wearabouts.looks import Look, Viewer, shared
from wearabouts.settings import SearchSettings
from wearabouts.stores import Store
from wearabouts.types import Answer, Box, Comparison, Floats, Match, Restriction, as_dict

__all__ = ["RESTRICTIONS", "Comparison", "Searcher", "answer_json", "compare_photos"]

RESTRICTIONS: tuple[Restriction, ...] = ("hard", "soft", "off")


def answer_json(value: Answer | Comparison) -> dict[str, Any]:
    """An answer or a comparison as plain JSON data: one form for the command line and the server."""
    plain: dict[str, Any] = as_dict(value)
    return plain


@dataclass(frozen=True, slots=True)
class _Hit:
    """The best photo of one product."""

    product_id: str
    photo_id: str
    similarity: float


class _Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Close a stage; a stage closed twice is summed."""
        now = time.perf_counter()
        self.timings[stage] = self.timings.get(stage, 0.0) + (now - self._last) * 1000
        self._last = now

    def total(self) -> dict[str, float]:
        """All stages and their total."""
        return {**self.timings, "total": (self._last - self._start) * 1000}


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked of the store, the vector aside."""

    k: int
    category: Restriction = "off"
    garment: str | None = None
    where: str | None = None
    exact: bool = False


class Searcher:
    """Answers with products of one store, seen by one encoder. Holds no state between calls: threads may share it.

    Args:
        encoder: The encoder whose vectors fill the store.
        store: An open store.
        settings: How to answer; None for the defaults.

    Raises:
        StoreError: The store was filled by another encoder.
    """

    def __init__(self, encoder: Encoder, store: Store, *, settings: SearchSettings | None = None) -> None:
        if store.encoder_hash != encoder.hash:
            raise StoreError(
                f"the store was filled by encoder {store.encoder_hash}, this is {encoder.name} {encoder.hash}; "
                "use the encoder it was filled with, or fill it anew with `wearabouts index --rebuild`"
            )
        self.encoder = encoder
        self.store = store
        self.settings = settings or SearchSettings()
        self._viewer = Viewer(encoder, self.settings)

    def search(
        self,
        photo: bytes | Picture,
        k: int = 10,
        *,
        box: Box | None = None,
        category: Restriction = "soft",
        garment: str | None = None,
        where: str | None = None,
        exact: bool = False,
    ) -> Answer:
        """Find the products that look most like what a photo shows.

        Without a box the whole photo and, where something stands out, a crop around it are searched; the one whose best
        match is more similar is the answer.

        Args:
            photo: The file's bytes, or a decoded picture.
            k: How many products.
            box: The part to search, in pixels of the upright photo.
            category: ``hard`` answers with the garment alone; ``soft`` with every garment the model holds possible and,
                where these are fewer than k products, with others after them; ``off`` with any.
            garment: The garment to search for, in place of the predicted one.
            where: A filter in the language of `wearabouts.stores.where`.
            exact: Compare with every stored vector, whatever index there is.

        Raises:
            ImageError: The bytes are not a picture we accept.
            QueryError: k, box, category, garment or filter cannot be meant.
        """
        ask = self._ask(_Ask(k, category, garment, where, exact))
        clock = _Clock()
        picture, box = self._viewer.open(photo, box)
        clock.lap("decode")
        looks = self._viewer.looks(picture, box)
        clock.lap("encode")
        found = [(look, *self._collect(look, ask)) for look in looks]
        # The whole photo comes first, and max keeps the first of equals.
        look, hits, notes = max(found, key=lambda item: item[1][0].similarity if item[1] else -2.0)
        clock.lap("search")
        matches = self._matches(hits, look.attributes)
        clock.lap("fetch")
        kind = garment or look.garment
        return Answer(
            matches=matches,
            garment=kind,
            garment_probability=look.garments.get(kind) if kind else None,
            attributes=look.attributes,
            box=look.box,
            box_origin=look.origin,
            size=picture.size,
            timings=clock.total(),
            exact=exact,
            notes=notes if matches else (*notes, *self._why_empty(where)),
        )

    def similar(self, product_id: str, k: int = 10, *, where: str | None = None, exact: bool = False) -> Answer:
        """Find products that look like one of the store's own ("more like this"); it is not among them.

        The product's first photo is the query. Nothing is decoded or encoded, so `size` is (0, 0).

        Raises:
            QueryError: The store has no such product, or k or the filter cannot be meant.
        """
        ask = self._ask(_Ask(k, where=where, exact=exact))
        clock = _Clock()
        record = self.store.record(product_id)
        if record is None or not record.photos:
            raise QueryError(f"no product {product_id!r} with photos in the store; give the id of a product it holds")
        first = record.photos[0]
        clock.lap("fetch")
        hits = self._shortlist(first.vector, ask, without=product_id)
        clock.lap("search")
        seen = dict(first.seen)
        matches = self._matches(hits, seen)
        clock.lap("fetch")
        return Answer(
            matches=matches,
            garment=record.product.garment or first.garment or None,
            garment_probability=None,
            attributes=seen,
            box=None,
            box_origin="whole",
            size=(0, 0),
            timings=clock.total(),
            exact=exact,
            notes=() if matches else self._why_empty(where),
        )

    def compare(self, a: bytes, b: bytes, *, box_a: Box | None = None, box_b: Box | None = None) -> Comparison:
        """Compare two photos; their order makes no difference to the similarity.

        Raises:
            ImageError: One of them is not a picture we accept.
            QueryError: A box lies outside its photo.
        """
        return _compared(self._viewer, (a, box_a), (b, box_b))

    def _ask(self, ask: _Ask) -> _Ask:
        most = self.settings.max_results
        if not 1 <= ask.k <= most:
            raise QueryError(f"k {ask.k} is not allowed; ask for 1 to {most} products")
        if ask.category not in RESTRICTIONS:
            raise QueryError(unknown("category restriction", ask.category, RESTRICTIONS))
        if ask.garment is not None and self.encoder.garments and ask.garment not in self.encoder.garments:
            raise QueryError(unknown("garment", ask.garment, self.encoder.garments))
        return ask

    def _collect(self, look: Look, ask: _Ask) -> tuple[list[_Hit], tuple[str, ...]]:
        """The shortlist under the restriction asked for, and what the person should know about it."""
        if ask.category == "off":
            return self._shortlist(look.vector, ask), ()
        if ask.garment is not None:
            kinds: tuple[str, ...] = (ask.garment,)
        else:
            kinds = look.likely(0.0 if ask.category == "hard" else self.settings.soft_mass)
        if not kinds:
            return self._shortlist(look.vector, ask), ("this model knows no garments: every kind is compared",)
        hits = self._shortlist(look.vector, ask, kinds)
        if len(hits) >= ask.k:
            return hits, ()
        words = f"only {len(hits)} product{'' if len(hits) == 1 else 's'} of kind {' or '.join(kinds)}"
        if ask.category == "hard":
            return hits, (f"{words}; search with category soft or off for others",)
        taken = {hit.product_id for hit in hits}
        others = [hit for hit in self._shortlist(look.vector, ask) if hit.product_id not in taken]
        return [*hits, *others][: ask.k], (f"{words}; the others are of other kinds",) if others else ()

    def _shortlist(
        self, vector: Floats, ask: _Ask, garments: Sequence[str] = (), *, without: str | None = None
    ) -> list[_Hit]:
        """The best photo of each of the k most similar products: the list of photos grows until it holds so many."""
        count = (ask.k + (without is not None)) * self.settings.widening
        while True:
            ranking = self.store.search(vector, count, where=ask.where, garments=garments, exact=ask.exact)
            hits: dict[str, _Hit] = {}
            for i, product in enumerate(ranking.product_ids):
                if product != without and product not in hits:
                    hits[product] = _Hit(product, ranking.photo_ids[i], float(ranking.similarity[i]))
            if len(hits) >= ask.k or len(ranking) < count:
                return list(hits.values())[: ask.k]
            count *= 2

    def _matches(self, hits: Sequence[_Hit], seen: Mapping[str, str]) -> tuple[Match, ...]:
        matches = []
        for hit in hits:
            product = self.store.product(hit.product_id)
            if product is None:  # deleted since the shortlist was made
                continue
            photo: Mapping[str, Any] = next((p for p in product.get("photos", ()) if p["id"] == hit.photo_id), {})
            agrees, differs = shared(seen, self._facts(product, photo))
            matches.append(Match(product, hit.photo_id, photo.get("uri", ""), hit.similarity, agrees, differs))
        return tuple(matches)

    def _facts(self, product: Mapping[str, Any], photo: Mapping[str, Any]) -> dict[str, str]:
        """What is known of a product in the model's words: the shop's own where it uses them, else the photo's."""
        facts = dict(photo.get("seen") or {})
        for name, value in (product.get("attributes") or {}).items():
            word = str(value).strip().lower()
            if word in self.encoder.attributes.get(name, ()):
                facts[name] = word
        return facts

    def _why_empty(self, where: str | None) -> tuple[str, ...]:
        if next(iter(self.store.products()), None) is None:
            return ("the store holds no products yet: index a catalog with `wearabouts index`",)
        return (f"no product passes the filter {where!r}",) if where else ("the store holds nothing else to show",)


def compare_photos(
    encoder: Encoder,
    first: tuple[bytes, Box | None],
    second: tuple[bytes, Box | None],
    *,
    settings: SearchSettings | None = None,
) -> Comparison:
    """The same as `Searcher.compare`, without a store: two photos, each with the part of it that counts or None."""
    return _compared(Viewer(encoder, settings or SearchSettings()), first, second)


def _compared(viewer: Viewer, first: tuple[bytes, Box | None], second: tuple[bytes, Box | None]) -> Comparison:
    clock = _Clock()
    opened = viewer.open(*first), viewer.open(*second)
    clock.lap("decode")
    one, other = viewer.pair(*opened)
    clock.lap("encode")
    agrees, differs = shared(one.attributes, other.attributes)
    return Comparison(
        similarity=float(np.clip(one.vector @ other.vector, -1, 1)),
        garments=(one.garment, other.garment),
        agrees=agrees,
        differs=differs,
        timings=clock.total(),
    )

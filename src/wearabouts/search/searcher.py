"""Answers with products: by photo, by words, by both, and by one of the shop's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wearabouts.encoders import Encoder
from wearabouts.errors import QueryError, StoreError, unknown
from wearabouts.images import Picture
from wearabouts.looks import Look, Viewer, shared
from wearabouts.search.clock import Clock
from wearabouts.search.comparing import compared
from wearabouts.search.shortlist import Ask, Hit, Shortlist
from wearabouts.search.words import mixed, text_vector
from wearabouts.settings import SearchSettings
from wearabouts.stores import Store
from wearabouts.types import Answer, Box, Comparison, Match, Restriction, as_dict

RESTRICTIONS: tuple[Restriction, ...] = ("hard", "soft", "off")


def answer_json(value: Answer | Comparison) -> dict[str, Any]:
    """An answer or a comparison as plain JSON data: one form for the command line and the server."""
    plain: dict[str, Any] = as_dict(value)
    return plain


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
        self._shortlist = Shortlist(store, self.settings)

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
        text: str = "",
        text_weight: float = 0.5,
    ) -> Answer:
        """Find the products that look most like what a photo shows.

        Without a box the whole photo and, where something stands out, a crop around it are searched; the one whose best
        match is more similar is the answer. With a text, what is searched with is the direction of

            (1 - text_weight) * photo + text_weight * text,

        both of length 1 (`wearabouts.search.words.mixed`); garment and attributes stay those of the photo.

        Args:
            photo: The file's bytes, or a decoded picture.
            k: How many products.
            box: The part to search, in pixels of the upright photo.
            category: ``hard`` answers with the garment alone; ``soft`` with every garment the model holds possible and,
                where these are fewer than k products, with others after them; ``off`` with any.
            garment: The garment to search for, in place of the predicted one.
            where: A filter in the language of `wearabouts.stores.where`.
            exact: Compare with every stored vector, whatever index there is.
            text: What should be otherwise, such as ``in red``; empty for none. Only for a model that reads text.
            text_weight: How much the text counts, in [0, 1].

        Raises:
            ImageError: The bytes are not a picture we accept.
            QueryError: k, box, category, garment, filter or weight cannot be meant, or the model reads no text.
        """
        ask = self._ask(Ask(k, category, garment, where, exact))
        clock = Clock()
        picture, box = self._viewer.open(photo, box)
        clock.lap("decode")
        words = text_vector(self.encoder, text) if text else None
        looks = self._viewer.looks(picture, box)
        if words is not None:
            looks = [replace(look, vector=mixed(look.vector, words, text_weight)) for look in looks]
        clock.lap("encode")
        found = [(look, *self._shortlist.collect(look, ask)) for look in looks]
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

    def search_text(
        self, text: str, k: int = 10, *, garment: str | None = None, where: str | None = None, exact: bool = False
    ) -> Answer:
        """Find the products that look most like what a text says.

        There is no photo, so `size` is (0, 0) and no attributes are seen.

        Args:
            text: Words of a person, such as ``red floral dress``.
            k: How many products.
            garment: Answer with products of this garment alone.
            where: A filter in the language of `wearabouts.stores.where`.
            exact: Compare with every stored vector, whatever index there is.

        Raises:
            QueryError: The model reads no text, or text, k, garment or filter cannot be meant.
        """
        ask = self._ask(Ask(k, "hard" if garment else "off", garment, where, exact))
        clock = Clock()
        vector = text_vector(self.encoder, text)
        clock.lap("encode")
        look = Look(box=None, origin="whole", vector=vector, garments={}, attributes={})
        hits, notes = self._shortlist.collect(look, ask)
        clock.lap("search")
        return self._unseen(hits, {}, garment, clock, ask, notes)

    def similar(self, product_id: str, k: int = 10, *, where: str | None = None, exact: bool = False) -> Answer:
        """Find products that look like one of the store's own ("more like this"); it is not among them.

        The product's first photo is the query. Nothing is decoded or encoded, so `size` is (0, 0).

        Raises:
            QueryError: The store has no such product, or k or the filter cannot be meant.
        """
        ask = self._ask(Ask(k, where=where, exact=exact))
        clock = Clock()
        record = self.store.record(product_id)
        if record is None or not record.photos:
            raise QueryError(f"no product {product_id!r} with photos in the store; give the id of a product it holds")
        first = record.photos[0]
        clock.lap("fetch")
        hits = self._shortlist.nearest(first.vector, ask, without=product_id)
        clock.lap("search")
        return self._unseen(hits, dict(first.seen), record.product.garment or first.garment or None, clock, ask)

    def compare(self, a: bytes, b: bytes, *, box_a: Box | None = None, box_b: Box | None = None) -> Comparison:
        """Compare two photos; their order makes no difference to the similarity.

        Raises:
            ImageError: One of them is not a picture we accept.
            QueryError: A box lies outside its photo.
        """
        return compared(self._viewer, (a, box_a), (b, box_b))

    def _ask(self, ask: Ask) -> Ask:
        most = self.settings.max_results
        if not 1 <= ask.k <= most:
            raise QueryError(f"k {ask.k} is not allowed; ask for 1 to {most} products")
        if ask.category not in RESTRICTIONS:
            raise QueryError(unknown("category restriction", ask.category, RESTRICTIONS))
        if ask.garment is not None and self.encoder.garments and ask.garment not in self.encoder.garments:
            raise QueryError(unknown("garment", ask.garment, self.encoder.garments))
        return ask

    def _unseen(
        self,
        hits: Sequence[Hit],
        seen: Mapping[str, str],
        garment: str | None,
        clock: Clock,
        ask: Ask,
        notes: tuple[str, ...] = (),
    ) -> Answer:
        """The answer to a question that came without a photo."""
        matches = self._matches(hits, seen)
        clock.lap("fetch")
        return Answer(
            matches=matches,
            garment=garment,
            garment_probability=None,
            attributes=seen,
            box=None,
            box_origin="whole",
            size=(0, 0),
            timings=clock.total(),
            exact=ask.exact,
            notes=notes if matches else (*notes, *self._why_empty(ask.where)),
        )

    def _matches(self, hits: Sequence[Hit], seen: Mapping[str, str]) -> tuple[Match, ...]:
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

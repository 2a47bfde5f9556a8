"""Answers with products: by photo, by words, by both, and by one of the shop's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from wearabouts.calibration import Calibration
from wearabouts.encoders import Encoder
from wearabouts.errors import QueryError, StoreError
from wearabouts.images import Picture
from wearabouts.looks import Look, Viewer
from wearabouts.search.clock import Clock
from wearabouts.search.comparing import PairJudge, compared
from wearabouts.search.judging import Judged, Judging
from wearabouts.search.matching import Matcher, shown
from wearabouts.search.shortlist import Ask, Hit, Listing, Shortlist, checked
from wearabouts.search.verdicts import checked_precision
from wearabouts.search.verifying import StageTwo
from wearabouts.search.words import mixed, text_vector
from wearabouts.settings import SearchSettings
from wearabouts.stores import Store
from wearabouts.types import Answer, Box, Comparison, Restriction, as_dict
from wearabouts.verifiers import Verifier


def answer_json(value: Answer | Comparison) -> dict[str, Any]:
    """An answer or a comparison as plain JSON data: one form for the command line and the server."""
    plain: dict[str, Any] = as_dict(value)
    return plain


class Searcher:
    """Answers with products of one store, seen by one encoder. Threads may share it: it keeps nothing of a query.

    Args:
        encoder: The encoder whose vectors fill the store.
        store: An open store.
        verifier: The second stage, which tells the very same item from those alike; None for none: then answers to
            photos have no verdict either.
        calibration: The model's, for that verifier; the store's own goes before it.
        settings: How to answer; None for the defaults.

    Raises:
        StoreError: The store was filled by another encoder, or the verifier compares another's vectors.
        BundleError: The calibration is of another verifier.
    """

    def __init__(
        self,
        encoder: Encoder,
        store: Store,
        *,
        verifier: Verifier | None = None,
        calibration: Calibration | None = None,
        settings: SearchSettings | None = None,
    ) -> None:
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
        self._matcher = Matcher(encoder, store)
        second = None if verifier is None else StageTwo(verifier, store, calibration, self.settings)
        self._judging = None if second is None else Judging(second, self._shortlist)

    @property
    def stage_two(self) -> StageTwo | None:
        """The second stage, or None where there is no verifier or none of its products are to be judged."""
        second = None if self._judging is None else self._judging.second
        return second if second is not None and second.shortlist else None

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
        precision: float | None = None,
        tail: bool = False,
    ) -> Answer:
        """Find the product that a photo shows, and those that look most like it.

        Without a box the whole photo and, where something stands out, a crop around it are searched; the one whose best
        match is more similar is the answer. With a verifier the first products are then judged pair by pair: the answer
        is in the order of their probability, and has a verdict. With a text, what is searched with is the direction of

            (1 - text_weight) * photo + text_weight * text,

        both of length 1 (`wearabouts.search.words.mixed`); garment and attributes stay those of the photo. Who asks for
        something otherwise does not ask for the same item: such an answer has no verdict.

        Args:
            photo: The file's bytes, or a decoded picture.
            k: How many products.
            box: The part to search, in pixels of the upright photo.
            category: ``hard`` answers with the garment alone; ``soft`` with every garment the model holds possible and,
                where these are fewer than k products (than the second stage judges, where that is more), with others
                after them, unless they are likelier; ``off`` with any.
            garment: The garment to search for, in place of the predicted one.
            where: A filter in the language of `wearabouts.stores.where`.
            exact: Compare with every stored vector, whatever index there is.
            text: What should be otherwise, such as ``in red``; empty for none. Only for a model that reads text.
            text_weight: How much the text counts, in [0, 1].
            precision: Of the answers that say *same item*, the share that is to be right, from 0.5 to 0.999;
                None for the settings'.
            tail: Also give products far less likely than the first, and what is similar where the item is not carried.

        Raises:
            ImageError: The bytes are not a picture we accept.
            QueryError: k, box, category, garment, filter, weight or precision cannot be meant, or the model reads no
                text.
        """
        ask = self._ask(Ask(k, category, garment, where, exact))
        precision = checked_precision(self.settings.precision if precision is None else precision)
        second = None if text else self.stage_two
        clock = Clock()
        picture, box = self._viewer.open(photo, box)
        clock.lap("decode")
        words = text_vector(self.encoder, text) if text else None
        looks = self._viewer.looks(picture, box)
        if words is not None:
            looks = [replace(look, vector=mixed(look.vector, words, text_weight)) for look in looks]
        clock.lap("encode")
        look, listing = self._listed(looks, ask, 0 if second is None else second.shortlist)
        clock.lap("search")
        kind = garment or look.garment
        answer = Answer(
            matches=(),
            garment=kind,
            garment_probability=look.garments.get(kind) if kind else None,
            attributes=look.attributes,
            box=look.box,
            box_origin=look.origin,
            size=picture.size,
            timings={},
            exact=exact,
            notes=listing.notes,
        )
        if second is None or self._judging is None:
            return self._told(answer, listing.hits[:k], ask, clock)
        judged = self._judging.judged(look, listing, kind, precision)
        clock.lap("verify")
        return self._told_judged(answer, judged, ask, clock, tail)

    def judged(
        self,
        photo: bytes | Picture,
        *,
        box: Box | None = None,
        category: Restriction = "soft",
        garment: str | None = None,
        where: str | None = None,
        exact: bool = False,
    ) -> Judged:
        """What stands behind an answer: the shortlist as both stages rank it, for fitting and measuring.

        Arguments and errors are those of `search`.

        Raises:
            QueryError: There is no second stage.
        """
        second = self.stage_two
        if second is None or self._judging is None:
            raise QueryError("there is no second stage; open the search with the model's verifier")
        ask = self._ask(Ask(1, category, garment, where, exact))
        looks = self._viewer.looks(*self._viewer.open(photo, box))
        look, listing = self._listed(looks, ask, second.shortlist)
        return self._judging.judged(look, listing, garment or look.garment, self.settings.precision)

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
        listing = self._shortlist.collect(look, ask)
        clock.lap("search")
        return self._unseen(listing.hits, {}, garment, clock, ask, listing.notes)

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

        With a calibrated verifier the answer says how likely both show the same item. To it the first is the photo of a
        customer, the second one of the shop's, as in a search.

        Raises:
            ImageError: One of them is not a picture we accept.
            QueryError: A box lies outside its photo.
        """
        second = self.stage_two
        calibration = None if second is None else second.curves.current().calibration
        judge = None if second is None or calibration is None else PairJudge(second.verifier, calibration)
        return compared(self._viewer, (a, box_a), (b, box_b), judge)

    def _listed(self, looks: Sequence[Look], ask: Ask, least: int) -> tuple[Look, Listing]:
        """The look whose best match is more similar, and what is listed for it.

        To judge every look and answer with the likeliest was tried on drawn street photos: it finds no more items,
        takes twice the time, and says higher probabilities all the same.
        """
        found = [(look, self._shortlist.collect(look, ask, least=least)) for look in looks]
        # The whole photo comes first, and max keeps the first of equals.
        return max(found, key=lambda item: item[1].hits[0].similarity if item[1].hits else -2.0)

    def _ask(self, ask: Ask) -> Ask:
        return checked(ask, self.settings.max_results, self.encoder.garments)

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
        answer = Answer(
            matches=(),
            garment=garment,
            garment_probability=None,
            attributes=seen,
            box=None,
            box_origin="whole",
            size=(0, 0),
            timings={},
            exact=ask.exact,
            notes=notes,
        )
        return self._told(answer, hits, ask, clock)

    def _told(self, answer: Answer, hits: Sequence[Hit], ask: Ask, clock: Clock) -> Answer:
        """An answer with its products."""
        matches = self._matcher.matches(hits, answer.attributes)
        clock.lap("fetch")
        notes = answer.notes if matches else (*answer.notes, *self._matcher.why_empty(ask.where))
        return replace(answer, matches=matches, timings=clock.total(), notes=notes)

    def _told_judged(self, answer: Answer, judged: Judged, ask: Ask, clock: Clock, tail: bool) -> Answer:
        """An answer with its verdict, and with those of its products that are worth showing."""
        outcome, hits = judged.outcome, judged.hits[: ask.k]
        told = [] if outcome is not None and outcome.verdict == "not_carried" else shown(hits, self.settings.tail_share)
        told = list(hits) if tail else told
        matches = self._matcher.matches(told, answer.attributes)
        clock.lap("fetch")
        notes = (*answer.notes, *judged.notes, *(() if judged.hits else self._matcher.why_empty(ask.where)))
        said = {} if outcome is None else {each.name: getattr(outcome, each.name) for each in fields(outcome)}
        hidden = len(hits) - len(told)
        return replace(answer, matches=matches, timings=clock.total(), notes=notes, hidden=hidden, **said)

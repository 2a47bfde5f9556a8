"""A catalog divided for evaluation: which photos ask, which are searched, and what is the right answer."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from wearabouts.catalog import Catalog, Faults, Photo, Product
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.protocols import Protocol
from wearabouts.types import Box

Relevance = Literal["product", "group", "category", "garment"]
RELEVANCES: tuple[Relevance, ...] = ("product", "group", "category", "garment")
LEARNT = ("train", "val")  # splits that are never measured on
HELD_OUT = 10  # one product in so many asks, where no product has two photos
HITS: dict[Relevance, str] = {
    "product": "A hit is the query's own product.",
    "group": "A hit is any product of the query's variant group.",
    "category": "A hit is any product of the same category.",
    "garment": "A hit is any product of the same garment.",
}


@dataclass(frozen=True, slots=True)
class Searched:
    """What is known of a product.

    Attributes:
        truth: Its label; a product is a right answer to a query of the same label.
        kind: For the restricted gallery; empty where the catalog knows none.
        title: For people.
    """

    truth: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Question:
    """One query photo and what is known of its product."""

    photo: Photo
    product_id: str
    about: Searched

    @property
    def uri(self) -> str:
        """Where the photo lies."""
        return self.photo.uri

    @property
    def crop(self) -> Box | None:
        """The part that asks: a street photo's box."""
        return self.photo.box if self.photo.side == "street" else None

    @property
    def truth(self) -> str:
        """Label that a right answer has."""
        return self.about.truth

    @property
    def kind(self) -> str:
        """Kind of its product."""
        return self.about.kind

    @property
    def title(self) -> str:
        """What people call it."""
        return self.about.title or self.product_id


@dataclass(frozen=True, slots=True)
class Questions:
    """A catalog divided.

    Attributes:
        protocol: The rules, in words.
        gallery: The catalog with only the photos that are searched.
        queries: The photos that ask, in order of photo id.
        products: Product id → what is known of it, for the products that are searched.
        photos: How many photos are searched, if all can be read.
        skipped: Why → how many query photos were left out.
    """

    protocol: Protocol
    gallery: Catalog
    queries: tuple[Question, ...]
    products: Mapping[str, Searched]
    photos: int
    skipped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """Which photos ask, and how to say so.

    Attributes:
        asks: Whether a photo asks, from its product, itself and its place among the usable ones.
        name: Short.
        question: What is asked, for people.
        queries: Which photos ask, in a sentence.
        gallery: Which are searched, in a sentence.
    """

    asks: Callable[[Product, Photo, int], bool]
    name: str
    question: str
    queries: str
    gallery: str


def divide(catalog: Catalog, *, relevant: Relevance = "product", limit: int = 0, seed: int = 0) -> Questions:
    """Divide a catalog into queries and gallery.

    Photos of split ``query`` and street photos ask and the others are searched. Where there are none, the second and
    further photos of a product ask and the first is searched; where no product has two and the right answer may be
    another product, one product in ten asks. Photos of the splits ``train`` and ``val`` take no part.

    Args:
        catalog: Walked three times, the last time by the index.
        relevant: What makes a product a right answer: the same product, group, category or garment.
        limit: At most so many queries, drawn by the seed; 0 for all.
        seed: Of that draw.

    Raises:
        EvaluationError: No product has photos on both sides.
    """
    if relevant not in RELEVANCES:
        raise EvaluationError(f"relevance {relevant!r} is not one of {', '.join(RELEVANCES)}")
    rule = _rule(catalog, relevant, seed)
    faults = Faults()
    queries: list[Question] = []
    products: dict[str, Searched] = {}
    photos = 0
    for product in catalog.products(faults):
        searched = Searched(_truth(product, relevant), product.category or product.garment, product.title)
        asking, shown = _parted(product, rule)
        photos += len(shown)
        if shown:
            products[product.id] = searched
        queries += [Question(photo, product.id, searched) for photo in asking]
    answerable = {searched.truth for searched in products.values() if searched.truth}
    kept = [query for query in queries if query.truth in answerable]
    if not kept:
        raise EvaluationError(
            f"{catalog.source}: {len(products):,} products to search and {len(queries):,} query photos, none with a "
            "right answer; give a catalog whose products have street photos, photos of split query, or two photos each"
        )
    drawn = _drawn(sorted(kept, key=lambda query: query.photo.id), limit, seed)
    return Questions(
        _protocol(rule, relevant),
        replace(catalog, stream=_gallery(catalog, rule)),
        tuple(drawn),
        products,
        photos,
        {
            "rows and photos that the catalog's reader could not read": len(faults),
            "query photos without a right answer in the gallery": len(queries) - len(kept),
            "query photos not drawn into the sample": len(kept) - len(drawn),
        },
    )


def _rule(catalog: Catalog, relevant: Relevance, seed: int) -> Rule:
    several = False
    for product in catalog.products():
        usable = _usable(product)
        if any(map(_marked, usable)):
            return Rule(
                lambda _, photo, place: _marked(photo),
                "street to shop",
                "A query photo: is its product found?",
                "Queries are the catalog's street photos and photos marked as queries.",
                "The gallery is all other photos, as the index stores them; a product stands where its best photo is.",
            )
        several = several or len(usable) > 1
    if several or relevant == "product":
        return Rule(
            lambda _, photo, place: place > 0,
            "other views",
            "Another view of a product: is it found?",
            "The catalog has no street photos, so the second and further photos of each product ask.",
            "The gallery is the first photo of each product, as the index stores it.",
        )
    return Rule(
        lambda product, _, place: zlib.crc32(f"{seed} {product.id}".encode()) % HELD_OUT == 0,
        "held out",
        f"A product that is not in the gallery: are others of its {relevant} found?",
        f"No product has a second photo, so about one product in {HELD_OUT}, drawn by the seed, asks.",
        "The gallery is all other products, as the index stores them.",
    )


def _usable(product: Product) -> list[Photo]:
    return [photo for photo in product.photos if photo.split not in LEARNT]


def _marked(photo: Photo) -> bool:
    return photo.split == "query" or (photo.side == "street" and photo.split != "gallery")


def _parted(product: Product, rule: Rule) -> tuple[list[Photo], list[Photo]]:
    """The photos that ask and those that are searched."""
    parts: tuple[list[Photo], list[Photo]] = ([], [])
    for place, photo in enumerate(_usable(product)):
        parts[not rule.asks(product, photo, place)].append(photo)
    return parts


def _truth(product: Product, relevant: Relevance) -> str:
    return product.id if relevant == "product" else str(getattr(product, relevant))


def _drawn(queries: list[Question], limit: int, seed: int) -> list[Question]:
    if not limit or len(queries) <= limit:
        return queries
    picked = np.random.default_rng(seed).choice(len(queries), limit, replace=False)
    return [queries[position] for position in sorted(picked)]


def _gallery(catalog: Catalog, rule: Rule) -> Callable[[Faults], Iterator[Product]]:
    def stream(faults: Faults) -> Iterator[Product]:
        for product in catalog.stream(faults):
            _, shown = _parted(product, rule)
            if shown:
                # What is searched is a shop photo to the index, whatever the catalog calls its side.
                yield replace(product, photos=tuple(replace(photo, side="shop") for photo in shown))

    return stream


def _protocol(rule: Rule, relevant: Relevance) -> Protocol:
    return Protocol(
        name=rule.name,
        question=rule.question,
        queries=rule.queries,
        gallery=rule.gallery,
        hit=HITS[relevant],
        groups="products, because photos of one product resemble one another",
        crops="Gallery photos are seen whole; street photos by their box where the catalog gives one, else whole.",
    )

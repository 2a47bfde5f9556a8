"""A catalog divided for evaluation: which photos ask, which are searched, and what is the right answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from wearabouts.catalog import Catalog, Faults, Photo, Product
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.protocols import Protocol

Relevance = Literal["product", "group", "category", "garment"]
RELEVANCES: tuple[Relevance, ...] = ("product", "group", "category", "garment")
LEARNT = ("train", "val")  # splits that are never measured on


@dataclass(frozen=True, slots=True)
class Question:
    """One query photo and what is known of its product."""

    photo: Photo
    product_id: str
    title: str
    truth: str
    kind: str


@dataclass(frozen=True, slots=True)
class Questions:
    """A catalog divided.

    Attributes:
        protocol: The rules, in words.
        gallery: The catalog with only the photos that are searched.
        queries: The photos that ask, in order of photo id.
        truths: Product id → label; a product is a right answer to a query of the same label.
        kinds: Product id → kind, for the restricted gallery; empty strings where the catalog knows none.
        titles: Product id → title.
        skipped: Why → how many query photos were left out.
    """

    protocol: Protocol
    gallery: Catalog
    queries: tuple[Question, ...]
    truths: Mapping[str, str]
    kinds: Mapping[str, str]
    titles: Mapping[str, str]
    skipped: Mapping[str, int]


def divide(catalog: Catalog, *, relevant: Relevance = "product", limit: int = 0, seed: int = 0) -> Questions:
    """Divide a catalog into queries and gallery.

    Photos of split ``query`` and street photos ask and the others are searched. Where there are none, the second and
    further photos of a product ask and the first is searched. Photos of the splits ``train`` and ``val`` take no part.

    Args:
        catalog: Walked two times.
        relevant: What makes a product a right answer: the same product, group, category or garment.
        limit: At most so many queries, drawn by the seed; 0 for all.
        seed: Of that draw.

    Raises:
        EvaluationError: No product has photos on both sides.
    """
    if relevant not in RELEVANCES:
        raise EvaluationError(f"relevance {relevant!r} is not one of {', '.join(RELEVANCES)}")
    marked = any(map(_asks, _photos(catalog)))
    asks = (lambda photo, _: _asks(photo)) if marked else (lambda _, place: place > 0)
    queries: list[Question] = []
    truths: dict[str, str] = {}
    kinds: dict[str, str] = {}
    titles: dict[str, str] = {}
    for product in catalog.products():
        truth, kind = _truth(product, relevant), product.category or product.garment
        usable = [photo for photo in product.photos if photo.split not in LEARNT]
        if any(not asks(photo, place) for place, photo in enumerate(usable)):
            truths[product.id], kinds[product.id], titles[product.id] = truth, kind, product.title
        queries += [
            Question(photo, product.id, product.title, truth, kind)
            for place, photo in enumerate(usable)
            if asks(photo, place)
        ]
    answerable = {truth for truth in truths.values() if truth}
    kept = [query for query in queries if query.truth in answerable]
    if not kept:
        raise EvaluationError(
            f"{catalog.source}: {len(truths):,} products to search and {len(queries):,} query photos, none with a "
            "right answer; give a catalog whose products have street photos, photos of split query, or two photos each"
        )
    drawn = _drawn(sorted(kept, key=lambda query: query.photo.id), limit, seed)
    return Questions(
        _protocol(marked, relevant),
        replace(catalog, stream=_gallery(catalog, asks)),
        tuple(drawn),
        truths,
        kinds,
        titles,
        {
            "query photos without a right answer in the gallery": len(queries) - len(kept),
            "query photos not drawn into the sample": len(kept) - len(drawn),
        },
    )


def _photos(catalog: Catalog) -> Iterator[Photo]:
    for product in catalog.products():
        yield from product.photos


def _asks(photo: Photo) -> bool:
    if photo.split in LEARNT:
        return False
    return photo.split == "query" or (photo.side == "street" and photo.split != "gallery")


def _truth(product: Product, relevant: Relevance) -> str:
    return product.id if relevant == "product" else str(getattr(product, relevant))


def _drawn(queries: list[Question], limit: int, seed: int) -> list[Question]:
    if not limit or len(queries) <= limit:
        return queries
    picked = np.random.default_rng(seed).choice(len(queries), limit, replace=False)
    return [queries[position] for position in sorted(picked)]


def _gallery(catalog: Catalog, asks: Callable[[Photo, int], bool]) -> Callable[[Faults], Iterator[Product]]:
    def stream(faults: Faults) -> Iterator[Product]:
        for product in catalog.stream(faults):
            usable = [photo for photo in product.photos if photo.split not in LEARNT]
            # Photos that are searched are shop photos to the index, whatever the catalog calls their side.
            photos = tuple(replace(photo, side="shop") for place, photo in enumerate(usable) if not asks(photo, place))
            if photos:
                yield replace(product, photos=photos)

    return stream


def _protocol(marked: bool, relevant: Relevance) -> Protocol:
    hits = {
        "product": "A hit is the query's own product.",
        "group": "A hit is any product of the query's variant group.",
        "category": "A hit is any product of the same category.",
        "garment": "A hit is any product of the same garment.",
    }
    return Protocol(
        name="street to shop" if marked else "other views",
        question="A query photo: is its product found?" if marked else "Another view of a product: is it found?",
        queries="Queries are the catalog's street photos and photos marked as queries."
        if marked
        else "The catalog has no street photos, so the second and further photos of each product ask.",
        gallery="The gallery is all other photos, as the index stores them; a product stands where its best photo is."
        if marked
        else "The gallery is the first photo of each product, as the index stores it.",
        hit=hits[relevant],
        groups="products, because photos of one product resemble one another",
        crops="Gallery photos are seen whole; street photos by their box where the catalog gives one, else whole.",
    )

"""The catalog: products and their photos, one schema for every dataset and every feed.

A reader is a function that streams products and reports what it could not read into a `Faults`; a `Catalog` is such a
reader bound to its source, so that it can be walked as often as needed without holding a gigabyte feed in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from wearabouts.types import Box, Landmark, Side

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]
AVAILABILITIES: tuple[Availability, ...] = ("in_stock", "out_of_stock", "preorder", "backorder")
MAX_TEXT = 5_000  # characters of one field; longer text is cut: no feed needs more, and one must not fill the store


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture of a product.

    Attributes:
        id: Unique in the catalog.
        uri: A local path, or a ``file:``, ``http:`` or ``https:`` address.
        side: ``shop`` for the shop's own picture, ``street`` for a customer's.
        split: ``train``, ``val``, ``test``, ``query``, ``gallery`` or empty. Query photos are never indexed.
        box: Where the product is, in pixels of the upright photo, when known.
        landmarks: The eight slots of `LANDMARK_SLOTS` when known, else empty.
        labels: Further labels, name → value, such as ``view`` → ``back``.
    """

    id: str
    uri: str
    side: Side = "shop"
    split: str = ""
    box: Box | None = None
    landmarks: tuple[Landmark, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Product:
    """One thing the shop sells.

    Attributes:
        id: Unique in the catalog.
        title: What the shop calls it.
        category: The shop's own category words, untouched, such as ``Women > Tops > Jackets``.
        garment: The model's garment class when the source says it (or `wearabouts.garments` could map it), else empty.
        brand: Maker.
        price: Amount a customer pays now, in `currency`; None where unknown.
        regular_price: Amount before a sale, where there is one.
        currency: ISO 4217 code, or empty.
        availability: One of `AVAILABILITIES`, or empty where unknown.
        link: Address of the product's page: http(s) only, else empty.
        group: Products of one group are variants (size, colour) of one another; empty for none.
        attributes: Further facts, name → value, all strings, names in lower_snake_case (``color``, ``size``).
        photos: At least one.
    """

    id: str
    photos: tuple[Photo, ...]
    title: str = ""
    category: str = ""
    garment: str = ""
    brand: str = ""
    price: float | None = None
    regular_price: float | None = None
    currency: str = ""
    availability: str = ""
    link: str = ""
    group: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a product needs an id")
        if self.availability and self.availability not in AVAILABILITIES:
            raise ValueError(f"availability {self.availability!r} is not one of {', '.join(AVAILABILITIES)}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that could not be read, and where: costs nothing else.

    Attributes:
        source: File or address.
        row: Line or item number, 1 for the first after the header; 0 where it does not apply.
        column: Field name, or empty.
        reason: What was found and what is allowed.
        lost: What it cost: ``product``, ``photo`` or ``field`` (the rest of the row is kept).
    """

    source: str
    row: int
    column: str
    reason: str
    lost: Literal["product", "photo", "field"] = "product"


class Faults:
    """A bounded list of faults: every one is counted, the first `limit` are kept in full."""

    def __init__(self, limit: int = 10_000) -> None:
        self.limit = limit
        self.kept: list[Fault] = []
        self.counts: dict[str, int] = {"product": 0, "photo": 0, "field": 0}

    def add(self, fault: Fault) -> None:
        """Count a fault, and keep it while there is room."""
        self.counts[fault.lost] += 1
        if len(self.kept) < self.limit:
            self.kept.append(fault)

    def __len__(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Catalog:
    """A source bound to its reader.

    Attributes:
        name: Registered name of the reader.
        source: What it reads, for people.
        stream: Starts a fresh walk over the products; what cannot be read goes to the given `Faults`.
        notes: What the reader guessed, for people (a column mapping, say).
    """

    name: str
    source: str
    stream: Callable[[Faults], Iterator[Product]]
    notes: tuple[str, ...] = ()

    def products(self, faults: Faults | None = None) -> Iterator[Product]:
        """Walk the products in the order of the source."""
        return self.stream(faults if faults is not None else Faults())

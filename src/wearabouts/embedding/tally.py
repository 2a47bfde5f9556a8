"""What an index run has done so far, and what it did in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Literal

from wearabouts.catalog import Catalog, Fault, Faults, Product

How = Literal["embedded", "reused", "unchanged"]


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far a run is.

    Attributes:
        photos: Photos dealt with: embedded, reused, unchanged or lost.
        total: Photos in all, once they have been counted, else None.
        products: Products dealt with.
        rate: Photos a second since the start.
        embedded: Photos whose vector was, or is being, computed.
        reused: Photos that got the vector of another photo of the same bytes.
        unchanged: Photos already stored as they are.
        faults: Faults so far.
        seconds: Since the start.
    """

    photos: int
    total: int | None
    products: int
    rate: float
    embedded: int
    reused: int
    unchanged: int
    faults: int
    seconds: float


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """What a run did.

    Attributes:
        products: Products of the catalog that are in the store now.
        photos: Their photos.
        embedded: Of these, photos whose vector was computed.
        reused: Of these, photos that got the vector of another photo of the same bytes.
        unchanged: Of these, photos that were stored already.
        pruned: Products removed because the catalog no longer has them.
        faults: Everything that could not be read, fetched, decoded or written.
        seconds: Time taken.
        photos_per_second: `photos` in that time.
        prune_refused: Why nothing was pruned though it was asked for, or empty.
    """

    products: int
    photos: int
    embedded: int
    reused: int
    unchanged: int
    pruned: int
    faults: Faults
    seconds: float
    photos_per_second: float
    prune_refused: str = ""


@dataclass(slots=True)
class Tally:
    """Running counts of one run; written by the line's own thread only.

    Attributes:
        source: The catalog's source, named in faults.
        faults: Where faults of the reader and of the line go.
        lost: Products lost by the line itself, not by the reader.
    """

    source: str
    faults: Faults
    photos: int = 0
    products: int = 0
    stored_products: int = 0
    embedded: int = 0
    reused: int = 0
    unchanged: int = 0
    lost: int = 0
    started: float = field(default_factory=time.perf_counter)

    def fault(self, lost: Literal["product", "photo"], reason: str) -> None:
        """Write down a photo or product that could not be indexed."""
        self.lost += lost == "product"
        self.faults.add(Fault(self.source, 0, "photo", reason, lost))

    def count(self, how: How, photos: int = 1) -> None:
        """Count a photo by how its vector is had; -1 takes one back that came to nothing."""
        setattr(self, how, getattr(self, how) + photos)

    def progress(self, total: int | None) -> IndexProgress:
        """The state now."""
        seconds = time.perf_counter() - self.started
        rate = self.photos / max(seconds, 1e-9)
        done = (self.embedded, self.reused, self.unchanged)
        return IndexProgress(self.photos, total, self.products, rate, *done, len(self.faults), seconds)

    def summary(self, pruned: int, prune_refused: str) -> IndexSummary:
        """The end."""
        seconds = time.perf_counter() - self.started
        done = (self.embedded, self.reused, self.unchanged)
        rate = sum(done) / max(seconds, 1e-9)
        return IndexSummary(self.stored_products, sum(done), *done, pruned, self.faults, seconds, rate, prune_refused)


class Counted:
    """The number of photos of a catalog, counted by a walk of its own beside the real one.

    Args:
        catalog: What to walk.
        photos: How many photos of a product count.
    """

    def __init__(self, catalog: Catalog, photos: Callable[[Product], int]) -> None:
        self.total: int | None = None
        self._stop = Event()
        self._thread = Thread(target=self._count, args=(catalog, photos), name="wearabouts-count", daemon=True)
        self._thread.start()

    def _count(self, catalog: Catalog, photos: Callable[[Product], int]) -> None:
        total = 0
        try:
            for product in self._until_stopped(catalog.products(Faults(limit=0))):
                total += photos(product)
        except Exception:
            return  # whatever is wrong with the source, the real walk meets it too and tells it
        self.total = None if self._stop.is_set() else total

    def _until_stopped(self, products: Iterator[Product]) -> Iterator[Product]:
        for product in products:
            if self._stop.is_set():
                return
            yield product

    def stop(self) -> None:
        """End the counting walk, finished or not."""
        self._stop.set()
        self._thread.join()

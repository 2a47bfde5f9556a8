"""Who works on photos: the seam between the line and threads, processes or a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from wearabouts.catalog import Photo, Product
from wearabouts.embedding.making import Made, Maker, Order
from wearabouts.embedding.photos import Direct, Fetches, Reached

WAITING_BATCHES = 2  # for each one that works: a batch in hand, and the next one at once after it


class Crew(Protocol):
    """Reaches photos and makes of them what is ordered. One crew serves one run.

    Attributes:
        ahead: Batches that may be under way at once.
    """

    @property
    def ahead(self) -> int:
        """May grow while the crew works."""
        ...

    def products(self, products: Iterable[Product]) -> Iterator[Product]:
        """The same products in the same order; a crew may work ahead on them."""
        ...

    def reach(self, photo: Photo, validators: Mapping[str, str]) -> Reached:
        """See `photos.Reaches`."""
        ...

    def submit(self, orders: Sequence[Order]) -> Future[list[Made]]:
        """Make a batch, one answer an order. Photos that cannot be made are problems of their own, never lost."""
        ...

    def close(self) -> None:
        """Drop what is under way and let everything go; no thread or process is left."""
        ...


class Threads(Direct):
    """Threads of this process: some decode, one encodes. Starts at once; the choice for small jobs.

    Args:
        maker: Decodes and encodes; its encoder may use as many threads as it likes.
        fetcher: The door to disk and network.
        decoding: Threads that decode.
    """

    ahead = WAITING_BATCHES

    def __init__(self, maker: Maker, fetcher: Fetches, *, decoding: int) -> None:
        super().__init__(fetcher)
        self._maker = maker
        self._decoding = ThreadPoolExecutor(decoding, thread_name_prefix="wearabouts-decode")
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="wearabouts-encode")

    def products(self, products: Iterable[Product]) -> Iterator[Product]:
        """As they come."""
        return iter(products)

    def submit(self, orders: Sequence[Order]) -> Future[list[Made]]:
        """See `Crew.submit`."""
        decoded = [self._decoding.submit(self._maker.decoded, order) for order in orders]
        return self._encoding.submit(lambda: self._maker.encoded(orders, [each.result() for each in decoded]))

    def close(self) -> None:
        """See `Crew.close`."""
        self._encoding.shutdown(wait=False, cancel_futures=True)
        self._decoding.shutdown(wait=True, cancel_futures=True)
        self._encoding.shutdown(wait=True)

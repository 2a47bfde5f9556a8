"""The assembly line: a pool fetches and decodes, one thread encodes in batches, the caller's thread plans and writes.

Only the caller's thread touches the store. All queues are bounded, so a catalog of any length needs the same memory.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from wearabouts.catalog import Photo, Product
from wearabouts.embedding.halves import Halver
from wearabouts.embedding.photos import Encoded, Loaded, Loader, same_view, wanted
from wearabouts.embedding.tally import Tally
from wearabouts.encoders import Encoder
from wearabouts.errors import StoreError
from wearabouts.stores import PhotoRecord, ProductRecord, Store
from wearabouts.types import Box, Pixels

GROUP_PHOTOS = (
    64  # one transaction: few enough that a kill loses seconds of work, enough that the disk's sync is shared
)
WAITING_BATCHES = 2  # batches handed to the encoder and not yet done
SHARED = 16  # addresses whose loaded photo is kept for the next product that names them
RECENT = 512  # photos whose bytes are remembered: the variants of a product often share their pictures
FINISHED = 256  # products that wait for a vector before a batch is sent off unfilled


@dataclass(slots=True)
class _Slot:
    """A vector to come: row `row` of what the encoder says, once its batch is sent off."""

    future: Future[Encoded] | None = None
    row: int = 0


@dataclass(frozen=True, slots=True)
class _Task:
    """A product whose photos are being fetched."""

    product: Product
    before: ProductRecord | None
    photos: tuple[Photo, ...]
    loads: tuple[Future[Loaded], ...]


@dataclass(frozen=True, slots=True)
class _Finished:
    """A product that can be written once its slots are filled."""

    product: Product
    photos: tuple[PhotoRecord | tuple[Loaded, _Slot], ...]

    def ready(self) -> bool:
        pending = (part[1].future for part in self.photos if isinstance(part, tuple))
        return all(future is not None and future.done() for future in pending)


class Line:
    """One run over a catalog.

    Args:
        encoder: Makes the vectors.
        store: Open for writing.
        loader: Fetches and decodes.
        tally: Counts what happens.
        workers: Threads that fetch and decode.
        batch: Photos encoded at once.
        all_photos: Also street photos and photos kept as queries.
        halver: Completes what is written with a pair network's halves; None for none.
        told: Called after each product.
    """

    def __init__(
        self,
        encoder: Encoder,
        store: Store,
        loader: Loader,
        tally: Tally,
        *,
        workers: int,
        batch: int,
        all_photos: bool,
        halver: Halver | None = None,
        told: Callable[[], None],
    ) -> None:
        self.encoder, self.store, self.loader, self.tally = encoder, store, loader, tally
        self.batch_size, self.all_photos, self.halver, self.told = batch, all_photos, halver, told
        self._window = 2 * batch + workers
        self._waiting = 0
        self._tasks: deque[_Task] = deque()
        self._batch: list[tuple[_Slot, Pixels]] = []
        self._encoding: deque[Future[Encoded]] = deque()
        self._recent: OrderedDict[tuple[str, Box | None], _Slot] = OrderedDict()
        self._shared: OrderedDict[tuple[str, Box | None], Future[Loaded]] = OrderedDict()
        self._finished: deque[_Finished] = deque()
        self._group: list[ProductRecord] = []
        self._loading = ThreadPoolExecutor(workers, thread_name_prefix="wearabouts-load")
        self._encoder_thread = ThreadPoolExecutor(1, thread_name_prefix="wearabouts-encode")

    def run(self, products: Iterable[Product]) -> None:
        """Take every product to its end. On any exception what is written stays, and what is not is dropped."""
        try:
            for product in products:
                self._admit(product)
                while self._waiting > self._window:
                    self._settle()
            while self._tasks:
                self._settle()
            self._send_batch()
            self._collect(wait=True)
            self._write()
        finally:
            self._loading.shutdown(wait=True, cancel_futures=True)
            self._encoder_thread.shutdown(wait=True, cancel_futures=True)

    def _admit(self, product: Product) -> None:
        photos = wanted(product, self.all_photos)
        if not photos:
            return
        before = self.store.record(product.id)
        stored = {record.photo.id: record for record in before.photos} if before is not None else {}
        loads = tuple(self._load(photo, stored.get(photo.id)) for photo in photos)
        self._tasks.append(_Task(product, before, photos, loads))
        self._waiting += len(loads)

    def _load(self, photo: Photo, stored: PhotoRecord | None) -> Future[Loaded]:
        """Send a photo to the pool; one that a product just before has sent off, too, is fetched once for both."""
        if stored is not None:
            return self._loading.submit(self.loader.load, photo, stored)
        key = (photo.uri, photo.box if photo.side == "street" else None)
        load = self._shared.get(key) or self._loading.submit(self.loader.load, photo, None)
        self._shared[key] = load
        if len(self._shared) > SHARED:
            self._shared.popitem(last=False)
        return load

    def _settle(self) -> None:
        """Take the oldest product's photos off the pool and decide what each needs."""
        task = self._tasks.popleft()
        parts: list[PhotoRecord | tuple[Loaded, _Slot]] = []
        for photo, load in zip(task.photos, task.loads, strict=True):
            loaded = replace(load.result(), photo=photo)
            self._waiting -= 1
            self.tally.photos += 1
            if loaded.problem:
                self.tally.fault("photo", f"product {task.product.id[:80]!r}: {loaded.problem}")
            part = self._part(loaded)
            if part is not None:
                parts.append(part)
        self.tally.products += 1
        if not parts:
            count = len(task.loads)
            self.tally.fault("product", f"product {task.product.id[:80]!r}: none of its {count} photos could be used")
        else:
            self.tally.stored_products += 1
            if not self._unchanged(task, parts):
                self._finished.append(_Finished(task.product, tuple(parts)))
        if len(self._finished) > FINISHED:
            self._send_batch()
        self._collect()
        self.told()

    def _part(self, loaded: Loaded) -> PhotoRecord | tuple[Loaded, _Slot] | None:
        if loaded.record is not None:
            self.tally.unchanged += 1
            return loaded.record
        if loaded.pixels is None:
            return None
        pixels, loaded = loaded.pixels, replace(loaded, pixels=None)
        key = (loaded.digest, loaded.photo.box if loaded.photo.side == "street" else None)
        if (slot := self._recent.get(key)) is not None:
            self.tally.reused += 1
            return loaded, slot
        other = self.store.digest_record(loaded.digest)
        if other is not None and same_view(other.photo, loaded.photo) and self.loader.embedded(other):
            self.tally.reused += 1
            return loaded.reusing(other)
        self.tally.embedded += 1
        slot = self._recent[key] = _Slot()
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        self._batch.append((slot, pixels))
        if len(self._batch) >= self.batch_size:
            self._send_batch()
        return loaded, slot

    def _send_batch(self) -> None:
        if not self._batch:
            return
        while len(self._encoding) >= WAITING_BATCHES:
            self._encoding.popleft().result()
        slots, photos = zip(*self._batch, strict=True)
        # The gallery lies on the shop's side, whoever took the photo: queries come from the street side to it.
        future = self._encoder_thread.submit(lambda: Encoded.of(self.encoder.encode(photos, "shop")))
        for row, slot in enumerate(slots):
            slot.future, slot.row = future, row
        self._encoding.append(future)
        self._batch = []

    def _collect(self, *, wait: bool = False) -> None:
        """Put together the products whose vectors are there, and write them when they are a group."""
        while self._finished and (wait or self._finished[0].ready()):
            finished = self._finished.popleft()
            photos = tuple(part if isinstance(part, PhotoRecord) else self._filled(*part) for part in finished.photos)
            self._group.append(ProductRecord(finished.product, photos))
            if sum(len(record.photos) for record in self._group) >= GROUP_PHOTOS:
                self._write()

    def _filled(self, loaded: Loaded, slot: _Slot) -> PhotoRecord:
        if slot.future is None:
            raise AssertionError("a photo was collected before its batch was sent off")
        return loaded.embedded(slot.future.result(), slot.row, self.encoder)

    def _write(self) -> None:
        group, self._group = self._group, []
        if not group:
            return
        if self.halver is not None:
            group = self.halver.completed(group)
        try:
            self.store.upsert(group)
        except StoreError as error:
            self._write_singly(group, error)

    def _write_singly(self, group: list[ProductRecord], error: StoreError) -> None:
        """Find the product the store will not have; where it is every one of several, the store itself is at fault."""
        refused = []
        for record in group:
            try:
                self.store.upsert([record])
            except StoreError as reason:
                refused.append(reason)
        if len(refused) == len(group) > 1:
            raise error
        for refusal in refused:
            self.tally.stored_products -= 1
            self.tally.fault("product", str(refusal))

    def _unchanged(self, task: _Task, parts: list[PhotoRecord | tuple[Loaded, _Slot]]) -> bool:
        """Whether the store already has exactly this, so that nothing needs to be written."""
        before = task.before
        if before is None or before.product != task.product or len(parts) != len(before.photos):
            return False
        for part, stored in zip(parts, before.photos, strict=True):
            if not isinstance(part, PhotoRecord) or part.photo != stored.photo or part.digest != stored.digest:
                return False
            if part.validators != stored.validators or len(part.thumbnail) != len(stored.thumbnail):
                return False
            if self.halver is not None and self.halver.lacks(part):
                return False
        return True

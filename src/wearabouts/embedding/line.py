"""The assembly line: a pool reaches photos, a crew decodes and encodes them, the caller's thread plans and writes.

Only the caller's thread touches the store. All queues are bounded, so a catalog of any length needs the same memory.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from wearabouts.catalog import Photo, Product
from wearabouts.embedding.crew import Crew
from wearabouts.embedding.halves import Halver
from wearabouts.embedding.making import Made, Order, view
from wearabouts.embedding.photos import Loaded, Loader, same_view, wanted
from wearabouts.embedding.tally import How, Tally
from wearabouts.errors import StoreError
from wearabouts.stores import PhotoRecord, ProductRecord, Store
from wearabouts.types import Box

GROUP_PHOTOS = (
    64  # one transaction: few enough that a kill loses seconds of work, enough that the disk's sync is shared
)
BATCH_BYTES = 32_000_000  # of photos' files, from which on a batch is sent off though it is not full
SHARED = 16  # addresses whose loaded photo is kept for the next product that names them
RECENT = 512  # photos whose bytes are remembered: the variants of a product often share their pictures
FINISHED = 256  # products that wait for a photo before its batch is sent off unfilled


@dataclass(slots=True)
class _Slot:
    """What is to be made of a photo: answer `row` of its batch, once that is sent off."""

    batch: Future[list[Made]] | None = None
    row: int = 0

    def made(self) -> Made:
        if self.batch is None:
            raise AssertionError("a photo was collected before its batch was sent off")
        return self.batch.result()[self.row]


@dataclass(frozen=True, slots=True)
class _Task:
    """A product whose photos are being reached."""

    product: Product
    before: ProductRecord | None
    photos: tuple[Photo, ...]
    loads: tuple[Future[Loaded], ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A photo of a product to be written: its record, or what it will be made of; how it was counted."""

    loaded: Loaded
    how: How
    record: PhotoRecord | None = None
    slot: _Slot | None = None


@dataclass(frozen=True, slots=True)
class _Finished:
    """A product that can be written once its slots are filled."""

    task: _Task
    parts: tuple[_Part, ...]

    def ready(self) -> bool:
        slots = [part.slot for part in self.parts if part.slot is not None]
        return all(slot.batch is not None and slot.batch.done() for slot in slots)

    def unsent(self) -> bool:
        return any(part.slot is not None and part.slot.batch is None for part in self.parts)


class Line:
    """One run over a catalog.

    Args:
        store: Open for writing.
        crew: Reaches and makes.
        loader: Compares with what is stored.
        tally: Counts what happens.
        workers: Threads that reach photos.
        batch: Photos encoded at once.
        all_photos: Also street photos and photos kept as queries.
        halver: Completes what is written with a pair network's halves; None for none.
        told: Called after each product.
    """

    def __init__(
        self,
        store: Store,
        crew: Crew,
        loader: Loader,
        tally: Tally,
        *,
        workers: int,
        batch: int,
        all_photos: bool,
        halver: Halver | None = None,
        told: Callable[[], None],
    ) -> None:
        self.store, self.crew, self.loader, self.tally = store, crew, loader, tally
        self.batch_size, self.all_photos, self.halver, self.told = batch, all_photos, halver, told
        self._window = 2 * batch + workers
        self._waiting = 0
        self._tasks: deque[_Task] = deque()
        self._batch: list[tuple[_Slot, Order]] = []
        self._under_way: deque[Future[list[Made]]] = deque()
        self._recent: OrderedDict[tuple[str, Box | None], _Slot] = OrderedDict()
        self._shared: OrderedDict[tuple[str, Box | None], Future[Loaded]] = OrderedDict()
        self._finished: deque[_Finished] = deque()
        self._group: list[ProductRecord] = []
        self._loading = ThreadPoolExecutor(workers, thread_name_prefix="wearabouts-load")

    def run(self, products: Iterable[Product]) -> None:
        """Take every product to its end. On any exception what is written stays, and what is not is dropped."""
        try:
            for product in self.crew.products(products):
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
        """Send a photo to the pool; one that a product just before has sent off, too, is reached once for both."""
        if stored is not None:
            return self._loading.submit(self.loader.load, photo, stored)
        key = (photo.uri, view(photo))
        load = self._shared.get(key) or self._loading.submit(self.loader.load, photo, None)
        self._shared[key] = load
        if len(self._shared) > SHARED:
            self._shared.popitem(last=False)
        return load

    def _settle(self) -> None:
        """Take the oldest product's photos off the pool and decide what each needs."""
        task = self._tasks.popleft()
        parts: list[_Part] = []
        for photo, load in zip(task.photos, task.loads, strict=True):
            loaded = load.result().of(photo)
            self._waiting -= 1
            self.tally.photos += 1
            if loaded.problem:
                self._fault(task, loaded.problem)
            part = self._part(loaded)
            if part is not None:
                self.tally.count(part.how)
                parts.append(part)
        self.tally.products += 1
        self.tally.stored_products += 1
        self._finished.append(_Finished(task, tuple(parts)))
        if len(self._finished) > FINISHED and self._finished[0].unsent():
            self._send_batch()
        self._collect()
        self.told()

    def _part(self, loaded: Loaded) -> _Part | None:
        """What a photo needs: nothing, a small copy, another photo's vector, or to be encoded."""
        if loaded.record is not None:
            return _Part(loaded, "unchanged", loaded.record)
        if loaded.problem:
            return None
        if loaded.like is not None:
            return _Part(loaded.light(), "unchanged", None, self._order(loaded, encode=False))
        key = (loaded.digest, view(loaded.photo))
        if (slot := self._recent.get(key)) is not None:
            return _Part(loaded.light(), "reused", None, slot)
        other = self.store.digest_record(loaded.digest)
        if other is not None and same_view(other.photo, loaded.photo) and self.loader.embedded(other):
            if self.loader.complete(other):
                return _Part(loaded.light(), "reused", loaded.reusing(other))
            return _Part(loaded.light(other), "reused", None, self._order(loaded, encode=False))
        slot = self._recent[key] = self._order(loaded, encode=True)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return _Part(loaded.light(), "embedded", None, slot)

    def _order(self, loaded: Loaded, *, encode: bool) -> _Slot:
        slot = _Slot()
        order = loaded.order(thumbnail=self.loader.thumbnails, encode=encode)
        self._batch.append((slot, order))
        full = len(self._batch) >= self.batch_size or sum(len(each.data) for _, each in self._batch) > BATCH_BYTES
        if full:
            self._send_batch()
        return slot

    def _send_batch(self) -> None:
        if not self._batch:
            return
        while len(self._under_way) >= self.crew.ahead:
            self._under_way.popleft().result()
        slots, orders = zip(*self._batch, strict=True)
        future = self.crew.submit(orders)
        for row, slot in enumerate(slots):
            slot.batch, slot.row = future, row
        self._under_way.append(future)
        self._batch = []

    def _collect(self, *, wait: bool = False) -> None:
        """Put together the products whose photos are made, and write them when they are a group."""
        while self._finished and (wait or self._finished[0].ready()):
            finished = self._finished.popleft()
            task = finished.task
            photos = tuple(record for part in finished.parts if (record := self._filled(task, part)) is not None)
            if not photos:
                self.tally.stored_products -= 1
                self.tally.fault(
                    "product", f"product {task.product.id[:80]!r}: none of its {len(task.photos)} photos could be used"
                )
            elif not self._unchanged(task, finished.parts, photos):
                self._group.append(ProductRecord(task.product, photos))
            if sum(len(record.photos) for record in self._group) >= GROUP_PHOTOS:
                self._write()

    def _filled(self, task: _Task, part: _Part) -> PhotoRecord | None:
        if part.record is not None or part.slot is None:
            return part.record
        made, loaded = part.slot.made(), part.loaded
        if made.problem:
            self.tally.count(part.how, -1)
            self._fault(task, made.problem)
            return None
        if loaded.like is not None:
            return loaded.reusing(loaded.like, made.thumbnail)
        return made.record(loaded.photo, loaded.digest, loaded.validators)

    def _fault(self, task: _Task, problem: str) -> None:
        self.tally.fault("photo", f"product {task.product.id[:80]!r}: {problem}")

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

    def _unchanged(self, task: _Task, parts: tuple[_Part, ...], photos: tuple[PhotoRecord, ...]) -> bool:
        """Whether the store already has exactly this, so that nothing needs to be written."""
        before = task.before
        if before is None or before.product != task.product or len(photos) != len(before.photos):
            return False
        if any(part.how != "unchanged" for part in parts if part.slot is None or not part.slot.made().problem):
            return False
        for photo, stored in zip(photos, before.photos, strict=True):
            if photo.photo != stored.photo or photo.digest != stored.digest:
                return False
            if photo.validators != stored.validators or len(photo.thumbnail) != len(stored.thumbnail):
                return False
            if self.halver is not None and self.halver.lacks(photo):
                return False
        return True

"""The crew that is a cluster: works ahead on the catalog, keeps what it made in shards, and hands it to the line."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from wearabouts.catalog import Photo, Product
from wearabouts.embedding.cluster.job import Job
from wearabouts.embedding.cluster.rows import Key, Known, Row, Want
from wearabouts.embedding.cluster.shards import Shards
from wearabouts.embedding.making import Made, Order, view
from wearabouts.embedding.photos import Loader, Reached, wanted
from wearabouts.errors import FetchError
from wearabouts.fetch.terms import scheme_of
from wearabouts.stores import PhotoRecord, Store


@dataclass(slots=True)
class _Chunk:
    """Some products of the catalog, and what became of their photos."""

    products: list[Product] = field(default_factory=list)
    wants: dict[Key, Want] = field(default_factory=dict)
    kept: dict[Key, Row] = field(
        default_factory=dict
    )  # rows of earlier shards, which hold while the bytes are the same
    reference: Any = None
    rows: dict[Key, Row] | None = None  # without what was made, once that is in shard `shard`
    shard: int | None = None


class Remote:
    """A crew on a cluster. See `crew.Crew`.

    Args:
        job: The cluster.
        shards: Where what was made is kept, and found again.
        store: Says what is stored already; only read.
        all_photos: See `wearabouts.embedding.index`.
        thumbnails: Whether small copies are made.
        evidence: See `photos.Loader`.
        each: Photos a task.
        held: Photos that the line may still ask for when it asks for the next product.
    """

    ahead = 1

    def __init__(
        self,
        job: Job,
        shards: Shards,
        store: Store,
        *,
        all_photos: bool,
        thumbnails: bool,
        evidence: bool,
        each: int,
        held: int,
    ) -> None:
        self._job, self._shards, self._store = job, shards, store
        self._all_photos, self._each, self._held = all_photos, each, held
        self._rows: dict[Key, Row] = {}
        self._given: deque[list[Key]] = deque()
        self._under_way: deque[_Chunk] = deque()
        self._checked = False
        self._loader = Loader(self, thumbnails, evidence)  # says what of the store is complete, as the line's own does

    def products(self, products: Iterable[Product]) -> Iterator[Product]:
        """The same products, each once its photos are made."""
        under_way = self._under_way
        for chunk in self._chunks(products):
            self._send(chunk)
            under_way.append(chunk)
            while len(under_way) >= self._job.most:
                yield from self._finished(under_way)
        while under_way:
            yield from self._finished(under_way)

    def reach(self, photo: Photo, validators: Mapping[str, str]) -> Reached:
        """What the cluster said of a photo."""
        row = self._rows.get(Key(photo.uri, view(photo)))
        if row is None:
            raise FetchError(f"{photo.uri[:200]}: the cluster was not asked for it; run again")
        if row.problem:
            raise FetchError(row.problem)
        return Reached(row.digest, row.validators, b"", row.made)

    def submit(self, orders: Sequence[Order]) -> Future[list[Made]]:
        """At once: it is made already."""
        future: Future[list[Made]] = Future()
        future.set_result(
            [order.made or Made(f"{order.uri[:200]}: changed while it was indexed; run again") for order in orders]
        )
        return future

    def close(self) -> None:
        """See `crew.Crew.close`."""
        self._job.close([chunk.reference for chunk in self._under_way if chunk.reference is not None])

    def _chunks(self, products: Iterable[Product]) -> Iterator[_Chunk]:
        chunk = _Chunk()
        for product in products:
            chunk.products.append(product)
            self._plan(product, chunk)
            if len(chunk.wants) >= self._each:
                yield chunk
                chunk = _Chunk()
        if chunk.products:
            yield chunk

    def _plan(self, product: Product, chunk: _Chunk) -> None:
        """Want a product's photos, each with what is known of it: by the store, or else by a shard."""
        photos = wanted(product, self._all_photos)
        before = self._store.record(product.id) if photos else None
        stored = {record.photo.id: record for record in before.photos} if before is not None else {}
        for photo in photos:
            key = Key(photo.uri, view(photo))
            known = self._known(photo, key, stored.get(photo.id), chunk)
            if key in chunk.wants:  # another photo of the same address: known only if it is so for both
                known = known if known == chunk.wants[key].known else None
            whole = photo.side == "shop" or photo.box is None
            chunk.wants[key] = Want(key, _place(photo.uri), whole, self._loader.thumbnails, known)

    def _known(self, photo: Photo, key: Key, stored: PhotoRecord | None, chunk: _Chunk) -> Known | None:
        usable = self._loader.usable(photo, stored)
        if usable is not None and self._loader.complete(usable):
            return Known(usable.digest, usable.validators)
        row = self._shards.find(key)
        if row is None or row.made is None or (self._loader.thumbnails and not row.made.thumbnail):
            return None
        chunk.kept[key] = row
        return Known(row.digest, row.validators)

    def _send(self, chunk: _Chunk) -> None:
        wants = list(chunk.wants.values())
        if not wants:
            chunk.rows = {}
            return
        if not self._checked:
            local = [want.place for want in wants if scheme_of(want.place) not in ("http", "https")]
            if local:
                self._checked = True
                self._job.check_paths(local[0])
        chunk.reference = self._job.send(wants)

    def _finished(self, under_way: deque[_Chunk]) -> Iterator[Product]:
        """The products of the oldest chunk, once it is there; whatever is done before it is written to its shard."""
        while under_way[0].rows is None:
            waiting = {chunk.reference: chunk for chunk in under_way if chunk.rows is None}
            for reference in self._job.wait(list(waiting)):
                self._take(waiting[reference])
        chunk = under_way.popleft()
        self._give(chunk)
        yield from chunk.products

    def _take(self, chunk: _Chunk) -> None:
        """Write what a chunk's task made; from then on it is not made again."""
        rows = self._job.rows(chunk.reference, list(chunk.wants.values()))
        chunk.reference = None
        new = [row for row in rows if row.made is not None and row.made.seen is not None]
        if new:
            chunk.shard = self._shards.append(new)
        kept = {row.key for row in new}
        chunk.rows = {row.key: replace(row, made=None) if row.key in kept else row for row in rows}

    def _give(self, chunk: _Chunk) -> None:
        """Make a chunk's rows what `reach` answers with, and forget those that nobody can ask for any more."""
        rows = dict(chunk.rows or {})
        if chunk.shard is not None:
            rows |= {row.key: row for row in self._shards.read(chunk.shard)}
        for key, row in rows.items():
            if row.kind == "same" and key in chunk.kept:
                rows[key] = replace(row, made=chunk.kept[key].made)
        self._rows |= rows
        self._given.append(list(rows))
        while len(self._given) > 1 and sum(map(len, list(self._given)[1:-1])) >= self._held:
            again = {key for keys in list(self._given)[1:] for key in keys}
            for key in self._given.popleft():
                if key not in again:
                    del self._rows[key]


def _place(uri: str) -> str:
    """Where a worker finds a photo: an address as it is, a path from the root."""
    scheme = scheme_of(uri)
    if scheme in ("http", "https"):
        return uri
    if scheme == "file":
        return unquote(urlsplit(uri).path)
    return uri if scheme else str(Path(uri).absolute())

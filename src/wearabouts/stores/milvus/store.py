"""The store in Milvus: the protocol, spelled out over its collections."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from wearabouts.errors import StoreError
from wearabouts.stores import Finding, Known, Mode, PhotoRecord, ProductRecord
from wearabouts.stores.milvus import layout
from wearabouts.stores.milvus.address import Address, parse
from wearabouts.stores.milvus.checking import Checker
from wearabouts.stores.milvus.client import Connection
from wearabouts.stores.milvus.describing import described
from wearabouts.stores.milvus.filters import require_known, translated
from wearabouts.stores.milvus.keys import META
from wearabouts.stores.milvus.packing import head
from wearabouts.stores.milvus.reading import Reader
from wearabouts.stores.milvus.searching import Search
from wearabouts.stores.milvus.writing import Writer
from wearabouts.stores.records import checked, checked_query, packed_note
from wearabouts.stores.where import Expression, columns_of
from wearabouts.stores.where import parse as parse_filter
from wearabouts.types import Floats, Ranking

MAX_DIM: Final = 32_768
APPEARS: Final = 30.0  # seconds after which a row that does not show is not there


class MilvusStore:
    """`wearabouts.stores.Store` in a Milvus server or file; made by `open`."""

    def __init__(self, connection: Connection, meta: Mapping[str, Any], mode: Mode) -> None:
        self.address = connection.address
        self._reader = Reader(connection)
        self._writer = Writer(self._reader)
        self._connection, self._meta, self._mode = connection, meta, mode
        self._index = layout.index_found(connection)
        self._words: set[tuple[str, str]] = set()
        self._closed = False
        self._closing = threading.Lock()
        self._process = os.getpid()

    @classmethod
    def open(
        cls,
        address: str,
        *,
        mode: Mode = "read",
        encoder_hash: str | None = None,
        dim: int | None = None,
        rebuild: bool = False,
    ) -> MilvusStore:
        """See `wearabouts.stores.open_store`."""
        place = parse(address)
        if mode not in ("read", "write"):
            raise StoreError(f"mode {mode!r} is not one of read, write")
        if dim is not None and not 1 <= dim <= MAX_DIM:
            raise StoreError(f"{dim} floats per vector were given; Milvus takes 1 to {MAX_DIM}")
        new = (encoder_hash, dim) if mode == "write" and encoder_hash is not None and dim is not None else None
        if rebuild and new is None:
            raise StoreError("to rebuild a store, open it with mode='write' and give encoder_hash and dim")
        connection = Connection(place)
        try:
            meta = _opened(connection, new, rebuild=rebuild)
            if not rebuild:
                _require_encoder(place, meta, encoder_hash, dim)
            return cls(connection, meta, mode)
        except BaseException:
            connection.close()
            raise

    @property
    def encoder_hash(self) -> str:
        """Hash of the encoder that filled the store."""
        return str(self._meta["encoder_hash"])

    @property
    def dim(self) -> int:
        """Floats per vector."""
        return int(self._meta["dim"])

    def upsert(self, records: Iterable[ProductRecord]) -> int:
        """Write products whole; of a product given twice, the last. Returns how many photos they have.

        Each product changes at one moment, and so do all of a call whose facts fit into one request (4 MiB). The
        records are held in memory and checked before anything is written: give a few hundred at a time.
        """
        self._require_writable()
        every = checked(records, self.dim)
        self._writer.upsert(every)
        return sum(len(record.photos) for record in every)

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products and their photos; returns how many products were there."""
        self._require_writable()
        return self._writer.delete(list(product_ids))

    def product(self, product_id: str) -> dict[str, Any] | None:
        """One product as plain data; `garment` is the one it counts as, `garment_given` the feed's own."""
        return self.told([product_id]).get(product_id)

    def told(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The same of many, for a request or two: id → product, of those that are there."""
        return self._open.told(product_ids)

    def products(self) -> Iterator[str]:
        """Ids of all products as they are now, in order of id."""
        return iter(self._open.product_ids())

    def known(self, product_id: str) -> dict[str, Known]:
        """Photo id → what is already stored of that product's photos."""
        return self._open.known(product_id)

    def record(self, product_id: str) -> ProductRecord | None:
        """The product exactly as it was written, or None."""
        return self._open.record(product_id)

    def digest_record(self, digest: str) -> PhotoRecord | None:
        """Any stored photo with these bytes, or None."""
        return self._open.digest_record(digest)

    def thumbnail(self, photo_id: str) -> bytes | None:
        """The stored small copy, or None."""
        return self._open.thumbnail(photo_id)

    def vectors(self, photo_ids: Sequence[str]) -> Floats:
        """(n, D) float32 in the order asked for."""
        return self._open.vectors(photo_ids, self.dim)

    def photos(self, product_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """The ids of each product's photos; none for a product that is not there."""
        return self._open.photos_of(product_ids)

    def beside(self, photo_ids: Sequence[str], kind: str) -> list[bytes | None]:
        """What was written beside the photos, of one kind, in the order asked for; None where there is none."""
        return self._open.beside(photo_ids, kind)

    def note(self, name: str) -> dict[str, Any] | None:
        """A fact the shop keeps about itself, as plain data, or None."""
        return self._open.note(name)

    def write_note(self, name: str, facts: Mapping[str, Any] | None) -> None:
        """Keep a fact (what JSON can hold, at most a MiB of it) in place of the one of that name; None removes it."""
        self._require_writable()
        text = None if facts is None else f'{{"name":{json.dumps(name)},"note":{packed_note(name, facts)}}}'
        self._writer.note(name, text)

    def search(
        self, vector: Floats, count: int, *, where: str | None = None, garments: Sequence[str] = (), exact: bool = False
    ) -> Ranking:
        """The `count` most similar photos the index finds; `exact` compares with every vector.

        What Milvus cannot filter by (`contains`, numbers in attributes) is judged here, with ever more candidates.
        """
        reader = self._open
        query = checked_query(vector, self.dim, count)
        expression = None if where is None else parse_filter(where)
        if expression is not None:
            self._require_known(expression)
        asked = translated(expression, garments)
        if asked is None:
            return Ranking((), (), np.zeros(0, np.float32))
        return Search(reader, self._index, query, count, asked).ranking(exact=exact)

    def describe(self) -> dict[str, Any]:
        """Counts, columns one can filter by, the index in use and why, as plain data."""
        return described(self._open, self._meta, self._index, self._mode)

    def check(self, *, repair: bool = False) -> list[Finding]:
        """Verify every product's facts, photos and pieces, and find rows that belong to none.

        Args:
            repair: Remove what is broken and what a killed writer left; needs mode ``write``. The findings say what
                was wrong before.
        """
        if repair:
            self._require_writable()
        return Checker(self._open, self.dim).findings(repair=repair)

    def refresh(self) -> None:
        """From now on, everything acknowledged to anyone before this call shows in what this client reads."""
        self._open.connection.catch_up()

    def settle(self, progress: Callable[[float], None] | None = None) -> None:
        """Have the server seal what was written lately, so that its vectors get their index.

        Nothing is safer for it: what was acknowledged lies in the server's log.
        """
        if self._open and self._mode == "write":
            layout.flush(self._connection)
        if progress is not None:
            progress(1.0)

    def vitals(self) -> dict[str, float]:
        """None: the server keeps its own."""
        return {}

    def close(self) -> None:
        """Let go of the server. A closed store cannot be used."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._connection.close()

    @property
    def _open(self) -> Reader:
        if self._closed:
            raise StoreError(f"the store {self.address.text} has been closed; open it again")
        if self._process != os.getpid():
            raise StoreError(
                f"the store {self.address.text} was opened by another process; open it in this one, after forking"
            )
        return self._reader

    def _require_writable(self) -> None:
        if self._open and self._mode != "write":
            raise StoreError(f"{self.address.text} is open for reading; open it with mode='write' to change it")

    def _require_known(self, expression: Expression) -> None:
        """Refuse unknown columns; one that is new since the last question is asked for."""
        if any(("column", name) not in self._words for name in columns_of(expression)):
            self._words = self._reader.vocabulary()
        require_known(expression, [name for kind, name in self._words if kind == "column"])


def _opened(connection: Connection, new: tuple[str, int] | None, *, rebuild: bool) -> dict[str, Any]:
    """The store's own row, after making the store where that is asked."""
    address = connection.address
    there = layout.is_there(connection)
    layout.require_ours(connection, whole=there and not rebuild)
    if new is not None and (rebuild or not there):
        created = datetime.now(UTC).isoformat(timespec="seconds")
        facts = {"format": layout.FORMAT, "encoder_hash": new[0], "dim": new[1], "created": created}
        layout.create(connection, new[1], head(META, 0, "", json.dumps(facts)))
        connection.catch_up()
    elif not there:
        raise _missing(address)
    layout.load(connection)
    row = _own_row(connection)
    if row is None:
        raise StoreError(
            f"{address.text} has no row of its own, so it is no whole store; restore it, or index again with --rebuild"
        )
    meta: dict[str, Any] = json.loads(row["facts"])
    if meta.get("format") != layout.FORMAT:
        raise StoreError(
            f"{address.text} has format {meta.get('format')}, this release reads format {layout.FORMAT}; use the "
            "release that wrote it, or index again with --rebuild"
        )
    return meta


def _own_row(connection: Connection) -> Mapping[str, Any] | None:
    """The row every store has; a server that was killed and has just come back may not show it in its first answers."""
    reader, end = Reader(connection), time.monotonic() + min(connection.address.patience, APPEARS)
    while True:
        row = reader.heads([META], ("key", "version", "facts"), strong=True).get(META)
        if row is not None or time.monotonic() > end:
            return row
        time.sleep(0.2)


def _missing(address: Address) -> StoreError:
    return StoreError(
        f"there is no store at {address.text}; make one with `wearabouts index SOURCE --store {address.text}`"
    )


def _require_encoder(address: Address, meta: Mapping[str, Any], encoder_hash: str | None, dim: int | None) -> None:
    cure = f"use that encoder, or fill the store anew: `wearabouts index SOURCE --store {address.text} --rebuild`"
    if encoder_hash is not None and encoder_hash != meta["encoder_hash"]:
        raise StoreError(
            f"the store {address.text} was filled by encoder {meta['encoder_hash']}, the one in use is {encoder_hash}; "
            f"{cure}"
        )
    if dim is not None and dim != meta["dim"]:
        raise StoreError(
            f"the store {address.text} holds vectors of {meta['dim']} floats, the encoder in use gives {dim}; {cure}"
        )

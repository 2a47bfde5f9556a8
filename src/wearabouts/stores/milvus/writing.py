"""Changing the store so that a reader sees each product as it was or as it is, never both and never neither.

Milvus has no transactions over rows, but what one request changes shows at one moment. So a writing goes

    1. pieces and photos of the new version, with keys of their own: no head names them, no reader sees them
    2. the heads, all in one request: from here the products are the new ones
    3. the rows of the versions before, which no head names any more, are removed

A writer that is killed leaves rows that no head names, and `check --repair` sweeps them. Of several writers of one
product the last counts, for each removes only the version it replaced.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from wearabouts.errors import StoreError
from wearabouts.stores import ProductRecord
from wearabouts.stores.milvus.client import PAUSES, AwayError, Row
from wearabouts.stores.milvus.keys import note_key, product_key, word_key
from wearabouts.stores.milvus.packing import Writing, head, keys_of, note
from wearabouts.stores.milvus.reading import Reader
from wearabouts.stores.records import ClaimedError, claimed

MAX_NOTES: Final = 64


class Writer:
    """Changes one store's collections, one call at a time."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.connection = reader, reader.connection
        self._lock = threading.Lock()
        self._version = 0
        self._words: set[tuple[str, str]] = set()

    def upsert(self, records: Sequence[ProductRecord]) -> None:
        """Replace products whole.

        Args:
            records: One a product, valid.

        Raises:
            StoreError: A photo belongs to a product that is not among them, or the server is away; then each product
                is as it was, or new.
        """
        if not records:
            return
        with self._changing():
            self._require_free(records)
            before = self.reader.heads(product_key(each.product.id) for each in records)
            left = self._written(records, before)
            self._remove([*(keys_of(each) for each in before.values()), *left])

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products with their photos; returns how many were there."""
        with self._changing():
            before = self.reader.heads(product_key(ident) for ident in product_ids)
            self.connection.delete(self.reader.products, list(before))
            self._remove([keys_of(each) for each in before.values()])
        return len(before)

    def note(self, name: str, text: str | None) -> None:
        """Keep a note's JSON text in place of the one of that name, or remove it.

        Raises:
            StoreError: It would be one note too many.
        """
        key = note_key(name)
        with self._changing():
            before = self.reader.heads([key]).get(key)
            if text is None:
                self.connection.delete(self.reader.products, [key] if before else [])
            else:
                held = self.connection.count(self.reader.products, 'key like "n%"')
                if before is None and held >= MAX_NOTES:
                    raise StoreError(
                        f"the store has {MAX_NOTES} notes already, which is the most; remove one before {name!r}"
                    )
                row, pieces = note(key, self._next([before] if before else []), text)
                self.connection.upsert(self.reader.pieces, pieces)
                self.connection.upsert(self.reader.products, [row])
            if before:
                self._remove([keys_of(before)])

    def _written(self, records: Sequence[ProductRecord], before: dict[str, Row]) -> list[tuple[list[str], list[str]]]:
        """Write until it is known to be written; returns the keys of attempts that broke off.

        A request that was not answered may have been carried out, and rows that are added twice would be twofold. So
        an attempt that breaks off is begun anew under another version.
        """
        left: list[tuple[list[str], list[str]]] = []
        end = time.monotonic() + self.connection.address.patience
        pause, most = PAUSES
        while True:
            writing, version = Writing(), self._next(list(before.values()))
            for each in records:
                writing.add(each, version)
            try:
                self._learn(writing.words)
                self.connection.upsert(self.reader.pieces, writing.pieces)
                self.connection.insert(self.reader.photos, writing.photos)
                break
            except AwayError:
                left.append(([row["key"] for row in writing.photos], [row["key"] for row in writing.pieces]))
                if time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, most)
        self.connection.upsert(self.reader.products, writing.heads)
        return left

    def _next(self, before: Sequence[Row]) -> int:
        """A version above all this writer gave or saw: the time in microseconds, unless a clock stands still."""
        known = max((row["version"] for row in before), default=0)
        self._version = max(time.time_ns() // 1_000, self._version + 1, known + 1)
        return self._version

    def _learn(self, words: set[tuple[str, str]]) -> None:
        """Enter new words into the vocabulary, before the products that use them."""
        new = sorted(words - self._words)
        rows = [head(word_key(*word), 0, "", json.dumps({"kind": word[0], "name": word[1]})) for word in new]
        self.connection.upsert(self.reader.products, rows)
        self._words |= words

    def _remove(self, keys: Sequence[tuple[list[str], list[str]]]) -> None:
        self.connection.delete(self.reader.photos, [key for photos, _ in keys for key in photos])
        self.connection.delete(self.reader.pieces, [key for _, pieces in keys for key in pieces])

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time; after it, this client's reads wait for it."""
        with self._lock:
            yield
            self.connection.catch_up()

    def _require_free(self, records: Sequence[ProductRecord]) -> None:
        """Refuse a photo that belongs to a product which is not among the records."""
        owner = {each.photo.id: record.product.id for record in records for each in record.photos}
        written = {record.product.id for record in records}
        for ident, row in self.reader.by_id(owner, ()).items():
            if row["product"] not in written:
                raise ClaimedError(claimed(ident, row["product"], owner[ident]))

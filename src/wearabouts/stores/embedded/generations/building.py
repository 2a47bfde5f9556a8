"""Making a base from the truth: streamed, in memory for a few numbers a photo, whatever the size of the store.

One pass over the products, two over the photos: the first proves every vector and gives it a list of the index, the
second writes it where its list lies. Both see the same rows: they run in one read transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from wearabouts.stores.embedded import indexes
from wearabouts.stores.embedded.generations.drafting import Draft
from wearabouts.stores.embedded.generations.generation import FORMAT
from wearabouts.stores.embedded.generations.segment import Places
from wearabouts.stores.embedded.generations.tables import NameStream, ProductTables
from wearabouts.stores.embedded.truth.schema import Meta, era
from wearabouts.stores.embedded.truth.streaming import photos, products
from wearabouts.types import Floats

Progress = Callable[[float], None]

_PART: Final = 1_024  # vectors read at once
_VECTORS: Final = f"SELECT photo, data FROM vectors WHERE photo > ? ORDER BY photo LIMIT {_PART}"  # noqa: S608 - ours
_ASKED: Final = 500  # vectors fetched in one question
# The part of the time at the end of each step.
_AFTER: Final[Mapping[str, float]] = {"products": 0.1, "fit": 0.2, "photos": 0.5, "vectors": 0.75, "tune": 0.9}


def build(
    connection: sqlite3.Connection, meta: Meta, draft: Path, *, generation: int, progress: Progress, seed: int = 0
) -> None:
    """Write a base of what the database has.

    Args:
        connection: In a read transaction.
        meta: The store's own row, read in it.
        draft: Where; a temporary name, left only when finished.
        generation: Its number.
        progress: Told the part that is done, 0 to 1, every few milliseconds; may sleep, and what it raises ends the
            building.
        seed: Of everything random.

    Raises:
        OSError: The disk is full or fails.
    """
    # Rows that are damaged are counted here and left out later: an index may plan for a few vectors too many.
    (expected,) = connection.execute("SELECT count(*) FROM photos").fetchone()
    choice = indexes.choose(expected, meta.dim)
    with Draft(draft) as made:
        owners = _products(connection, made, progress)
        sample = _sampled(connection, meta.dim, min(choice.sample, expected), seed, progress)
        making = indexes.fit(choice, sample, seed, lambda part: progress(_between("products", "fit", part)))
        del sample
        progress(_AFTER["fit"])
        photo = _Photos(connection, made, meta.dim, expected, owners)
        photo.gather(making, progress)
        vectors = photo.lay_out(progress)
        arrays = making.arrays()
        for name, array in arrays.items():
            made.add(f"index/{name}", array)
        index = indexes.opened(choice.kind, arrays, vectors, {})
        index_facts = {
            "kind": choice.kind,
            "why": choice.why,
            "facts": indexes.tuned(index, seed, lambda part: progress(_between("vectors", "tune", part))),
        }
        progress(_AFTER["tune"])
        facts = {"format": FORMAT, "generation": generation, "sequence": meta.sequence, "era": era(connection)}
        counts = {"dim": meta.dim, "count": photo.count, "products": len(owners)}
        told = facts | counts | {"encoder_hash": meta.encoder_hash, "index": index_facts}
        made.finish(told, lambda: progress(_AFTER["tune"]))
    progress(1.0)


def _products(connection: sqlite3.Connection, made: Draft, progress: Progress) -> Places:
    """Write all that is by product; returns the products' numbers, rising: the place of each is its slot."""
    (expected,) = connection.execute("SELECT count(*) FROM products").fetchone()
    tables = ProductTables(made)
    for _, part in products(connection, -1):
        tables.extend(part)
        progress(_AFTER["products"] * min(1.0, tables.size / max(1, expected)))
    return tables.close()


def _sampled(connection: sqlite3.Connection, dim: int, count: int, seed: int, progress: Progress) -> Floats:
    """Vectors drawn evenly from all: (n, D) float32, a few less than asked for where some are damaged."""
    if not count:
        return np.zeros((0, dim), np.float32)
    numbers = np.fromiter((row[0] for row in connection.execute("SELECT number FROM photos")), np.int64)
    drawn = np.sort(np.random.default_rng(seed).choice(numbers, min(count, len(numbers)), replace=False)).tolist()
    found: list[Floats] = []
    for start in range(0, len(drawn), _ASKED):
        part = drawn[start : start + _ASKED]
        marks = ", ".join("?" * len(part))
        rows = connection.execute(f"SELECT data FROM vectors WHERE photo IN ({marks})", part)  # noqa: S608 - marks
        sound = [data for (data,) in rows if isinstance(data, bytes) and len(data) == 4 * dim]
        found.append(np.frombuffer(b"".join(sound), "<f4").reshape(-1, dim))
        progress(_AFTER["products"])
    sample = np.concatenate(found).astype(np.float32)
    return sample[np.isfinite(sample).all(axis=1)]


class _Photos:
    """The photos on their way to the disk."""

    def __init__(self, connection: sqlite3.Connection, made: Draft, dim: int, expected: int, owners: Places) -> None:
        self._connection = connection
        self._made = made
        self._dim = dim
        self._expected = max(expected, 1)
        self._owners = owners
        self._numbers = self._slots = np.zeros(0, np.int64)
        self._lists = np.zeros(0, np.int32)

    @property
    def count(self) -> int:
        """How many are sound, once all are gathered."""
        return len(self._numbers)

    def gather(self, making: indexes.Making, progress: Progress) -> None:
        """Prove all of them, write their ids, and give each a list."""
        names = NameStream(self._made, "photos")
        numbers, slots, lists = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        size = 0
        for found in photos(self._connection, self._dim, -1):
            given = np.fromiter((row[2] for row in found), np.int64, len(found))
            at = np.minimum(np.searchsorted(self._owners, given), max(len(self._owners) - 1, 0))
            kept = self._owners[at] == given if len(self._owners) else np.zeros(len(found), np.bool_)
            rows = [row for row, keep in zip(found, kept.tolist(), strict=True) if keep]
            if not rows:
                continue
            names.extend([row[1] for row in rows])
            numbers.append(np.fromiter((row[0] for row in rows), np.int64, len(rows)))
            slots.append(at[kept])
            vectors = np.frombuffer(b"".join([row[4] for row in rows]), "<f4").reshape(len(rows), self._dim)
            lists.append(making.assign(np.asarray(vectors, np.float32)))
            size += len(rows)
            progress(_between("fit", "photos", size / self._expected))
        self._numbers, self._slots, self._lists = np.concatenate(numbers), np.concatenate(slots), np.concatenate(lists)
        self._made.add("numbers", self._numbers)
        names.close()
        self._made.place()

    def lay_out(self, progress: Progress) -> Floats:
        """Write the vectors in the order of their lists, and who owns what; returns the vectors, mapped."""
        order = np.argsort(self._lists, kind="stable").astype(np.int32)
        places = np.arange(self.count, dtype=np.int32)
        if np.any(order != places):
            places[order] = np.arange(self.count, dtype=np.int32)
            self._made.add("order", order)
            self._made.add("places", places)
        self._made.add("slots", self._slots[order].astype(np.int32))
        by_slot = np.argsort(self._slots, kind="stable")
        tally = np.bincount(self._slots, minlength=len(self._owners))
        self._made.add("products/starts", np.concatenate([[0], np.cumsum(tally)]).astype(np.int64))
        self._made.add("products/photos", by_slot.astype(np.int32))
        vectors = self._made.reserve("vectors", "<f4", (self.count, self._dim))
        done = 0
        for numbers, data in self._vectors():
            at = np.minimum(np.searchsorted(self._numbers, numbers), max(self.count - 1, 0))
            kept = self._numbers[at] == numbers if self.count else np.zeros(len(numbers), np.bool_)
            raw = b"".join([each for each, keep in zip(data, kept.tolist(), strict=True) if keep])
            vectors[places[at[kept]]] = np.frombuffer(raw, "<f4").reshape(-1, self._dim)
            done += len(numbers)
            progress(_between("photos", "vectors", done / self._expected))
        return vectors

    def _vectors(self) -> Iterator[tuple[Places, list[bytes]]]:
        last = -1
        while found := self._connection.execute(_VECTORS, (last,)).fetchall():
            yield np.fromiter((row[0] for row in found), np.int64, len(found)), [row[1] for row in found]
            last = found[-1][0]


def _between(before: str, after: str, part: float) -> float:
    return _AFTER[before] + (_AFTER[after] - _AFTER[before]) * min(part, 1.0)

"""Our own engine behind `worker`'s questions: the store through its public door, and the bare index beneath it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from wearabouts.catalog import Photo, Product
from wearabouts.stores import PhotoRecord, ProductRecord, open_store
from wearabouts.stores.embedded import indexes
from wearabouts.verifiers.evidence import KIND

GROUP = 5_000  # products in one transaction


class Ours:
    """`Store.search`."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Write everything with `Store.upsert`, then make the index."""
        fill(folder / "store", vectors, columns, given)

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Open for reading and search once."""
        self.store = open_store(folder / "store", mode="read")
        query = np.zeros(self.store.dim, np.float32)
        query[0] = 1
        self.store.search(query, 20)
        self.asked = 0

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """One search; a photo's id is its row."""
        where = keep
        if keep and point.get("fresh"):
            self.asked += 1
            where = f"{keep}.{self.asked:06d}"  # the same rows, and a filter that was never seen
        return self.store.search(query, k, where=where, exact=bool(point.get("exact"))).photo_ids

    def kept(self, columns: Path, column: str, most: int) -> Any:
        """The filter language."""
        return f"{column} <= {most}"


class Bare:
    """The index a store of that size gets, over arrays in memory: no ids, no filters, no checksums."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Fit, assign, sort, tune."""
        matrix = np.load(vectors, mmap_mode="r")
        choice = indexes.choose(len(matrix), matrix.shape[1])
        step = max(len(matrix) // max(choice.sample, 1), 1)
        making = indexes.fit(choice, np.ascontiguousarray(matrix[::step][: choice.sample]))
        starts = range(0, len(matrix), 50_000)
        lists = np.concatenate([making.assign(np.ascontiguousarray(matrix[n : n + 50_000])) for n in starts])
        order = np.argsort(lists, kind="stable")
        arrays = making.arrays()
        np.save(folder / "vectors.npy", matrix[order])
        np.save(folder / "order.npy", order)
        np.savez(folder / "arrays.npz", **arrays)
        index = indexes.opened(choice.kind, arrays, np.load(folder / "vectors.npy"), {}, None)
        (folder / "facts.json").write_text(json.dumps({"kind": choice.kind, "facts": indexes.tuned(index)}), "utf-8")

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Read the arrays into memory."""
        told = json.loads((folder / "facts.json").read_text("utf-8"))
        with np.load(folder / "arrays.npz") as kept:
            arrays = {name: kept[name] for name in kept.files}
        vectors = np.load(folder / "vectors.npy")
        self.order = np.load(folder / "order.npy")
        self.index = indexes.opened(told["kind"], arrays, vectors, told["facts"], None)

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """The nearest rows, best first."""
        scores, rows = self.index.near(query, k, effort=point["effort"])
        return self.order[rows[np.argsort(-scores, kind="stable")[:k]]]


def fill(folder: Path, vectors: Path, columns: Path | None, given: dict[str, Any]) -> None:
    """A store of those vectors, through its public door.

    Args:
        folder: Of the store; must not be there.
        vectors: A file of (N, D).
        columns: A file of filter columns, or None.
        given: ``encoder_hash``; ``photos`` a product (1 unless said); ``seen`` and ``grown``, files of what the photos
            that rows were grown from showed and of which row is from which, or None: then photos have a vector only.
    """
    matrix = np.load(vectors, mmap_mode="r")
    store = open_store(folder, mode="write", encoder_hash=given["encoder_hash"], dim=matrix.shape[1])
    try:
        group: list[ProductRecord] = []
        for record in records(matrix, columns, given):
            group.append(record)
            if len(group) == GROUP:
                store.upsert(group)
                group = []
        if group:
            store.upsert(group)
        store.rebuild()  # type: ignore[attr-defined]  # of the embedded engine
    finally:
        store.close()


def records(matrix: np.ndarray, columns: Path | None, given: dict[str, Any]) -> Iterator[ProductRecord]:
    """The products of those rows."""
    photos = given.get("photos", 1)
    values = {}
    if columns is not None:
        with np.load(columns) as kept:
            values = {name: kept[name].astype("U1").tolist() for name in kept.files}
    names = list(values)
    rows = zip(*values.values(), strict=True) if values else None
    told = Told(given["seen"], given["grown"]) if given.get("seen") else None
    for start in range(0, len(matrix), photos):
        stop = min(start + photos, len(matrix))
        facts = dict(zip(names, next(rows), strict=True)) if rows is not None else {}
        yield record(start, np.array(matrix[start:stop]), facts, told)


class Told:
    """What the model said of the photos that rows were grown from: their kind, and the second stage's evidence."""

    def __init__(self, seen: str, grown: str) -> None:
        with np.load(seen) as kept:
            self.evidence = [row.tobytes() for row in kept["evidence"]]
            self.garments = kept["garments"].tolist()
        self.grown = np.load(grown)

    def __call__(self, row: int) -> tuple[str, dict[str, bytes]]:
        """A row's garment and what lies beside it."""
        source = int(self.grown[row])
        return self.garments[source], {KIND: self.evidence[source]}


def record(first: int, vectors: np.ndarray, facts: dict[str, str], told: Told | None = None) -> ProductRecord:
    """One product whose photos are rows `first` and following."""
    written = []
    for row, vector in enumerate(vectors, first):
        ident = str(row)
        photo = Photo(ident, f"https://shop.example/{ident}.jpg")
        garment, beside = told(row) if told is not None else ("", {})
        digest = hashlib.sha256(ident.encode()).hexdigest()
        written.append(PhotoRecord(photo, digest, vector, garment, beside=beside))
    product = Product(
        str(first), tuple(each.photo for each in written), title=f"Product {first}", price=float(first % 200),
        currency="EUR", availability="in_stock", attributes=facts,
    )  # fmt: skip
    return ProductRecord(product, tuple(written))

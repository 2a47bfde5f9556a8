"""Stores and plain files filled with grown vectors and drawn facts, the same rows in each."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stage import Stage
from wearabouts.catalog import Photo, Product
from wearabouts.stores import PhotoRecord, ProductRecord, open_store
from wearabouts.types import Floats

GROUP = 1_000  # products in one transaction
IN_STOCK = 0.8


@dataclass(frozen=True, slots=True)
class Shelf:
    """One number of products, one photo each.

    Attributes:
        store: Folder of our store.
        vectors: File of the matrix, for NumPy.
        products: File of ids, titles and prices, for the plain server.
        ids: Product of each row.
        matrix: (N, D) float32.
        prices: (N,) float64.
        in_stock: (N,) bool.
        fill_seconds: How long our store took to write them.
    """

    store: Path
    vectors: Path
    products: Path
    ids: tuple[str, ...]
    matrix: Floats
    prices: npt.NDArray[np.float64]
    in_stock: npt.NDArray[np.bool_]
    fill_seconds: float


_filled: dict[tuple[Path, int], Shelf] = {}


def filled(stage: Stage, count: int) -> Shelf:
    """The shelf of so many products; made once a run."""
    key = stage.folder, count
    if key not in _filled:
        stage.say(f"filling a store with {count:,} products")
        _filled[key] = _fill(stage, count)
    return _filled[key]


def _fill(stage: Stage, count: int) -> Shelf:
    matrix = stage.grown(count)
    rng = np.random.default_rng(stage.seed + 1)
    prices = np.round(rng.uniform(5, 200, count), 2)
    in_stock = rng.random(count) < IN_STOCK
    ids = tuple(f"p{row:06d}" for row in range(count))
    folder = stage.folder / f"shelf-{count}"
    folder.mkdir()
    start = time.perf_counter()
    encoder = stage.encoder
    store = open_store(folder / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    try:
        records = list(_records(ids, matrix, prices, in_stock))
        for first in range(0, count, GROUP):
            store.upsert(records[first : first + GROUP])
    finally:
        store.close()
    seconds = time.perf_counter() - start
    np.save(folder / "vectors.npy", matrix)
    rows = [
        {"id": ident, "title": f"Product {ident}", "price": price}
        for ident, price in zip(ids, prices.tolist(), strict=True)
    ]
    (folder / "products.json").write_text(json.dumps(rows), encoding="utf-8")
    files = folder / "store", folder / "vectors.npy", folder / "products.json"
    return Shelf(*files, ids, matrix, prices, in_stock, seconds)


def _records(
    ids: tuple[str, ...], matrix: Floats, prices: npt.NDArray[np.float64], in_stock: npt.NDArray[np.bool_]
) -> Iterator[ProductRecord]:
    for row, ident in enumerate(ids):
        photo = Photo(id=f"{ident}~front", uri=f"https://shop.example/{ident}.jpg")
        product = Product(
            id=ident,
            photos=(photo,),
            title=f"Product {ident}",
            price=float(prices[row]),
            currency="EUR",
            availability="in_stock" if in_stock[row] else "out_of_stock",
        )
        digest = hashlib.sha256(ident.encode()).hexdigest()
        yield ProductRecord(product, (PhotoRecord(photo, digest, matrix[row]),))

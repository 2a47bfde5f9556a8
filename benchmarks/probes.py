"""Short programs whose memory is measured; `memory` runs each in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from measure import resident

QUERIES = 20


def nothing(_: dict[str, Any], __: Path) -> None:
    """An interpreter with NumPy."""


def index(given: dict[str, Any], folder: Path) -> None:
    """Index a folder of photos with this project."""
    from wearabouts import bundles, embedding
    from wearabouts.encoders import OnnxEncoder
    from wearabouts.readers import open_catalog
    from wearabouts.stores import open_store

    encoder = OnnxEncoder(bundles.load(given["model"]))
    store = open_store(folder / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    embedding.index(open_catalog(given["photos"], reader="folder", layout="files"), encoder, store)
    store.close()


def index_plainly(given: dict[str, Any], folder: Path) -> None:
    """The same in a plain loop."""
    import plain

    plain.indexed(Path(given["photos"]), plain.session(given["graph"]), given["size"], folder / "plain")


def search(given: dict[str, Any], _: Path) -> None:
    """Search a store, without a model."""
    from wearabouts.stores import open_store

    store = open_store(given["store"], mode="read")
    for query in _queries(store.dim):
        for product in store.search(query, 10).product_ids:
            store.product(product)
    store.close()


def search_plainly(given: dict[str, Any], _: Path) -> None:
    """Search a matrix."""
    import plain

    matrix, products = np.load(given["vectors"]), json.loads(Path(given["products"]).read_text("utf-8"))
    for query in _queries(matrix.shape[1]):
        for row in plain.nearest(matrix, query, 10):
            products[row]


def _queries(dim: int) -> np.ndarray:
    found = np.random.default_rng(0).standard_normal((QUERIES, dim)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


PROBES: dict[str, Callable[[dict[str, Any], Path], None]] = {
    probe.__name__: probe for probe in (nothing, index, index_plainly, search, search_plainly)
}

if __name__ == "__main__":
    name, given, place = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        PROBES[name](json.loads(given), Path(scratch))
    print(json.dumps(resident()))

"""Opening: from a closed store to its first answer, beside loading the same vectors plainly."""

from __future__ import annotations

import json

import faiss
import numpy as np

import plain
from measure import OURS, Figure, Result, Work, costs, interleaved
from shelves import Shelf, filled
from stage import Stage
from wearabouts.stores import open_store
from wearabouts.types import Floats

BASELINE = "NumPy"
FOUND = 10


def run(stage: Stage) -> Result:
    """Measure each size."""
    figures: list[Figure] = []
    for size in stage.scale.sizes:
        shelf = filled(stage, size)
        runs = interleaved(_work(shelf, stage.queries[0]), stage.scale.rounds)
        figures += costs(f"{size:,} photos", 1, runs, BASELINE)
    filling = {f"{size:,}": round(size / filled(stage, size).fill_seconds) for size in stage.scale.sizes}
    return Result(
        title="Open",
        method=(
            "A store on disk, in the system's file cache, opened for reading, until the first search has its "
            f"{FOUND} products with title and price. `NumPy` loads the matrix and a JSON list of the products; "
            "`FAISS IndexFlatIP` reads its own file and the same list."
        ),
        baseline=BASELINE,
        figures=tuple(figures),
        setup={"products written to the store a second, without photos": filling},
        not_shown=(
            "a cold disk",
            "a store whose derived base is stale: it is read from SQLite then, and made anew by the next writer",
            "starting Python and loading the model",
        ),
    )


def _work(shelf: Shelf, query: Floats) -> dict[str, Work]:
    path = str(shelf.vectors.with_suffix(".faiss"))
    index = faiss.IndexFlatIP(shelf.matrix.shape[1])
    index.add(shelf.matrix)
    faiss.write_index(index, path)

    def ours() -> None:
        store = open_store(shelf.store, mode="read")
        try:
            for ident in store.search(query, FOUND).product_ids:
                store.product(ident)
        finally:
            store.close()

    def numpy() -> None:
        matrix, products = np.load(shelf.vectors), json.loads(shelf.products.read_text("utf-8"))
        for row in plain.nearest(matrix, query, FOUND):
            products[row]

    def flat() -> None:
        index, products = faiss.read_index(path), json.loads(shelf.products.read_text("utf-8"))
        for row in index.search(query[None], FOUND)[1][0]:
            products[row]

    return {BASELINE: numpy, "FAISS IndexFlatIP": flat, OURS: ours}

"""Searching: milliseconds for one query vector on one thread, beside NumPy brute force and FAISS's flat index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

import faiss
import numpy as np
import numpy.typing as npt

import plain
from measure import OURS, Figure, Result, Work, interleaved, latencies, timed
from shelves import Shelf, filled
from stage import Stage
from wearabouts.stores import Store, open_store
from wearabouts.types import Floats

BASELINE = "NumPy"
FLAT = "FAISS IndexFlatIP"
FOUND = 10
PRICE = 60.0  # about a quarter of the products are cheaper and in stock
TIE = 2e-6  # similarities nearer than this may change places between two sums of the same 256 products

Find = Callable[[Floats, float | None], Sequence[int]]


def run(stage: Stage) -> Result:
    """Measure each size, without and with a filter."""
    faiss.omp_set_num_threads(1)
    figures: list[Figure] = []
    checks: dict[str, float] = {}
    for size in stage.scale.sizes:
        shelf = filled(stage, size)
        store = open_store(shelf.store, mode="read")
        try:
            finders = _finders(shelf, store)
            for case, prices in _cases(size):
                work = {
                    name: _asked(find, stage.queries, stage.scale.queries, prices) for name, find in finders.items()
                }
                figures += latencies(case, interleaved(work, stage.scale.rounds), BASELINE)
            for name in (OURS, FLAT):
                checks[f"{size:,}: share of answers with NumPy's ten, {name}"] = _agreement(
                    shelf, stage.queries, finders[name], finders[BASELINE]
                )
        finally:
            store.close()
    return Result(
        title="Search",
        method=(
            f"One query vector of {stage.bundle.card.dim} floats to the {FOUND} nearest photos, one thread, all "
            "contenders exact. **The stored vectors are grown, not embedded**: each is a random mixture of a real "
            "photo's embedding and two of its ten nearest among the embeddings of "
            f"{2 * stage.scale.photos - stage.scale.asked} photos; the queries are embeddings of "
            f"{stage.scale.asked} other photos. The filter is `price < {PRICE:g} and availability = in_stock`, which "
            "keeps about a quarter; a *new* filter has another price each time and so cannot be remembered. NumPy "
            "compares two columns, scores every row, and partitions; FAISS gets the rows as a bitmap."
        ),
        baseline=BASELINE,
        figures=tuple(figures),
        setup={"stored": list(stage.scale.sizes), "dim": stage.bundle.card.dim, "found": FOUND, "threads": 1},
        checks=checks,
        not_shown=(
            "how good the answers are: grown vectors make time and memory realistic, not recall",
            "several searches at once, and searches while another process writes",
            "the rest of a search: decoding, encoding, fetching products (`Serve` has them all)",
            "more than one photo a product, and an approximate index, which this engine does not have yet",
        ),
    )


def _cases(size: int) -> list[tuple[str, Callable[[], float | None]]]:
    fresh = count(1)
    return [
        (f"{size:,} photos", lambda: None),
        (f"{size:,} photos, filter", lambda: PRICE),
        (f"{size:,} photos, new filter each time", lambda: PRICE + next(fresh) / 1000),
    ]


def _finders(shelf: Shelf, store: Store) -> dict[str, Find]:
    index = faiss.IndexFlatIP(shelf.matrix.shape[1])
    index.add(shelf.matrix)
    row_of = {ident: row for row, ident in enumerate(shelf.ids)}

    def ours(query: Floats, price: float | None) -> Sequence[int]:
        where = None if price is None else f"price < {price:g} and availability = in_stock"
        return [row_of[ident] for ident in store.search(query, FOUND, where=where).product_ids]

    def numpy(query: Floats, price: float | None) -> Sequence[int]:
        return plain.nearest(shelf.matrix, query, FOUND, _kept(shelf, price)).tolist()

    def flat(query: Floats, price: float | None) -> Sequence[int]:
        keep = _kept(shelf, price)
        if keep is None:
            return index.search(query[None], FOUND)[1][0].tolist()
        chosen = faiss.IDSelectorBitmap(np.packbits(keep, bitorder="little"))
        return index.search(query[None], FOUND, params=faiss.SearchParameters(sel=chosen))[1][0].tolist()

    return {BASELINE: numpy, FLAT: flat, OURS: ours}


def _kept(shelf: Shelf, price: float | None) -> npt.NDArray[np.bool_] | None:
    return None if price is None else (shelf.prices < price) & shelf.in_stock


def _asked(find: Find, queries: Floats, times: int, price: Callable[[], float | None]) -> Work:
    def every() -> list[float]:
        return timed(partial(find, queries[number % len(queries)], price()) for number in range(times))

    return every


def _agreement(shelf: Shelf, queries: Floats, find: Find, reference: Find) -> float:
    """Share of queries, unfiltered and filtered, whose products are the reference's, ties aside."""
    same = []
    for price in (None, PRICE):
        for query in queries:
            ours, theirs = find(query, price), reference(query, price)
            scores = [np.sort(shelf.matrix[list(rows)] @ query) for rows in (ours, theirs)]
            alike = len(ours) == len(theirs) and bool(np.all(np.abs(scores[0] - scores[1]) < TIE))
            same.append(set(ours) == set(theirs) or alike)
    return float(np.mean(same))

"""What a search looks at: an immutable base, an exact delta, and which of their rows live.

`Rows` only grows and is changed by one thread at a time; a `View` is a snapshot of it that any number of threads
search while the next one is made. A view and every array in it stay true for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

from wearabouts.errors import QueryError
from wearabouts.stores.embedded.columns import Columns, Growing, Mask, Snapshot
from wearabouts.stores.embedded.derived import Base
from wearabouts.stores.where import normal, parse
from wearabouts.types import Floats, Ranking

Places = npt.NDArray[np.int64]

FEW: Final = 2_048  # rows left by a filter up to which scoring just these beats a scan
SPARE: Final = 32  # neighbours asked beyond `count`, so that rounding and ties at the edge are seen
REMEMBERED: Final = 32  # filters whose result a view keeps
CHUNK: Final = 4_096  # rows scored at once in double precision


class Rows:
    """Every photo and product this process has seen, in the order in which it saw them.

    Row r is row r of the base, or row r - len(base) of the delta. Ids are None where a base row had no living photo
    from the start.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self.delta = Growing(np.float32, base.vectors.shape[1])
        self.numbers = Growing(np.int64)
        self.slots = Growing(np.int32)
        self.photo_ids: list[str | None] = []
        self.row_of: dict[str, int] = {}
        self.product_ids: list[str] = []
        self.slot_of: dict[str, int] = {}
        self.rows_of: list[list[int]] = []
        self.columns = Columns()

    def add_products(self, facts: Sequence[Mapping[str, Any]]) -> list[int]:
        """Append products; returns their slots."""
        first = len(self.product_ids)
        for slot, each in enumerate(facts, first):
            self.product_ids.append(each["id"])
            self.slot_of[each["id"]] = slot
            self.rows_of.append([])
        self.columns.extend(facts)
        return list(range(first, first + len(facts)))

    def add_photos(self, ids: Sequence[str | None], slots: Sequence[int]) -> None:
        """Append photos; the caller appends the delta's vectors and numbers.

        A None id (slot -1) marks a base row without one.
        """
        first = len(self.photo_ids)
        self.slots.extend(slots)
        self.photo_ids.extend(ids)
        for row, (ident, slot) in enumerate(zip(ids, slots, strict=True), first):
            if ident is not None:
                self.row_of[ident] = row
                self.rows_of[slot].append(row)

    def drop_product(self, product_id: str) -> tuple[int, list[int]] | None:
        """Forget where a product is; returns its slot and rows, which the next view must bury."""
        slot = self.slot_of.pop(product_id, None)
        return None if slot is None else (slot, self.rows_of[slot])


@dataclass(frozen=True)
class View:
    """A snapshot of `Rows`.

    Attributes:
        rows: Where ids are looked up.
        sequence: The store's sequence number it shows.
        vectors: The delta's vectors, (n, D) float32.
        numbers: (n,) int64, the numbers of the delta's photos in the database.
        slots: (N,) int32, the product of each row, -1 for none.
        alive: (N,) bool; a buried row never comes back.
        present: (M,) bool, the products that live, by slot.
        columns: What one can filter by.
        kept: Filters already worked out: text and garments → (N,) bool.
    """

    rows: Rows
    sequence: int
    vectors: Floats
    numbers: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int32]
    alive: Mask
    present: Mask
    columns: Snapshot
    kept: dict[tuple[str | None, tuple[str, ...]], Mask] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Rows, sequence: int, alive: Mask, present: Mask) -> View:
        """The rows as they are now."""
        vectors, numbers, slots = rows.delta.filled(), rows.numbers.filled(), rows.slots.filled()
        return cls(rows, sequence, vectors, numbers, slots, alive, present, rows.columns.snapshot())

    def search(self, vector: Floats, count: int, where: str | None, garments: Sequence[str]) -> Ranking:
        """The `count` nearest living rows that the filters keep; exact, ties by photo id."""
        mask = self._mask(where, tuple(garments))
        left = int(np.count_nonzero(mask))
        count = min(count, left)
        if not count:
            return Ranking((), (), np.zeros(0, np.float32))
        found = np.flatnonzero(mask) if left <= FEW else self._near(vector, count, mask)
        similarity = self._scored(vector, found)
        ids = [str(self.rows.photo_ids[row]) for row in found]
        order = sorted(range(len(found)), key=lambda place: (-similarity[place], ids[place]))[:count]
        products = tuple(self.rows.product_ids[self.slots[found[place]]] for place in order)
        return Ranking(tuple(ids[place] for place in order), products, similarity[order])

    def gathered(self, places: Places) -> Floats:
        """The vectors of rows: (n, D) float32."""
        size = len(self.rows.base.vectors)
        old = places < size
        taken = np.empty((len(places), self.vectors.shape[1]), np.float32)
        taken[old] = self.rows.base.vectors[places[old]]
        taken[~old] = self.vectors[places[~old] - size]
        return taken

    def photos_of(self, product_ids: Sequence[str]) -> list[tuple[str, ...]] | None:
        """The living photos of each product; None where `rows` already holds newer ones of one of them."""
        found = []
        for ident in product_ids:
            slot = self.rows.slot_of.get(ident)
            rows = [] if slot is None else self.rows.rows_of[slot]
            if rows and rows[-1] >= len(self.alive):
                return None
            found.append(tuple(str(self.rows.photo_ids[row]) for row in rows if self.alive[row]))
        return found

    def numbered(self, places: Places) -> list[int]:
        """The numbers of rows in the database; -1 for a row that is -1."""
        size = len(self.rows.base.numbers)
        base, delta = self.rows.base.numbers, self.numbers
        return [int(base[row] if row < size else delta[row - size]) if row >= 0 else -1 for row in places.tolist()]

    def _mask(self, where: str | None, garments: tuple[str, ...]) -> Mask:
        if where is None and not garments:
            return self.alive
        known = self.kept.get((where, garments))
        if known is not None:
            return known
        products = self.present
        if where is not None:
            products = products & self.columns.mask(parse(where))
        if garments:
            column = self.columns.texts["garment"]
            wanted = {normal("garment", each) for each in garments}
            products = products & column.where(wanted.__contains__)
        # A base row without a photo has slot -1 and reads the last product: `alive` puts that right.
        mask = self.alive & products[self.slots] if len(products) else self.alive
        if len(self.kept) < REMEMBERED:
            self.kept[where, garments] = mask
        return mask

    def _near(self, vector: Floats, count: int, mask: Mask) -> Places:
        """Rows among which the `count` best surely are: everything within the scan's rounding of the last of them.

        A single-precision dot product of unit vectors is off by at most D x 2^-24 (Higham, Accuracy and Stability of
        Numerical Algorithms, 3.1), so no row further than twice that below the `count`-th score can belong; the
        margin is three times that.
        """
        margin = 3 * len(vector) * 2.0**-24
        if count > CHUNK:
            return self._all_near(vector, count, mask, margin)
        size = len(self.rows.base.vectors)
        parts = [(self.rows.base.vectors, mask[:size], 0), (self.vectors, mask[size:], size)]
        scores, places, complete = [], [], []
        for vectors, part, offset in parts:
            score, place = scanned(vectors, vector, count + SPARE, part)
            scores.append(score)
            places.append(place + offset)
            # What a full list may have left out scores at most its last.
            complete.append(score[-1] if len(score) == count + SPARE else -np.inf)
        score, place = np.concatenate(scores), np.concatenate(places)
        limit = np.partition(score, -count)[-count] - margin
        if max(complete) < limit:
            return np.asarray(place[score >= limit], np.int64)
        return self._all_near(vector, count, mask, margin)

    def _all_near(self, vector: Floats, count: int, mask: Mask, margin: float) -> Places:
        """The same by scoring every row: for crowds of equal photos at the edge."""
        score = np.concatenate([self.rows.base.vectors @ vector, self.vectors @ vector])
        score[~mask] = -np.inf
        limit = np.partition(score, -count)[-count] - margin
        return np.flatnonzero(mask & (score >= limit))

    def _scored(self, vector: Floats, places: Places) -> Floats:
        """Similarities in double precision, rounded once: equal photos tie, whichever way each was found."""
        exact = vector.astype(np.float64)
        parts = [
            (self.gathered(places[start : start + CHUNK]).astype(np.float64) * exact).sum(axis=1)
            for start in range(0, len(places), CHUNK)
        ]
        return np.asarray(np.clip(np.concatenate(parts), -1, 1), np.float32)


def scanned(vectors: Floats, query: Floats, count: int, mask: Mask) -> tuple[Floats, Places]:
    """The best rows of one contiguous part by inner product: FAISS's flat scan over our own memory, without a copy.

    Runs on the calling thread alone and without the GIL, so that searches never multiply threads.

    Args:
        vectors: (N, D) float32, contiguous.
        query: (D,) float32, contiguous.
        count: How many at most.
        mask: (N,) bool, the rows allowed.

    Returns:
        Scores and rows, best first; fewer than `count` only where fewer are allowed.
    """
    count = min(count, int(np.count_nonzero(mask)))
    if not count:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    score, place = np.empty(count, np.float32), np.empty(count, np.int64)
    bits = np.packbits(mask, bitorder="little")
    # Always with a selector: measured five times as fast as FAISS's path without one.
    selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
    pointers = [faiss.swig_ptr(each) for each in (query, vectors, score, place)]
    faiss.knn_inner_product(
        pointers[0], pointers[1], vectors.shape[1], 1, len(vectors), count, pointers[2], pointers[3], selector
    )
    return score, place


def checked_query(vector: Floats, dim: int, count: int) -> Floats:
    """The query in the form the scan needs.

    Raises:
        QueryError: Not (dim,) finite floats of length 1, or a count below 1.
    """
    array = np.asarray(vector)
    if array.shape != (dim,) or array.dtype.kind != "f":
        raise QueryError(
            f"the query vector is {array.shape} {array.dtype}; this store holds ({dim},) float32; use its encoder"
        )
    length = float(np.linalg.norm(array.astype(np.float64)))
    if not abs(length - 1) <= 1e-3:
        raise QueryError(f"the query vector has length {length:.4g}; allowed is 1 within 0.001; normalise it")
    if count < 1:
        raise QueryError(f"{count} results were asked for; allowed is 1 or more")
    return np.ascontiguousarray(array, np.float32)

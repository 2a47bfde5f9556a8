"""What a search looks at: an immutable base, an exact delta, and which of their rows live.

`Rows` only grows and is changed by one thread at a time; a `View` is a snapshot of it that any number of threads
search while the next one is made. A view and every array in it stay true for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.columns import Columns, Growing, Mask, Snapshot
from wearabouts.stores.embedded.derived import Base
from wearabouts.types import Floats

Places = npt.NDArray[np.int64]


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

    @property
    def base(self) -> Base:
        """What rows 0 to its length - 1 are."""
        return self.rows.base

    @classmethod
    def of(cls, rows: Rows, sequence: int, alive: Mask, present: Mask) -> View:
        """The rows as they are now."""
        vectors, numbers, slots = rows.delta.filled(), rows.numbers.filled(), rows.slots.filled()
        return cls(rows, sequence, vectors, numbers, slots, alive, present, rows.columns.snapshot())

    def photo_ids(self, places: Places) -> list[str]:
        """The ids of rows."""
        return [str(self.rows.photo_ids[row]) for row in places.tolist()]

    def product_ids(self, places: Places) -> list[str]:
        """The ids of the products of rows."""
        return [self.rows.product_ids[slot] for slot in self.slots[places].tolist()]

    def spread(self, products: Mask) -> Mask:
        """One boolean a product → one boolean a row, living rows only: (N,) bool."""
        # A base row without a photo has slot -1 and reads the last product: `alive` puts that right.
        return self.alive & products[self.slots] if len(products) else self.alive

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

"""What a search looks at: an immutable base, an exact delta, and which of their rows live.

`Rows` only grows and is changed by one thread at a time; a `View` is a snapshot of it that any number of threads
search while the next one is made. A view and every array in it stay true for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.generations.columns import Columns, Growing
from wearabouts.stores.embedded.generations.filtering import Filters, Mask, among, kept
from wearabouts.stores.embedded.generations.generation import Base
from wearabouts.stores.embedded.indexes import Allowed
from wearabouts.stores.embedded.views.placing import NONE_PLACED, Placed, Placing
from wearabouts.stores.where import Expression, parse
from wearabouts.types import Floats

Places = npt.NDArray[np.int64]

REMEMBERED: Final = 32  # filters that a view need not read again


class Rows:
    """Every photo and product that is searched: those of the base, which lie in its file, then those seen since.

    Row r is row r of the base, or row r - len(base) of the delta; slots of products are numbered in the same way. The
    delta is held in memory with an entry a photo; the base costs none. An id that both have is the delta's.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self.delta = Growing(np.float32, base.dim)
        self.numbers = Growing(np.int64)
        self.slots = Growing(np.int32)
        self.columns = Columns()
        self.placing = Placing(base.index)
        self._photo_ids: list[str] = []
        self._row_of: dict[str, int] = {}
        self._product_ids: list[str] = []
        self._slot_of: dict[str, int] = {}
        self._rows_of: list[list[int]] = []

    @property
    def count(self) -> int:
        """How many rows there are, buried ones among them."""
        return len(self.base) + len(self._photo_ids)

    @property
    def products(self) -> int:
        """How many slots there are, buried ones among them."""
        return self.base.products + len(self._product_ids)

    def add_products(self, facts: Sequence[Mapping[str, Any]]) -> list[int]:
        """Append products; returns their slots."""
        first = self.products
        for slot, each in enumerate(facts, first):
            self._product_ids.append(each["id"])
            self._slot_of[each["id"]] = slot
            self._rows_of.append([])
        self.columns.extend(facts)
        return list(range(first, first + len(facts)))

    def add_photos(self, ids: Sequence[str], slots: Sequence[int], numbers: Sequence[int], vectors: Floats) -> None:
        """Append photos of products that were appended before.

        Args:
            ids: n photo ids.
            slots: The slot of each one's product.
            numbers: Their numbers in the database.
            vectors: (n, D) float32.
        """
        first = self.count
        self.numbers.extend(numbers)
        self.delta.extend(vectors)
        self.slots.extend(slots)
        self.placing.go_on(self.delta.filled())
        self._photo_ids.extend(ids)
        for row, (ident, slot) in enumerate(zip(ids, slots, strict=True), first):
            self._row_of[ident] = row
            self._rows_of[slot - self.base.products].append(row)

    def drop_products(self, product_ids: Sequence[str]) -> tuple[list[int], list[int]]:
        """Where products are: their slots and rows, which the next view must bury.

        They stay known by id until they are added anew: views before the change still look them up here.
        """
        old = self.base.product_ids.find(product_ids)
        old = old[old >= 0]
        new = [slot for ident in product_ids if (slot := self._slot_of.get(ident)) is not None]
        rows = self.base.rows_of(old)[0].tolist() if len(old) else []
        rows += [row for slot in new for row in self._rows_of[slot - self.base.products]]
        return [*old.tolist(), *new], rows

    def rows_of(self, slots: Sequence[int]) -> list[Places]:
        """The rows of each product's photos, in the order in which they were written; none for slot -1."""
        size = self.base.products
        old = np.asarray([slot for slot in slots if 0 <= slot < size], np.int64)
        rows, counts = self.base.rows_of(old)
        parts = iter(np.split(rows, np.cumsum(counts)[:-1]) if len(old) else ())
        new = self._rows_of
        return [
            np.asarray(new[slot - size] if slot >= 0 else [], np.int64) if not 0 <= slot < size else next(parts)
            for slot in slots
        ]

    def slots_of(self, product_ids: Sequence[str]) -> list[int]:
        """The slot of each product as it was last written, -1 for one that never was there."""
        found = [self._slot_of.get(ident, -1) for ident in product_ids]
        rest = [place for place, slot in enumerate(found) if slot < 0]
        for place, slot in zip(rest, self.base.product_ids.find([product_ids[each] for each in rest]), strict=True):
            found[place] = int(slot)
        return found

    def found(self, photo_ids: Sequence[str]) -> Places:
        """The row of each photo as it was last written, -1 for one that never was there: (n,) int64."""
        found = np.fromiter((self._row_of.get(ident, -1) for ident in photo_ids), np.int64, len(photo_ids))
        rest = np.flatnonzero(found < 0)
        if len(rest):
            found[rest] = self.base.found([photo_ids[place] for place in rest.tolist()])
        return found

    def photo_ids(self, rows: Places) -> list[str]:
        """The ids of rows."""
        size = len(self.base)
        old = self.base.photos(rows[rows < size])
        return _merged(rows, size, old, self._photo_ids)

    def product_ids(self, slots: Places) -> list[str]:
        """The ids of products."""
        size = self.base.products
        old = self.base.product_ids.texts.many(slots[slots < size])
        return _merged(slots, size, old, self._product_ids)


def _merged(places: Places, size: int, old: list[str], new: list[str]) -> list[str]:
    """Ids in the order asked for: those of the base, looked up together, and those of the delta."""
    if len(old) == len(places):
        return old
    given = iter(old)
    return [new[place - size] if place >= size else next(given) for place in places.tolist()]


@dataclass(frozen=True)
class View:
    """A snapshot of `Rows`.

    Attributes:
        rows: Where ids are looked up.
        sequence: The store's sequence number it shows.
        vectors: The delta's vectors, (n, D) float32.
        numbers: (n,) int64, the numbers of the delta's photos in the database.
        slots: (n,) int32, the product of each row of the delta.
        alive: (N,) bool, of the base's rows and then the delta's; a buried row never comes back.
        present: (M,) bool, the products that live, by slot.
        columns: What one can filter by.
        placed: Where the first rows of the delta would lie in the base's index.
        kept: Filters already read: text and garments → what was read, and the rows of the delta it keeps.
    """

    rows: Rows
    sequence: int
    vectors: Floats
    numbers: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int32]
    alive: Mask
    present: Mask
    columns: Filters
    placed: Placed = NONE_PLACED
    kept: dict[tuple[str | None, tuple[str, ...]], tuple[Expression | None, Mask]] = field(default_factory=dict)

    @property
    def base(self) -> Base:
        """What rows 0 to its length - 1 are."""
        return self.rows.base

    @classmethod
    def of(cls, rows: Rows, sequence: int, alive: Mask, present: Mask) -> View:
        """The rows as they are now.

        Args:
            rows: Where they are.
            sequence: The number up to which they are shown.
            alive: (N,) bool, or shorter: what came since lives.
            present: (M,) bool, or shorter in the same way.
        """
        vectors, numbers, slots = rows.delta.filled(), rows.numbers.filled(), rows.slots.filled()
        columns = Filters(rows.base.columns, rows.columns.snapshot())
        return cls(rows, sequence, vectors, numbers, slots, alive, present, columns, rows.placing.filled())

    def photo_ids(self, places: Places) -> list[str]:
        """The ids of rows."""
        return self.rows.photo_ids(places)

    def product_ids(self, places: Places) -> list[str]:
        """The ids of the products of rows."""
        return self.rows.product_ids(self.slots_of(places))

    def slots_of(self, places: Places) -> Places:
        """The slots of the products of rows: (n,) int64."""
        size = len(self.base)
        old = places < size
        found = np.empty(len(places), np.int64)
        found[old] = self.base.segment.taken("slots", places[old])
        found[~old] = self.slots[places[~old] - size]
        return found

    @cached_property
    def buried(self) -> Mask | None:
        """(B,) bool, which rows of the base live; None where all of them do."""
        alive = self.alive[: len(self.base)]
        return None if alive.all() else alive

    def filtered(self, where: str | None, garments: tuple[str, ...]) -> tuple[Allowed, Mask]:
        """The rows of the base and of the delta that a filter and garments keep, buried ones among them.

        Args:
            where: A filter, or None.
            garments: Only products that count as one of these; empty for all.

        Raises:
            QueryError: The filter cannot be read, names an unknown column, or an operator that does not fit it.
        """
        known = self.kept.get((where, garments))
        if known is None:
            expression = None if where is None else parse(where)
            if expression is not None:
                self.columns.require_meaning(expression)
            known = expression, self._newer(expression, garments)
            if len(self.kept) < REMEMBERED:
                self.kept[where, garments] = known
        return self.base.filtered(known[0], garments), known[1]

    def _newer(self, where: Expression | None, garments: tuple[str, ...]) -> Mask:
        """The rows of the delta that a filter and garments keep."""
        delta = self.columns.delta
        if not delta.size:
            return np.zeros(0, np.bool_)
        products = np.ones(delta.size, np.bool_) if where is None else kept(where, delta)
        if garments:
            products = products & among(delta, "garment", garments)
        return products[self.slots - self.base.products]

    def gathered(self, places: Places) -> Floats:
        """The vectors of rows: (n, D) float32."""
        size = len(self.base)
        old = places < size
        if old.all():
            return self.base.gathered(places)
        taken = np.empty((len(places), self.vectors.shape[1]), np.float32)
        taken[old] = self.base.gathered(places[old])
        taken[~old] = self.vectors[places[~old] - size]
        return taken

    def found(self, photo_ids: Sequence[str]) -> Places | None:
        """The living row of each photo, -1 for one that is not there; None where `rows` holds newer ones already."""
        places = self.rows.found(photo_ids)
        if len(places) and places.max() >= len(self.alive):
            return None
        places[places >= 0] = np.where(self.alive[places[places >= 0]], places[places >= 0], -1)
        return places

    def photos_of(self, product_ids: Sequence[str]) -> list[tuple[str, ...]] | None:
        """The living photos of each product; None where `rows` already holds newer ones of one of them."""
        slots = self.rows.slots_of(product_ids)
        if max(slots, default=-1) >= len(self.present):
            return None
        rows = self.rows.rows_of([slot if slot >= 0 and self.present[slot] else -1 for slot in slots])
        rows = [part[self.alive[part]] for part in rows]
        ids = iter(self.photo_ids(np.concatenate([np.zeros(0, np.int64), *rows])))
        return [tuple(islice(ids, len(part))) for part in rows]

    def numbered(self, places: Places) -> list[int]:
        """The numbers of rows in the database; -1 for a row that is -1."""
        size = len(self.base)
        found = np.full(len(places), -1, np.int64)
        old, new = (places >= 0) & (places < size), places >= size
        found[old] = self.base.numbers(places[old])
        found[new] = self.numbers[places[new] - size]
        numbers: list[int] = found.tolist()
        return numbers

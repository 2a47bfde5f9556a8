"""One generation of the derived base: everything a search looks at, laid out for it, mapped from one segment.

Its photos have two orders: that of their numbers in the truth (*places*), and that of the index's lists (*rows*), in
which the vectors lie:

    vectors (N, D) float32, slots (N,) int32        by row: the vector, and the product
    order, places (N,) int32                        row → place and back; left out where both are one
    numbers (N,) int64, rising; photos/…            by place: number in the truth, and id (`texts.Names`)
    products/numbers (M,) int64, rising; products/… by slot: number and id of each product
    products/starts (M + 1,) int64, products/photos (N,) int32    the places of each product's photos
    column/…, attributes/…, price                   by slot: what one can filter by (`mapped`)
    index/…                                         the index's own (`indexes`)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded import indexes
from wearabouts.stores.embedded.generations.filtering import Mask, among, kept
from wearabouts.stores.embedded.generations.mapped import MappedColumns
from wearabouts.stores.embedded.generations.segment import Array, Damaged, Places, Segment
from wearabouts.stores.embedded.generations.texts import Names
from wearabouts.stores.embedded.indexes.allowed import FEW
from wearabouts.stores.embedded.indexes.remembered import Remembered
from wearabouts.stores.where import TEXT_COLUMNS, Expression
from wearabouts.types import Floats

FORMAT: Final = 1
SAMPLE: Final = 4_096  # rows that tell how many a filter keeps
SURE: Final = 128  # of them that it has to keep for that to be trusted
AT_ONCE: Final = 2**24  # bytes up to which a file is proven whole when it is opened, and an index's array


class Base:
    """One generation, opened; immutable, and safe for any number of threads."""

    def __init__(self, segment: Segment) -> None:
        """Check that everything is there and of one size; what lies in it is proven when it is read.

        Raises:
            Damaged: The segment holds no base of this format.
            OSError: The disk fails.
        """
        self.segment = segment
        self.path = segment.path
        facts = _facts(segment)
        self.facts: Mapping[str, Any] = facts
        self.generation, self.sequence, self.era = int(facts["generation"]), int(facts["sequence"]), str(facts["era"])
        self.count, self.products, self.dim = int(facts["count"]), int(facts["products"]), int(facts["dim"])
        n, m = self.count, self.products
        self.vectors: Floats = self._array("vectors", "<f4", (n, self.dim))
        self._array("slots", "<i4", (n,))
        self._array("numbers", "<i8", (n,))
        self._array("products/numbers", "<i8", (m,))
        self._array("products/starts", "<i8", (m + 1,))
        self._array("products/photos", "<i4", (n,))
        self._sorted = "order" in segment
        if self._sorted:
            self._array("order", "<i4", (n,))
            self._array("places", "<i4", (n,))
        self.photo_ids, self.product_ids = Names(segment, "photos"), Names(segment, "products")
        if (len(self.photo_ids), len(self.product_ids)) != (n, m):
            raise Damaged(self.path, "it does not have as many ids as photos and products")
        self.columns = MappedColumns(segment, m)
        self.index = self._opened(facts["index"])
        self._slots: npt.NDArray[np.int32] | None = None
        self._sample = np.linspace(0, n, min(n, SAMPLE), endpoint=False).astype(np.int64)
        self.remembered = Remembered[indexes.Allowed]()

    def __len__(self) -> int:
        return self.count

    def require(self, name: str, starts: Places, stops: Places) -> None:
        """Prove ranges of the vectors, or of one of the index's arrays, before they are read; see `indexes`."""
        self.segment.require_ranges(name if name == "vectors" else f"index/{name}", starts, stops)

    @property
    def slots(self) -> npt.NDArray[np.int32]:
        """(N,) int32, the product of each row."""
        if self._slots is None:
            slots = self.segment.whole("slots")
            if len(slots) and (slots.min() < 0 or slots.max() >= self.products):
                raise Damaged(self.path, "its photos belong to products it has not got")
            self._slots = slots
        return self._slots

    def gathered(self, rows: Places) -> Floats:
        """The vectors of rows, copied: (n, D) float32."""
        return self.segment.taken("vectors", rows)

    def places(self, rows: Places) -> Places:
        """Rows → places."""
        return self._within(self.segment.taken("order", rows).astype(np.int64)) if self._sorted else rows

    def rows(self, places: Places) -> Places:
        """Places → rows."""
        return self._within(self.segment.taken("places", places).astype(np.int64) if self._sorted else places)

    def numbers(self, rows: Places) -> Places:
        """The numbers in the truth of rows."""
        return self.segment.taken("numbers", self.places(rows))

    def photos(self, rows: Places) -> list[str]:
        """The ids of rows."""
        return self.photo_ids.texts.many(self.places(rows))

    def found(self, photo_ids: Sequence[str]) -> Places:
        """The row of each photo, -1 for one that is not there."""
        places = self.photo_ids.find(photo_ids)
        places[places >= 0] = self.rows(places[places >= 0])
        return places

    def rows_of(self, slots: Places) -> tuple[Places, Places]:
        """The rows of some products' photos, each product's in the order in which they were written.

        Returns:
            The rows of all, one product after another, and how many each has.
        """
        starts = self.segment.taken("products/starts", slots)
        counts: Places = self.segment.taken("products/starts", slots + 1) - starts
        if len(counts) and (counts.min() < 0 or counts.sum() > self.count):
            once = np.unique(slots, return_index=True)[1]  # a product may be asked for several times
            if counts.min() < 0 or counts[once].sum() > self.count:
                raise Damaged(self.path, "its products have photos it has not got")
        at = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
        return self.rows(self.segment.taken("products/photos", at).astype(np.int64)), counts

    def filtered(self, where: Expression | None, garments: tuple[str, ...]) -> indexes.Allowed:
        """The rows that a filter and garments keep, buried ones among them; remembered while there is room.

        Args:
            where: A filter whose columns are known.
            garments: Only products that count as one of these; empty for all.
        """
        allowed = self.remembered.get((where, garments))
        if allowed is None:
            products = np.ones(self.products, np.bool_) if where is None else kept(where, self.columns)
            if garments:
                products = products & among(self.columns, "garment", garments)
            allowed = self._allowed(products)
            self.remembered.put((where, garments), allowed)
        return allowed

    def _allowed(self, products: Mask) -> indexes.Allowed:
        """The rows of the products that a filter keeps: listed where they are few, else counted in a sample."""
        chosen = np.flatnonzero(products) if np.count_nonzero(products) <= FEW else None
        if chosen is not None:
            rows = np.sort(self.rows_of(chosen)[0])
            if len(rows) <= FEW:
                return indexes.Allowed(len(rows), rows)
        seen = int(np.count_nonzero(products.take(self.slots[self._sample])))
        count = seen * self.count // max(1, len(self._sample))
        if seen < SURE:
            starts = self.segment.whole("products/starts")
            chosen = np.flatnonzero(products) if chosen is None else chosen
            count = int((starts[chosen + 1] - starts[chosen]).sum())
        return indexes.Allowed(count, mask=products, slots=self.slots)

    def _within(self, rows: Places) -> Places:
        if len(rows) and (rows.min() < 0 or rows.max() >= self.count):
            raise Damaged(self.path, "it names photos it has not got")
        return rows

    def _array(self, name: str, dtype: str, shape: tuple[int, ...]) -> Array:
        array = self.segment.array(name)
        if array.dtype != np.dtype(dtype) or array.shape != shape:
            raise Damaged(self.path, f"its {name} are of another format")
        return array

    def _opened(self, told: Mapping[str, Any]) -> indexes.Index:
        arrays = {name[6:]: self.segment.array(name) for name in self.segment.names() if name.startswith("index/")}
        for name, array in arrays.items():
            if array.nbytes <= AT_ONCE:
                self.segment.require(f"index/{name}")
        try:
            return indexes.opened(str(told["kind"]), arrays, self.vectors, told["facts"], self.require)
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(self.path, f"its index cannot be opened: {error}") from error


def _facts(segment: Segment) -> Mapping[str, Any]:
    facts = segment.facts
    whole = all(
        type(facts.get(name)) is int and 0 <= facts[name] < 2**62
        for name in ("generation", "sequence", "dim", "count", "products")
    )
    texts = all(isinstance(facts.get(name), str) for name in ("era", "encoder_hash"))
    index = facts.get("index")
    told = isinstance(index, dict) and {"kind", "facts", "why"} <= set(index) and isinstance(index["facts"], dict)
    if facts.get("format") != FORMAT or not whole or not texts or not told or not 1 <= facts["dim"] <= 65_536:
        raise Damaged(segment.path, "its facts are of another format")
    return facts


def no_base(dim: int) -> Base:
    """The base of a store that has none yet."""
    arrays: dict[str, Array] = {
        "vectors": np.zeros((0, dim), np.float32),
        "slots": np.zeros(0, np.int32),
        "numbers": np.zeros(0, np.int64),
        "price": np.zeros(0, np.float64),
        "products/numbers": np.zeros(0, np.int64),
        "products/starts": np.zeros(1, np.int64),
        "products/photos": np.zeros(0, np.int32),
        "index/lists": np.zeros(2, np.int64),
        "attributes/names/offsets": np.zeros(1, np.int64),
        "attributes/names/data": np.zeros(0, np.uint8),
    }
    for name in TEXT_COLUMNS:
        arrays[f"column/{name}/codes"] = np.zeros(0, np.int32)
    for name in ("photos", "products"):
        arrays |= {f"{name}/hashes": np.zeros(0, np.uint64), f"{name}/hashed": np.zeros(0, np.int32)}
    for name in (
        "photos",
        "products",
        *(f"column/{each}/{kind}" for each in TEXT_COLUMNS for kind in ("words", "shown")),
    ):
        arrays |= {f"{name}/offsets": np.zeros(1, np.int64), f"{name}/data": np.zeros(0, np.uint8)}
    index = {"kind": "exact", "facts": {}, "why": ""}
    facts = {"format": FORMAT, "generation": 0, "sequence": 0, "era": "", "encoder_hash": "", "dim": dim}
    return Base(Segment(facts | {"count": 0, "products": 0, "index": index}, arrays))


def opened(path: Path) -> Base:
    """Open a base; one that is small is proven whole.

    Raises:
        Damaged: It is not what was written.
        OSError: It cannot be read.
    """
    segment = Segment.open(path)
    if path.stat().st_size <= AT_ONCE:
        segment.scrub()
    return Base(segment)

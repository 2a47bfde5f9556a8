"""Looking after a store: every head against its rows, every row against its head."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from wearabouts.errors import StoreError
from wearabouts.stores import Finding
from wearabouts.stores.milvus.client import Row
from wearabouts.stores.milvus.keys import slices
from wearabouts.stores.milvus.layout import VECTOR
from wearabouts.stores.milvus.packing import FULL, facts_of, keys_of
from wearabouts.stores.milvus.reading import Reader
from wearabouts.stores.records import UNIT

WALKED: Final = 500  # heads or rows read at once
GRACE: Final = 600.0  # seconds for which rows without a head may belong to a writing that is not done


class Checker:
    """Verifies one store, and mends it."""

    def __init__(self, reader: Reader, dim: int) -> None:
        self.reader, self.connection, self.dim = reader, reader.connection, dim

    def findings(self, *, repair: bool = False) -> list[Finding]:
        """All that is wrong.

        Args:
            repair: Also remove rows that no head names, and heads whose rows are not all there or sound.
        """
        found = []
        for row, finding in self._heads():
            found.append(finding)
            if repair:
                self._remove(row)
        for name in (self.reader.photos, self.reader.pieces):
            for rows in self._orphans(name):
                found += [Finding("leftover", f"row {row['key']}", _LEFT, True) for row in rows]
                if repair:
                    self.connection.delete(name, [row["key"] for row in rows])
        return found

    def _heads(self) -> Iterator[tuple[Row, Finding]]:
        for kind, head in (("product", "p"), ("note", "n")):
            total = self.connection.count(self.reader.products, f'key like "{head}%"', strong=True)
            for part in slices(total, WALKED, head):
                rows = self.connection.query(self.reader.products, part, FULL)
                yield from self._unsound(kind, rows)

    def _unsound(self, kind: str, rows: list[Row]) -> Iterator[tuple[Row, Finding]]:
        keys = {row["key"]: keys_of(row) for row in rows}
        photos = {
            row["key"]: row
            for row in self.connection.among(
                self.reader.photos, "key", (key for each, _ in keys.values() for key in each), ("key", "photo", VECTOR)
            )
        }
        pieces = self.reader.texts(key for _, each in keys.values() for key in each)
        for row in rows:
            fault = self._fault(row, keys[row["key"]], photos, pieces)
            if fault:
                name = row["product"] if kind == "product" else row["key"]
                cure = "repair removes it, index again" if kind == "product" else "repair removes it, write it again"
                yield row, Finding(kind, f"{kind} {name}", f"{fault}; {cure}", True)

    def _fault(
        self, row: Row, keys: tuple[list[str], list[str]], photos: dict[str, Row], pieces: dict[str, str]
    ) -> str | None:
        try:
            facts_of(row, pieces)
        except StoreError:
            return "its facts are damaged"
        missing = sum(key not in photos for key in keys[0])
        if missing:
            return f"{missing} of its {len(keys[0])} photos are missing"
        if any(key not in pieces for key in keys[1]):
            return "a piece of it is missing"
        for key in keys[0]:
            vector = np.asarray(photos[key][VECTOR], np.float64)
            if vector.shape != (self.dim,) or not abs(float(np.linalg.norm(vector)) - 1) <= UNIT:
                return f"the vector of photo {photos[key]['photo']} is not of length 1"
        return None

    def _orphans(self, name: str) -> Iterator[list[Row]]:
        """Rows that belong to no present writing, and are older than any that may be under way."""
        before = (time.time() - GRACE) * 1e6
        total = self.connection.count(name, 'key >= ""', strong=True)
        for part in slices(total, WALKED):
            rows = self.connection.query(name, part, ("key", "version", "owner"))
            _, others = self.reader.living(rows)
            orphans = [row for row in rows if row["key"] in others and row["version"] < before]
            if orphans:
                yield orphans

    def _remove(self, row: Row) -> None:
        photos, pieces = keys_of(row)
        self.connection.delete(self.reader.products, [row["key"]])
        self.connection.delete(self.reader.photos, photos)
        self.connection.delete(self.reader.pieces, pieces)


_LEFT: Final = "belongs to a writing that was broken off or replaced; no search shows it; repair removes it"

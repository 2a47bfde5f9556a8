"""The nearest photos: Milvus finds candidates, and they are scored, judged and ordered here.

Similarities are worked out anew in double precision from the vectors themselves and rounded once, so that equal
photos tie, in order of id, as in every other engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from wearabouts.stores.milvus.client import Connection, Row
from wearabouts.stores.milvus.filters import Filter, holds
from wearabouts.stores.milvus.keys import slices
from wearabouts.stores.milvus.layout import VECTOR
from wearabouts.stores.milvus.packing import FULL, texts_of
from wearabouts.stores.milvus.reading import Reader
from wearabouts.types import Floats, Ranking

MOST: Final = 16_384  # rows a server gives for one search
SPARE: Final = 32  # rows asked beyond those wanted, so that rounding and ties at the edge are seen
WIDER: Final = 4  # times as many are asked for, where those found were not enough
AGAIN: Final = 8  # times a search looks again while a product it found is being changed
SCANNED: Final = 2_000  # rows read at once where everything is compared
FIELDS: Final = ("key", "version", "owner", "product", "photo", VECTOR)

Hit = tuple[float, str, str]  # minus similarity, photo, product: sorts best first


class Search:
    """One search of one store."""

    def __init__(self, reader: Reader, index: dict[str, Any], vector: Floats, count: int, asked: Filter) -> None:
        """Take what is asked.

        Args:
            reader: The store.
            index: What the server says of its index.
            vector: (D,) float32 of length 1.
            count: How many photos.
            asked: The filter, translated.
        """
        self.reader, self.vector, self.count, self.asked = reader, vector, count, asked
        self.kind = str(index.get("index_type", "FLAT")).upper()
        self.lists = int(index.get("nlist", 0))

    @property
    def _connection(self) -> Connection:
        return self.reader.connection

    def ranking(self, *, exact: bool) -> Ranking:
        """The `count` nearest photos that the filter keeps.

        Args:
            exact: Compare with every vector. A flat index always does, one of lists goes through all of them; from a
                graph every vector is read and compared here.
        """
        wanted = self.count + SPARE
        hits = None if wanted > MOST or (exact and self.kind == "HNSW") else self._found(wanted, exact)
        if hits is None:
            hits = self._scanned()
        best = sorted(hits)[: self.count]
        similarity = np.asarray([-each[0] for each in best], np.float32)
        return Ranking(tuple(each[1] for each in best), tuple(each[2] for each in best), similarity)

    def _found(self, limit: int, exact: bool) -> list[Hit] | None:
        """Candidates until the best of them are sure; None where the server's limit comes first."""
        # A single-precision product of unit vectors is off by at most D x 2^-24; the margin is three times twice that.
        margin = 6 * len(self.vector) * 2.0**-24
        while limit <= MOST:
            rows, hits = self._settled(limit, exact)
            every = len(rows) < limit
            if every and (len(hits) >= self.count or exact or self.kind == "FLAT"):
                return hits
            if every:
                return None  # a graph may end before its last vector: few are left, so they are read
            hits.sort()
            if len(hits) >= self.count and -hits[self.count - 1][0] - margin > rows[-1]["score"]:
                return hits
            limit = min(WIDER * limit, MOST) if limit < MOST else MOST + 1
        return None

    def _settled(self, limit: int, exact: bool) -> tuple[list[Row], list[Hit]]:
        """What the index finds, and the hits among it.

        Rows are found first and heads are read then, so a product may have been replaced in between: its rows are those
        of a writing that no head names any more. It is looked at again; a writing that a head named since the search
        began counts, for it was the present one within this search. Rows a killed writer left are found again for ever,
        and left out.
        """
        named: dict[str, set[int]] = {}
        before: set[str] = set()
        for strong in (False, *[True] * AGAIN):
            rows = self._near(limit, exact, strong)
            heads = self.reader.heads({row["owner"] for row in rows}, ("key", "version"))
            for key, head in heads.items():
                named.setdefault(key, set()).add(head["version"])
            shown = _newest(rows, {key: versions for key, versions in named.items() if key in heads})
            hidden = {row["key"] for row in rows if row["owner"] in heads and row["owner"] not in shown}
            if not hidden or hidden == before:
                break
            before = hidden
        return rows, self._scored([row for row in rows if shown.get(row["owner"]) == row["version"]])

    def _near(self, limit: int, exact: bool, strong: bool) -> list[Row]:
        address = self._connection.address
        params = {
            "HNSW": {"ef": max(address.ef, limit)},
            "IVF_FLAT": {"nprobe": self.lists or address.nlist if exact else min(address.nprobe, self.lists or 65_536)},
        }.get(self.kind, {})
        return self._connection.search(
            self.reader.photos, self.vector.tolist(), limit, self.asked.said, FIELDS, params=params, strong=strong
        )

    def _scanned(self) -> list[Hit]:
        """Everything, part by part, of which the best are kept."""
        best: list[Hit] = []
        for rows in self._parts():
            living, _ = self.reader.living(rows)
            best = sorted([*best, *self._scored(living)])[: self.count]
        return best

    def _parts(self) -> Iterator[list[Row]]:
        said = f"({self.asked.said}) and " if self.asked.said else ""
        total = self._connection.count(self.reader.photos, self.asked.said or 'key >= ""', strong=True)
        for part in slices(total, SCANNED):
            yield self._connection.query(self.reader.photos, said + part, FIELDS)

    def _scored(self, rows: list[Row]) -> list[Hit]:
        """The rows whose product the filter keeps, scored."""
        if self.asked.judged is not None:
            rows = self._judged(rows)
        if not rows:
            return []
        vectors = np.asarray([row[VECTOR] for row in rows], np.float32).astype(np.float64)
        scores = np.clip((vectors * self.vector.astype(np.float64)).sum(axis=1), -1, 1).astype(np.float32)
        return [(-float(score), row["photo"], row["product"]) for score, row in zip(scores, rows, strict=True)]

    def _judged(self, rows: Sequence[Row]) -> list[Row]:
        """Those whose product fulfils what Milvus could not be asked."""
        assert self.asked.judged is not None
        heads = list(self.reader.heads({row["owner"] for row in rows}, FULL).values())
        kept = set()
        for head, facts in zip(heads, self.reader.facts(heads), strict=True):
            product = facts["product"]
            if holds(self.asked.judged, texts_of(product, facts["garment"]), product["price"]):
                kept.add(head["key"])
        return [row for row in rows if row["owner"] in kept]


def _newest(rows: Sequence[Row], named: Mapping[str, set[int]]) -> dict[str, int]:
    """Product's key → the newest version among its rows that a head has named; only where there is one."""
    shown: dict[str, int] = {}
    for row in rows:
        owner, version = row["owner"], row["version"]
        if version in named.get(owner, ()):
            shown[owner] = max(version, shown.get(owner, version))
    return shown

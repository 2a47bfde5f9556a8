"""Pictures of what a protocol found: wrong and right first answers, and wrong ones that may be right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts.evaluation.asking import Asker
from wearabouts.evaluation.checks.suspects import pictures, suspected
from wearabouts.evaluation.comparison import sampled
from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.measuring.searching import NOWHERE
from wearabouts.evaluation.protocols.values import Retrieval
from wearabouts.evaluation.ranking import Ranked
from wearabouts.metrics import Integers
from wearabouts.report import Failure, Picture
from wearabouts.types import Floats

NAMED = 3  # first answers of each query shown


@dataclass(frozen=True, slots=True)
class Depicted:
    """Rows of pictures.

    Attributes:
        failures: Queries whose first answer was wrong.
        successes: Queries whose first answer was right.
        suspects: Wrong first answers that may be true matches that nobody labelled.
        doubt: How many of these there are and what they could change, in words; empty for none.
    """

    failures: tuple[Failure, ...] = ()
    successes: tuple[Failure, ...] = ()
    suspects: tuple[Failure, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Depicting:
    """Everything that pictures are made from, for one encoder.

    Attributes:
        rules: The protocol.
        asker: The door to the photos.
        seed: Of which are shown.
        queries: Those measured.
        gallery: What was searched.
    """

    rules: Retrieval
    asker: Asker
    seed: int
    queries: Sequence[Entry]
    gallery: Sequence[Entry]

    def shown(self, ranked: Ranked, vectors: Floats, gallery_vectors: Floats) -> Depicted:
        """Pictures of a ranking of (Q, D) queries against (N, D) searched photos."""
        rights: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row, entry in enumerate(self.gallery):
            for truth in entry.truths:
                rights[self._pool(entry), truth].append(row)

        def right(place: int) -> Integers:
            query = self.queries[place]
            return np.array(sorted(row for truth in query.truths for row in rights[self._pool(query), truth]), np.int64)

        failures = tuple(
            Failure(self._query(place), self._wanted(ranked, place, int(right(place)[0])), self._came(ranked, place))
            for place in sampled(ranked, self.seed, right=False)
        )
        successes = tuple(
            Failure(self._query(place), None, self._came(ranked, place))
            for place in sampled(ranked, self.seed, right=True)
        )
        if self.rules.truth == "category":  # another photo of the class is no label that somebody forgot
            return Depicted(failures, successes)
        found = suspected(
            vectors,
            gallery_vectors,
            ranked.nearest[:, 0],
            right,
            [query.product for query in self.queries],
            [entry.product for entry in self.gallery],
        )
        return Depicted(failures, successes, pictures(found, self._query, self._photo), found.note())

    def _came(self, ranked: Ranked, place: int) -> tuple[Picture, ...]:
        wanted = set(self.queries[place].truths)
        rows = [int(row) for row in ranked.nearest[place][:NAMED] if row != NOWHERE]
        return tuple(self._photo(row, not wanted.isdisjoint(self.gallery[row].truths)) for row in rows)

    def _wanted(self, ranked: Ranked, place: int, row: int) -> Picture:
        entry = self.gallery[row]
        return Picture(self.asker.thumbnail(entry), f"at place {ranked.ranks[place][0]}: {entry.title or entry.id}")

    def _query(self, place: int) -> Picture:
        query = self.queries[place]
        return Picture(self.asker.thumbnail(query), query.title or query.id)

    def _photo(self, row: int, right: bool | None = None) -> Picture:
        entry = self.gallery[row]
        return Picture(self.asker.thumbnail(entry), entry.title or entry.id, right)

    def _pool(self, entry: Entry) -> str:
        return entry.kind if self.rules.within else ""

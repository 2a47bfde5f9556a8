"""A retrieval protocol run through the very parts that serve: encoder, index, store, search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wearabouts.catalog import Catalog
from wearabouts.encoders import Encoder
from wearabouts.evaluation.asking import Asker
from wearabouts.evaluation.figures import values
from wearabouts.evaluation.measuring.depicting import NAMED, Depicted, Depicting
from wearabouts.evaluation.measuring.dividing import Division, Entry, Skips, answerable, divide
from wearabouts.evaluation.measuring.grading import graded
from wearabouts.evaluation.measuring.holding import held
from wearabouts.evaluation.measuring.searching import ranking
from wearabouts.evaluation.protocols.values import Retrieval
from wearabouts.evaluation.ranking import Ranked
from wearabouts.evaluation.systems import Progress
from wearabouts.metrics import Doubles, Integers
from wearabouts.search import Searcher
from wearabouts.types import Answer, Floats, Match

COARSE = "coarse "
SERVED = 200  # queries that are also asked the way a person asks
MOST_SERVED = 20  # products of each such answer
UNREADABLE = "queries whose right answers cannot be read"


@dataclass(frozen=True, slots=True)
class Served:
    """Answers as a person gets them: the queries answered, ranks of right answers (may be empty), milliseconds each."""

    queries: tuple[Entry, ...]
    ranks: list[Integers]
    timings: list[float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One encoder under one protocol.

    Attributes:
        name: Of the encoder.
        queries: Those measured, in order of id.
        gallery: What was searched, in order of id.
        values: Figure → (Q,) values.
        skips: What was left out.
        vectors: (Q, D) of the queries.
        gallery_vectors: (N, D) of the gallery.
        ranked: Where right answers stood, and what stood first.
        served: Title → the same asked through the searcher; empty where it was not.
        depicted: Pictures; none where they were not asked for.
        suspects: Of wrong first answers that may be true matches that nobody labelled.
        doubt: How many of these there are and what they could change, in words; empty for none.
    """

    name: str
    queries: tuple[Entry, ...]
    gallery: tuple[Entry, ...]
    values: dict[str, Doubles]
    skips: Skips
    vectors: Floats
    gallery_vectors: Floats
    ranked: Ranked
    served: dict[str, Served]
    depicted: Depicted


@dataclass(frozen=True, slots=True)
class Run:
    """One protocol on one dataset.

    Attributes:
        rules: The protocol.
        asker: The door to the photos.
        seed: Of draws and of the pictures shown.
        limit: At most so many queries; 0 for all.
        keep: Where stores stay; None throws them away.
        progress: Told what is done.
        served: How many queries are also asked as a person asks.
    """

    rules: Retrieval
    asker: Asker
    seed: int = 0
    limit: int = 0
    keep: Path | None = None
    progress: Progress | None = None
    served: int = SERVED

    def outcomes(self, catalog: Catalog, encoders: Sequence[Encoder]) -> tuple[Division, tuple[Outcome, ...]]:
        """Divide the dataset and measure encoders on it; the first is asked as served and shows pictures.

        Raises:
            EvaluationError: Nothing can be measured.
        """
        division = divide(catalog, self.rules, limit=self.limit, seed=self.seed)
        return division, tuple(self._outcome(division, encoder, not place) for place, encoder in enumerate(encoders))

    def _outcome(self, division: Division, encoder: Encoder, first: bool) -> Outcome:
        skips = Skips(dict(division.skips.counts))
        with held(encoder, self.keep) as kept:
            kept.fill(division.catalog, encoder, len(division.gallery), self.progress)
            gallery, gallery_vectors = kept.rows(division.gallery)
            skips.add(
                "searched photos that cannot be read",
                _without(division.gallery, gallery),
            )
            asked = answerable(
                division.queries, gallery, self.rules, skips, "queries whose right answers cannot be read"
            )
            queries, said = self.asker.encoded(asked, encoder, self.progress, keep=kept.remembered)
            skips.add("queries whose photo cannot be read, or whose box lies outside it", _without(asked, queries))
            served = self._served(Searcher(encoder, kept.store), queries, gallery) if first and self.served else {}
        measured = self.measured(queries, said.vectors, gallery, gallery_vectors)
        ranked = measured[1]
        depicting = Depicting(self.rules, self.asker, self.seed, queries, gallery)
        return Outcome(
            encoder.name,
            queries,
            gallery,
            measured[0],
            skips,
            said.vectors,
            gallery_vectors,
            ranked,
            served,
            depicting.shown(ranked, said.vectors, gallery_vectors) if first else Depicted(),
        )

    def measured(
        self, queries: Sequence[Entry], vectors: Floats, gallery: Sequence[Entry], gallery_vectors: Floats
    ) -> tuple[dict[str, Doubles], Ranked]:
        """All figures of every query, and the ranking they are of."""
        rules = self.rules
        wanted = tuple(dict.fromkeys((*rules.figures, *(f"R@{k}" for k in rules.curve))))
        deep = max((int(figure.partition("@")[2]) for figure in wanted if figure.startswith("NDCG@")), default=0)
        ranked = ranking(rules, queries, vectors, gallery, gallery_vectors, shown=max(NAMED, deep))
        found: dict[str, Doubles] = {}
        lax = (
            ranking(rules, queries, vectors, gallery, gallery_vectors, coarse=True).ranks
            if rules.coarse is not None
            else []
        )
        grades = graded(queries, gallery, ranked.nearest, rules.within) if deep else None
        for figure in wanted:
            if figure.startswith("NDCG@") and grades is not None:
                found[figure] = grades.at(int(figure.partition("@")[2]))
            elif figure.startswith(COARSE):
                found[figure] = values(figure.removeprefix(COARSE), lax)
            else:
                found[figure] = values(figure, ranked.ranks)
        return found, ranked

    def _served(self, searcher: Searcher, queries: Sequence[Entry], gallery: Sequence[Entry]) -> dict[str, Served]:
        """A random few of the queries, as the page asks and as an exact search without the model's own restriction."""
        picked = np.sort(np.random.default_rng(self.seed).permutation(len(queries))[: self.served])
        asking = [queries[place] for place in picked]
        kinds = {entry.product: entry.kind for entry in gallery}

        def right(query: Entry, match: Match) -> bool:
            product = str(match.product["id"])
            found = {"pair": match.photo_id, "product": product, "category": kinds.get(product, "")}[self.rules.truth]
            return found in query.truths

        def where(query: Entry) -> str | None:
            quoted = query.kind.replace('"', '""')
            return f'category = "{quoted}"' if self.rules.within and query.kind else None

        def person(searcher: Searcher, data: bytes, query: Entry) -> Answer:
            return searcher.search(data, MOST_SERVED, box=query.crop, where=where(query))

        def exact(searcher: Searcher, data: bytes, query: Entry) -> Answer:
            return searcher.search(data, MOST_SERVED, box=query.crop, where=where(query), category="off", exact=True)

        return {
            "default settings": Served(*self.asker.served(asking, searcher, right, person)),
            "exact, no garment restriction": Served(*self.asker.served(asking, searcher, right, exact)),
        }


def _without(entries: Sequence[Entry], kept: Sequence[Entry]) -> list[Entry]:
    there = {entry.id for entry in kept}
    return [entry for entry in entries if entry.id not in there]

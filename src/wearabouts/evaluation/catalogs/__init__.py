"""Any catalog with item labels, through the very parts that serve it: encoder, index, store, search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from wearabouts import embedding
from wearabouts.catalog import Catalog
from wearabouts.encoders import Encoder
from wearabouts.evaluation.asking import Asker
from wearabouts.evaluation.catalogs import sections
from wearabouts.evaluation.catalogs.judging import second_sections
from wearabouts.evaluation.catalogs.questions import Question, Questions, Relevance, divide
from wearabouts.evaluation.catalogs.sections import Measured, Part
from wearabouts.evaluation.catalogs.showing import Gallery, Showing
from wearabouts.evaluation.catalogs.verifying import operating_points
from wearabouts.evaluation.provenance import ids_digest, provenance
from wearabouts.evaluation.ranking import Ranked, measured, rank
from wearabouts.evaluation.systems import Progress, Second, second_stage
from wearabouts.fetch import Fetcher, FetchSettings
from wearabouts.metrics import OperatingPoint
from wearabouts.report import Report
from wearabouts.search import Searcher
from wearabouts.stores import Store, open_store
from wearabouts.types import Answer, Floats, Match

SERVED = 200  # queries that are also asked the way a person asks
MOST_SERVED = 20  # products of each such answer
SHOWN = 3  # first answers that a query is shown with


def evaluate_catalog(
    catalog: Catalog,
    model: Encoder,
    beside: Sequence[Encoder] = (),
    *,
    relevant: Relevance = "product",
    limit: int = 2_000,
    seed: int = 0,
    progress: Progress | None = None,
    second: Second | None = None,
) -> Report:
    """Measure encoders on a catalog, each through a store of its own that is thrown away afterwards.

    Args:
        catalog: Products with street photos, photos of split ``query``, or several photos each.
        model: The encoder in question; its failures are shown and its answers as served are measured too.
        beside: Others, measured on the same queries.
        relevant: What makes a product a right answer.
        limit: At most so many queries, drawn by the seed; 0 for all.
        seed: Of the draw, the intervals and the failures shown.
        progress: Told what is done, how much of it and of how much.
        second: What judges the model's shortlists; None for the second stage of its bundle, where there is one.

    Raises:
        EvaluationError: The catalog has no queries with a right answer, or none of them can be read.
    """
    questions = divide(catalog, relevant=relevant, limit=limit, seed=seed)
    judging = second or second_stage(model)
    run = _Run(
        questions,
        Asker(Fetcher(FetchSettings())),
        seed,
        progress,
        relevant in ("product", "group"),
        judging if relevant == "product" else None,
    )
    results = [run.measure(encoder, first=place == 0) for place, encoder in enumerate((model, *beside))]
    return Report(
        f"{model.name} on {catalog.source}",
        sections.lead(questions, results[0]),
        sections.catalog_sections(questions, results, seed),
        {reason: count for reason, count in {**questions.skipped, **results[0].skipped}.items() if count},
        {
            **provenance([model, *beside], seed=seed),
            "catalog": f"{catalog.source} (reader {catalog.name})",
            "right answer": f"same {relevant}",
        },
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """What stays the same from one encoder to the next."""

    questions: Questions
    asker: Asker
    seed: int
    progress: Progress | None
    one_thing: bool  # whether a right answer is one product or its variants, and not a whole category
    second: Second | None  # of the model in question; None where the right answer is not the very same item

    def measure(self, encoder: Encoder, *, first: bool) -> Measured:
        """One encoder in a store of its own; only the first is asked as served and shows its failures."""
        with TemporaryDirectory(prefix="wearabouts-evaluate-") as folder:
            store = open_store(Path(folder) / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
            try:
                told = self._telling(encoder)
                embedding.index(self.questions.gallery, encoder, store, thumbnails=first, progress=told)
                return self._measure(encoder, store, first)
            finally:
                store.close()

    def _telling(self, encoder: Encoder) -> Callable[[embedding.IndexProgress], None]:
        def told(done: embedding.IndexProgress) -> None:
            if self.progress is not None:
                self.progress(f"index with {encoder.name}", done.photos, self.questions.photos)

        return told

    def _measure(self, encoder: Encoder, store: Store, first: bool) -> Measured:
        gallery = Gallery.of(store)
        present = {self.questions.products[product_id].truth for product_id in gallery.product_ids}
        answerable = [query for query in self.questions.queries if query.truth in present]
        queries, said = self.asker.encoded(answerable, encoder, self.progress)
        vectors = said.vectors
        second = self.second if first else None
        reached = self._ranked(
            gallery, queries, vectors, by_kind=False, shown=SHOWN if second is None else 1 + second.judge.shortlist
        )
        whole = replace(reached, nearest=reached.nearest[:, :SHOWN], similarities=reached.similarities[:, :SHOWN])
        kinds = {self.questions.products[product_id].kind for product_id in gallery.product_ids} - {""}
        within = self._ranked(gallery, queries, vectors, by_kind=True) if len(kinds) > 1 else None
        showing = Showing(self.questions, self.asker, store, gallery, queries, self.seed)
        suspects, doubt = showing.suspects(whole, vectors) if first and self.one_thing else ((), "")
        return Measured(
            whole=Part(queries, sections.figures(encoder.name, whole)),
            within=None if within is None else _part(encoder.name, queries, within),
            served=self._served(self._searcher(encoder, store), queries) if first else None,
            failures=showing.pictures(whole, right=False) if first else (),
            skipped={
                "query photos whose right answers could not be read": len(self.questions.queries) - len(answerable),
                "query photos that cannot be read": len(answerable) - len(queries),
                "gallery photos that cannot be read": self.questions.photos - len(gallery.photo_ids),
            },
            products=len(set(gallery.product_ids)),
            photos=len(gallery.photo_ids),
            gallery=ids_digest(gallery.photo_ids),
            successes=showing.pictures(whole, right=True) if first else (),
            suspects=suspects,
            doubt=doubt,
            verified=self._verified(queries, vectors, gallery) if first else (),
            second=()
            if second is None
            else second_sections(
                second,
                self.questions,
                queries,
                said,
                encoder,
                store,
                gallery,
                reached,
                seed=self.seed,
                progress=self.progress,
            ),
        )

    def _searcher(self, encoder: Encoder, store: Store) -> Searcher:
        if self.second is None:
            return Searcher(encoder, store)
        return Searcher(encoder, store, verifier=self.second.judge, calibration=self.second.calibration)

    def _ranked(
        self,
        gallery: Gallery,
        queries: Sequence[Question],
        vectors: Floats,
        *,
        by_kind: bool,
        shown: int = SHOWN,
    ) -> Ranked:
        return rank(
            vectors,
            gallery.vectors,
            [query.truth for query in queries],
            [self.questions.products[product_id].truth for product_id in gallery.product_ids],
            items=gallery.product_ids,
            query_kinds=[query.kind for query in queries] if by_kind else None,
            gallery_kinds=[self.questions.products[product_id].kind for product_id in gallery.product_ids]
            if by_kind
            else None,
            shown=shown,
        )

    def _verified(
        self, queries: Sequence[Question], vectors: Floats, gallery: Gallery
    ) -> tuple[tuple[float, OperatingPoint], ...]:
        searched = [self.questions.products[product_id].truth for product_id in gallery.product_ids]
        return operating_points(vectors, gallery.vectors, [query.truth for query in queries], searched, seed=self.seed)

    def _served(self, searcher: Searcher, queries: Sequence[Question]) -> sections.Served:
        rng = np.random.default_rng(self.seed)
        picked = np.sort(rng.permutation(len(queries))[:SERVED])

        def right(query: Question, match: Match) -> bool:
            return self.questions.products[str(match.product["id"])].truth == query.truth

        def ask(searcher: Searcher, data: bytes, _: Question) -> Answer:
            return searcher.search(data, MOST_SERVED, tail=self.second is not None)

        return sections.Served(*self.asker.served([queries[place] for place in picked], searcher, right, ask))


def _part(name: str, queries: Sequence[Question], ranked: Ranked) -> Part | None:
    """The queries that have a right answer of their own kind; None where no query has."""
    inside = measured(ranked.ranks)
    kept = Ranked([ranks for ranks in ranked.ranks if len(ranks)], ranked.nearest[inside])
    if not kept.ranks:
        return None
    return Part(tuple(query for query, keep in zip(queries, inside, strict=True) if keep), sections.figures(name, kept))

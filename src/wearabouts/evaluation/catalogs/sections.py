"""What was measured on a catalog, as tables, curves and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts import metrics
from wearabouts.evaluation.catalogs.questions import Question, Questions
from wearabouts.evaluation.comparison import KS, MEAN_PRECISION, RECALL, Standing, standing
from wearabouts.evaluation.figures import explained, values
from wearabouts.evaluation.ranking import Ranked
from wearabouts.metrics import Integers, OperatingPoint
from wearabouts.report import Bar, Cell, Curve, Failure, Row, Sample, Section, Table

MORE = ("P@5", "R-precision", "MAP@R", "nDCG@10", "MRR")
FIGURES = ("R@1", "R@5", "R@10", "R@20", MEAN_PRECISION, *MORE)
SERVED_KS = (1, 5, 10, 20)
KINDS = 25  # lines of the table by kind


@dataclass(frozen=True, slots=True)
class Part:
    """Figures of one encoder over some queries."""

    queries: tuple[Question, ...]
    standing: Standing

    @property
    def groups(self) -> list[str]:
        """What each query is resampled with."""
        return [query.product_id for query in self.queries]


@dataclass(frozen=True, slots=True)
class Served:
    """Answers as a person gets them: queries, ranks of right answers (may be empty), milliseconds each."""

    queries: tuple[Question, ...]
    ranks: list[Integers]
    timings: list[float]


@dataclass(frozen=True, slots=True)
class Measured:
    """One encoder on one catalog.

    Attributes:
        whole: Against the whole gallery.
        within: Against the products of the query's own kind; None where the catalog tells no kinds apart.
        served: As a person gets it; None where it was not asked.
        failures: Pictures.
        skipped: Why → how many queries were left out.
        products: How many products were searched.
        photos: In how many photos.
        gallery: Digest of what was searched.
        successes: Pictures of right first answers.
        suspects: Pictures of wrong first answers that may be true matches that nobody labelled.
        doubt: How many of these there are and what they could change, in words; empty for none.
        verified: False match rate allowed → the share of same pairs then missed.
        second: What the model's second stage adds; empty where it has none.
    """

    whole: Part
    within: Part | None
    served: Served | None
    failures: tuple[Failure, ...]
    skipped: dict[str, int]
    products: int
    photos: int
    gallery: str = ""
    successes: tuple[Failure, ...] = ()
    suspects: tuple[Failure, ...] = ()
    doubt: str = ""
    verified: tuple[tuple[float, OperatingPoint], ...] = ()
    second: tuple[Section, ...] = ()


def figures(name: str, ranked: Ranked) -> Standing:
    """All figures of one ranking; every query must have a right answer."""
    found = standing(name, ranked)
    more = {figure: values(figure, ranked.ranks) for figure in MORE if figure not in found.values}
    return Standing(name, {**found.values, **more}, ranked)


def lead(questions: Questions, ours: Measured) -> str:
    """The answer first, in two sentences."""
    values, queries = ours.whole.standing.values, ours.whole.queries
    return (
        f"{questions.protocol.question} First in {values[RECALL].mean():.0%} of {len(queries):,} queries, among the "
        f"first ten in {values['R@10'].mean():.0%}. {ours.products:,} products in {ours.photos:,} photos were searched."
    )


def catalog_sections(questions: Questions, results: Sequence[Measured], seed: int) -> tuple[Section, ...]:
    """Everything that was measured, ours first in each table."""
    ours = results[0]
    found = [_whole(questions, results, seed), *ours.second, _kinds(ours, seed), _verified(ours), _served(ours, seed)]
    return tuple(section for section in found if section is not None)


def _whole(questions: Questions, results: Sequence[Measured], seed: int) -> Section:
    tables = [_table("Against the whole gallery", [result.whole for result in results], seed)]
    inside = [result.within for result in results if result.within is not None]
    if inside:
        note = "Only products of the query's own kind are ranked, as if somebody had named it rightly."
        tables.append(_table("Within the query's kind", inside, seed, note))
    ours = results[0]
    curves = tuple(
        Curve(
            result.whole.standing.name,
            KS,
            tuple(_estimate(result.whole, f"R@{k}", seed) for k in KS),
        )
        for result in results
    )
    return Section(
        questions.protocol.question,
        questions.protocol.sentence(),
        tuple(tables),
        curves,
        failures=ours.failures,
        notes=(ours.doubt,) if ours.doubt else (),
        bars=_bars(ours, seed),
        successes=ours.successes,
        suspects=ours.suspects,
        samples=tuple(_samples(questions, ours)),
    )


def _samples(questions: Questions, ours: Measured) -> Iterator[Sample]:
    """The figures of single queries, in either gallery."""
    for gallery, part in (("whole gallery", ours.whole), ("within the kind", ours.within)):
        if part is not None:
            ids = tuple(query.photo.id for query in part.queries)
            name = f"{questions.protocol.name}, {gallery}"
            yield Sample(name, ids, tuple(part.groups), part.standing.values, ours.gallery)


def _bars(ours: Measured, seed: int) -> tuple[Bar, ...]:
    """R@1 in the whole gallery by kind, where the catalog tells kinds apart."""
    counts = Counter(query.kind for query in ours.whole.queries)
    if len(counts) < 2:
        return ()
    bars = []
    for kind, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:KINDS]:
        value = _of_kind(ours.whole, kind, RECALL, seed)
        bars.append(Bar(kind or "no kind", value, f"{RECALL}, {count:,} {'query' if count == 1 else 'queries'}"))
    return tuple(bars)


def _of_kind(part: Part, kind: str, figure: str, seed: int) -> metrics.Estimate:
    mine = np.array([query.kind == kind for query in part.queries])
    groups = [group for group, keep in zip(part.groups, mine, strict=True) if keep]
    return metrics.bootstrap(part.standing.values[figure][mine], groups, seed=seed)


def _estimate(part: Part, figure: str, seed: int) -> metrics.Estimate:
    return metrics.bootstrap(part.standing.values[figure], part.groups, seed=seed)


def _table(title: str, parts: Sequence[Part], seed: int, note: str = "") -> Table:
    rows = []
    ours = parts[0]
    for part in parts:
        cells: dict[str, Cell] = {figure: _estimate(part, figure, seed) for figure in FIGURES}
        if part is not ours and part.queries == ours.queries:
            cells["ours less this, R@1"] = metrics.paired_difference(
                ours.standing.values[RECALL], part.standing.values[RECALL], ours.groups, seed=seed
            )
        best = [
            figure
            for figure in FIGURES
            if part.standing.values[figure].mean() >= max(each.standing.values[figure].mean() for each in parts)
        ]
        rows.append(Row(part.standing.name, cells, frozenset(best)))
    columns = (*FIGURES, "ours less this, R@1") if len(parts) > 1 else FIGURES
    count = f"{len(ours.queries):,} queries of {len(set(ours.groups)):,} products."
    return Table(title, "encoder", columns, tuple(rows), " ".join((count, *filter(None, [note]), explained(FIGURES))))


def _kinds(ours: Measured, seed: int) -> Section | None:
    """R@1 and mAP of each kind, in the whole gallery and within the kind."""
    if ours.within is None:
        return None
    rows = []
    counts = Counter(query.kind for query in ours.whole.queries)
    for kind, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:KINDS]:
        cells: dict[str, Cell] = {"queries": count}
        for name, part in (("whole gallery", ours.whole), ("within the kind", ours.within)):
            if all(query.kind != kind for query in part.queries):
                continue
            for figure in (RECALL, MEAN_PRECISION):
                cells[f"{figure}, {name}"] = _of_kind(part, kind, figure, seed)
        rows.append(Row(kind or "no kind", cells))
    columns = tuple(dict.fromkeys(column for row in rows for column in row.cells))
    left = f"The {KINDS} commonest of {len(counts):,} kinds." if len(counts) > KINDS else ""
    rows.append(_macro(ours, seed))
    text = (
        "The same figures for the queries of each kind, as the catalog names it; the mean over kinds counts each kind "
        "alike."
    )
    return Section("Kind by kind", text, (Table("", "kind", columns, tuple(rows), left),))


def _macro(ours: Measured, seed: int) -> Row:
    cells: dict[str, Cell] = {"queries": len(ours.whole.queries)}
    for name, part in (("whole gallery", ours.whole), ("within the kind", ours.within)):
        if part is not None:
            kinds = [query.kind for query in part.queries]
            for figure in (RECALL, MEAN_PRECISION):
                values = part.standing.values[figure]
                cells[f"{figure}, {name}"] = metrics.macro_mean(values, kinds, part.groups, seed=seed)
    return Row("mean over kinds", cells)


def _verified(ours: Measured) -> Section | None:
    if not ours.verified:
        return None
    rows = [
        Row(
            f"{rate:g}",
            {
                "FNMR": point.fnmr,
                "FMR reached": point.fmr,
                "similarity above": point.threshold,
                "same pairs": point.same,
                "different pairs": point.different,
            },
        )
        for rate, point in ours.verified
    ]
    text = (
        "Is this photo of that product? A pair is a query and a searched photo, called the same where they are more "
        "similar than a threshold. FMR is the share of different pairs wrongly called the same, FNMR the share of same "
        "pairs missed. All same pairs count; different pairs are drawn by the seed. The threshold is the lowest whose "
        "FMR is at most the one asked for."
    )
    return Section("Same item or not", text, (Table("", "FMR allowed", tuple(rows[0].cells), tuple(rows)),))


def _served(ours: Measured, seed: int) -> Section | None:
    if ours.served is None or not ours.served.queries:
        return None
    groups = [query.product_id for query in ours.served.queries]
    hits = {k: np.array([float(bool(len(ranks)) and ranks[0] <= k) for ranks in ours.served.ranks]) for k in SERVED_KS}
    cells: dict[str, Cell] = {f"hit@{k}": metrics.bootstrap(hits[k], groups, seed=seed) for k in SERVED_KS}
    cells["median ms"], cells["95 % ms"] = (float(ms) for ms in np.quantile(ours.served.timings, (0.5, 0.95)))
    text = (
        f"A random {len(groups):,} of the queries through Searcher.search with its default settings: the whole photo "
        "is sent, the part that stands out is tried beside it, and the predicted garment restricts softly. Time is "
        "from bytes to answer on this machine, one query at a time."
    )
    text += " The second stage judges and the tail is shown." if ours.second else ""
    table = Table("", "encoder", tuple(cells), (Row(ours.whole.standing.name, cells),))
    return Section("As a person gets it", text, (table,))

"""What a retrieval protocol measured, as tables, curves, bars and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from wearabouts import metrics
from wearabouts.evaluation import published
from wearabouts.evaluation.figures import explained
from wearabouts.evaluation.measuring.dividing import Division, nearly_same
from wearabouts.evaluation.measuring.retrieving import COARSE, Outcome, Served
from wearabouts.evaluation.protocols.values import Retrieval
from wearabouts.evaluation.provenance import ids_digest
from wearabouts.metrics import Doubles, Estimate
from wearabouts.report import Bar, Cell, Curve, Row, Sample, Section, Table

SERVED_KS = (1, 5, 10, 20)
KINDS = 40  # lines of the table by category, and bars


def lead(rules: Retrieval, ours: Outcome) -> str:
    """The answer first."""
    told = [f"{figure} {np.nanmean(ours.values[figure]):.3f}" for figure in rules.figures[:3]]
    return (
        f"{rules.question} {ours.name}: {', '.join(told)}, over {len(ours.queries):,} queries against "
        f"{len(ours.gallery):,} searched photos."
    )


def sections(rules: Retrieval, division: Division, outcomes: Sequence[Outcome], seed: int) -> tuple[Section, ...]:
    """Everything that was measured, the model in question first in each table."""
    found = [_main(rules, outcomes, seed), _apart(rules, outcomes[0], seed), _kinds(rules, outcomes[0], seed)]
    found.append(_served(outcomes[0], rules, seed))
    if division.lost:
        note = f"{division.lost:,} rows or photos of the dataset could not be read; `wearabouts read` lists them."
        found.append(Section("What could not be read", note))
    return tuple(section for section in found if section is not None)


def estimate(values: Doubles, groups: Sequence[str] | None, seed: int) -> Estimate | None:
    """Mean and interval of the queries that have the figure; None where none has."""
    there = ~np.isnan(values)
    if not there.any():
        return None
    kept = None if groups is None else [group for group, keep in zip(groups, there, strict=True) if keep]
    return metrics.bootstrap(values[there], kept, seed=seed)


def _groups(rules: Retrieval, outcome: Outcome) -> list[str] | None:
    return [query.product for query in outcome.queries] if rules.grouped else None


def _row(rules: Retrieval, outcome: Outcome, figures: Sequence[str], seed: int) -> Row:
    groups = _groups(rules, outcome)
    return Row(outcome.name, {figure: estimate(outcome.values[figure], groups, seed) for figure in figures})


def _main(rules: Retrieval, outcomes: Sequence[Outcome], seed: int) -> Section:
    ours = outcomes[0]
    tables = [_headline(rules, outcomes, seed)]
    if rules.beside and not rules.within:
        tables.append(published.table(rules.name, rules.beside, _row(rules, ours, rules.beside, seed), part=rules.part))
    return Section(
        rules.question,
        rules.sentence(),
        tuple(tables),
        tuple(_curve(rules, outcome, seed) for outcome in outcomes),
        failures=ours.depicted.failures,
        notes=(ours.depicted.doubt,) if ours.depicted.doubt else (),
        successes=ours.depicted.successes,
        suspects=ours.depicted.suspects,
        bars=_bars(rules, ours, seed),
        samples=(sample(rules, ours),),
    )


def sample(rules: Retrieval, ours: Outcome, name: str = "") -> Sample:
    """The figures of single queries, for comparisons."""
    ids = tuple(query.id for query in ours.queries)
    groups = tuple(query.product for query in ours.queries) if rules.grouped else ids
    digest = ids_digest(entry.id for entry in ours.gallery)
    return Sample(name or rules.name, ids, groups, dict(ours.values), digest)


def _headline(rules: Retrieval, outcomes: Sequence[Outcome], seed: int) -> Table:
    ours = outcomes[0]
    rows = []
    for outcome in outcomes:
        cells = dict(_row(rules, outcome, rules.figures, seed).cells)
        if outcome is not ours and outcome.queries == ours.queries:
            mine, other = ours.values[rules.figures[0]], outcome.values[rules.figures[0]]
            groups = _groups(rules, ours)
            cells[f"ours less this, {rules.figures[0]}"] = metrics.paired_difference(mine, other, groups, seed=seed)
        best = frozenset(
            figure
            for figure in rules.figures
            if np.nanmean(outcome.values[figure]) >= max(np.nanmean(each.values[figure]) for each in outcomes)
        )
        rows.append(Row(outcome.name, cells, best if len(outcomes) > 1 else frozenset()))
    columns = (*rules.figures, f"ours less this, {rules.figures[0]}") if len(outcomes) > 1 else rules.figures
    products = len({query.product for query in ours.queries})
    note = f"{len(ours.queries):,} queries of {products:,} products; {len(ours.gallery):,} photos searched. "
    plain = [figure.removeprefix(COARSE) for figure in rules.figures]
    return Table("", "encoder", columns, tuple(rows), note + explained(plain))


def _curve(rules: Retrieval, outcome: Outcome, seed: int) -> Curve:
    groups = _groups(rules, outcome)
    points = tuple(metrics.bootstrap(outcome.values[f"R@{k}"], groups, seed=seed) for k in rules.curve)
    return Curve(outcome.name, rules.curve, points)


def _figure(rules: Retrieval) -> str:
    """The one figure that categories are compared by."""
    return rules.beside[0] if rules.beside else rules.figures[0]


def _order(ours: Outcome) -> list[tuple[str, int]]:
    counts = Counter(query.kind for query in ours.queries)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _of_kind(rules: Retrieval, ours: Outcome, kind: str, figure: str, seed: int) -> Estimate | None:
    mine = np.array([query.kind == kind for query in ours.queries])
    groups = _groups(rules, ours)
    kept = None if groups is None else [group for group, keep in zip(groups, mine, strict=True) if keep]
    return estimate(ours.values[figure][mine], kept, seed)


def _bars(rules: Retrieval, ours: Outcome, seed: int) -> tuple[Bar, ...]:
    kinds = _order(ours)[:KINDS]
    if len(kinds) < 2:
        return ()
    bars = []
    for kind, count in kinds:
        value = _of_kind(rules, ours, kind, _figure(rules), seed)
        if value is not None:
            bars.append(Bar(kind or "no category", value, f"{_figure(rules)}, {count:,} queries"))
    return tuple(bars)


def _kinds(rules: Retrieval, ours: Outcome, seed: int) -> Section | None:
    """Every category by itself, the mean over queries and the mean over categories."""
    kinds = _order(ours)
    if len(kinds) < 2:
        return None
    columns = ("queries", "left out", *rules.figures)
    rows = []
    for kind, count in kinds[:KINDS]:
        cells: dict[str, Cell] = {"queries": count, "left out": ours.skips.of(kind)}
        cells.update({figure: _of_kind(rules, ours, kind, figure, seed) for figure in rules.figures})
        rows.append(Row(kind or "no category", cells))
    means = {figure: _macro(rules, ours, figure, seed) for figure in rules.figures}
    left = sum(ours.skips.of(kind) for kind in {entry.kind for entry in ours.gallery} | {kind for kind, _ in kinds})
    rows.append(Row("mean over categories", {"queries": len(ours.queries), "left out": left, **means}))
    rows.append(Row("mean over queries", dict(_row(rules, ours, rules.figures, seed).cells)))
    note = f"The {KINDS} commonest of {len(kinds):,} categories." if len(kinds) > KINDS else ""
    tables = [Table("", "category", columns, tuple(rows), note)]
    if rules.within:
        tables += [_beside(rules, ours, figure, seed) for figure in rules.beside]
    return Section(
        "Category by category",
        "The same figures for the queries of each category. Left out: queries without a searchable right answer, or "
        "whose own photo cannot be read. The mean over categories counts each alike, however many queries it has.",
        tuple(tables),
    )


def _macro(rules: Retrieval, ours: Outcome, figure: str, seed: int) -> Estimate | None:
    there = np.flatnonzero(~np.isnan(ours.values[figure]))
    if not len(there):
        return None
    groups = _groups(rules, ours)
    return metrics.macro_mean(
        ours.values[figure][there],
        [ours.queries[place].kind for place in there],
        None if groups is None else [groups[place] for place in there],
        seed=seed,
    )


def _beside(rules: Retrieval, ours: Outcome, figure: str, seed: int) -> Table:
    """Published figures by category: a column each."""
    kinds = sorted(kind for kind, _ in _order(ours))
    cells: dict[str, dict[str, Cell]] = {}
    notes: dict[str, str] = {}
    told: dict[str, None] = {}
    for kind in kinds:
        row = Row(ours.name, {figure: _of_kind(rules, ours, kind, figure, seed)})
        table = published.table(rules.name, (figure,), row, part=kind)
        if len(table.rows) > 1:
            told[table.note] = None
        for line in table.rows:
            cells.setdefault(line.name, {})[kind] = line.cells.get(figure)
            notes[line.name] = line.note
    rows = tuple(Row(name, found, note=notes[name], ours=name == ours.name) for name, found in cells.items())
    return Table(f"{figure} beside published figures", "method", tuple(kinds), rows, max(told, key=len, default=""))


def _apart(rules: Retrieval, ours: Outcome, seed: int) -> Section | None:
    """The queries without a near-duplicate in the gallery, by themselves."""
    if not rules.label or rules.apart:
        return None
    near = {entry.id for entry in nearly_same(ours.queries, ours.gallery, rules.label)}
    far = np.array([query.id not in near for query in ours.queries])
    label = rules.label.replace("_", " ")
    title = f"Only queries without a searched photo of the same {label}"
    text = (
        f"{len(near):,} of {len(ours.queries):,} queries have a searched photo of their own product with the same "
        f"{label}, nearly the same picture. These are the figures of the other {int(far.sum()):,}, the gallery "
        "unchanged."
    )
    if not far.any():
        return Section(title, text)
    groups = _groups(rules, ours)
    kept = None if groups is None else [group for group, keep in zip(groups, far, strict=True) if keep]
    cells: dict[str, Cell] = {figure: estimate(ours.values[figure][far], kept, seed) for figure in rules.figures}
    table = Table("", "encoder", rules.figures, (Row(ours.name, cells),), f"{int(far.sum()):,} queries.")
    return Section(title, text, (table,))


def _served(ours: Outcome, rules: Retrieval, seed: int) -> Section | None:
    rows = [Row(name, _served_cells(served, rules, seed)) for name, served in ours.served.items() if served.queries]
    if not rows:
        return None
    count = max(len(served.queries) for served in ours.served.values())
    text = (
        f"A random {count:,} of the queries through Searcher.search, from the photo's bytes: "
        + ("with its box, " if rules.crop == "box" else "the whole photo, ")
        + ("restricted to its category; " if rules.within else "")
        + "with default settings (the part that stands out is tried beside the whole photo, the predicted garment "
        "restricts softly) and exact without that restriction. Products are ranked, each shown by its best photo"
        + (", which has to be the pair's own. " if rules.truth == "pair" else ". ")
        + "Time is from bytes to answer on this machine, one query at a time."
    )
    return Section("As a person gets it", text, (Table("", "asked with", tuple(rows[0].cells), tuple(rows)),))


def _served_cells(served: Served, rules: Retrieval, seed: int) -> dict[str, Cell]:
    groups = [query.product for query in served.queries] if rules.grouped else None
    hits = {k: np.array([float(bool(len(ranks)) and ranks[0] <= k) for ranks in served.ranks]) for k in SERVED_KS}
    cells: dict[str, Cell] = {f"hit@{k}": metrics.bootstrap(hits[k], groups, seed=seed) for k in SERVED_KS}
    cells["median ms"], cells["95 % ms"] = (float(ms) for ms in np.quantile(served.timings, (0.5, 0.95)))
    return cells

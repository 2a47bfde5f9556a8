"""Category and attributes: a labelling protocol run with a bundle's heads, or by a vote of the nearest in the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wearabouts import metrics
from wearabouts.catalog import Catalog
from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError
from wearabouts.evaluation import published
from wearabouts.evaluation.asking import Asker
from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.measuring.holding import held
from wearabouts.evaluation.measuring.picking import Picked, only, pick
from wearabouts.evaluation.measuring.voting import head, marked, nearest, said, voted
from wearabouts.evaluation.protocols.labels import ALL, Labelling
from wearabouts.evaluation.systems import Progress
from wearabouts.metrics import Doubles, Estimate
from wearabouts.report import Bar, Failure, Picture, Row, Sample, Section, Table
from wearabouts.types import Encoding, Floats

BARS = 50
SHOWN = 8
NAMED = 3


@dataclass(frozen=True, slots=True)
class Scored:
    """What was made of each group.

    Attributes:
        entries: The photos that were named.
        labels: Group → its labels, in order of name.
        truths: Group → (N, L) which labels each photo has.
        scores: Group → (N, L).
        told: How the scores came about.
        skipped: Why → how many photos were left out.
    """

    entries: tuple[Entry, ...]
    labels: dict[str, list[str]]
    truths: dict[str, np.ndarray]
    scores: dict[str, Floats]
    told: str
    skipped: dict[str, int]


@dataclass(frozen=True, slots=True)
class LabelRun:
    """One labelling protocol on one dataset; the fields are those of `retrieving.Run`."""

    rules: Labelling
    asker: Asker
    seed: int = 0
    limit: int = 0
    keep: Path | None = None
    progress: Progress | None = None

    def measure(self, catalog: Catalog, encoders: Sequence[Encoder]) -> tuple[str, tuple[Section, ...], dict[str, int]]:
        """Summary, sections and what was skipped; the first encoder is the one in question.

        Raises:
            EvaluationError: Nothing can be measured.
        """
        rules = self.rules
        asks = pick(catalog, rules, rules.asks, cut=rules.crop == "box", limit=self.limit, seed=self.seed)
        learnt = pick(catalog, rules, rules.learnt, cut=False)
        found = [self._scored(catalog, asks, learnt, encoder) for encoder in encoders]
        ours = found[0]
        rows = [
            Row(encoder.name, {name: value for name, value in self._cells(scored).items()}, note=scored.told)
            for encoder, scored in zip(encoders, found, strict=True)
        ]
        lead = f"{rules.question} {encoders[0].name}: " + ", ".join(
            f"{name} {value.value:.3f}" for name, value in rows[0].cells.items() if isinstance(value, Estimate)
        )
        main = Section(
            rules.question,
            f"{rules.sentence()} {encoders[0].name}: {ours.told}",
            (
                Table("", "encoder", rules.figures, tuple(rows), f"{len(ours.entries):,} photos."),
                published.table(rules.name, rules.beside, Row(encoders[0].name, self._cells(ours))),
            ),
            failures=self._failures(ours),
            bars=self._bars(ours),
            samples=(self._sample(ours),),
        )
        sections = (main, self._by_group(ours, encoders[0].name)) if rules.groups else (main,)
        return f"{lead}, over {len(ours.entries):,} photos.", sections, {**ours.skipped, LOST: asks.lost}

    def _scored(self, catalog: Catalog, asks: Picked, learnt: Picked, encoder: Encoder) -> Scored:
        groups = self.rules.groups or (ALL,)
        named = {group: [_names(entry, group) for entry in asks.entries] for group in groups}
        taught = {group: [_names(entry, group) for entry in learnt.entries] for group in groups}
        labels = {
            group: sorted({name for names in (*named[group], *taught[group]) for name in names}) for group in groups
        }
        if not any(any(names) for group in groups for names in named[group]):
            raise EvaluationError(f"{catalog.source}: no photo that is to be named has a label of {', '.join(groups)}")
        heads = {group: head(encoder, group if self.rules.groups else "category", labels[group]) for group in groups}
        with held(encoder, self.keep) as kept:
            own = all(found is not None for found in heads.values())
            if not own:
                ids = {entry.id for entry in learnt.entries}
                shown = only(catalog, lambda photo: photo.id in ids, cut=self.rules.crop == "box")
                kept.fill(shown, encoder, len(ids), self.progress)
                gallery, vectors = kept.rows(learnt.entries)
            entries, encoding = self.asker.encoded(asks.entries, encoder, self.progress, keep=kept.remembered)
        truths = {group: marked([_names(entry, group) for entry in entries], labels[group]) for group in groups}
        if own:
            scores = {group: said(encoding, found) for group, found in heads.items() if found is not None}
            told = "scores are the probabilities of the model's own heads."
        else:
            scores, told = self._votes(encoding, gallery, vectors, labels)
        skipped = {"photos that cannot be read, or whose box lies outside": len(asks.entries) - len(entries)}
        return Scored(entries, labels, truths, scores, told, skipped)

    def _votes(
        self, encoding: Encoding, gallery: Sequence[Entry], vectors: Floats, labels: dict[str, list[str]]
    ) -> tuple[dict[str, Floats], str]:
        places, similar = nearest(encoding.vectors, vectors, self.rules.neighbours)
        scores = {
            group: voted(places, similar, marked([_names(entry, group) for entry in gallery], names))
            for group, names in labels.items()
        }
        return scores, f"scores are votes of the {places.shape[1]} nearest of {len(gallery):,} labelled photos."

    def _cells(self, scored: Scored, group: str = ALL) -> dict[str, Estimate]:
        values = self._parts(scored, group)
        return {
            f"top-{k}": metrics.bootstrap_ratio(hits, positives, seed=self.seed)
            for k, (hits, positives) in values.items()
        }

    def _parts(self, scored: Scored, group: str) -> dict[int, tuple[Doubles, Doubles]]:
        """By k, (N,) hits and (N,) positives of each photo."""
        groups = list(scored.labels) if group == ALL else [group]
        scores = np.hstack([scored.scores[each] for each in groups])
        truths = np.hstack([scored.truths[each] for each in groups])
        recalls = {k: metrics.attribute_recall(scores, truths, k) for k in self.rules.ks}
        return {k: (each.hits, each.positives) for k, each in recalls.items()}

    def _by_group(self, ours: Scored, name: str) -> Section:
        tables = [
            published.table(self.rules.name, self.rules.beside, Row(name, self._cells(ours, group)), part=group)
            for group in self.rules.groups
            if ours.truths[group].any()
        ]
        return Section("Group by group", "Only the labels of the group are ranked.", tuple(tables))

    def _sample(self, ours: Scored) -> Sample:
        """Hits of a photo over the mean number of positives: their mean is the figure."""
        ids = tuple(entry.id for entry in ours.entries)
        values = {}
        for group in (ALL, *self.rules.groups):
            for k, (hits, positives) in self._parts(ours, group).items():
                if positives.any():
                    values[f"top-{k}" + (f", {group}" if group != ALL else "")] = hits / positives.mean()
        return Sample(self.rules.name, ids, ids, values)

    def _bars(self, ours: Scored) -> tuple[Bar, ...]:
        figure = self.rules.beside[0]
        if self.rules.groups:
            found = [(group, self._cells(ours, group)) for group in self.rules.groups if ours.truths[group].any()]
            return tuple(Bar(group, cells[figure], figure) for group, cells in found)
        hits, _ = self._parts(ours, ALL)[int(figure.partition("-")[2])]
        bars = []
        for kind, count in Counter(entry.kind for entry in ours.entries if entry.kind).most_common(BARS):
            mine = np.array([entry.kind == kind for entry in ours.entries])
            bars.append(Bar(kind, metrics.bootstrap(hits[mine], seed=self.seed), f"{figure}, {count:,} photos"))
        return tuple(bars)

    def _failures(self, ours: Scored) -> tuple[Failure, ...]:
        """A few photos, drawn by the seed, whose likeliest label is none of theirs."""
        names = [name for labels in ours.labels.values() for name in labels]
        scores = np.hstack(list(ours.scores.values()))
        truths = np.hstack(list(ours.truths.values()))
        order = np.argsort(-scores.astype(np.float64), axis=1, kind="stable")[:, :NAMED]
        wrong = np.flatnonzero(~truths[np.arange(len(truths)), order[:, 0]] & truths.any(axis=1))
        shown = []
        for row in sorted(np.random.default_rng(self.seed).permutation(wrong)[:SHOWN].tolist()):
            entry = ours.entries[row]
            right = ", ".join(names[place] for place in np.flatnonzero(truths[row]))
            came = tuple(Picture(b"", names[place], bool(truths[row, place])) for place in order[row])
            shown.append(Failure(Picture(self.asker.thumbnail(entry), entry.id), Picture(b"", right), came))
        return tuple(shown)


LOST = "rows or photos that the reader could not read"


def _names(entry: Entry, group: str) -> list[str]:
    if group == ALL:
        return [entry.kind] if entry.kind else []
    return [name for name in entry.facts.get(group, "").split("|") if name]

"""StyleNet's test: how well a linear classifier tells styles from vectors that are left as they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wearabouts import metrics
from wearabouts.catalog import Catalog
from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError
from wearabouts.evaluation import published
from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.measuring.holding import held
from wearabouts.evaluation.measuring.picking import only, pick
from wearabouts.evaluation.protocols.styles import Styling
from wearabouts.evaluation.systems import Progress
from wearabouts.metrics import Doubles
from wearabouts.report import Bar, Cell, Row, Sample, Section, Table
from wearabouts.types import Floats

ACCURACY = "accuracy"
ITERATIONS = 20_000


@dataclass(frozen=True, slots=True)
class Told:
    """How often each photo was named rightly.

    Attributes:
        entries: The photos.
        right: (N,) in how many divisions it was held out and named rightly.
        held: (N,) in how many it was held out.
        by_division: (splits,) accuracy of each.
    """

    entries: tuple[Entry, ...]
    right: Doubles
    held: Doubles
    by_division: Doubles


@dataclass(frozen=True, slots=True)
class StyleRun:
    """The style protocol on one dataset.

    Attributes:
        rules: The protocol.
        seed: Of the divisions and the intervals.
        keep: Where stores stay; None throws them away.
        progress: Told what is done.
    """

    rules: Styling
    seed: int = 0
    keep: Path | None = None
    progress: Progress | None = None

    def measure(self, catalog: Catalog, encoders: Sequence[Encoder]) -> tuple[str, tuple[Section, ...], dict[str, int]]:
        """Summary, sections and what was skipped; the first encoder is the one in question.

        Raises:
            EvaluationError: scikit-learn is not installed, or there are too few photos or styles.
        """
        _classifier()
        picked = pick(catalog, self.rules, None, cut=False)
        chosen, unlabelled = upper(picked.entries, self.rules.share)
        told = [self._told(catalog, chosen, encoder) for encoder in encoders]
        ours = told[0]
        rows = [Row(encoder.name, self._cells(each)) for encoder, each in zip(encoders, told, strict=True)]
        columns = (ACCURACY, "standard deviation over divisions")
        note = f"{len(ours.entries):,} photos of {len({entry.facts['style'] for entry in ours.entries})} styles."
        table = Table("", "encoder", columns, tuple(rows), note)
        beside = published.table(self.rules.name, (ACCURACY,), Row(encoders[0].name, self._cells(ours)))
        ids = tuple(entry.id for entry in ours.entries)
        with np.errstate(invalid="ignore"):
            values = ours.right / ours.held
        section = Section(
            self.rules.question,
            self.rules.sentence(),
            (table, beside),
            bars=self._bars(ours),
            samples=(Sample(self.rules.name, ids, ids, {ACCURACY: values}),),
        )
        skipped = {
            "photos without style or skill": unlabelled,
            "photos below the upper share by skill": len(picked.entries) - unlabelled - len(chosen),
            "photos that cannot be read": len(chosen) - len(ours.entries),
            "rows or photos that the reader could not read": picked.lost,
        }
        mean = float(ours.by_division.mean())
        lead = f"{self.rules.question} {encoders[0].name}: accuracy {mean:.3f} over {self.rules.splits} divisions."
        return lead, (section,), skipped

    def _told(self, catalog: Catalog, chosen: Sequence[Entry], encoder: Encoder) -> Told:
        ids = {entry.id for entry in chosen}
        with held(encoder, self.keep) as kept:
            kept.fill(only(catalog, lambda photo: photo.id in ids), encoder, len(ids), self.progress)
            entries, vectors = kept.rows(chosen)
        styles = np.array([entry.facts["style"] for entry in entries])
        least = min(Counter(styles.tolist()).values())
        if len(set(styles.tolist())) < 2 or least < 2:
            raise EvaluationError(
                f"{catalog.source}: {len(set(styles.tolist()))} styles, the smallest with {least} photos; a classifier "
                "needs two styles with two photos each or more"
            )
        return self._divided(entries, vectors, styles)

    def _divided(self, entries: tuple[Entry, ...], vectors: Floats, styles: np.ndarray) -> Told:
        divisions, machine = _classifier()
        drawn = divisions(n_splits=self.rules.splits, test_size=self.rules.held, random_state=self.seed)
        right, held_out, accuracies = np.zeros(len(entries)), np.zeros(len(entries)), []
        for done, (learn, test) in enumerate(drawn.split(vectors), 1):
            if len(set(styles[learn].tolist())) < 2:
                continue
            model = machine(C=self.rules.cost, max_iter=ITERATIONS, random_state=self.seed)
            hits = model.fit(vectors[learn], styles[learn]).predict(vectors[test]) == styles[test]
            right[test] += hits
            held_out[test] += 1
            accuracies.append(float(hits.mean()))
            if self.progress is not None:
                self.progress("divide and learn", done, self.rules.splits)
        if not accuracies:
            raise EvaluationError("no division left two styles to learn; give more photos")
        return Told(entries, right, held_out, np.array(accuracies))

    def _cells(self, told: Told) -> dict[str, Cell]:
        spread = float(told.by_division.std(ddof=1)) if len(told.by_division) > 1 else None
        value = metrics.bootstrap_ratio(told.right, told.held, seed=self.seed)
        return {ACCURACY: value, "standard deviation over divisions": spread}

    def _bars(self, told: Told) -> tuple[Bar, ...]:
        bars = []
        styles = np.array([entry.facts["style"] for entry in told.entries])
        for style in sorted(set(styles.tolist())):
            mine = styles == style
            if told.held[mine].any():
                value = metrics.bootstrap_ratio(told.right[mine], told.held[mine], seed=self.seed)
                bars.append(Bar(style, value, f"accuracy, {int(mine.sum()):,} photos"))
        return tuple(bars)


def upper(entries: Sequence[Entry], share: float) -> tuple[list[Entry], int]:
    """The photos highest in skill within their style, in order of id, and how many lack style or skill.

    Args:
        entries: With labels ``style`` and ``skill``.
        share: Of each style, rounded up.
    """
    by_style: dict[str, list[tuple[float, str, Entry]]] = defaultdict(list)
    unlabelled = 0
    for entry in entries:
        try:
            skill = float(entry.facts.get("skill", ""))
        except ValueError:
            skill = float("nan")
        if entry.facts.get("style") and np.isfinite(skill):
            by_style[entry.facts["style"]].append((-skill, entry.id, entry))
        else:
            unlabelled += 1
    chosen = []
    for rows in by_style.values():
        ranked = sorted(rows, key=lambda row: row[:2])
        chosen += [entry for _, _, entry in ranked[: int(np.ceil(share * len(ranked)))]]
    return sorted(chosen, key=lambda entry: entry.id), unlabelled


def _classifier() -> tuple[Any, Any]:
    """How scikit-learn divides, and its linear SVM."""
    try:
        from sklearn.model_selection import ShuffleSplit
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise EvaluationError(
            "protocol stylenet learns a linear classifier with scikit-learn, which is not installed: "
            "pip install 'wearabouts[evaluate]'"
        ) from error
    return ShuffleSplit, LinearSVC

"""Landmarks: how far those that a bundle places lie from those that people placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wearabouts import metrics
from wearabouts.catalog import Catalog
from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError, FetchError, ImageError
from wearabouts.evaluation import published
from wearabouts.evaluation.asking import Asker
from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.measuring.holding import held
from wearabouts.evaluation.measuring.picking import pick
from wearabouts.evaluation.protocols.marks import Landmarking
from wearabouts.evaluation.systems import Progress
from wearabouts.metrics import Doubles, LandmarkError
from wearabouts.report import Bar, Cell, Row, Sample, Section, Table
from wearabouts.types import LANDMARK_SLOTS, Landmark

NE = "NE"


@dataclass(frozen=True, slots=True)
class Placed:
    """Predicted and annotated landmarks of (N, 8, 2), as fractions of what was seen, and (N, 8) which can be seen."""

    entries: tuple[Entry, ...]
    predicted: Doubles
    truth: Doubles
    visible: np.ndarray

    def error(self, slot: int | None = None) -> LandmarkError:
        """Of all landmarks, or of one."""
        seen = self.visible
        if slot is not None:
            seen = seen & (np.arange(len(LANDMARK_SLOTS)) == slot)
        return metrics.landmark_error(self.predicted, self.truth, seen)


@dataclass(frozen=True, slots=True)
class LandmarkRun:
    """The landmark protocol on one dataset; the fields are those of `retrieving.Run`."""

    rules: Landmarking
    asker: Asker
    seed: int = 0
    limit: int = 0
    keep: Path | None = None
    progress: Progress | None = None

    def measure(self, catalog: Catalog, encoders: Sequence[Encoder]) -> tuple[str, tuple[Section, ...], dict[str, int]]:
        """Summary, sections and what was skipped; the first encoder is the one in question.

        Raises:
            EvaluationError: A model has no landmarks, or no photo has any that can be seen.
        """
        for encoder in encoders:
            blank = np.full((encoder.input_size, encoder.input_size, 3), 255, np.uint8)
            if encoder.encode([blank], "street").landmarks is None:
                raise EvaluationError(
                    f"model {encoder.name} places no landmarks; give a bundle whose card says landmarks = true"
                )
        found = [self._placed(catalog, encoder) for encoder in encoders]
        ours, skipped = found[0]
        rows = [Row(encoder.name, self._cells(placed)) for encoder, (placed, _) in zip(encoders, found, strict=True)]
        slots = [slot for slot in range(len(LANDMARK_SLOTS)) if ours.visible[:, slot].any()]
        columns = (NE, *(_name(slot) for slot in slots))
        count = f"{len(ours.entries):,} photos, {int(ours.visible.sum()):,} visible landmarks. Lower is better."
        tables = [
            Table("", "encoder", columns, tuple(rows), count),
            published.table(self.rules.name, self.rules.beside, Row(encoders[0].name, {NE: rows[0].cells[NE]})),
        ]
        tables += [
            published.table(
                self.rules.name, (NE,), Row(encoders[0].name, {NE: rows[0].cells[_name(slot)]}), part=_name(slot)
            )
            for slot in slots
        ]
        section = Section(
            self.rules.question,
            self.rules.sentence(),
            tuple(tables),
            bars=tuple(self._bar(ours, slot) for slot in slots),
            samples=(self._sample(ours, slots),),
        )
        value = ours.error().value
        lead = f"{self.rules.question} {encoders[0].name}: NE {value:.4f} over {len(ours.entries):,} photos."
        return lead, (section,), skipped

    def _placed(self, catalog: Catalog, encoder: Encoder) -> tuple[Placed, dict[str, int]]:
        rules = self.rules
        picked = pick(catalog, rules, rules.asks, cut=rules.crop == "box", limit=self.limit, seed=self.seed)
        marks = picked.landmarks
        asked = [entry for entry in picked.entries if any(mark.visible for mark in marks.get(entry.id, ()))]
        if not asked:
            raise EvaluationError(
                f"{catalog.source}: none of {len(picked.entries):,} photos has a visible landmark; give the dataset "
                f"that reader {rules.reader} reads"
            )
        with held(encoder, self.keep) as kept:
            entries, said = self.asker.encoded(asked, encoder, self.progress, keep=kept.remembered)
        if said.landmarks is None:
            raise AssertionError("landmarks that the encoder gave of a blank photo are missing")
        truth = np.zeros((len(entries), len(LANDMARK_SLOTS), 2))
        visible = np.zeros(truth.shape[:2], bool)
        for row, entry in enumerate(entries):
            truth[row], visible[row] = self._truth(entry, marks[entry.id])
        skipped = {
            "photos without a visible landmark": len(picked.entries) - len(asked),
            "photos that cannot be read, or whose box lies outside": len(asked) - len(entries),
            "rows or photos that the reader could not read": picked.lost,
        }
        return Placed(entries, said.landmarks[:, :, :2].astype(np.float64), truth, visible), skipped

    def _truth(self, entry: Entry, marks: Sequence[Landmark]) -> tuple[Doubles, np.ndarray]:
        try:
            left, top, width, height = self.asker.extent(entry)
        except (FetchError, ImageError) as error:  # it was read a moment ago, or remembered from a run before
            raise EvaluationError(f"{entry.uri} can no longer be read ({error}); run again") from error
        places = np.array([((mark.x - left) / width, (mark.y - top) / height) for mark in marks])
        return places, np.array([mark.visible for mark in marks], bool)

    def _cells(self, placed: Placed) -> dict[str, Cell]:
        cells: dict[str, Cell] = {}
        for slot in (None, *range(len(LANDMARK_SLOTS))):
            error = placed.error(slot)
            if error.counts.any():
                name = NE if slot is None else _name(slot)
                cells[name] = metrics.bootstrap_ratio(error.sums, error.counts, seed=self.seed)
        return cells

    def _bar(self, placed: Placed, slot: int) -> Bar:
        error = placed.error(slot)
        count = int(error.counts.sum())
        value = metrics.bootstrap_ratio(error.sums, error.counts, seed=self.seed)
        return Bar(_name(slot), value, f"NE, {count:,} visible")

    def _sample(self, placed: Placed, slots: Sequence[int]) -> Sample:
        """Errors of a photo over the mean number of visible landmarks: their mean is the figure."""
        ids = tuple(entry.id for entry in placed.entries)
        values = {NE: placed.error().values}
        values |= {f"{NE}, {_name(slot)}": placed.error(slot).values for slot in slots}
        return Sample(self.rules.name, ids, ids, values)


def _name(slot: int) -> str:
    return LANDMARK_SLOTS[slot].replace("_", " ")

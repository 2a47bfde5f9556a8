"""The model table: one encoder beside plain ones, on real photographs that no shipped model was trained on.

Beside the model stand a colour histogram, generic features, and each generic joined with the histogram at weights 0 to
1 (the convention of `baselines.MixedEncoder`). The best of them is picked on the very rows it is compared on, which
flatters the others, not the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from wearabouts import metrics
from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError
from wearabouts.evaluation import comparison
from wearabouts.evaluation.baselines import joined
from wearabouts.evaluation.comparison import MEAN_PRECISION, RECALL, Outcome, System
from wearabouts.evaluation.provenance import provenance
from wearabouts.evaluation.ranking import rank
from wearabouts.evaluation.systems import HISTOGRAM, Progress, Second, Vectors, second_stage, weights
from wearabouts.evaluation.tasks import Task, photograph_tasks, same_pictures
from wearabouts.evaluation.verified import Asked, Shelved, reach, weighed
from wearabouts.evaluation.verified.sections import Judged, stage_two
from wearabouts.garments import GARMENT_OF_LABEL
from wearabouts.report import Cell, Report, Row, Section, Table
from wearabouts.types import Floats

LISTS = ("grocery/images.csv", "grocery/splits.csv", "magento-fashion/images.csv", "clothing/images.csv")
SAME, NEAR = ("same_picture", "same_picture_after_exif"), ("near_picture",)


def evaluate_photographs(
    data: Path,
    model: Encoder,
    beside: Sequence[Encoder],
    *,
    seed: int = 0,
    progress: Progress | None = None,
    second: Second | None = None,
) -> Report:
    """Measure an encoder and what stands beside it on the photographs in a folder.

    Args:
        data: The folder with `grocery`, `magento-fashion`, `clothing` and `robustness`.
        model: The encoder in question.
        beside: Others; where one of them is the histogram, each further one is joined with it at weights 0 to 1 too.
        seed: Of the intervals and of which failures are shown.
        progress: Told what is done, how much of it and of how much.
        second: What judges the model's shortlists; None for the second stage of its bundle, where there is one.

    Raises:
        EvaluationError: The folder lacks a list of photographs, or no photo of a row can be read.
    """
    tasks = photograph_tasks(data)
    distinct = {encoder.hash: Vectors(encoder) for encoder in (model, *beside)}
    seen = [distinct[encoder.hash] for encoder in (model, *beside)]
    for vectors in distinct.values():
        for task in tasks:
            vectors.see([shot.path for shot in task.gallery], "shop", progress)
            vectors.see([shot.path for shot in task.queries], task.side, progress)
    faults = {path: reason for vectors in seen for path, reason in vectors.faults.items()}
    ours, *others = systems(seen)
    outcomes = [comparison.compare(_readable(task, faults), ours, others) for task in tasks]
    sections = [_summary(outcomes, seed)]
    sections += [comparison.section(outcome, seed=seed) for outcome in outcomes]
    judging = second or second_stage(model)
    if judging is not None:
        judged = [judged_task(outcome, seen[0], judging) for outcome in outcomes if outcome.task.one_item]
        sections += stage_two(judged, judging.judge, judging.calibration, seed=seed)
    sections += _garments(tasks[-1], seen[0], seed)
    sections += _robustness(data, seen, progress)
    skipped = {"photos that cannot be read": len(faults)} if faults else {}
    for each in outcomes:
        if each.skipped:
            skipped[f"{each.task.protocol.name}: queries without a right answer in the gallery"] = each.skipped
    return Report(
        f"{model.name} on photographs it was not trained on",
        _lead(outcomes),
        tuple(sections),
        skipped,
        provenance([model, *beside], seed=seed, files=[data / name for name in LISTS]),
    )


def judged_task(outcome: Outcome, seen: Vectors, second: Second) -> Judged:
    """One row's shortlists, weighed.

    Args:
        outcome: The row, of which every query has a right answer.
        seen: What the model saw of its photos.
        second: What judges them.
    """
    task = outcome.task
    queries, gallery = ([shot.path for shot in shots] for shots in (task.queries, task.gallery))
    truths, shown = ([shot.truth for shot in shots] for shots in (task.queries, task.gallery))
    asked, shelf = seen.evidence(queries), seen.evidence(gallery)
    count = reach(second.judge.shortlist, outcome.ours.ranked.ranks)
    ranked = rank(asked.vectors, shelf.vectors, truths, shown, shown=count)
    candidates = weighed(
        second.judge,
        Asked(asked, seen.predicted(queries)),
        Shelved(shelf, [str(p) for p in gallery], shown),
        truths,
        ranked,
    )
    kept = comparison.sample(outcome)
    return Judged(task.protocol.name, candidates, ranked.ranks, outcome.groups, kept.ids, kept.gallery)


def systems(seen: Sequence[Vectors]) -> list[System]:
    """What is compared, the first ours: each encoder alone, then every other one joined with the histogram."""
    alone = [System(vectors.encoder.name, vectors.rows) for vectors in seen]
    histogram = next((vectors for vectors in seen[1:] if vectors.encoder.name == HISTOGRAM), None)
    for vectors in seen[1:]:
        if histogram is None or vectors is histogram:
            continue
        alone += [_mixed(vectors, histogram, weight) for weight in weights() if weight > 0]
    return alone


def _mixed(first: Vectors, second: Vectors, weight: float) -> System:
    def rows(paths: Sequence[Path]) -> Floats:
        return joined(first.rows(paths), second.rows(paths), weight)

    return System(f"{first.encoder.name} + {weight:g} {second.encoder.name}", rows, mixed=True)


def _readable(task: Task, faults: dict[Path, str]) -> Task:
    queries = tuple(shot for shot in task.queries if shot.path not in faults)
    gallery = tuple(shot for shot in task.gallery if shot.path not in faults)
    if not queries or not gallery:
        raise EvaluationError(
            f"{task.protocol.name}: no photo of it can be read ({next(iter(faults.values()), 'the list is empty')}); "
            "check the folder of photographs"
        )
    return replace(task, queries=queries, gallery=gallery)


def _lead(outcomes: Sequence[Outcome]) -> str:
    ours, better = outcomes[0].ours.name, []
    for outcome in outcomes:
        best = outcome.best(RECALL)
        if best is not None and outcome.ours.values[RECALL].mean() > best.values[RECALL].mean():
            better.append(outcome.task.protocol.name)
    figures = ", ".join(f"{each.task.protocol.name} {each.ours.values[RECALL].mean():.2f}" for each in outcomes)
    lead = f"{ours} finds a right answer first in: {figures}."
    if not outcomes[0].others:
        return lead
    others = len(outcomes[0].others)
    return f"{lead} By that figure it is ahead of the best of {others} others in {len(better)} of {len(outcomes)} rows."


def _summary(outcomes: Sequence[Outcome], seed: int) -> Section:
    rows = []
    for outcome in outcomes:
        for figure in (RECALL, MEAN_PRECISION):
            cells: dict[str, Cell] = {
                each.name: metrics.bootstrap(each.values[figure], outcome.groups, seed=seed)
                for each in (outcome.ours, *outcome.others)
                if not each.mixed
            }
            cells |= comparison.difference_cells(outcome, figure, seed=seed)
            rows.append(Row(f"{outcome.task.protocol.name}, {figure}", cells, _marked(cells)))
    columns = tuple(dict.fromkeys(column for row in rows for column in row.cells))
    note = (
        "Difference: ours minus the best other on the same queries, with a bootstrap interval and a sign-flip p-value "
        "over groups. Errors removed: difference over one minus the other's figure. The best other is picked on these "
        "rows themselves, which flatters it. In bold: its interval lies above 0 and p below 0.05."
    )
    lopsided = [each.task.protocol.name for each in outcomes if each.lopsided is not None]
    if lopsided:
        note += f" In {', '.join(lopsided)} one group holds most queries: see there for figures over single queries."
    protocol = "Each row is a task of its own, described below; one vector a photo serves all of them."
    return Section("The model table", protocol, (Table("", "row", columns, tuple(rows), note),))


def _marked(cells: dict[str, Cell]) -> frozenset[str]:
    """The difference, where chance alone does not explain it."""
    difference = cells.get("difference")
    certain = isinstance(difference, metrics.Difference) and difference.low > 0 and difference.p < 0.05
    return frozenset({"difference", "errors removed"}) if certain else frozenset()


def _garments(task: Task, vectors: Vectors, seed: int) -> list[Section]:
    names = vectors.encoder.garments
    shots = [shot for shot in task.queries if shot.path in vectors.garments]
    shots = [shot for shot in shots if GARMENT_OF_LABEL.get(shot.truth) in names]
    if not shots:
        return []
    probabilities = np.stack([vectors.garments[shot.path] for shot in shots])
    labels = np.array([names.index(GARMENT_OF_LABEL[shot.truth]) for shot in shots])
    groups = [shot.group for shot in shots]
    right = {k: metrics.top_k_accuracy(probabilities, labels, k) for k in (1, 3)}
    cells: dict[str, Cell] = {f"top {k}": metrics.bootstrap(right[k], groups, seed=seed) for k in right}
    rows = [Row("all", {"photos": len(shots), **cells})]
    guesses = probabilities.argmax(axis=1)
    for label in sorted(set(labels.tolist()), key=lambda label: names[label]):
        mine = labels == label
        wrong = [names[guess] for guess in guesses[mine] if guess != label]
        often = max(sorted(set(wrong)), key=wrong.count, default="")
        shares: dict[str, Cell] = {f"top {k}": float(right[k][mine].mean()) for k in right}
        mistaken: dict[str, Cell] = {"most often mistaken for": f"{often} ({wrong.count(often)})" if wrong else ""}
        rows.append(Row(names[label], {"photos": int(mine.sum()), **shares, **mistaken}))
    table = Table("", "garment", ("photos", "top 1", "top 3", "most often mistaken for"), tuple(rows))
    text = (
        "The garment head's most probable class against the label of the clothing query photos (mapped by the table "
        "in evaluation/tasks.py). Every photo is seen whole. Intervals resample senders."
    )
    return [Section("Does the model name the garment?", text, (table,))]


def _robustness(data: Path, seen: Sequence[Vectors], progress: Progress | None) -> list[Section]:
    rows: list[Row] = []
    refused: dict[Path, str] = {}
    for kinds, name in ((SAME, "the same picture"), (NEAR, "nearly the same picture")):
        pairs = same_pictures(data, kinds)
        cells: dict[str, Cell] = {"pairs": len(pairs)}
        for vectors in seen:
            vectors.see([path for pair in pairs for path in pair[:2]], "shop", progress)
            cosines = {
                pair[0].name: float(vectors.kept[pair[0]] @ vectors.kept[pair[1]])
                for pair in pairs
                if pair[0] in vectors.kept and pair[1] in vectors.kept
            }
            refused |= {pair[0]: vectors.faults[pair[0]] for pair in pairs if pair[0] in vectors.faults}
            worst = min(cosines, key=cosines.__getitem__, default="")
            cells[vectors.encoder.name] = f"{cosines[worst]:.3f} ({worst})" if worst else None
        rows.append(Row(name, cells))
    columns = ("pairs", *(vectors.encoder.name for vectors in seen))
    notes = tuple(f"Left out: {path.name}, {reason}." for path, reason in sorted(refused.items()))
    text = (
        "Variants of one picture (format, size, quality, EXIF orientation) beside the upright original; and near ones "
        "(crop, mirror, grey, border, 48 px). The lowest cosine and the file that gave it."
    )
    title = "How much does the file format move the vector?"
    return [Section(title, text, (Table("", "variants", columns, tuple(rows)),), notes=notes)]

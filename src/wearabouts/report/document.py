"""What a report holds, as plain data: figures with intervals, curves, pictures of failures, where it all came from.

Whoever measures fills these; `wearabouts.report.page` and `wearabouts.report.words` only draw what is here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from wearabouts.metrics import Difference, Doubles, Estimate
from wearabouts.report.diagrams import Believed, Detected

FORMAT = 1  # of report.json; another program that reads it asks for this number
DECIMALS = 6  # of the figures of single queries in report.json

Cell = Estimate | Difference | float | int | str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        name: What the line is about.
        cells: Column → what stands there; a column that is missing stays empty.
        marked: Columns drawn in bold, the best of their kind.
        note: A remark drawn under the name.
        ours: Whether the line is the run's own among others, and is to stand out.
    """

    name: str
    cells: Mapping[str, Cell]
    marked: frozenset[str] = frozenset()
    note: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Figures in lines and columns.

    Attributes:
        title: Heading; empty for none.
        subject: Heading of the first column, what the lines are.
        columns: In the order drawn.
        rows: In the order drawn.
        note: How to read it.
    """

    title: str
    subject: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot: a figure at growing k.

    Attributes:
        name: For the legend.
        ks: Rising, 1 or more.
        estimates: One for each k.
    """

    name: str
    ks: tuple[int, ...]
    estimates: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a `Plot`: (n,) places, rising, and (n,) figures."""

    name: str
    places: tuple[float, ...]
    figures: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over a common axis, such as the terms of a loss over the steps of a training.

    Attributes:
        title: What the figures are.
        axis: What they are plotted over.
        lines: At least one.
        mark: A place to draw a rule at, such as the step whose weights were kept; None for none.
        far: Whether the vertical axis is logarithmic where the figures are of very different size.
    """

    title: str
    axis: str
    lines: tuple[Line, ...]
    mark: float | None = None
    far: bool = False


@dataclass(frozen=True, slots=True)
class Plate:
    """A large picture: PNG bytes and one line about it."""

    thumbnail: bytes
    caption: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture with its words.

    Attributes:
        thumbnail: JPEG bytes, or empty where there is none.
        caption: One line.
        right: Whether it is a right answer; None where the question does not arise.
        role: What it is in its row; empty for the usual: asked, wanted, answer 1 and so on.
    """

    thumbnail: bytes
    caption: str
    right: bool | None = None
    role: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A row of pictures: what was asked, what was wanted, what came.

    Attributes:
        query: The query.
        wanted: A right answer; None where `came` shows it, or where there is none.
        came: The first answers.
        note: What to look at, in a few words.
    """

    query: Picture
    wanted: Picture | None
    came: tuple[Picture, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows of pictures under a heading of their own."""

    title: str
    rows: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: a category and its figure.

    Attributes:
        name: What the bar is about.
        value: Its figure in [0, 1], with the interval drawn over the bar.
        note: A few words beside it, such as how many queries.
    """

    name: str
    value: Estimate
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of single queries, so that two runs can be compared query by query.

    Attributes:
        name: What was measured, such as ``inshop``: unique in a report, and the same in every run of that measurement.
        ids: One for each query, the same in every run.
        groups: What each query is resampled with, in the order of `ids`.
        values: Figure → (Q,) floats in the order of `ids`; nan where a query has no such figure.
        gallery: Digest of what was searched (`evaluation.provenance.ids_digest`); empty where that does not apply.
    """

    name: str
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    values: Mapping[str, Doubles]
    gallery: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One question and its answer.

    Attributes:
        title: The question.
        protocol: Who queries whom, what counts as a hit, how ties and crops are treated, in sentences.
        tables: The figures.
        curves: Drawn in one plot, empty for none.
        failures: Pictures of what went wrong.
        notes: Remarks, one sentence or more each.
        bars: A chart, for example by category, in the order drawn.
        successes: Pictures of what went right; `Failure.wanted` is the right answer as it stands in the gallery.
        suspects: Answers counted wrong that may be right: true matches that nobody labelled.
        samples: The figures of single queries; they go into report.json only.
        strips: Further rows of pictures.
        plots: Lines over steps or time, each drawn for itself.
        plates: Large pictures.
        diagrams: Whether probabilities can be believed, and what is let through.
    """

    title: str
    protocol: str
    tables: tuple[Table, ...] = ()
    curves: tuple[Curve, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    successes: tuple[Failure, ...] = ()
    suspects: tuple[Failure, ...] = ()
    samples: tuple[Sample, ...] = ()
    strips: tuple[Strip, ...] = ()
    plots: tuple[Plot, ...] = ()
    plates: tuple[Plate, ...] = ()
    diagrams: tuple[Believed | Detected, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """How good: numbers with intervals, the protocol in words, what was left out and why, pictures of failures.

    Attributes:
        title: Heading.
        summary: A few sentences, the answer first.
        sections: In the order drawn.
        skipped: Why → how many were left out of the figures for it; None where that is not known.
        provenance: Where the figures come from: command, seed, versions, machine, hashes.
    """

    title: str
    summary: str
    sections: tuple[Section, ...]
    skipped: Mapping[str, int] | None = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON data; pictures are left out (their captions stay) and nan becomes null."""
        return {"format": FORMAT, **_plain(self)}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value) if part.name != "thumbnail"}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return [_short(each) for each in value.tolist()]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _short(value: float) -> float | int | None:
    """A figure of one query; whole numbers, the commonest, lose their ``.0``."""
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) else round(value, DECIMALS)

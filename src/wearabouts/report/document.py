"""What a report holds, as plain data: figures with intervals, curves, pictures of failures, where it all came from.

Whoever measures fills these; `wearabouts.report.page` and `wearabouts.report.words` only draw what is here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from wearabouts.metrics import Difference, Estimate

Cell = Estimate | Difference | float | int | str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        name: What the line is about.
        cells: Column → what stands there; a column that is missing stays empty.
        marked: Columns drawn in bold, the best of their kind.
        note: A remark drawn under the name.
    """

    name: str
    cells: Mapping[str, Cell]
    marked: frozenset[str] = frozenset()
    note: str = ""


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
class Picture:
    """A small picture with its words.

    Attributes:
        thumbnail: JPEG bytes, or empty where there is none.
        caption: One line.
        right: Whether it is a right answer; None where the question does not arise.
    """

    thumbnail: bytes
    caption: str
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A query whose first answer was wrong: what was asked, what was wanted, what came."""

    query: Picture
    wanted: Picture
    came: tuple[Picture, ...]


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
    """

    title: str
    protocol: str
    tables: tuple[Table, ...] = ()
    curves: tuple[Curve, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """How good: numbers with intervals, the protocol in words, what was left out and why, pictures of failures.

    Attributes:
        title: Heading.
        summary: A few sentences, the answer first.
        sections: In the order drawn.
        skipped: Why → how many were left out of the figures for it.
        provenance: Where the figures come from: command, seed, versions, machine, hashes.
    """

    title: str
    summary: str
    sections: tuple[Section, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON data; pictures are left out (their captions stay) and nan becomes null."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items() if key != "thumbnail"}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value

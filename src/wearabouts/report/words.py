"""A report in words: how one figure is written, and the whole as Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from wearabouts.metrics import Difference, Estimate
from wearabouts.report.document import Cell, Report, Row, Section, Table
from wearabouts.types import Answer


def cell_text(cell: Cell) -> str:
    """One figure as people read it, such as ``0.53 (0.41 to 0.65)``; differences carry their sign and p-value."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case Difference():
            if math.isnan(cell.low):
                return f"{cell.value:+.3f}"
            return f"{cell.value:+.3f} ({cell.low:+.3f} to {cell.high:+.3f}), p {_p_text(cell.p)}"
        case Estimate():
            if math.isnan(cell.low):
                return f"{cell.value:.3f}"
            return f"{cell.value:.3f} ({cell.low:.3f} to {cell.high:.3f})"
        case float():
            return "–" if math.isnan(cell) else f"{cell:.3f}"
        case _:
            return f"{cell:,}"


def chance_text(probability: float) -> str:
    """A probability as people read it, such as ``87%``; none is ever said to be certain: ``>99%``, ``<1%``."""
    if probability >= 0.995:
        return ">99%"
    return "<1%" if probability < 0.01 else f"{probability:.0%}"


def threshold_text(answer: Answer) -> str:
    """Whether the item is in the shop at all, and from which probability on a first match is called the same."""
    low = ", lower than of 95 in 100 items that it does have" if answer.verdict == "not_carried" else ""
    parts = [] if answer.carried is None else [f"in the shop at all: {chance_text(answer.carried)}{low}"]
    if answer.precision is not None:
        parts.append(_called_text(answer, f"at a precision of {answer.precision:.4g}"))
    return " · ".join(parts)


def _called_text(answer: Answer, asked: str) -> str:
    if answer.threshold is not None:
        return f"called the same from {chance_text(answer.threshold)} on, {asked}"
    reached = [level.precision for level in answer.levels if level.threshold is not None]
    most = f"; the calibration reaches {max(reached):.4g}" if reached else ""
    return f"never called the same {asked}{most}"


def markdown(report: Report) -> str:
    """The report as Markdown, without pictures."""
    parts = [f"# {_flat(report.title)}", _flat(report.summary)]
    for section in report.sections:
        parts += _section(section)
    if report.skipped:
        parts.append("## Left out")
        parts.append("\n".join(f"- {count:,} {_flat(reason)}" for reason, count in report.skipped.items()))
    parts.append("## Where the figures come from")
    parts.append(
        "\n".join(f"- {_flat(str(key))}: {_flat(value_text(value))}" for key, value in report.provenance.items())
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section) -> list[str]:
    parts = [f"## {_flat(section.title)}", _flat(section.protocol)]
    for table in section.tables:
        parts += [f"### {_flat(table.title)}" if table.title else "", table_markdown(table), _flat(table.note)]
    if section.bars:
        lines = (f"{bar.name}: {cell_text(bar.value)}{f' ({bar.note})' if bar.note else ''}" for bar in section.bars)
        parts.append("\n".join(f"- {_flat(line)}" for line in lines))
    parts += [_flat(diagram.said()) for diagram in section.diagrams]
    return parts + [_flat(note) for note in section.notes]


def table_markdown(table: Table) -> str:
    """One table as Markdown; the best figures in bold."""
    lines = [[table.subject, *table.columns], ["---"] * (1 + len(table.columns))]
    lines += [[_named(row), *(_marked(row, column) for column in table.columns)] for row in table.rows]
    return "\n".join("| " + " | ".join(_flat(text) for text in line) + " |" for line in lines)


def value_text(value: object) -> str:
    """A piece of provenance: a mapping as its pairs, anything else as it prints."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    return str(value)


def _named(row: Row) -> str:
    """The name with its remark, which may be a source and then must not get lost."""
    return f"{row.name}: {row.note}" if row.note else row.name


def _marked(row: Row, column: str) -> str:
    text = cell_text(row.cells.get(column))
    return f"**{text}**" if column in row.marked and text else text


def _p_text(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _flat(text: str) -> str:
    """One line in which a name from outside cannot open a table cell or a tag."""
    return re.sub(r"<(?=[a-zA-Z/!?])", "&lt;", " ".join(text.split()).replace("|", "\\|"))

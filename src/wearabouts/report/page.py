"""A report as one page of HTML: nothing outside it is loaded, no script runs, light and dark, desktop and phone."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from wearabouts.metrics import Difference, Estimate
from wearabouts.report.bars import chart
from wearabouts.report.diagramming import detection, reliability
from wearabouts.report.diagrams import Believed, Detected
from wearabouts.report.document import Cell, Plot, Report, Row, Section, Table
from wearabouts.report.plots import lines_over, recall_curves
from wearabouts.report.shots import strips
from wearabouts.report.words import cell_text, value_text

LONG = 15  # lines from which on a table scrolls inside its own box, with its heads in sight


def html(report: Report) -> str:
    """Draw a report.

    Args:
        report: What to draw; every text in it is escaped.

    Returns:
        A whole document. Its policy forbids scripts and every outside address: a name from a feed can do nothing.
    """
    style = files("wearabouts.report").joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(_body(report))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )


def _body(report: Report) -> Iterator[str]:
    yield f'<header><h1>{escape(report.title)}</h1>\n<p class="lead">{escape(report.summary)}</p>'
    yield _facts(report)
    if len(report.sections) > 1:
        links = (f'<a href="#s{n}">{escape(section.title)}</a>' for n, section in enumerate(report.sections))
        yield f"<nav>{''.join(links)}</nav>"
    yield "</header>"
    for number, section in enumerate(report.sections):
        yield f'<section id="s{number}">'
        yield from _section(section)
        yield "</section>"
    if report.skipped:
        yield '<section id="left-out"><h2>Left out</h2>'
        yield _definitions({reason: f"{count:,}" for reason, count in report.skipped.items()}, "counts")
        yield "</section>"
    yield '<section id="origin"><h2>Where the figures come from</h2>'
    yield _definitions({str(key): value_text(value) for key, value in report.provenance.items()})
    yield "</section>"


def _facts(report: Report) -> str:
    """One line: when, with which version and seed, and how much was left out."""
    named = (("date", "{}"), ("wearabouts", "wearabouts {}"), ("seed", "seed {}"))
    told = [escape(words.format(report.provenance[key])) for key, words in named if key in report.provenance]
    if report.skipped is not None:
        left = sum(report.skipped.values())
        told.append(f'<a href="#left-out">{left:,} left out</a>' if left else "nothing left out")
    told.append('<a href="#origin">command, versions, hashes</a>')
    return f'<p class="facts">{" · ".join(told)}</p>'


def _definitions(pairs: dict[str, str], kind: str = "origin") -> str:
    lines = (f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in pairs.items())
    return f'<dl class="{kind}">{"".join(lines)}</dl>'


def _section(section: Section) -> Iterator[str]:
    """Figures first, then how they were measured, then what they look like."""
    yield f"<h2>{escape(section.title)}</h2>"
    for table in section.tables[:1]:
        yield from _table(table)
    if section.protocol:
        yield f'<p class="rules">{escape(section.protocol)}</p>'
    for table in section.tables[1:]:
        yield from _table(table)
    if section.curves:
        yield f'<figure class="curves">{recall_curves(section.curves)}</figure>'
    if section.bars:
        yield chart(section.bars)
    if section.plots:
        yield f'<div class="plots">{"".join(_plot(plot) for plot in section.plots)}</div>'
    if section.diagrams:
        yield f'<div class="plots">{"".join(_diagram(diagram) for diagram in section.diagrams)}</div>'
    for plate in section.plates:
        data = base64.b64encode(plate.thumbnail).decode("ascii")
        caption = escape(plate.caption)
        yield f'<figure class="plate"><img alt="{caption}" src="data:image/png;base64,{data}">'
        yield f"<figcaption>{caption}</figcaption></figure>"
    for note in section.notes:
        yield f'<p class="note">{escape(note)}</p>'
    yield from strips(section)


def _plot(plot: Plot) -> str:
    return f"<figure><figcaption><b>{escape(plot.title)}</b></figcaption>{lines_over(plot)}</figure>"


def _diagram(diagram: Believed | Detected) -> str:
    drawing = reliability(diagram) if isinstance(diagram, Believed) else detection(diagram)
    return f"<figure><figcaption><b>{escape(diagram.title)}</b></figcaption>{drawing}</figure>"


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"<h3>{escape(table.title)}</h3>"
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in (table.subject, *table.columns))
    long = " long" if len(table.rows) > LONG else ""
    yield f'<div class="scroll{long}" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>'
    for row in table.rows:
        note = f'<span class="note">{escape(row.note)}</span>' if row.note else ""
        cells = "".join(_cell(row, column) for column in table.columns)
        ours = ' class="ours"' if row.ours else ""
        yield f'<tr{ours}><th scope="row">{escape(row.name)}{note}</th>{cells}</tr>'
    yield "</tbody></table></div>"
    note = f"{len(table.rows):,} lines; scroll for the rest. {table.note}" if long else table.note
    if note:
        yield f'<p class="note">{escape(note)}</p>'


def _cell(row: Row, column: str) -> str:
    cell = row.cells.get(column)
    # Sentences break; figures and short words do not.
    kinds = ["marked"] * (column in row.marked) + ["words"] * (isinstance(cell, str) and len(cell) > 24)
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<td{kind}>{_figure(cell)}</td>"


def _figure(cell: Cell) -> str:
    if not isinstance(cell, (Estimate, Difference)) or math.isnan(cell.low):
        return escape(cell_text(cell))
    figure, _, ends = cell_text(cell).partition(" ")
    bar = ""
    if isinstance(cell, Estimate) and min(cell.low, cell.value) >= 0 and max(cell.high, cell.value) <= 1:
        spread = f"left:{cell.low:.1%};width:{max(cell.high - cell.low, 0.005):.1%}"
        bar = f'<span class="bar"><i style="{spread}"></i><b style="left:calc({cell.value:.1%} - 1px)"></b></span>'
    return f'{escape(figure)}{bar}<span class="ends">{escape(ends)}</span>'

"""A report as one page of HTML: nothing outside it is loaded, no script runs, light and dark, desktop and phone."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from wearabouts.metrics import Difference, Estimate
from wearabouts.report.document import Cell, Failure, Picture, Report, Row, Section, Table
from wearabouts.report.plots import recall_curves
from wearabouts.report.words import cell_text, value_text


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
    yield f'<h1>{escape(report.title)}</h1>\n<p class="lead">{escape(report.summary)}</p>'
    if len(report.sections) > 1:
        links = (f'<a href="#s{n}">{escape(section.title)}</a>' for n, section in enumerate(report.sections))
        yield f"<nav>{''.join(links)}</nav>"
    for number, section in enumerate(report.sections):
        yield f'<section id="s{number}">'
        yield from _section(section)
        yield "</section>"
    if report.skipped:
        yield "<section><h2>Left out</h2>"
        yield _definitions({reason: f"{count:,}" for reason, count in report.skipped.items()})
        yield "</section>"
    yield "<section><h2>Where the figures come from</h2>"
    yield _definitions({str(key): value_text(value) for key, value in report.provenance.items()})
    yield "</section>"


def _definitions(pairs: dict[str, str]) -> str:
    lines = (f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in pairs.items())
    return f"<dl>{''.join(lines)}</dl>"


def _section(section: Section) -> Iterator[str]:
    yield f"<h2>{escape(section.title)}</h2>\n<p>{escape(section.protocol)}</p>"
    for table in section.tables:
        yield from _table(table)
    if section.curves:
        yield f"<figure>{recall_curves(section.curves)}</figure>"
    for note in section.notes:
        yield f'<p class="note">{escape(note)}</p>'
    if section.failures:
        yield f"<details open><summary>What went wrong ({len(section.failures)} shown)</summary>"
        yield '<div class="failures">'
        yield from map(_failure, section.failures)
        yield "</div></details>"


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"<h3>{escape(table.title)}</h3>"
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in (table.subject, *table.columns))
    yield f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>'
    for row in table.rows:
        note = f'<span class="note"><br>{escape(row.note)}</span>' if row.note else ""
        cells = "".join(_cell(row, column) for column in table.columns)
        yield f'<tr><th scope="row">{escape(row.name)}{note}</th>{cells}</tr>'
    yield "</tbody></table></div>"
    if table.note:
        yield f'<p class="note">{escape(table.note)}</p>'


def _cell(row: Row, column: str) -> str:
    cell = row.cells.get(column)
    marked = ' class="marked"' if column in row.marked else ""
    return f"<td{marked}>{_figure(cell)}</td>"


def _figure(cell: Cell) -> str:
    if not isinstance(cell, (Estimate, Difference)) or math.isnan(cell.low):
        return escape(cell_text(cell))
    figure, _, ends = cell_text(cell).partition(" ")
    bar = ""
    if isinstance(cell, Estimate) and min(cell.low, cell.value) >= 0 and max(cell.high, cell.value) <= 1:
        spread = f"left:{cell.low:.1%};width:{max(cell.high - cell.low, 0.005):.1%}"
        bar = f'<span class="bar"><i style="{spread}"></i><b style="left:calc({cell.value:.1%} - 1px)"></b></span>'
    return f'{escape(figure)}{bar}<span class="ends">{escape(ends)}</span>'


def _failure(failure: Failure) -> str:
    shots = [_shot(failure.query, "asked")]
    if failure.wanted is not None:
        shots.append(_shot(failure.wanted, "wanted"))
    shots += [_shot(picture, f"answer {place}") for place, picture in enumerate(failure.came, start=1)]
    return f'<div class="failure">{"".join(shots)}</div>'


def _shot(picture: Picture, role: str) -> str:
    state = {True: " right", False: " wrong", None: ""}[picture.right]
    inside = "no picture"
    if picture.thumbnail:
        data = base64.b64encode(picture.thumbnail).decode("ascii")
        inside = f'<img alt="{escape(picture.caption)}" src="data:image/jpeg;base64,{data}">'
    return (
        f'<div class="shot{state}"><div class="frame">{inside}</div><small>{escape(role)}</small>'
        f"<span>{escape(picture.caption)}</span></div>"
    )

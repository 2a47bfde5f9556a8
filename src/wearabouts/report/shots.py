"""Rows of pictures as HTML: what was asked, what was wanted, what came."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from html import escape

from wearabouts.report.document import Failure, Picture, Section

FAILURES, SUCCESSES, SUSPECTS = "What went wrong", "What went right", "Counted wrong, perhaps right"
ABOUT_SUSPECTS = "Suspected true matches that nobody labelled, the most certain first: for people to judge."


def strips(section: Section) -> Iterator[str]:
    """All rows of pictures of a section, each kind under its own heading; a heading folds its rows away."""
    yield from _strip(f"{FAILURES} ({len(section.failures)} shown)", section.failures)
    yield from _strip(f"{SUCCESSES} ({len(section.successes)} shown)", section.successes)
    yield from _strip(f"{SUSPECTS} ({len(section.suspects)} shown)", section.suspects, ABOUT_SUSPECTS)
    for strip in section.strips:
        yield from _strip(strip.title, strip.rows)


def _strip(title: str, rows: Sequence[Failure], about: str = "") -> Iterator[str]:
    if not rows:
        return
    yield f"<details open><summary>{escape(title)}</summary>"
    if about:
        yield f'<p class="note">{escape(about)}</p>'
    yield f'<div class="strip">{"".join(map(_row, rows))}</div></details>'


def _row(row: Failure) -> str:
    shots = [_shot(row.query, "asked")]
    if row.wanted is not None:
        shots.append(_shot(row.wanted, "wanted"))
    shots += [_shot(picture, f"answer {place}") for place, picture in enumerate(row.came, start=1)]
    note = f'<p class="note">{escape(row.note)}</p>' if row.note else ""
    return f'<div class="looked"><div class="shots">{"".join(shots)}</div>{note}</div>'


def _shot(picture: Picture, role: str) -> str:
    state = {True: " right", False: " wrong", None: ""}[picture.right]
    inside = "no picture"
    if picture.thumbnail:
        data = base64.b64encode(picture.thumbnail).decode("ascii")
        inside = f'<img alt="{escape(picture.caption)}" src="data:image/jpeg;base64,{data}">'
    told = {True: ", right", False: ", wrong", None: ""}[picture.right]  # not by colour alone
    return (
        f'<div class="shot{state}"><div class="frame">{inside}</div><small>{escape(picture.role or role)}{told}</small>'
        f"<span>{escape(picture.caption)}</span></div>"
    )

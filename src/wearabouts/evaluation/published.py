"""What papers and later work report for a protocol, beside ours: from published.toml, every figure with its source.

Figures that were only remembered are marked wherever they are drawn. Sets were re-released in other sizes and papers
differ in galleries and in what they call recall, so the table's notes belong to its figures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wearabouts.errors import EvaluationError
from wearabouts.report import Cell, Row, Table

SIGN = "†"  # stands beside every figure that no source was opened for
LOWER_IS_BETTER = ("NE",)

Words = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Protocol(_Checked):
    """What the published figures of a protocol have in common.

    Attributes:
        title: Of the data and the task.
        note: What to know before comparing.
    """

    title: Words
    note: Words


class Result(_Checked):
    """One published line.

    Attributes:
        protocols: The protocols it belongs to.
        method: Its name there.
        year: Of publication.
        source: Where the figures stand.
        verified: Whether they were read there, or counted or measured off it.
        note: How its split, gallery or definition differs.
        figures: Name → fraction; ``R@20, dresses`` is R@20 of the part dresses.
    """

    protocols: Annotated[list[Words], Field(min_length=1)]
    method: Words
    year: Annotated[int, Field(ge=1990, le=2100)]
    source: Words
    verified: bool
    note: str = ""
    figures: Annotated[dict[Words, Fraction], Field(min_length=1)]


class Published(_Checked):
    """The whole data file."""

    protocol: dict[str, Protocol]
    result: list[Result]

    @model_validator(mode="after")
    def _known(self) -> Published:
        unknown = {name for result in self.result for name in result.protocols} - set(self.protocol)
        if unknown:
            raise ValueError(f"results of protocols without a [protocol.…] entry: {', '.join(sorted(unknown))}")
        return self


def read(text: str) -> Published:
    """Check a data file.

    Raises:
        EvaluationError: It is no TOML, or holds a key or a value that is not allowed.
    """
    try:
        return Published.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        told = " ".join(str(error).split())
        raise EvaluationError(f"published figures cannot be used ({told}); correct published.toml") from error


@cache
def published() -> Published:
    """The figures that come with the package."""
    return read(files("wearabouts.evaluation").joinpath("published.toml").read_text(encoding="utf-8"))


def table(protocol: str, figures: Sequence[str], ours: Row, *, part: str = "") -> Table:
    """Ours above what others report.

    Args:
        protocol: Key of published.toml, such as ``inshop``.
        figures: Columns, such as ``R@1``; what was published is sorted by the first, the best on top.
        ours: Its cells are drawn as they are, in the same unit: fractions.
        part: Of the data, such as ``dresses`` (wtbi), ``texture`` (deepfashion_attributes), ``RealStreet``
            (lookbench) or ``left collar`` (landmarks); empty for all of it.

    Returns:
        One line each; lines that report none of the figures are left out. Figures that are not verified carry `SIGN`.

    Raises:
        EvaluationError: No such protocol.
    """
    known = published()
    if protocol not in known.protocol:
        raise EvaluationError(f"protocol {protocol!r} has no published figures; known are {', '.join(known.protocol)}")
    names = {figure: f"{figure}, {part}" if part else figure for figure in figures}
    lines = [
        result
        for result in known.result
        if protocol in result.protocols and not result.figures.keys().isdisjoint(names.values())
    ]
    lines.sort(key=lambda result: _place(result.figures, names, figures))
    about = known.protocol[protocol]
    notes = [about.note]
    if any(not result.verified for result in lines):
        notes.append(f"{SIGN} remembered from the paper, in no source that could be opened: not verified.")
    if not lines:
        notes.append("No published figure of this kind is known here.")
    title = f"Beside published figures: {about.title}" + (f", {part}" if part else "")
    return Table(
        title,
        "method",
        tuple(figures),
        (replace(ours, ours=True), *(_row(each, names) for each in lines)),
        " ".join(notes),
    )


def _place(reported: Mapping[str, float], names: Mapping[str, str], figures: Sequence[str]) -> tuple[float, ...]:
    """For sorting: by the first figure, the best on top; lines without it behind, by the next."""
    places = []
    for figure in figures:
        value = reported.get(names[figure])
        lower = figure.split(",")[0] in LOWER_IS_BETTER
        places.append(2.0 if value is None else value if lower else -value)
    return tuple(places)


def _row(result: Result, names: Mapping[str, str]) -> Row:
    cells: dict[str, Cell] = {}
    for figure, name in names.items():
        if name in result.figures:
            value = result.figures[name]
            cells[figure] = value if result.verified else f"{value:.3f} {SIGN}"
    note = f"{result.source}; {result.note}" if result.note else result.source
    return Row(f"{result.method} ({result.year})", cells, note=note)

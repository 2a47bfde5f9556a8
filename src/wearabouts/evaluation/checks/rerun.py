"""This run against an earlier one's report.json: the same queries, figure by figure, and whether it is only noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wearabouts import metrics
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.published import LOWER_IS_BETTER
from wearabouts.metrics import Difference, Doubles
from wearabouts.report import DECIMALS, FORMAT, Cell, Report, Row, Sample, Section, Table

MAX_BYTES = 256_000_000  # two million queries with five figures each; more is some other file
NOISE = "this difference is noise"


class _Read(BaseModel):
    """A part of a report.json: what is asked for is checked, what else stands there is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class EarlierSample(_Read):
    """`wearabouts.report.Sample` as another run wrote it; None where a query has no such figure."""

    name: str
    ids: list[str]
    groups: list[str]
    values: dict[str, list[Annotated[float, Field(allow_inf_nan=False)] | None]]
    gallery: str = ""

    @model_validator(mode="after")
    def _whole(self) -> EarlierSample:
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("a query id stands twice")
        if {len(self.ids)} != {len(self.groups), *map(len, self.values.values()), len(self.ids)}:
            raise ValueError("ids, groups and values differ in length")
        return self


class EarlierSection(_Read):
    """The samples of a section and the rules they were measured by."""

    protocol: str
    samples: list[EarlierSample] = []


class Earlier(_Read):
    """What a comparison needs of an earlier report."""

    format: int
    title: str
    sections: list[EarlierSection]
    provenance: dict[str, object] = {}


@dataclass(frozen=True, slots=True)
class Pairing:
    """The queries that two samples share, as places in either, and how many only one of them has."""

    ours: list[int]
    theirs: list[int]
    only_ours: int
    only_theirs: int


def read(path: Path) -> Earlier:
    """Read another run's report.json; it may come from anywhere.

    Raises:
        EvaluationError: It is not there, too large, no report, or a report of another format.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise EvaluationError(f"{path} has {size:,} bytes, more than {MAX_BYTES:,}; give another run's report.json")
        earlier = Earlier.model_validate_json(path.read_bytes())
    except OSError as error:
        raise EvaluationError(
            f"{path} cannot be read ({error.strerror or error}); give another run's report.json"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise EvaluationError(
            f"{path} is no report of format {FORMAT} ({f'{where}: ' if where else ''}{first['msg']}); give the "
            "report.json that `wearabouts evaluate --out` wrote"
        ) from error
    if earlier.format != FORMAT:
        raise EvaluationError(
            f"{path} is a report of format {earlier.format}, this version compares format {FORMAT}; run it again"
        )
    return earlier


def compared(report: Report, path: Path, *, seed: int = 0) -> Report:
    """The same report with a section against an earlier run, behind its first.

    Args:
        report: This run; its sections carry samples.
        path: The other run's report.json.
        seed: Of the intervals and the sign flips.

    Raises:
        EvaluationError: `read` fails, or the two measured different things: other protocols, another gallery, no query
            in common.
    """
    earlier = read(path)
    found = _section(report, earlier, path, seed)
    about = ", ".join(f"{key} {earlier.provenance[key]}" for key in ("date", "wearabouts") if key in earlier.provenance)
    return replace(
        report,
        sections=(*report.sections[:1], found, *report.sections[1:]),
        provenance={**report.provenance, "compared with": f"{path}" + (f" ({about})" if about else "")},
    )


def pair(ours: Sequence[str], theirs: Sequence[str]) -> Pairing:
    """Find the queries of one run in another."""
    places = {name: place for place, name in enumerate(theirs)}
    shared = [(place, places[name]) for place, name in enumerate(ours) if name in places]
    return Pairing(
        [place for place, _ in shared],
        [place for _, place in shared],
        len(ours) - len(shared),
        len(theirs) - len(shared),
    )


def verdict(difference: Difference, figure: str = "") -> str:
    """A difference in words: which run is better, or that chance alone explains it."""
    words = metrics.verdict(difference)
    if words not in ("better", "worse"):
        return words
    lower = figure.split(",")[0] in LOWER_IS_BETTER
    return "this run is better" if (words == "better") != lower else "the other run is better"


def _section(report: Report, earlier: Earlier, path: Path, seed: int) -> Section:
    theirs = {sample.name: (section.protocol, sample) for section in earlier.sections for sample in section.samples}
    ours = {sample.name: (section.protocol, sample) for section in report.sections for sample in section.samples}
    shared = [name for name in ours if name in theirs]
    if not shared:
        raise EvaluationError(
            f"{path} measured {_listed(theirs)}, this run {_listed(ours)}; compare runs of the same protocol"
        )
    tables, notes = [], []
    for name in shared:
        (rules, mine), (other_rules, other) = ours[name], theirs[name]
        if mine.gallery and other.gallery and mine.gallery != other.gallery:
            raise EvaluationError(
                f"{path}: {name} was searched in another gallery (digest {other.gallery}, here {mine.gallery}); "
                "compare runs over the same data with the same options"
            )
        tables.append(_table(mine, other, path, seed))
        if rules != other_rules:
            notes.append(f"The two runs word the rules of {name} differently; the other's: {other_rules}")
    for here, there, run in ((ours, theirs, "this"), (theirs, ours, "the other")):
        if left := [name for name in here if name not in there]:
            notes.append(f"Measured by {run} run only: {', '.join(left)}.")
    text = (
        f"The other run is “{earlier.title}”. Both runs' figures of each query are paired; the difference is this run "
        "minus the other, with a 95 % bootstrap interval and a sign-flip p-value over groups of queries. It is called "
        f"noise where the interval holds 0 or p is not below {metrics.SIGNIFICANT}; p is for one figure at a time."
    )
    return Section("Against the other run", text, tuple(tables), notes=tuple(notes))


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "nothing query by query"


def _table(ours: Sample, theirs: EarlierSample, path: Path, seed: int) -> Table:
    pairing = pair(ours.ids, theirs.ids)
    if not pairing.ours:
        raise EvaluationError(
            f"{path}: no query of {ours.name} is in both runs ({len(ours.ids):,} here, {len(theirs.ids):,} there); "
            "compare runs over the same data"
        )
    note = f"{len(pairing.ours):,} queries in both runs; {pairing.only_ours:,} only in this one, "
    note += f"{pairing.only_theirs:,} only in the other."
    lacking = sorted(ours.values.keys() ^ theirs.values.keys())
    if lacking:
        note += f" Figures that one run lacks: {', '.join(lacking)}."
    rows = tuple(_rows(ours, theirs, pairing, seed))
    return Table(ours.name, "figure", ("in words", "difference", "this run", "other run", "queries"), rows, note)


def _rows(ours: Sample, theirs: EarlierSample, pairing: Pairing, seed: int) -> Iterator[Row]:
    groups = np.asarray(ours.groups)[pairing.ours]
    for figure, values in ours.values.items():
        if figure not in theirs.values:
            continue
        # As a report keeps them: else a run would differ from itself by what was rounded away.
        mine = np.round(np.asarray(values, dtype=np.float64)[pairing.ours], DECIMALS)
        other: Doubles = np.array(theirs.values[figure], dtype=np.float64)[pairing.theirs]
        both = np.isfinite(mine) & np.isfinite(other)
        if not both.any():
            yield Row(figure, {"queries": 0, "in words": "no query has this figure in both runs"})
            continue
        found = metrics.paired_difference(mine[both], other[both], groups[both].tolist(), seed=seed)
        words = verdict(found, figure)
        cells: dict[str, Cell] = {
            "queries": int(both.sum()),
            "this run": float(mine[both].mean()),
            "other run": float(other[both].mean()),
            "difference": found,
            "in words": words,
        }
        yield Row(figure, cells, frozenset() if words == NOISE else frozenset({"difference", "in words"}))

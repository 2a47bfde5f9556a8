"""A run's log as a page for people: loss terms, validations, rate and time over the steps, the recipe, the photos."""

from __future__ import annotations

import datetime
import json
import platform
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

import wearabouts
from wearabouts.report import Line, Plate, Plot, Report, Row, Section, Table
from wearabouts.training.run import LOG, Run, replace, whole_lines

PAGE = "report.html"
PAGE_SECONDS = 60.0  # between two writings of it while training goes on
PREVIEW = "preview.png"
FINISHED = "finished.json"
ABOUT = {"phase", "step", "seconds", "cpu_seconds", "epoch", "rate", "gradient", "validation", "loss"}


def renew_page(run: Run) -> None:
    """`write_page`, once a minute at most: while training goes on, a page is for those who look in."""
    if run.clock.since_shown() > PAGE_SECONDS:
        write_page(run)
        run.clock.shown = time.monotonic()


def write_page(run: Run) -> Path | None:
    """Write ``report.html`` of a run as far as it is.

    Args:
        run: Whole, or one of its phases; only its first process writes.

    Returns:
        Where the page is; None where nothing was written.
    """
    from wearabouts.report.page import html  # brings in matplotlib

    if not run.first:
        return None
    log = run.top / LOG
    lines = whole_lines(log)
    if not lines:
        return None
    phases: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        phases.setdefault(str(line.get("phase", "")), []).append(line)
    ended = {phase: _finished(run.top / phase / FINISHED) for phase in phases}
    sections = [_section(phase, told, ended[phase]) for phase, told in phases.items()]
    recipe = run.recipe
    report = Report(
        title=f"{recipe.name}: a training of {recipe.model}",
        summary=" ".join(_sentence(phase or "training", phases[phase], ended[phase]) for phase in phases),
        sections=(*sections, *_seen(run.top / PREVIEW), _recipe(recipe.model_dump())),
        skipped=None,
        provenance={
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "wearabouts": wearabouts.__version__,
            "seed": recipe.seed,
            "device": run.device.type,
            "processes": run.processes.count,
            "versions": {"torch": torch.__version__, "python": platform.python_version()},
            **run.spent(),
        },
    )
    replace(run.top / PAGE, html(report))
    return run.top / PAGE


def _finished(path: Path) -> dict[str, Any] | None:
    told: dict[str, Any] | None = json.loads(path.read_text("utf-8")) if path.is_file() else None
    return told


def _sentence(title: str, lines: list[dict[str, Any]], ended: Mapping[str, Any] | None) -> str:
    figures = ended["validation"] if ended else next((_figures(line) for line in reversed(lines) if _figures(line)), {})
    said = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
    held = f"; on held-out photos {said}" if said else ""
    done = f"{lines[-1]['step']:,} steps in {lines[-1]['seconds'] - lines[0]['seconds']:,.0f} s"
    if ended and ended.get("best_step"):
        held = f", the weights after {ended['best_step']:,} kept{held}"
    return f"{title[0].upper()}{title[1:]}: {done}{'' if ended else ' so far'}{held}."


def _figures(line: Mapping[str, Any]) -> dict[str, float]:
    figures: dict[str, float] = line.get("validation", {})
    return figures


def _section(phase: str, lines: list[dict[str, Any]], ended: Mapping[str, Any] | None) -> Section:
    checked = [line for line in lines if "validation" in line]
    steps = [line for line in lines if "validation" not in line]
    terms = [name for name in dict.fromkeys(name for line in steps for name in line) if name not in ABOUT]
    kept = (ended or {}).get("best_step")
    plots = [
        _plot("Loss and its terms", steps, ["loss", *terms] if len(terms) > 1 else terms or ["loss"], far=True),
        _plot("Held-out photos", [{**line, **_figures(line)} for line in checked], _names(checked), kept),
        _plot("Length of the gradient", steps, ["gradient"], far=True),
        _plot("Rate", steps, ["rate"]),
        _plot("Seconds since the start", steps, ["seconds"]),
    ]
    note = "Terms are weighted, each a mean over the steps since the point before it."
    return Section(
        title=phase or "The training",
        protocol="",
        tables=tuple(_table(checked, ended)),
        plots=tuple(plot for plot in plots if plot is not None),
        notes=(note,) if steps else (),
    )


def _names(checked: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for line in checked for name in _figures(line)))


def _plot(
    title: str, lines: list[dict[str, Any]], names: list[str], kept: int | None = None, *, far: bool = False
) -> Plot | None:
    """The named figures over the steps; None where no line has any."""
    drawn = [
        Line(name, tuple(line["step"] for line in told), tuple(float(line[name]) for line in told))
        for name in names
        if (told := [line for line in lines if name in line])
    ]
    return Plot(title, "steps", tuple(drawn), kept, far) if drawn else None


def _table(checked: list[dict[str, Any]], ended: Mapping[str, Any] | None) -> Iterator[Table]:
    """The figures of the first, the best and the last validation."""
    if not checked:
        return
    columns = {int(line["step"]): _figures(line) for line in (checked[0], checked[-1])}
    kept = int((ended or {}).get("best_step") or checked[-1]["step"])
    if ended:
        columns[kept] = ended["validation"]
    named = {step: f"after {step:,}" for step in sorted(columns)}
    rows = tuple(
        Row(name, {named[step]: columns[step].get(name) for step in named}, frozenset({named[kept]}))
        for name in _names(checked)
    )
    note = "In bold the weights that are kept. Higher is better, unless a figure's name says otherwise."
    yield Table("", "on held-out photos", tuple(named.values()), rows, note)


def _seen(picture: Path) -> Iterator[Section]:
    if picture.is_file():
        caption = "Left: photos as they are. Beside each: what training may see of it, changed anew at each step."
        yield Section("What training sees", "", plates=(Plate(picture.read_bytes(), caption),))


def _recipe(content: Mapping[str, Any]) -> Section:
    rows = tuple(Row(name, {"value": value}) for name, value in _flat(content))
    return Section("The recipe", "", (Table("", "key", ("value",), rows, "Keys that the file leaves out included."),))


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", json.dumps(value, ensure_ascii=False)

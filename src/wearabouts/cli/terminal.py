"""What a person sees: tables, progress, plain lines. Text from feeds is made harmless before a terminal gets it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

PLAIN_WIDTH = 140  # columns of a table that does not go to a terminal
PLAIN_SECONDS = 5.0  # between two progress lines that do not go to a terminal
PACED_SECONDS = 0.5  # until a rate says more than the clock's last digit


def clean(text: object) -> str:
    """Text without control, escape and direction-changing characters; each becomes a space, runs of spaces one."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())


def say(text: str = "", *, err: bool = False) -> None:
    """One line of ours, possibly with words from outside in it."""
    typer.echo(clean(text), err=err)


def tell(text: str, style: str = "") -> None:
    """A sentence on stdout: in a style, and broken between words, where it goes to a terminal; else one plain line."""
    from rich.text import Text

    console = _console()
    console.print(Text(clean(text), style=style), soft_wrap=not sys.stdout.isatty())


def show_json(value: Any) -> None:
    """One JSON document on stdout. Escapes everything that is not ASCII, so it is harmless on any terminal."""
    typer.echo(json.dumps(value, indent=2))


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: Sequence[int] = ()
) -> None:
    """A table on stdout.

    Args:
        title: Printed above it.
        columns: Headings.
        rows: Cells of any type; their text is cleaned. A list is a cell of several lines; empty ones are left out.
        numbers: Positions of the columns that are set to the right.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(clean(title), style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(columns):
        table.add_column(heading, justify="right" if place in numbers else "left", no_wrap=place in numbers)
    for row in rows:
        table.add_row(*(Text(_lines(cell)) for cell in row))
    _console().print(table)


def _lines(cell: object) -> str:
    lines = [clean(line) for line in cell] if isinstance(cell, list) else [clean(cell)]
    return "\n".join(line for line in lines if line)


def _console(*, err: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PLAIN_WIDTH, highlight=False)


class Progress:
    """How far a long job is, at what rate, and how long it will take: a bar on a terminal, else a line now and then.

    Goes to stderr, so that stdout stays for results.

    Args:
        unit: What is counted, such as ``photos``; empty where what is being done says it.
        quiet: Show nothing.
    """

    def __init__(self, unit: str, *, quiet: bool = False) -> None:
        self.unit = unit
        self.quiet = quiet
        self._bar: Bar | None = None
        self._what = ""
        self._shown = -1
        self._start = self._told = time.monotonic()

    def __enter__(self) -> Progress:
        if not self.quiet and sys.stderr.isatty():
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=_console(err=True))
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, what: str, done: int, total: int | None = None) -> None:
        """Tell what is being done, how many are done, and of how many when that is known."""
        if self.quiet:
            return
        now = time.monotonic()
        if what != self._what:
            self._what, self._start, self._told, self._shown = what, now, now, -1
            if self._bar is not None:
                self._task = self._bar.add_task("", total=total)
        text = f"{clean(what)} · {self._count(done, total, now)}"
        if self._bar is not None:
            self._bar.update(self._task, description=text, completed=done, total=total)
        elif now - self._told >= PLAIN_SECONDS or (done == total and done != self._shown):
            self._told, self._shown = now, done
            say(f"{text}{self._left(done, total, now)}", err=True)

    def say(self, text: str) -> None:
        """One line of ours beside the progress, which goes on below it."""
        if self.quiet:
            return
        if self._bar is None:
            say(text, err=True)
        else:
            self._bar.console.print(clean(text), markup=False)

    def _count(self, done: int, total: int | None, now: float) -> str:
        of = f" of {total:,}" if total else ""
        unit = f" {self.unit}" if self.unit else ""
        if now - self._start < PACED_SECONDS:
            return f"{done:,}{of}{unit}"
        rate = done / (now - self._start)
        # What takes seconds each would show as 0/s.
        pace = f"{rate:,.0f}/s" if rate >= 2 or not done else f"{1 / rate:.1f} s each"
        return f"{done:,}{of}{unit}, {pace}"

    def _left(self, done: int, total: int | None, now: float) -> str:
        if not total or not done or done >= total:
            return ""
        return f", {(now - self._start) / done * (total - done):,.0f} s left"

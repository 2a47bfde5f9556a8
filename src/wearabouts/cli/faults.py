"""What could not be read, for people: a short table on the terminal, all of it as CSV."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from wearabouts.cli.terminal import clean, say, show_table

if TYPE_CHECKING:
    from wearabouts.catalog import Fault, Faults

SHOWN = 20  # kinds of fault on the terminal; the CSV has them all
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would run when a cell begins with it
COLUMNS = ("source", "row", "column", "lost", "reason")


def show_faults(faults: Faults) -> None:
    """A table of what was skipped and why, equal reasons joined; nothing where nothing was."""
    if not len(faults):
        return
    joined: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], Fault] = {}
    for fault in faults.kept:
        key = (fault.lost, fault.column, fault.reason)
        joined[key] += 1
        first.setdefault(key, fault)
    rows = [
        (count, *key, f"{first[key].source}" + (f" row {first[key].row}" if first[key].row else ""))
        for key, count in joined.most_common(SHOWN)
    ]
    counts = ", ".join(f"{count:,} {lost}s" for lost, count in faults.counts.items() if count)
    show_table(f"skipped: {counts}", ("times", "lost", "column", "reason", "first at"), rows, numbers=(0,))
    if len(joined) > SHOWN:
        say(f"… and {len(joined) - SHOWN:,} more reasons; --faults FILE.csv writes them all")


def write_faults(faults: Faults, path: Path) -> None:
    """All kept faults as CSV; a cell a spreadsheet would run as a formula is made text by an apostrophe."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for fault in faults.kept:
            writer.writerow(_cell(getattr(fault, column)) for column in COLUMNS)


def _cell(value: object) -> object:
    if isinstance(value, int):
        return value
    text = clean(value)
    return f"'{text}" if text.startswith(FORMULA) else text

"""The work in pieces that any process can do, each known by kind and number: what is done is not done again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from torture import faults, flips, ingest, kills, power
from torture.ground import ground

KILLS, SITES, FLIPS, STORIES = 25, 10, 50, 10  # in one piece of work; stories: recordings in all

Piece = tuple[str, int, Any]


def pieces(count: int, sites: list[faults.Site]) -> Iterator[Piece]:
    """The work: kind, number, and what its `batch` needs."""
    for number in range(-(-count // KILLS)):
        yield "kills", number, min(KILLS, count - number * KILLS)
    chosen = faults.chosen(sites, min(500, count))
    for number in range(-(-len(chosen) // SITES)):
        yield "faults", number, chosen[number * SITES : (number + 1) * SITES]
    if sites:
        for number in range(STORIES):
            yield "power", number, -(-count * 3 // STORIES)  # one in six looks like another
    for number in range(-(-count // FLIPS)):
        yield "flips", number, min(FLIPS, count - number * FLIPS)
    yield "ingest", 0, max(5, min(20, count // 50))


def done(piece: Piece, seed: int, failed: Path) -> dict[str, Any]:
    """Do one piece; its outcome as plain data. Stores that went wrong are kept in `failed`."""
    kind, number, what = piece
    started = time.monotonic()
    own = seed + kills.SEEDS * number
    with ground() as folder:
        outcome: Any
        if kind == "kills":
            outcome = kills.batch(folder, what, own)
        elif kind == "faults":
            outcome = faults.batch(folder, what, seed)
        elif kind == "power":
            outcome = power.batch(folder, seed=own, some=what)
        elif kind == "flips":
            outcome = flips.batch(folder, what, own)
        else:
            outcome = ingest.batch(folder, what, own)
        for path in folder.glob("failed-*"):
            shutil.copytree(path, failed / f"{kind}-{number}-{path.name}", dirs_exist_ok=True)
    return {"kind": kind, "number": number, "seconds": time.monotonic() - started, "outcome": plain(outcome)}


def plain(value: Any) -> Any:
    """What JSON can hold; a counter's keys of several words are joined."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {" · ".join(key) if isinstance(key, tuple) else key: plain(each) for key, each in value.items()}
    if isinstance(value, set):
        return sorted(value)
    return value

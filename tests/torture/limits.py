"""Disks that fill up and processes that may open no more files: refusals that last, until there is room again."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from torture import story
from torture.ledger import Ledger
from torture.victim import PATIENCE, Orders, Victim

FILES = range(0, 13, 2)  # open files more than at first
ROOM = (40, 100, 200, 400, 700, 1_000)  # KiB of a disk
STEPS = 20


def lived(folder: Path, *, files: int | None = None, room: int | None = None, steps: int = STEPS) -> Ledger:
    """A story under a limit; a ledger that says what was refused and what the store showed afterwards.

    Args:
        folder: Empty; the store is made in it.
        files: See `Orders`.
        room: See `Orders`; what the small disk holds at the end is found in the folder's `out`.
        steps: Of the story.
    """
    place = folder / "place" / "store"
    place.parent.mkdir(exist_ok=True)
    ledger = Ledger(place)
    if files is not None:  # the store is there already: the limit is to meet what goes on with it
        story.opened(place).close()
    victim = Victim(Orders(place, steps=steps, wait=True, files=files, room=room), ledger)
    try:
        victim.hear(PATIENCE)
        victim.go()
        while not victim.over and victim.hear(PATIENCE) is not None:
            pass
        assert victim.over, f"it hangs in {ledger.step}"
    finally:
        victim.end()
    return ledger


@cache
def reason() -> str:
    """Why no small disk can be had here; empty when it can."""
    if os.geteuid() != 0:
        return "mounting a small disk needs root"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            lived(folder, room=4_000, steps=1)
        except Exception as error:
            return f"a small disk cannot be mounted here ({error})"
        return "" if (folder / "out").exists() else "a small disk cannot be mounted here"

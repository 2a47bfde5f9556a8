"""The power goes: every prefix of what a victim wrote, with what it had not synced lost, kept or torn.

The store that is left must open and hold every write acknowledged by then; the write under way is there wholly or not
at all.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from torture import kills
from torture.disk import LOSSES, Disk
from torture.ledger import Ledger
from torture.recording import WORDS, Recording
from torture.tracing import traced
from torture.victim import Orders

STEPS = 17


@dataclass
class Outcome(kills.Outcome):
    """See `kills.Outcome`, and besides:

    Attributes:
        losses: What was lost → states tried.
        points: Moments between two calls at which the power went.
        alike: States not tried because one just like it had been.
    """

    losses: Counter[str] = field(default_factory=Counter)
    points: int = 0
    alike: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What is left after one loss.

    Attributes:
        point: The moment.
        loss: One of `LOSSES`.
        files: Name → bytes, None for a folder.
        ledger: What had been acknowledged.
    """

    point: int
    loss: str
    files: dict[str, bytes | None]
    ledger: Ledger


def recorded(folder: Path, *, steps: int = STEPS, seed: int = 0) -> Path:
    """Play the story once under strace; returns the trace, which lies in the folder beside the store."""
    trace = folder / "trace"
    ledger = Ledger(folder / "live" / "store", seed)
    ledger.folder.parent.mkdir()
    victim = traced(Orders(ledger.folder, steps=steps, seed=seed, wait=True), ledger, WORDS, trace)
    assert victim.said[-1] == "closed", f"the recording ends with {victim.said[-3:]}"
    assert ledger.problems == []
    return trace


def moments(trace: Path, folder: Path, seed: int = 0) -> Iterator[tuple[int, Disk, Ledger]]:
    """After each call that changed something, and each acknowledgement: its number, the disk, the ledger.

    Args:
        trace: Of `recorded`.
        folder: The same folder.
        seed: Of the story.
    """
    ledger = Ledger(folder / "live" / "store", seed)
    for point, (disk, word) in enumerate(Recording(trace, folder / "live").play()):
        if word is not None:
            if word[0] not in ("ready", "closed"):
                ledger.read(*word)
            if word[0] != "done":
                continue
        yield point, disk, ledger


def lefts(trace: Path, folder: Path, seed: int, some: int | None) -> Iterator[Left]:
    """All that may be left, moment by moment, or so many of them, chosen evenly."""
    count = len(LOSSES) * sum(1 for _ in moments(trace, folder, seed))
    some = min(some or count, count)
    wanted = {int((index + 0.5) * count / some) for index in range(some)}
    number = 0
    for point, disk, ledger in moments(trace, folder, seed):
        for loss in LOSSES:
            if number in wanted:
                generator = np.random.default_rng([seed, number])
                yield Left(point, loss, disk.after(loss, generator), deepcopy(ledger))
            number += 1


def batch(
    folder: Path,
    *,
    steps: int = STEPS,
    seed: int = 0,
    some: int | None = None,
    told: Callable[[], None] = lambda: None,
) -> Outcome:
    """Record a story, let the power go and compare what is left.

    Args:
        folder: Empty.
        steps: Of the story.
        seed: Of the story, and of what is lost.
        some: How many states to try, chosen evenly; None for all.
        told: Called after each.
    """
    outcome, seen, points = Outcome(), set(), set()
    trace = recorded(folder, steps=steps, seed=seed)
    for left in lefts(trace, folder, seed, some):
        points.add(left.point)
        outcome.acknowledged = max(outcome.acknowledged, left.ledger.acknowledged)
        mark = _mark(left)
        if mark in seen:
            outcome.alike += 1
            continue
        seen.add(mark)
        outcome.losses[left.loss] += 1
        outcome.steps[left.ledger.step] += 1
        try:
            examine(folder / "live", left, outcome)
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            outcome.problems.append(
                f"power lost at {left.point}, {left.loss} (seed {seed}, {left.ledger.step}): {said}"
            )
            if len(outcome.problems) <= 3:
                lay_out(folder / f"failed-{left.point}-{left.loss.replace(' ', '-')}", left.files)
        told()
    outcome.points = len(points)
    return outcome


def examine(root: Path, left: Left, outcome: Outcome) -> None:
    """Lay out what is left, open it and compare.

    Raises:
        AssertionError: See `Ledger.compare`.
        StoreError: It cannot be opened although something was acknowledged.
    """
    lay_out(root, left.files)
    ledger = deepcopy(left.ledger)
    ledger.settle()
    outcome.restarts.append(kills.survived(ledger.folder, ledger, write=left.point % 2 == 0))
    outcome.copies += ledger.compare_copies()


def lay_out(root: Path, files: dict[str, bytes | None]) -> None:
    """Make the folder just that."""
    shutil.rmtree(root, ignore_errors=True)
    for name, raw in sorted(files.items(), key=lambda each: each[0]):
        if raw is None:
            (root / name).mkdir()
        else:
            (root / name).write_bytes(raw)


def _mark(left: Left) -> bytes:
    mark = hashlib.blake2b(repr((left.ledger.acknowledged, sorted(left.ledger._open))).encode())
    for name, raw in sorted(left.files.items(), key=lambda each: each[0]):
        mark.update(repr((name, None if raw is None else len(raw))).encode())
        mark.update(raw or b"")
    return mark.digest()

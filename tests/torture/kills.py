"""`kill -9` at random moments of every step: while a store is opened, written, rebuilt, swapped, copied and closed."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from torture import story
from torture.ledger import Ledger
from torture.victim import PATIENCE, Orders, Victim
from wearabouts.stores import Store, open_store

MOMENTS = ("open", *story.KINDS)  # each is aimed at in turn
FRESH = 25  # kills after which another store is begun
SEEDS = 1_000  # from one piece of work to the next


@dataclass
class Outcome:
    """What was done and what was seen.

    Attributes:
        steps: Step under way when the blow fell → how often.
        bases: What the store's bases were (`story.based`) → how often.
        acknowledged: Writes acknowledged.
        copies: Acknowledged copies compared.
        restarts: Seconds each opening after a blow took.
        problems: What was lost, doubled, mixed or wrong; empty when all is well.
    """

    steps: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    copies: int = 0
    restarts: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def kill(orders: Orders, ledger: Ledger, moment: str, generator: np.random.Generator, usual: dict[str, float]) -> str:
    """Let a victim write, and kill it in a moment of that kind.

    Args:
        orders: Of the victim.
        ledger: Of this store.
        moment: One of `MOMENTS`.
        generator: Chooses the moment.
        usual: Step → seconds it took when it was last seen whole; learnt here.

    Returns:
        The step under way when the victim died.
    """
    victim = Victim(orders, ledger)
    passed = 0 if moment == "open" else int(generator.integers(0, 3))  # not always the first of its kind
    began, end = 0.0, time.monotonic() + PATIENCE
    while not victim.over and time.monotonic() < end:
        word = victim.hear(PATIENCE)
        if word in ("begin", "open") and ledger.step == moment:
            began = time.monotonic()
            if passed == 0:
                victim.hear_all(float(generator.uniform(0, 1.2 * usual.get(moment, 0.0015))))
                break
            passed -= 1
        elif began and word in ("done", "opened"):
            usual[moment], began = time.monotonic() - began, 0.0
    assert not victim.over, f"the victim ended by itself: {victim.said[-3:]} {ledger.problems}"
    victim.end()
    return ledger.step


def batch(
    folder: Path, kills: int, seed: int, *, fresh: int = FRESH, told: Callable[[], None] = lambda: None
) -> Outcome:
    """So many kills, with a comparison after each.

    Args:
        folder: Empty; for stores.
        kills: How many.
        seed: Of the moments and of the stories.
        fresh: Kills that one store lives through.
        told: Called after each.
    """
    generator, outcome, usual = np.random.default_rng([seed, 1]), Outcome(), {}
    for number in range(kills):
        if number % fresh == 0:
            path = folder / f"store-{number}"
            ledger = Ledger(path, seed + number)
            bases = story.BASES[(seed // SEEDS + number // fresh) % len(story.BASES)]
        moment = MOMENTS[int(generator.integers(len(MOMENTS)))]
        before = ledger.acknowledged
        orders = Orders(path, first=ledger.next, seed=ledger.seed, bases=bases)
        step = kill(orders, ledger, moment, generator, usual)
        outcome.steps[step] += 1
        outcome.bases[bases] += 1
        outcome.acknowledged += ledger.acknowledged - before
        try:
            outcome.restarts.append(survived(path, ledger, write=bool(generator.random() < 0.5)))
            outcome.copies += ledger.compare_copies()
            assert ledger.problems == []
        except Exception as error:
            outcome.problems.append(f"kill {number} (seed {seed}) in {step}: {type(error).__name__}: {error}")
            shutil.copytree(path, folder / f"failed-{number}", dirs_exist_ok=True)
            ledger = Ledger(folder / f"after-{number}", seed + number)
            path = ledger.folder
        story.forget_copies(path)
        told()
    return outcome


def survived(folder: Path, ledger: Ledger, *, write: bool) -> float:
    """Open the store after a blow and compare it with the ledger; returns the seconds the opening took.

    Raises:
        AssertionError: See `Ledger.compare`.
        StoreError: It cannot be opened, although something was acknowledged.
    """
    started = time.perf_counter()
    store: Store = story.opened(folder) if write or not ledger.acknowledged else open_store(folder)
    restart = time.perf_counter() - started
    with closing(store):
        ledger.compare(store)
    return restart

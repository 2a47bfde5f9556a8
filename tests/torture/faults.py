"""System calls that fail: the Nth write, fsync, rename, … of a whole story, for every N or for many chosen evenly.

Each story is played by a fresh victim in a fresh store, from its creation to its closing, while strace makes one call
fail or kills the victim on its way into the call.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torture import kills, story
from torture.ledger import Ledger
from torture.tracing import counted, traced
from torture.victim import Orders

STEPS = 17  # of the story: each kind, and one more after the last
# call → what it can fail with
ERRORS = {
    "openat": ("EMFILE", "EIO"),
    "write": ("ENOSPC", "EIO"),
    "pwrite64": ("ENOSPC", "EIO"),
    "writev": ("ENOSPC", "EIO"),
    "pwritev": ("ENOSPC", "EIO"),
    "copy_file_range": ("ENOSPC", "EIO"),
    "sendfile": ("ENOSPC", "EIO"),
    "fallocate": ("ENOSPC", "EIO"),
    "read": ("EIO",),
    "pread64": ("EIO",),
    "fsync": ("EIO", "ENOSPC"),
    "fdatasync": ("EIO", "ENOSPC"),
    "msync": ("EIO",),
    "ftruncate": ("EIO", "ENOSPC"),
    "rename": ("EIO", "ENOSPC"),
    "renameat2": ("EIO", "ENOSPC"),
    "link": ("EIO", "ENOSPC"),
    "unlink": ("EIO",),
    "mkdir": ("ENOSPC", "EIO"),
    "rmdir": ("EIO",),
    "mmap": ("ENOMEM",),
}
KILLED = "SIGKILL"


@dataclass(frozen=True, slots=True)
class Site:
    """The Nth call of a kind, and what becomes of it: an error's name, or `KILLED`."""

    call: str
    place: int
    fault: str

    def words(self, store: Path) -> list[str]:
        """For strace; of mappings only those of the store's files are meant."""
        what = f"signal={self.fault}" if self.fault == KILLED else f"error={self.fault}"
        names = [f"derived/base-{number:08}.segment" for number in range(1, 20)] + ["store.db-shm"]
        only = [word for name in names for word in ("-P", str(store / name))] if self.call == "mmap" else []
        return [*only, "-e", f"trace={self.call}", "-e", f"inject={self.call}:{what}:when={self.place}"]


@dataclass
class Outcome(kills.Outcome):
    """See `kills.Outcome`, and besides:

    Attributes:
        faults: Call and fault → how often tried.
        refused: How many of the runs saw a write, an opening or a closing refused by a typed error.
        survived: How many saw nothing at all.
        died: How many were killed.
        blind: How many could not answer in the moment after a fault, with a typed error.
        messages: What the refusals said, with the store's folder left out → how often.
    """

    faults: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    survived: int = 0
    died: int = 0
    blind: int = 0
    messages: Counter[str] = field(default_factory=Counter)


def sites(folder: Path, seed: int = 0) -> list[Site]:
    """Every call of a clean run, with all that can become of it, in order of call and place."""
    path = folder / "counted"
    ledger = Ledger(path, seed)
    counts = counted(Orders(path, steps=STEPS, seed=seed, wait=True), ledger, tuple(ERRORS), folder / "calls")
    shutil.rmtree(path)
    story.forget_copies(path)
    return [
        Site(call, place, fault)
        for call, count in sorted(counts.items())
        for fault in (*ERRORS[call], KILLED)
        for place in range(1, count + 1)
    ]


def chosen(all_sites: Sequence[Site], most: int) -> list[Site]:
    """At most so many of them: each kind of call and fault alike often as far as it goes, evenly over its places."""
    kinds: dict[tuple[str, str], list[Site]] = {}
    for site in all_sites:
        kinds.setdefault((site.call, site.fault), []).append(site)
    share, left = {kind: 0 for kind in kinds}, most
    while left > 0 and (open_kinds := [kind for kind in kinds if share[kind] < len(kinds[kind])]):
        for kind in open_kinds[:left]:
            share[kind] += 1
        left -= len(open_kinds[:left])
    return [
        kinds[kind][int((index + 0.5) * len(kinds[kind]) / count)]
        for kind, count in share.items()
        for index in range(count)
    ]


def batch(folder: Path, todo: Sequence[Site], seed: int = 0, *, told: Callable[[], None] = lambda: None) -> Outcome:
    """Play the story once for each site and compare."""
    outcome = Outcome()
    for number, site in enumerate(todo):
        path = folder / f"store-{number}"
        try:
            one(path, site, seed, outcome)
        except Exception as error:
            outcome.problems.append(f"{site} (seed {seed}): {type(error).__name__}: {error}")
            shutil.rmtree(folder / f"failed-{number}", ignore_errors=True)
            if path.exists():
                shutil.copytree(path, folder / f"failed-{number}")
        shutil.rmtree(path, ignore_errors=True)
        story.forget_copies(path)
        told()
    return outcome


def one(path: Path, site: Site, seed: int, outcome: Outcome) -> None:
    """One story with one fault.

    Raises:
        AssertionError: Something acknowledged is lost, doubled, mixed or answered wrongly, an error is not typed, or
            `check` finds damage.
    """
    ledger = Ledger(path, seed)
    victim = traced(Orders(path, steps=STEPS, seed=seed, wait=True), ledger, site.words(path))
    outcome.faults[f"{site.call} {site.fault}"] += 1
    outcome.acknowledged += ledger.acknowledged
    died = victim.said[-1] != "closed"
    if died:
        outcome.died += 1
        outcome.steps[ledger.step] += 1
    elif ledger.refused:
        outcome.refused += 1
        outcome.steps[ledger.refused[0][0]] += 1
    else:
        outcome.survived += 1
    outcome.blind += bool(ledger.blind)
    for _, said in ledger.refused:
        outcome.messages[said.replace(str(path), "STORE")] += 1
    assert ledger.problems == [], ledger.problems
    assert died == (site.fault == KILLED and victim.process.exitcode == -9) or victim.process.exitcode == 0, (
        f"it ended by itself with {victim.process.exitcode} after {victim.said[-3:]}"
    )
    outcome.restarts.append(kills.survived(path, ledger, write=site.place % 2 == 0))
    outcome.copies += ledger.compare_copies()

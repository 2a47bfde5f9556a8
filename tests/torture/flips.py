"""Bits that flip and files that are cut: each is found, or changes no answer and no row."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stores.oracle import unit
from torture import story
from torture.kills import SEEDS
from torture.ledger import COUNT, FILTERS, LEFT
from wearabouts.errors import WearaboutsError
from wearabouts.stores import Store, backup, open_store, restore

QUERIES = 50
FILTER = FILTERS[2][0]
STAYING = 40  # products the story does not touch
CUT = 0.25  # of the cases cut a file; the others flip a bit
# What came of it. Only `wrong` is never right: an answer or a row that differs, and nothing that says so.
CLASSES = ("refused", "error", "found", "named", "harmless", "wrong")


@dataclass
class Outcome:
    """What came of each case.

    Attributes:
        classes: (kind of file, flip or cut, one of `CLASSES`) → how often.
        problems: The `wrong` ones, and whatever raised an error that is not of the house.
    """

    classes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Harm:
    """A file, and the bit that flips, or the length it is cut to (`cut`)."""

    name: str
    place: int
    cut: bool

    @property
    def kind(self) -> str:
        """What the file is, whatever its name."""
        folder, _, name = self.name.rpartition("/")
        part = "backup: " if folder.startswith("backup") else ""
        if folder.endswith("derived"):
            return f"{part}index"
        return part + name

    def done(self, folder: Path) -> None:
        """Do it to a copy of the folder."""
        path = folder / self.name
        raw = bytearray(path.read_bytes())
        if self.cut:
            del raw[self.place :]
        else:
            raw[self.place // 8] ^= 1 << (self.place % 8)
        path.write_bytes(raw)


def made(folder: Path) -> Path:
    """A folder with a `store` as a kill leaves it, its log not merged, and a `backup` of it."""
    live, pristine = folder / "live", folder / "pristine"
    store: Store | None = story.opened(live)
    assert store is not None
    generator = np.random.default_rng(4)
    store.upsert(story.product(generator, f"stays {number}", "old") for number in range(STAYING))
    teller = story.Teller()
    for number in range(3 * len(story.ORDER)):
        if story.kind(number) not in ("backup", "reopen"):
            store = story.play(live, store, number, teller)
            assert store is not None
    store.close()  # merges the log
    store = story.opened(live)
    for number in (1, 3, 6):  # an update, a deletion, a note: what lies in the log alone
        store = story.play(live, store, number, teller)
        assert store is not None
    shutil.copytree(live, pristine / "store", ignore=shutil.ignore_patterns("*-shm"))
    backup(live, pristine / "backup", derived=True)
    store.close()
    shutil.rmtree(live)
    return pristine


def asked(store: Store) -> Iterator[Any]:
    """Everything a store can be asked, as comparable data."""
    for query in unit(np.random.default_rng(77), QUERIES):
        for where in (None, FILTER):
            found = store.search(query, COUNT, where=where)
            yield found.photo_ids, found.product_ids, found.similarity.tobytes()
    ids = list(store.products())
    yield ids
    for ident in ids:
        record = store.record(ident)
        assert record is not None
        yield (
            record.product,
            [
                (
                    each.photo,
                    each.digest,
                    each.vector.tobytes(),
                    each.garment,
                    each.seen,
                    each.thumbnail,
                    each.validators,
                )
                for each in record.photos
            ],
        )
        yield [dict(each.beside) for each in record.photos]
        yield store.product(ident), store.known(ident)
    yield store.note(story.NOTE)


def truth(folder: Path) -> list[Any]:
    """What the store answers when nothing is wrong."""
    with closing(open_store(folder)) as store:
        told = list(asked(store))
        assert [each for each in store.check() if each.kind not in LEFT] == []
    return told


def harms(pristine: Path, count: int, generator: np.random.Generator) -> list[Harm]:
    """So many harms, each kind of file alike often, except that the large ones have three times as many."""
    kinds: dict[str, list[str]] = {}
    for path in sorted(pristine.rglob("*")):
        if path.is_file() and path.stat().st_size:
            name = path.relative_to(pristine).as_posix()
            kinds.setdefault(Harm(name, 0, False).kind, []).append(name)
    turns = [
        kind for kind in kinds for _ in range(3 if kind.split(": ")[-1] in ("store.db", "store.db-wal", "index") else 1)
    ]
    chosen = []
    for number in range(count):
        names = kinds[turns[number % len(turns)]]
        name = names[int(generator.integers(len(names)))]
        size = (pristine / name).stat().st_size
        cut = bool(generator.random() < CUT)
        chosen.append(Harm(name, int(generator.integers(size if cut else 8 * size)), cut))
    return chosen


def batch(folder: Path, count: int, seed: int = 0, *, told: Callable[[], None] = lambda: None) -> Outcome:
    """Harm so many copies of a store and see what comes of it.

    Args:
        folder: Empty.
        count: How many.
        seed: Of the places.
        told: Called after each.
    """
    with story.based(story.BASES[seed // SEEDS % 2]):
        outcome, pristine, copy = Outcome(), made(folder), folder / "copy"
    # Opening may merge the log: the truth is asked of a copy.
    shutil.copytree(pristine, copy)
    right = truth(copy / "store")
    for harm in harms(pristine, count, np.random.default_rng([seed, 3])):
        shutil.rmtree(copy)
        shutil.copytree(pristine, copy)
        harm.done(copy)
        try:
            came, said = examined(copy, harm.name.startswith("backup/"), right)
        except Exception as error:
            came, said = "wrong", f"{type(error).__name__}: {error}"
        outcome.classes[harm.kind, "cut" if harm.cut else "flip", came] += 1
        if came == "wrong":
            outcome.problems.append(f"{harm} (seed {seed}): {said}")
        told()
    return outcome


def examined(folder: Path, is_backup: bool, right: list[Any]) -> tuple[str, str]:
    """What came of the harm: one of `CLASSES`, and why.

    refused: it could not be opened, or restored. error: an answer was refused. found: `check` names it, and every
    answer was right. named: `check` names it, and an answer or a row lacked what it names. harmless: nothing differs.
    wrong: something differs and nobody says so.
    """
    try:
        if is_backup:
            restore(folder / "backup", folder / "restored")
        store = open_store(folder / ("restored" if is_backup else "store"))
    except WearaboutsError as error:
        return "refused", str(error)
    with closing(store):
        try:
            answers = list(asked(store))
            found = [each for each in store.check() if each.kind not in LEFT]
        except WearaboutsError as error:
            return "error", str(error)
    if found:
        return ("found" if answers == right else "named"), str(found[0])
    return ("harmless", "") if answers == right else ("wrong", "an answer or a row differs")

"""An endless history of writes, the same in every process: what step `number` puts, removes, makes anew or copies."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path

import numpy as np

from stores.oracle import COLORS, DIM, HASH, photo_record, product_record, unit
from wearabouts import stores
from wearabouts.errors import WearaboutsError
from wearabouts.stores import ProductRecord, Store, open_store
from wearabouts.stores.embedded import indexes
from wearabouts.stores.embedded.living import apart

POOL = 30  # products that come, change and go
ORDER = (
    "add", "update", "rebuild", "delete", "add", "group", "note", "swap",
    "update", "backup", "delete", "add", "reopen", "group", "swap", "delete",
)  # fmt: skip
KINDS = tuple(dict.fromkeys(ORDER))
NOTE = "calibration"
CREW = 4  # threads
BASES = ("exact", "clustered", "exact", "apart")  # of one store after the other; see `based`


@dataclass(frozen=True, slots=True)
class Part:
    """One write of a step, acknowledged by itself: wholly there or not at all.

    Attributes:
        put: Products as they are after it.
        gone: Products that are not there after it.
        note: What the note says after it; None where the part says nothing of it.
        copies: Whether the store is to be backed up and restored elsewhere, and not changed.
    """

    put: tuple[ProductRecord, ...] = ()
    gone: tuple[str, ...] = ()
    note: int | None = None
    copies: bool = False


def kind(number: int) -> str:
    """What step `number` does."""
    return ORDER[number % len(ORDER)]


def product(generator: np.random.Generator, ident: str, stamp: str) -> ProductRecord:
    """Any product of that id; its title is the stamp."""
    photos = []
    for place in range(int(generator.integers(1, 4))):
        beside = {"evidence": generator.bytes(300)} if generator.random() < 0.5 else {}
        small = generator.bytes(int(generator.integers(200, 1_500)))
        photos.append(photo_record(f"{ident}/{place}", unit(generator)[0], thumbnail=small, beside=beside))
    return product_record(
        ident,
        photos,
        title=stamp,
        category="Women > Tops" if generator.random() < 0.5 else "Men > Shirts",
        garment="dress" if generator.random() < 0.4 else "shirt",
        price=float(generator.integers(1, 100)),
        attributes={"color": str(generator.choice(COLORS))},
    )


@lru_cache(maxsize=64)
def parts(number: int, seed: int = 0) -> list[Part]:
    """The writes of a step; those of one step touch different products, and may be done in any order or at once."""
    generator = np.random.default_rng([seed, number])
    what = kind(number)
    ids = [f"p{place:02d}" for place in generator.choice(POOL, 6, replace=False)]
    made = [product(generator, ident, f"{number}") for ident in ids]
    if what == "add":
        return [Part(put=tuple(made[:3]))]
    if what == "update":  # the first ten are changed again and again
        hot = f"p{generator.integers(10):02d}"
        return [Part(put=(product(generator, hot, f"{number}"),))]
    if what == "delete":
        return [Part(gone=tuple(ids[:4]))]
    if what == "group":
        return [Part(put=tuple(made[:1])), Part(put=tuple(made[1:3])), Part(gone=tuple(ids[3:4]))]
    if what == "note":
        return [Part(note=number)]
    if what == "swap":
        return [Part(put=tuple(made[:2])), Part(gone=tuple(ids[2:3]))]
    if what == "backup":
        return [Part(copies=True)]
    return [Part()]


@contextmanager
def based(bases: str) -> Iterator[None]:
    """Let stores of a few products have what only large ones have.

    Args:
        bases: exact, as their size wants it; clustered, sorted into lists; apart, built by a process of its own.
    """
    before = indexes.EXACT_BYTES, apart.WORTH
    if bases == "clustered":
        indexes.EXACT_BYTES = 0
    if bases == "apart":
        apart.WORTH = 0
    try:
        yield
    finally:
        indexes.EXACT_BYTES, apart.WORTH = before


def opened(folder: Path) -> Store:
    """The store of the story, for writing."""
    return open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)


def apply(folder: Path, store: Store, part: Part, number: int) -> None:
    """Do one write, or back the store up and restore that to another place.

    Args:
        folder: The store's.
        store: Open for writing.
        part: What to do.
        number: Of the step.
    """
    copy = copy_of(folder, number)
    if part.put:
        store.upsert(part.put)
    if part.gone:
        store.delete(part.gone)
    if part.note is not None:
        store.write_note(NOTE, {"number": part.note})
    if part.copies:
        stores.backup(folder, copy, derived=number % 2 == 0)
        stores.restore(copy, restored(copy))


def copy_of(folder: Path, number: int) -> Path:
    """Where the step puts its backup."""
    return folder.with_name(f"{folder.name}-copy-{number}")


def restored(copy: Path) -> Path:
    """Where it restores that backup."""
    return copy.with_name(f"{copy.name}-back")


def forget_copies(folder: Path) -> None:
    """Remove all copies of a store."""
    for path in folder.parent.glob(f"*{folder.name}-copy-*"):  # what a kill left of them begins with a dot
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


class Teller:
    """Whom the story tells what it does; a victim's tells another process."""

    def begin(self, number: int, part: int) -> None:
        """The write begins."""

    def done(self, number: int, part: int) -> None:
        """The write has returned: it is acknowledged."""

    def refused(self, number: int, part: int, error: WearaboutsError) -> None:
        """The write was refused by an error of the house."""

    def broken(self, number: int, part: int, error: BaseException) -> None:
        """Something else went wrong: never right."""


def play(folder: Path, store: Store, number: int, teller: Teller, seed: int = 0) -> Store | None:
    """Do a step; returns the store, which `reopen` has opened again, or None where that was refused.

    Args:
        folder: The store's.
        store: Open for writing.
        number: Of the step.
        teller: Is told.
        seed: Of the story.
    """
    what, todo = kind(number), parts(number, seed)
    result: list[Store | None] = [store]

    def one(index: int) -> None:
        teller.begin(number, index)
        try:
            if what == "reopen":
                result[0] = None
                store.close()
                result[0] = opened(folder)
            elif what == "rebuild":
                store.rebuild()
            else:
                apply(folder, store, todo[index], number)
        except WearaboutsError as error:
            teller.refused(number, index, error)
        except BaseException as error:
            teller.broken(number, index, error)
        else:
            teller.done(number, index)

    if what not in ("group", "swap"):
        one(0)
        return result[0]
    todos = [partial(one, index) for index in range(len(todo))]
    if what == "swap":  # a new generation is made and swapped in while others write
        todos.append(partial(_rebuild, store, number, teller))
    for each in [crew().submit(each) for each in todos]:
        each.result()
    return store


@cache
def crew() -> ThreadPoolExecutor:
    """The threads that write at once, all begun: no fault is to hit their beginning."""
    barrier = threading.Barrier(CREW + 1)
    pool = ThreadPoolExecutor(CREW)
    for _ in range(CREW):
        pool.submit(barrier.wait)
    barrier.wait()
    return pool


def _rebuild(store: Store, number: int, teller: Teller) -> None:
    try:
        store.rebuild()
    except WearaboutsError:
        pass  # nothing of the truth was asked for
    except BaseException as error:
        teller.broken(number, -1, error)

"""Kill `index` at random moments and see that nothing acknowledged is lost: `python -m torture.indexing 50`.

A victim process indexes a small shop whose prices, photos and products change with every round. Each time its store
returns from a write it tells a pipe what was written; the ledger is kept here, outside of it. It is killed with SIGKILL
at a random moment, and the store is opened and compared with the ledger.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fakes import TinyEncoder
from pictures import saved
from wearabouts.catalog import Catalog, Faults, Photo, Product
from wearabouts.embedding import index, line
from wearabouts.stores import ProductRecord, Store, open_store

PRODUCTS = 60
PHOTOS = 2
SMALL_GROUP = 4  # photos a transaction: many writes to be killed in
READY = "ready"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of kills saw."""

    kills: int
    acknowledged: int
    finished: int


def product(folder: Path, number: int, round_: int) -> Product:
    """Product `number` as the shop sells it in a round: the price is the round; one in five has new photos."""
    photos = []
    for view in range(PHOTOS):
        stamp = round_ if (number + round_) % 5 == 0 else 0
        path = folder / f"{number}-{view}-{stamp}.png"
        if not path.exists():  # by a rename: the victim must not leave half a picture behind
            pixels = np.random.default_rng([number, view, stamp]).integers(0, 255, (24, 24, 3), np.uint8)
            path.with_suffix(".part").write_bytes(saved(pixels))
            path.with_suffix(".part").rename(path)
        photos.append(Photo(f"{number:03}~{view}", str(path)))
    return Product(f"{number:03}", tuple(photos), price=float(round_), title=f"product {number}")


def sold(round_: int) -> list[int]:
    """Numbers of the products sold in a round: each is missing in one round of seven."""
    return [number for number in range(PRODUCTS) if (number + round_) % 7]


def shop(folder: Path, round_: int) -> Catalog:
    """The catalog of a round."""

    def stream(_: Faults) -> Iterator[Product]:
        return (product(folder, number, round_) for number in sold(round_))

    return Catalog("torture", f"round {round_}", stream)


class Acknowledging:
    """A store that tells standard output of each write once it has returned."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def upsert(self, records: Iterable[ProductRecord]) -> int:
        written = list(records)
        count = self._store.upsert(written)
        for record in written:
            say(f"+ {record.product.id} {record.product.price:.0f}")
        return count

    def delete(self, product_ids: Iterable[str]) -> int:
        gone = list(product_ids)
        count = self._store.delete(gone)
        for product_id in gone:
            say(f"- {product_id} 0")
        return count


def say(text: str) -> None:
    """One line in one write, so that a kill leaves it whole or not at all."""
    os.write(1, f"{text}\n".encode())


def opened(folder: Path) -> Store:
    """The store of the shop, for writing."""
    return open_store(folder / "store", mode="write", encoder_hash=TinyEncoder.hash, dim=TinyEncoder.dim)


def victim(folder: Path, first_round: int) -> None:
    """Index one round after the other until killed."""
    line.GROUP_PHOTOS = SMALL_GROUP
    store = opened(folder)
    for round_ in range(first_round, 10_000):
        say(f"{READY} {round_} 0")
        index(shop(folder, round_), TinyEncoder(), Acknowledging(store), prune=True, batch=4, workers=2)


def kill_once(folder: Path, first_round: int, delay: float, *, at_once: bool) -> list[tuple[str, str, int]]:
    """Start a victim, kill it so many seconds after its first word, or after its start; everything it said."""
    command = [sys.executable, "-m", "torture.indexing", "--victim", str(folder), str(first_round)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        said = [] if at_once else [process.stdout.readline()]
        # The pipe holds 64 KiB, more than a victim says in this time, so it never waits for us.
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL, f"the victim ended by itself: {process.returncode}"
    lines = [text.split() for text in said if text.endswith("\n")]
    return [(kind, name, int(price)) for kind, name, price in lines]


class Ledger:
    """What the victims were told was written: product id → price, None for deleted."""

    def __init__(self) -> None:
        self.state: dict[str, int | None] = {}
        self.acknowledged = 0
        self.round = 0

    def read(self, said: Iterable[tuple[str, str, int]]) -> None:
        """Take down what one victim said."""
        for kind, name, price in said:
            if kind == READY:
                self.round = int(name)
            else:
                self.acknowledged += 1
                self.state[name] = price if kind == "+" else None

    def compare(self, folder: Path, store: Store) -> None:
        """See that the store has all that was acknowledged, and beyond that only writes of the round under way."""
        assert store.check() == []
        seen: dict[str, int | None] = dict.fromkeys(self.state)
        ids = list(store.products())
        assert len(ids) == len(set(ids))
        for product_id in ids:
            record = store.record(product_id)
            assert record is not None
            price = int(record.product.price or 0)
            known = self.state.get(product_id)
            assert price in (known, self.round), f"{product_id}: {price} is stored, {known} was acknowledged"
            assert record.product == product(folder, int(product_id), price), f"{product_id} is mixed of two rounds"
            assert [photo.photo for photo in record.photos] == list(record.product.photos)
            seen[product_id] = price
        for product_id, known in self.state.items():
            gone = product_id not in ids
            pruned = int(product_id) not in sold(self.round)
            assert not gone or known is None or pruned, f"{product_id} at {known} was acknowledged and is lost"
        # What was written and killed before it could be acknowledged has been seen now, and must not be lost either.
        self.state = seen


def torture(folder: Path, *, kills: int, seed: int, longest: float = 1.5) -> Result:
    """Kill so many victims and compare each time; then let a run end and compare everything.

    Raises:
        AssertionError: Something acknowledged was lost, mixed or doubled, or the store finds itself damaged.
    """
    ledger, chance, finished = Ledger(), random.Random(seed), 0
    for kill in range(kills):
        before = ledger.round
        at_once = kill > 0 and chance.random() < 0.2  # some die while they open the store
        ledger.read(kill_once(folder, ledger.round, chance.uniform(0, longest), at_once=at_once))
        finished += ledger.round - before
        with closing(open_store(folder / "store", mode="read")) as store:
            ledger.compare(folder, store)
    store = opened(folder)
    wanted = sold(ledger.round)
    summary = index(shop(folder, ledger.round), TinyEncoder(), store, prune=True)
    assert (summary.products, summary.photos, len(summary.faults)) == (len(wanted), PHOTOS * len(wanted), 0)
    assert [int(each) for each in store.products()] == wanted
    encoder = TinyEncoder()
    again = index(shop(folder, ledger.round), encoder, store, prune=True)
    assert (again.embedded, again.unchanged, again.pruned, encoder.calls) == (0, PHOTOS * len(wanted), 0, [])
    assert store.check() == []
    store.close()
    return Result(kills, ledger.acknowledged, finished)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Kill `index` at random moments; nothing acknowledged may be lost.")
    parser.add_argument("kills", type=int, nargs="?", default=50, help="how many times (50)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=1.5, help="latest kill, in seconds after the start (1.5)")
    parser.add_argument("--victim", nargs=2, metavar=("FOLDER", "ROUND"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.victim:
        victim(Path(given.victim[0]), int(given.victim[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        result = torture(Path(folder), kills=given.kills, seed=given.seed, longest=given.longest)
    print(
        f"{result.kills} kills, {result.acknowledged} writes acknowledged, {result.finished} rounds completed: "
        "0 lost, 0 doubled, check clean"
    )


if __name__ == "__main__":
    main()

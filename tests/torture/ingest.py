"""One feed, filled in again and again: in any order, with repetitions, with kills; the store is the same each time."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from torture import story
from torture.victim import PATIENCE, process
from wearabouts.stores import ProductRecord, Store

PRODUCTS = 40
BATCH = 4  # products in one write
KILLS = 3  # of each replay


@dataclass
class Outcome:
    """What was done and seen: replays, kills, products written, those written again after a kill, digests, problems."""

    replays: int = 0
    kills: int = 0
    written: int = 0
    again: int = 0
    digests: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


@cache
def feed() -> tuple[ProductRecord, ...]:
    """The products; the same in every process."""
    generator = np.random.default_rng(18)
    return tuple(story.product(generator, f"f{number:03}", "feed") for number in range(PRODUCTS))


def fill(folder: Path, order: list[int], line: socket.socket) -> None:
    """Write what is not there yet, in that order, and tell of each write that has returned."""
    records = feed()
    store = story.opened(folder)
    there = set(store.products())
    todo = [place for place in order if records[place].product.id not in there]
    for start in range(0, len(todo), BATCH):
        part = todo[start : start + BATCH]
        store.upsert([records[place] for place in part])
        line.send(json.dumps(part).encode())
    store.close()


def digest(store: Store) -> str:
    """Of every photo's id, vector and facts, and every product's."""
    state = hashlib.sha256()
    for ident in store.products():
        record = store.record(ident)
        assert record is not None
        state.update(json.dumps(asdict(record.product), sort_keys=True, default=str).encode())
        for each in record.photos:
            facts = [each.photo.id, each.digest, each.garment, sorted(each.seen.items()), each.thumbnail.hex()]
            facts += [[kind, value.hex()] for kind, value in sorted(each.beside.items())]
            state.update(json.dumps(facts).encode() + each.vector.tobytes())
    return state.hexdigest()


def replay(folder: Path, generator: np.random.Generator, outcome: Outcome) -> None:
    """Fill a new store from the feed, killed a few times on the way."""
    told: set[int] = set()
    for attempt in range(KILLS + 1):
        order = generator.permutation(np.repeat(np.arange(PRODUCTS), 1 + generator.integers(2, size=PRODUCTS))).tolist()
        line, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        filler = process(fill, folder, order, far)
        far.close()
        line.settimeout(PATIENCE)
        wanted, heard, first = int(generator.integers(1, 4)), 0, True
        while raw := line.recv(1 << 16):
            part = set(json.loads(raw))
            outcome.written += len(part)
            # What was acknowledged is not written again by those that come after, but for the repetitions of one run.
            if first:
                outcome.again += len(part & told)
            heard, first = heard + 1, False
            told |= part
            if attempt < KILLS and heard == wanted:
                time.sleep(float(generator.uniform(0, 0.003)))
                os.kill(filler.pid, signal.SIGKILL)
                outcome.kills += 1
        filler.join(PATIENCE)
        line.close()
    outcome.replays += 1


def batch(folder: Path, replays: int, seed: int = 0) -> Outcome:
    """So many replays, each into a store of its own, and the digest of each."""
    generator, outcome = np.random.default_rng([seed, 18]), Outcome()
    for number in range(replays):
        path = folder / f"filled-{number}"
        replay(path, generator, outcome)
        with closing(story.opened(path)) as store:
            outcome.digests.add(digest(store))
            if len(list(store.products())) != PRODUCTS or store.check():
                outcome.problems.append(f"replay {number} (seed {seed}): not the feed, or damaged")
    if len(outcome.digests) != 1:
        outcome.problems.append(f"{len(outcome.digests)} different stores of one feed (seed {seed})")
    if outcome.again:
        outcome.problems.append(f"{outcome.again} acknowledged products were written again (seed {seed})")
    return outcome

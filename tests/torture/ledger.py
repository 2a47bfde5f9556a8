"""What was acknowledged, kept outside of the victim, and whether a store has just that: no more, no less, no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stores.oracle import HASH, assert_same_record, unit
from torture.story import NOTE, Part, copy_of, kind, parts, restored
from wearabouts.stores import ProductRecord, Store, check_backup, open_store, restore

QUERIES = 6
COUNT = 20
# Left by a process that died: named by `check`, and no fault of the store.
LEFT = ("temporary",)
FILTERS: tuple[tuple[str | None, Callable[[ProductRecord], bool]], ...] = (
    (None, lambda record: True),
    ("price < 40", lambda record: (record.product.price or 0) < 40),
    (
        "color = red or garment = dress",
        lambda r: r.product.attributes["color"] == "red" or r.product.garment == "dress",
    ),
    ("category contains 'women'", lambda record: record.product.category.startswith("Women")),
)


@dataclass(frozen=True)
class State:
    """What a store holds: products by id, and the number its note names."""

    records: Mapping[str, ProductRecord] = field(default_factory=dict)
    note: int | None = None

    def after(self, part: Part) -> State:
        """The state once the part is done."""
        if not (part.put or part.gone or part.note is not None):
            return self
        records = {ident: each for ident, each in self.records.items() if ident not in part.gone}
        records |= {record.product.id: record for record in part.put}
        return State(records, self.note if part.note is None else part.note)

    @property
    def sign(self) -> tuple[Any, ...]:
        """Enough to tell it from any other state of the same story."""
        return tuple(sorted((ident, each.product.title) for ident, each in self.records.items())), self.note


def nearest(state: State) -> list[str]:
    """What `looking` finds in a state."""
    photos = [each for record in state.records.values() for each in record.photos]
    return [each.photo.id for each in sorted(photos, key=lambda each: -float(each.vector @ looking()))[:COUNT]]


def looking() -> Any:
    """The query by which a store is looked at after a fault."""
    return unit(np.random.default_rng(5))[0]


def sign_of(store: Store) -> tuple[Any, ...]:
    """`State.sign` of what a store holds."""
    found = []
    for ident in store.products():
        told = store.product(ident)
        assert told is not None, f"{ident} is listed and not there"
        found.append((ident, told["title"]))
    note = store.note(NOTE)
    return tuple(found), None if note is None else note["number"]


class Ledger:
    """All states the store may be in: one, and more for every write that was begun and not acknowledged.

    Args:
        folder: The store's.
        seed: Of the story.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        self.seed = seed
        self.states = [State()]
        self.acknowledged = 0
        self.refused: list[tuple[str, str]] = []  # step and message
        self.problems: list[str] = []
        self.blind: list[str] = []  # refusals to answer after a fault
        self.step = "open"  # under way
        self.next = 0  # number of the next step
        self.copies: dict[Path, tuple[list[State], bool]] = {}  # backups: what they may hold, and whether acknowledged
        self._open: dict[tuple[int, int], Part] = {}
        self._hidden: list[State] = []  # may still come back, until something is written over them

    def read(self, word: str, number: int, index: int, said: str) -> None:
        """Take down one thing a victim told."""
        self.next = max(self.next, number + 1)
        if word == "begin":
            self.step = kind(number)
            part = parts(number, self.seed)[index]
            self._open[number, index] = part
            if part.copies:
                self.copies[copy_of(self.folder, number)] = self.states, False
        elif word == "done":
            part = self._open.pop((number, index))
            self.acknowledged += 1
            self._hidden = []
            self.states = self._distinct([state.after(part) for state in self.states])
            if part.copies:
                self.copies[copy_of(self.folder, number)] = self.states, True
            if not self._open:
                self.step = "between"
        elif word == "refused":
            self.refused.append((kind(number), said))
            self.unsure(self._open.pop((number, index)))
        elif word == "broken":
            self.problems.append(f"{kind(number)} raised {said}")
            self._open.pop((number, index), None)
        elif word == "seen":
            self._seen(json.loads(said))
        elif word == "blind":
            self.blind.append(said)
        elif word in ("not opened", "not closed"):
            self.refused.append((word.split()[1], said))
        else:
            self.step = "between" if word == "opened" else word

    def _seen(self, told: Any) -> None:
        """After a fault the store went on: it must show a state that may be, and answer from it."""
        sign, found = told
        if sign is not None:
            sign = tuple((ident, title) for ident, title in sign[0]), sign[1]
            state = self.matching(sign)
            if state is None:
                self.problems.append(f"after a fault it shows no state that may be: {self._difference(sign)}")
                return
            self._hidden += [each for each in self.states if each is not state]
            self.states = [state]
        if not any(found == nearest(state) for state in self.states):
            self.problems.append("after a fault a search gives a wrong answer")

    def unsure(self, part: Part) -> None:
        """The part may be there or not."""
        self.states = self._distinct([*self.states, *(state.after(part) for state in self.states)])

    def settle(self) -> None:
        """The victim is dead: whatever it had begun may be there or not."""
        for part in self._open.values():
            self.unsure(part)
        self._open = {}

    def matching(self, sign: tuple[Any, ...]) -> State | None:
        """The state that looks like this, among those that may be."""
        return next((state for state in self.states if state.sign == sign), None)

    @staticmethod
    def _distinct(states: list[State]) -> list[State]:
        kept = {state.sign: state for state in states}
        assert len(kept) <= 4_096, "too many writes are unsure"
        return list(kept.values())

    def compare(self, store: Store, *, queries: int = QUERIES) -> None:
        """See that the store is one of the states that may be, and answers like it; from then on it is that state.

        Raises:
            AssertionError: Something acknowledged is lost, doubled, mixed or answered wrongly, or `check` finds damage.
        """
        sign = sign_of(store)
        self.states += self._hidden
        state = self.matching(sign)
        assert state is not None, f"not a state that may be: {self._difference(sign)}"
        same(store, state, queries=queries)
        found = [each for each in store.check() if each.kind not in LEFT]
        assert found == [], f"check finds {found}"
        self.states, self._hidden = [state], []

    def _difference(self, sign: tuple[Any, ...]) -> str:
        sure = self.states[0].sign
        lost, more = sorted(set(sure[0]) - set(sign[0])), sorted(set(sign[0]) - set(sure[0]))
        return (
            f"{len(self.states)} may be; of the first, missing {lost}, unexpected {more}, note {sure[1]} is {sign[1]}"
        )

    def compare_copies(self) -> int:
        """See that every backup is the store of its moment, those begun only are so or not there; how many there were.

        Raises:
            AssertionError: One is not.
            StoreError: One that is there cannot be read.
        """
        for copy, (states, acknowledged) in self.copies.items():
            back = restored(copy)
            assert not acknowledged or (copy.exists() and back.exists()), f"the backup {copy.name} is not there"
            if copy.exists():
                assert check_backup(copy) == [], f"the backup {copy.name} is damaged"
                if not back.exists():
                    restore(copy, back)
                self._compare_copy(back, states)
        count, self.copies = len(self.copies), {}
        return count

    @staticmethod
    def _compare_copy(folder: Path, states: list[State]) -> None:
        with closing(open_store(folder)) as store:
            sign = sign_of(store)
            state = next((each for each in states if each.sign == sign), None)
            assert state is not None, f"{folder.name} is not the store of its moment"
            same(store, state, queries=2)
            assert store.check() == []


def same(store: Store, state: State, *, queries: int = QUERIES) -> None:
    """See that a store has a state's rows to the byte and gives its answers.

    Raises:
        AssertionError: It does not.
    """
    assert store.encoder_hash == HASH
    for ident, record in state.records.items():
        assert_same_record(store.record(ident), record)
    for query in unit(np.random.default_rng(len(state.records)), queries):
        for where, keep in FILTERS if state.records else FILTERS[:2]:  # columns come with products
            right(store, state, query, where, keep)


def right(store: Store, state: State, query: Any, where: str | None, keep: Callable[[ProductRecord], bool]) -> None:
    """See that one answer is what comparing with every vector gives; equals may stand in any order."""
    kept = [record for record in state.records.values() if keep(record)]
    product = {each.photo.id: record.product.id for record in kept for each in record.photos}
    vectors = {each.photo.id: each.vector for record in kept for each in record.photos}
    found = store.search(query, COUNT, where=where)
    assert len(set(found.photo_ids)) == len(found.photo_ids), "a photo is found twice"
    assert len(found) == min(COUNT, len(vectors)), f"{len(found)} found of {len(vectors)} ({where})"
    if not vectors:
        return
    assert [product.get(ident) for ident in found.photo_ids] == list(found.product_ids), f"{where}: wrong products"
    exact = np.clip(np.stack(list(vectors.values())).astype(np.float64) @ query.astype(np.float64), -1, 1)
    of = dict(zip(vectors, exact, strict=True))
    np.testing.assert_allclose(found.similarity, [of[ident] for ident in found.photo_ids], rtol=0, atol=3e-7)
    best = np.sort(exact)[::-1][: len(found)]
    np.testing.assert_allclose(found.similarity, best, rtol=0, atol=3e-7)

"""Copying any store into any other, through the protocol alone: resumable, and never more than the source has.

Both stores give their products in order of id, so that one pass over the two finds what to write, what is the same
already and what the source does not have. What is the same is told by a digest of the whole record, so a copy that was
killed goes on where it was, and a product that changed meanwhile is written again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, is_dataclass
from itertools import islice
from typing import Any, Final

import numpy as np

from wearabouts.errors import StoreError
from wearabouts.stores import ProductRecord, Store
from wearabouts.stores.records import AwayError, ClaimedError

Progress = Callable[[str, int, int | None], None]  # what is being done, how many are done, of how many

BATCH: Final = 200  # products read, and written, together
READERS: Final = 4  # threads: an engine over the network answers several at once
MAX_FAULTS: Final = 1_000


@dataclass(slots=True)
class Copied:
    """What a copy did.

    Attributes:
        products: How many the source has, those that cannot be read among them.
        written: Products that were not in the target, or otherwise.
        photos: Of the products written.
        same: Products that were in the target already, to the letter.
        deleted: Products of the target that the source does not have, and that were removed.
        extra: Products of the target that the source does not have, and that stayed.
        notes: Notes written.
        faults: What could not be copied: a sentence for each product or note, the first thousand.
        failed: How many could not be copied.
        seconds: It took.
    """

    products: int = 0
    written: int = 0
    photos: int = 0
    same: int = 0
    deleted: int = 0
    extra: int = 0
    notes: int = 0
    faults: tuple[str, ...] = ()
    failed: int = 0
    seconds: float = 0.0


def copy(source: Store, target: Store, *, prune: bool = False, progress: Progress | None = None) -> Copied:
    """Write everything that a store holds into another: products, vectors, small copies, what lies beside, notes.

    Stopped at any moment, it can be run again and goes on. A record that cannot be read is left as it is in the
    target, and named.

    Args:
        source: Read only.
        target: Open for writing, of the same encoder.
        prune: Remove products and notes that the source does not have.
        progress: Told how far it is.

    Raises:
        StoreError: The stores' encoders differ, the target cannot be written, or is out of reach.
    """
    if (source.encoder_hash, source.dim) != (target.encoder_hash, target.dim):
        raise StoreError(
            f"the source was filled by encoder {source.encoder_hash} ({source.dim} floats), the target by "
            f"{target.encoder_hash} ({target.dim}); copy into a new store, or index anew for the other encoder"
        )
    return _Copying(source, target, prune, progress or (lambda what, done, total: None)).run()


def digest(record: ProductRecord) -> bytes:
    """32 bytes over all of a record; equal for equal ones, from whatever engine they come."""
    return hashlib.sha256(json.dumps(_plain(record), sort_keys=True).encode("utf-8", "surrogatepass")).digest()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.astype("<f4").tobytes()).hexdigest()
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    # One engine keeps 3 as 3.0.
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Copying:
    def __init__(self, source: Store, target: Store, prune: bool, progress: Progress) -> None:
        self.source = source
        self.target = target
        self.prune = prune
        self.progress = progress
        self.done = Copied()
        self.faults: list[str] = []
        self.claimed: list[str] = []

    def run(self) -> Copied:
        begun = time.monotonic()
        total = self.source.describe().get("products")
        pool = ThreadPoolExecutor(READERS, "wearabouts-copy")
        try:
            pairs = _merged(self.source.products(), self.target.products())
            while part := list(islice(pairs, BATCH)):
                self._part(part, pool)
                self.progress("products", self.done.products, total)
        finally:
            pool.shutdown(cancel_futures=True)
        self._claimed()
        self._notes()
        self.done.faults = tuple(self.faults)
        self.done.seconds = time.monotonic() - begun
        return self.done

    def _part(self, part: list[tuple[str, bool, bool]], pool: ThreadPoolExecutor) -> None:
        extra = [ident for ident, here, _ in part if not here]
        if self.prune and extra:
            self.done.deleted += self.target.delete(extra)
        elif extra:
            self.done.extra += len(extra)
        wanted = [(ident, there) for ident, here, there in part if here]
        self.done.products += len(wanted)
        found = list(pool.map(self._changed, wanted))
        self.done.same += sum(each is True for each in found)
        records = [each for each in found if isinstance(each, ProductRecord)]
        try:
            self._write(records)
        except ClaimedError:
            # A photo has moved to a product that comes before the one it still belongs to in the target.
            for record in records:
                try:
                    self._write([record])
                except ClaimedError:
                    self.claimed.append(record.product.id)

    def _changed(self, wanted: tuple[str, bool]) -> ProductRecord | bool:
        """The record to be written; True where the target has it already, False where there is none to be had."""
        ident, there = wanted
        record = self._read(ident)
        if record is None:
            return False
        if there:
            try:
                before = self.target.record(ident)
            except AwayError:
                raise
            except StoreError:
                before = None  # damaged over there: written anew
            if before is not None and digest(before) == digest(record):
                return True
        return record

    def _read(self, ident: str) -> ProductRecord | None:
        try:
            return self.source.record(ident)
        except AwayError:
            raise  # else each product of the store would be waited for
        except StoreError as error:
            self._fault(str(error))
            return None

    def _write(self, records: list[ProductRecord]) -> None:
        if records:
            self.done.photos += self.target.upsert(records)
            self.done.written += len(records)

    def _claimed(self) -> None:
        """What waited for a photo to be let go: together, for two products may have changed places."""
        while self.claimed:
            waiting, self.claimed = self.claimed, []
            for start in range(0, len(waiting), BATCH):
                records = [record for ident in waiting[start : start + BATCH] if (record := self._read(ident))]
                try:
                    self._write(records)
                except ClaimedError as error:
                    self.claimed += [record.product.id for record in records]
                    reason = error
            if len(self.claimed) == len(waiting):
                raise StoreError(
                    f"{len(waiting)} products cannot be copied: {reason}; with --prune, what the source does not have "
                    "is removed from the target"
                )

    def _notes(self) -> None:
        names, there = (set(store.describe().get("notes", ())) for store in (self.source, self.target))
        for name in sorted(names):
            try:
                facts = self.source.note(name)
            except AwayError:
                raise
            except StoreError as error:
                self._fault(str(error))
                continue
            if facts != self._note(name):
                self.target.write_note(name, facts)
                self.done.notes += 1
        for name in sorted(there - names if self.prune else ()):
            self.target.write_note(name, None)

    def _note(self, name: str) -> dict[str, Any] | None:
        try:
            return self.target.note(name)
        except StoreError:
            return None  # damaged over there: written anew

    def _fault(self, text: str) -> None:
        self.done.failed += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(text)


def _merged(source: Iterator[str], target: Iterator[str]) -> Iterator[tuple[str, bool, bool]]:
    """Every id of the two, in order: whether the source has it, whether the target has it; both rise."""
    one, other = next(source, None), next(target, None)
    while one is not None or other is not None:
        ident = min(each for each in (one, other) if each is not None)
        yield ident, one == ident, other == ident
        if one == ident:
            one = next(source, None)
        if other == ident:
            other = next(target, None)

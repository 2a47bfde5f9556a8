"""A file of named arrays: written once, mapped by any number of readers, proven block by block when first touched.

How it lies in the file is told in `layout`; opening reads the first page and the footer alone. Whoever reads an array
says first which rows (`require`): blocks nobody has proven yet are read and compared with their checksum, for many
ranges at once in numpy, and remembered.

A file is never changed once it has its name: changing what others have mapped would kill them.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.generations import layout
from wearabouts.stores.embedded.generations.layout import BLOCK, PAGE, SUM, Spec
from wearabouts.stores.embedded.generations.layout import Damaged as Damaged

Array = npt.NDArray[Any]
Places = npt.NDArray[np.int64]


class Segment:
    """An opened file, or arrays in memory that need no proof; safe for any number of threads."""

    def __init__(self, facts: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Arrays in memory; see `open` for a file."""
        self.path: Path | None = None
        self.facts = facts
        self._arrays = dict(arrays)
        self._specs: dict[str, Spec] = {}
        self._table: npt.NDArray[np.uint64] = np.zeros(0, SUM)
        self._proven = np.zeros(0, np.bool_)
        self._missing: Places = np.zeros(1, np.int64)  # before each block, those not proven: a range costs two looks
        self._whole = True
        self._file = -1
        self._end = PAGE

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Map a file.

        Raises:
            Damaged: It is not a segment, or its first page or footer is not what was written.
            OSError: It cannot be opened or read.
        """
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            raw, end, size = layout.footer(path, handle)
            count = layout.blocks(end)
            told = layout.told_by(path, raw[SUM.itemsize * count :])
            specs = layout.specs_of(path, told["arrays"], end)
            mapped = mmap.mmap(handle, size, access=mmap.ACCESS_READ)
        except BaseException:
            os.close(handle)
            raise
        found = cls(told["facts"], {})
        found.path, found._file, found._end, found._specs = path, handle, end, specs
        weakref.finalize(found, os.close, handle)
        found._table = np.frombuffer(raw, SUM, count)
        found._proven = np.zeros(count, np.bool_)
        found._count_missing()
        found._arrays = {
            name: np.ndarray(spec.shape, spec.dtype, mapped, spec.offset) if spec.end > spec.offset
            else np.zeros(spec.shape, spec.dtype)
            for name, spec in specs.items()
        }  # fmt: skip
        return found

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def names(self) -> list[str]:
        """The arrays it holds."""
        return list(self._arrays)

    def array(self, name: str) -> Array:
        """An array as it is mapped, read-only and not yet proven: `require` what is read of it.

        Raises:
            Damaged: There is none of that name.
        """
        if name not in self._arrays:
            raise Damaged(self.path, f"it has no array {name!r}")
        return self._arrays[name]

    def require(self, name: str, start: int = 0, stop: int | None = None) -> None:
        """Prove one range of rows before it is read.

        Raises:
            Damaged: A checksum is wrong.
            OSError: The disk fails.
        """
        if not self._whole:
            last = len(self._arrays[name]) if stop is None else stop
            self.require_ranges(name, np.asarray([start], np.int64), np.asarray([last], np.int64))

    def require_ranges(self, name: str, starts: Places, stops: Places) -> None:
        """Prove many ranges of rows before they are read; a row beyond the array is an error.

        Args:
            name: The array.
            starts: (n,) int64, the first row of each range.
            stops: (n,) int64, the row after the last.

        Raises:
            Damaged: A checksum is wrong, or rows are asked for that are not there.
            OSError: The disk fails.
        """
        if self._whole or not len(starts):
            return
        spec = self._specs[name]
        if starts.min() < 0 or stops.max() > spec.shape[0]:
            raise Damaged(self.path, f"rows of {name} were asked for that it has not got")
        first = (starts * spec.row + (spec.offset - PAGE)) // BLOCK
        after = (stops * spec.row + (spec.offset - PAGE - 1)) // BLOCK + 1
        missing = self._missing
        if spec.row == 0 or (missing[first] == missing[after]).all():
            return
        filled = stops > starts
        first, lengths = first[filled], (after - first)[filled]
        before = np.cumsum(lengths) - lengths
        blocks = np.repeat(first - before, lengths) + np.arange(int(lengths.sum()))
        blocks = blocks[~self._proven[blocks]]
        if len(blocks):
            self._prove(np.unique(blocks))
        else:  # proven since they were counted
            self._count_missing()

    def taken(self, name: str, rows: npt.NDArray[np.integer[Any]]) -> Array:
        """Rows of an array, proven and copied."""
        places = np.asarray(rows, np.int64)
        if len(places) and (places.min() < 0 or places.max() >= len(self._arrays[name])):
            raise Damaged(self.path, f"rows of {name} were asked for that it has not got")
        self.require_ranges(name, places, places + 1)
        return np.asarray(self._arrays[name][places])

    def whole(self, name: str) -> Array:
        """A whole array, proven."""
        found = self.array(name)
        self.require(name)
        return found

    @property
    def proven(self) -> float:
        """The share of the file that has been proven, in [0, 1]."""
        return 1.0 if self._whole else float(np.count_nonzero(self._proven) / len(self._proven))

    def scrub(self, between: Callable[[], None] | None = None, most: int | None = None) -> None:
        """Prove what nobody has touched yet.

        Args:
            between: Called after each block; may sleep, or raise to stop.
            most: Bytes after which it is enough.

        Raises:
            Damaged: A checksum is wrong.
            OSError: The disk fails.
        """
        for block in np.flatnonzero(~self._proven)[: None if most is None else most // BLOCK].tolist():
            self._prove(np.asarray([block]))
            if between is not None:
                between()
        self._count_missing()

    def faults(self, between: Callable[[], None] | None = None) -> Iterator[str]:
        """Go through every block, proven before or not, and name those whose checksum is wrong.

        Args:
            between: As of `scrub`.
        """
        for block in range(len(self._table)):
            reason = self._fault(block)
            if reason is not None:
                yield reason
            elif not self._proven[block]:
                self._proven[block] = True
            if between is not None:
                between()
        self._count_missing()

    def _prove(self, blocks: Places) -> None:
        for block in blocks.tolist():
            reason = self._fault(block)
            if reason is not None:
                raise Damaged(self.path, reason)
            self._proven[block] = True

    def _count_missing(self) -> None:
        # Of two threads the earlier may write last: then a proven block is looked up once more, and counted again.
        missing = np.zeros(len(self._proven) + 1, np.int64)
        np.cumsum(~self._proven, out=missing[1:])
        self._missing, self._whole = missing, bool(missing[-1] == 0)

    def _fault(self, block: int) -> str | None:
        # Read, not touched through the map: a disk that fails is an error then, and not a signal that kills.
        start = PAGE + block * BLOCK
        length = min(BLOCK, self._end - start)
        data = os.pread(self._file, length, start)
        if len(data) == length and layout.summed(data) == self._table[block]:
            return None
        names = [name for name, spec in self._specs.items() if spec.offset < start + length and spec.end > start]
        return f"the checksum of block {block} ({', '.join(names[:3]) or 'a gap'}) is wrong"

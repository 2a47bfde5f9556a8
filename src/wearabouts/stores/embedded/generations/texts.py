"""Millions of texts without one Python object each: their bytes one after another, and where each begins.

What is looked for in all of them is looked for in numpy, by the bytes of UTF-8: no text's bytes can begin within
another's character.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.generations.segment import Damaged, Places, Segment

Mask = npt.NDArray[np.bool_]

_STEP: Final = 2**23  # bytes looked through at once


def text_hash(raw: bytes) -> int:
    """64 bits by which a text is looked up; the text itself decides."""
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")


class Texts:
    """A table of texts in a segment."""

    def __init__(self, segment: Segment, name: str) -> None:
        """Opens ``name/offsets`` (N + 1) and ``name/data``.

        Raises:
            Damaged: They are not there, or of other types.
        """
        self._segment = segment
        self._name = name
        self._offsets, self._data = segment.array(f"{name}/offsets"), segment.array(f"{name}/data")
        if self._offsets.dtype != np.int64 or self._data.dtype != np.uint8 or not len(self._offsets):
            raise Damaged(segment.path, f"its texts {name!r} are of another format")
        self._checked = False

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def raw(self, places: npt.NDArray[np.integer[Any]]) -> list[bytes]:
        """The UTF-8 bytes of some texts.

        Raises:
            Damaged: They are not what was written.
        """
        rows = np.asarray(places, np.int64)
        starts = self._segment.taken(f"{self._name}/offsets", rows)
        stops = self._segment.taken(f"{self._name}/offsets", rows + 1)
        self._segment.require_ranges(f"{self._name}/data", starts, stops)
        return [self._data[start:stop].tobytes() for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]

    def many(self, places: npt.NDArray[np.integer[Any]]) -> list[str]:
        """Some texts."""
        return [raw.decode("utf-8", "replace") for raw in self.raw(places)]

    def ranks(self) -> Places:
        """The place of each text among all sorted by their bytes: (N,) int64; for some ten thousands of them."""
        raws = self.raw(np.arange(len(self)))
        ranks = np.empty(len(raws), np.int64)
        ranks[sorted(range(len(raws)), key=raws.__getitem__)] = np.arange(len(raws))
        return ranks

    def equal(self, text: str, some: Places | None = None) -> Mask:
        """Which texts, or which of some places, are this one: (N,) bool or (n,) bool."""
        starts, stops = self._bounds(some)
        return self._beginning(text.encode(), starts, stops - starts == len(text.encode()))

    def starting(self, text: str, some: Places | None = None) -> Mask:
        """Which texts, or which of some places, begin with this one: (N,) bool or (n,) bool."""
        starts, stops = self._bounds(some)
        return self._beginning(text.encode(), starts, stops - starts >= len(text.encode()))

    def containing(self, text: str) -> Mask:
        """Which texts hold this one anywhere: (N,) bool; it must not be empty."""
        starts, stops = self._bounds()
        part, data = text.encode(), self._segment.whole(f"{self._name}/data")
        found = np.zeros(len(self), np.bool_)
        # Begun with the part's rarest byte, which leaves the fewest places to look at.
        seen = np.bincount(data[: 2**20], minlength=256)
        pivot = min(range(len(part)), key=lambda place: seen[part[place]])
        for low in range(0, len(data) - len(part) + 1, _STEP):
            count = min(_STEP, len(data) - len(part) + 1 - low)
            at = np.flatnonzero(data[low + pivot : low + pivot + count] == part[pivot]) + low
            for place, byte in enumerate(part):
                if place != pivot:
                    at = at[data[at + place] == byte]
            rows = np.searchsorted(starts, at, side="right") - 1
            found[rows[at + len(part) <= stops[rows]]] = True
        return found

    def _beginning(self, wanted: bytes, starts: Places, found: Mask) -> Mask:
        data = self._segment.whole(f"{self._name}/data")
        rows = np.flatnonzero(found)
        starts = starts[rows]
        for place, byte in enumerate(wanted):
            kept = data[starts + place] == byte
            rows, starts = rows[kept], starts[kept]
        found = np.zeros(len(found), np.bool_)
        found[rows] = True
        return found

    def _bounds(self, some: Places | None = None) -> tuple[Places, Places]:
        """Where texts start and stop, once all are sure to lie one after another inside the bytes."""
        offsets = self._segment.whole(f"{self._name}/offsets")
        if not self._checked:
            if offsets[0] != 0 or offsets[-1] != len(self._data) or np.any(np.diff(offsets) < 0):
                raise Damaged(self._segment.path, f"its texts {self._name!r} lie across each other")
            self._checked = True
        return (offsets[:-1], offsets[1:]) if some is None else (offsets[some], offsets[some + 1])


class Names:
    """Texts that are also looked up: ids; ``name/hashes`` (sorted) and ``name/hashed`` (whose they are) beside them."""

    def __init__(self, segment: Segment, name: str) -> None:
        """Opens them; see `Texts`."""
        self.texts = Texts(segment, name)
        self._segment = segment
        self._name = name
        hashes, places = segment.array(f"{name}/hashes"), segment.array(f"{name}/hashed")
        if (hashes.dtype, places.dtype) != (np.dtype("<u8"), np.dtype("<i4")) or not len(hashes) == len(places) == len(
            self.texts
        ):
            raise Damaged(segment.path, f"its ids {name!r} are of another format")

    def __len__(self) -> int:
        return len(self.texts)

    def find(self, ids: Sequence[str]) -> Places:
        """The place of each id, -1 for one that is not there: (n,) int64.

        Raises:
            Damaged: The tables are not what was written.
        """
        found = np.full(len(ids), -1, np.int64)
        if not len(self) or not len(ids):
            return found
        hashes = self._segment.whole(f"{self._name}/hashes")
        raws = [ident.encode("utf-8", "surrogatepass") for ident in ids]
        wanted = np.fromiter(map(text_hash, raws), np.uint64, len(raws))
        at = np.searchsorted(hashes, wanted)
        left = np.arange(len(ids))
        while True:
            left = left[at[left] < len(hashes)]
            left = left[hashes[at[left]] == wanted[left]]
            if not len(left):
                return found
            places = self._segment.taken(f"{self._name}/hashed", at[left]).astype(np.int64)
            same = np.asarray(
                [raws[each] == raw for each, raw in zip(left.tolist(), self.texts.raw(places), strict=True)], np.bool_
            )
            found[left[same]] = places[same]
            left = left[~same]  # another text of the same hash: the next may be the one
            at[left] += 1


def hashed(hashes: npt.NDArray[np.uint64]) -> dict[str, npt.NDArray[Any]]:
    """The two arrays of `Names` for texts with these hashes."""
    order = np.argsort(hashes, kind="stable")
    return {"hashes": hashes[order], "hashed": order.astype(np.int32)}

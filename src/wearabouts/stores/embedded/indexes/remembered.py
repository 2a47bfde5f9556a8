"""Filters whose rows have been worked out, kept as long as there is room for them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from wearabouts.stores.embedded.indexes import Allowed

ROOM: Final = 64 * 2**20  # bytes


class Remembered:
    """The filters of one generation, which never changes: what a filter keeps of it stays true for ever."""

    def __init__(self, room: int = ROOM) -> None:
        """Nothing is remembered yet.

        Args:
            room: How many bytes may be kept; the filters not asked for the longest go first.
        """
        self._room = room
        self._found: OrderedDict[Hashable, Allowed] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, name: Hashable) -> Allowed | None:
        """What `put` was given under this name; None where that is gone."""
        with self._lock:
            if name in self._found:
                self._found.move_to_end(name)
            return self._found.get(name)

    def put(self, name: Hashable, allowed: Allowed) -> None:
        """Keep a filter's rows, unless they alone take more than all the room."""
        with self._lock:
            if name in self._found or allowed.bytes > self._room:
                return
            self._found[name] = allowed
            self._bytes += allowed.bytes
            while self._bytes > self._room:
                self._bytes -= self._found.popitem(last=False)[1].bytes

    def describe(self) -> dict[str, int]:
        """How many filters are kept, and the bytes they take."""
        with self._lock:
            return {"filters": len(self._found), "bytes": self._bytes}

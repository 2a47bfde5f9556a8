"""What has been worked out of a generation, such as the rows of a filter, kept as long as there is room for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, Protocol, TypeVar

ROOM: Final = 64 * 2**20  # bytes


class Sized(Protocol):
    """What takes room."""

    @property
    def bytes(self) -> int:
        """How much of it in memory, at most."""
        ...


T = TypeVar("T", bound=Sized)


class Remembered(Generic[T]):
    """Results from one generation, which never changes: what a filter keeps of it stays true for ever."""

    def __init__(self, room: int = ROOM) -> None:
        """Nothing is remembered yet.

        Args:
            room: How many bytes may be kept; what was not asked for the longest goes first.
        """
        self._room = room
        self._found: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, name: Hashable) -> T | None:
        """What `put` was given under this name; None where that is gone."""
        with self._lock:
            if name not in self._found:
                return None
            self._found.move_to_end(name)
            return self._found[name][0]

    def put(self, name: Hashable, found: T) -> None:
        """Keep something, unless it alone takes more than all the room."""
        with self._lock:
            size = found.bytes
            if name in self._found or size > self._room:
                return
            self._found[name] = found, size
            self._bytes += size
            while self._bytes > self._room:
                self._bytes -= self._found.popitem(last=False)[1][1]

    def describe(self) -> dict[str, int]:
        """How many filters are kept, and the bytes they take."""
        with self._lock:
            return {"filters": len(self._found), "bytes": self._bytes}

"""Connections for everything that reads the truth."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.truth.schema import connect, reading, told

MAX_IDLE: Final = 8  # connections kept for the next reader


class Readers:
    """Read-only connections, one to each thread that reads just now, a few kept for the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextmanager
    def reading(self, doing: str) -> Iterator[sqlite3.Connection]:
        """A connection in a read transaction.

        Args:
            doing: What for, in the words of an error message.

        Raises:
            StoreError: SQLite fails, or a row's facts are not what their writer wrote.
        """
        with told(self.folder, doing):
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = connect(self.folder, write=False)
            try:
                with reading(connection):
                    yield connection
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
                raise StoreError(
                    f"{self.folder}: {doing} found a row that cannot be read ({type(error).__name__}); "
                    "run `wearabouts check --repair`"
                ) from error
            finally:
                if self._closed or len(self._idle) >= MAX_IDLE:
                    connection.close()
                else:
                    self._idle.append(connection)

    def close(self) -> None:
        """Close what is idle; what is in use closes when it is given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

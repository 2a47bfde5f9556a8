"""When the derived base is worth making anew, and making it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from wearabouts.errors import StoreError
from wearabouts.stores.embedded import derived
from wearabouts.stores.embedded.loading import base_rows
from wearabouts.stores.embedded.schema import DERIVED, read_meta
from wearabouts.stores.embedded.tracking import LARGE
from wearabouts.stores.embedded.view import View

SLACK: Final = 1_000  # rows outside the base that are not worth another one at closing


def write(folder: Path, connection: sqlite3.Connection, *, progress: Callable[[float], None] | None = None) -> None:
    """Write a base of what the database has now.

    Args:
        folder: The store's folder.
        connection: In a read transaction.
        progress: Told the part that is done, 0 to 1, every few milliseconds; what it raises ends the writing, and
            leaves everything as it was.

    Raises:
        StoreError: The disk fails; the base before stays.
    """
    meta = read_meta(connection, folder)
    try:
        numbers, sums, rows = base_rows(connection, meta.dim)
        derived.write(
            folder / DERIVED,
            sequence=meta.sequence,
            encoder_hash=meta.encoder_hash,
            dim=meta.dim,
            numbers=numbers,
            sums=sums,
            rows=rows if progress is None else _told(rows, len(numbers), progress),
        )
    except OSError as error:
        raise StoreError(
            f"the index of {folder} could not be written ({error}); nothing is lost, searches go on "
            "without it; make room and run `wearabouts check --repair`"
        ) from error


def _told(rows: Iterable[bytes], count: int, progress: Callable[[float], None]) -> Iterator[bytes]:
    for place, row in enumerate(rows):
        if not place % 64:
            progress(place / count)
        yield row


def is_behind(view: View) -> bool:
    """Whether enough lies outside the base to write another one when the store is closed."""
    outside, size = _outside(view)
    return outside > (0 if view.rows.base.path is None else SLACK + size // 10)


def is_outgrown(view: View) -> bool:
    """Whether so much lies outside the base that another one is worth it while writing."""
    outside, size = _outside(view)
    return outside > LARGE + size


def _outside(view: View) -> tuple[int, int]:
    """How many rows live outside the base or lie buried in it, and how large it is."""
    size = len(view.rows.base.numbers)
    return len(view.vectors) + size - int(np.count_nonzero(view.alive[:size])), size

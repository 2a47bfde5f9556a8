"""When the derived base is worth making anew, and making it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.generations import derived
from wearabouts.stores.embedded.generations.building import build
from wearabouts.stores.embedded.generations.drafting import moved
from wearabouts.stores.embedded.living import apart
from wearabouts.stores.embedded.truth.refusals import cure
from wearabouts.stores.embedded.truth.schema import DERIVED, Meta, read_meta
from wearabouts.stores.embedded.views.view import View

log = logging.getLogger("wearabouts.stores")

LARGE: Final = 20_000  # newer photos, compared one by one in about a millisecond
QUICK: Final = 100_000  # photos
ALONE: Final = apart.Pace(1.0, alone=True)
SLACK: Final = 1_000  # rows outside the base that are not worth another one at closing


def write(
    folder: Path,
    connection: sqlite3.Connection,
    *,
    progress: Callable[[float], None] | None = None,
    pace: apart.Pace = ALONE,
) -> None:
    """Write a base of what the database has now: a large one from a process of its own.

    Args:
        folder: The store's folder.
        connection: In a read transaction.
        pace: How much of the machine that process may take.
        progress: Told the part that is done, 0 to 1, every few milliseconds; what it raises ends the writing, and
            leaves everything as it was.

    Raises:
        StoreError: The disk fails; the base before stays.
    """
    meta = read_meta(connection, folder)
    try:
        generation, draft, target = derived.next_draft(folder / DERIVED)
        try:
            _build(folder, connection, meta, draft, generation, pace=pace, progress=progress or _unwatched)
            moved(draft, target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        derived.drop_older(folder / DERIVED, generation)
    except (OSError, MemoryError) as error:
        raise StoreError(
            f"the index of {folder} could not be written ({error}); nothing is lost, searches go on without it; "
            + cure(error, "make room and run `wearabouts check --repair`")
        ) from error


def _build(
    folder: Path,
    connection: sqlite3.Connection,
    meta: Meta,
    draft: Path,
    generation: int,
    *,
    pace: apart.Pace,
    progress: Callable[[float], None],
) -> None:
    (photos,) = connection.execute("SELECT count(*) FROM photos").fetchone()
    if apart.is_worth(photos, meta.dim):
        try:
            apart.build(folder, draft, generation, pace=pace, progress=progress)
        except apart.NotBegunError as error:
            log.warning("%s: the index is made in this process, beside what searches: %s", folder, error)
        else:
            return
    build(connection, meta, draft, generation=generation, progress=progress)


def _unwatched(done: float) -> None:
    """Progress that nobody wants to see."""


def is_behind(view: View) -> bool:
    """Whether enough lies outside the base to write another one when the store is closed."""
    size, buried = len(view.base), _buried(view)
    return len(view.vectors) + buried > (0 if view.base.path is None else SLACK + size // 10)


def is_quick(view: View) -> bool:
    """Whether writing another base takes no more than a few seconds."""
    return len(view.alive) <= QUICK


def is_outgrown(view: View, *, searched: bool = True) -> bool:
    """Whether so much lies outside the base that another one is worth it while the store is open.

    Args:
        view: The newest.
        searched: Whether anybody searches; while a store is only filled, its bases double.
    """
    return len(view.vectors) > _most_newer(view, searched) or _buried(view) > _most_buried(view)


def described(view: View, *, searched: bool = True) -> dict[str, Any]:
    """When the next base will be made, and why then."""
    newer, buried = _most_newer(view, searched), _most_buried(view)
    why = (
        f"every search compares with each of the {len(view.vectors)} photos that are newer than the base, and passes "
        f"over the {_buried(view)} in it that are gone; past {newer} and {buried}, making it anew costs less"
    )
    return {"past_newer": newer, "past_buried": buried, "why": why}


def _most_newer(view: View, searched: bool) -> int:
    return LARGE + len(view.base) // (50 if searched else 1)


def _most_buried(view: View) -> int:
    return LARGE + len(view.base) // 5


def _buried(view: View) -> int:
    return int(np.count_nonzero(~view.alive[: len(view.base)]))

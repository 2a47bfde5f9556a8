"""Repairing a store that is closed: it is opened for it, once what is damaged has been seen and kept.

A writer makes a damaged base anew in the background as soon as it has opened, so its files are looked at before.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wearabouts.stores.embedded.soundness import checking
from wearabouts.stores.embedded.soundness.repairing import Repaired, keep_files
from wearabouts.stores.embedded.store import EmbeddedStore
from wearabouts.stores.embedded.truth.lock import WriterLock
from wearabouts.stores.embedded.truth.schema import DERIVED, LOCK
from wearabouts.stores.embedded.truth.walking import Progress, unwatched


def repair(folder: Path, *, keep: Path | None = None, progress: Progress = unwatched) -> Repaired:
    """Open a store, remove what cannot be trusted, make what is derived anew, and close it.

    Args:
        folder: The store's.
        keep: A folder in which what is removed is kept.
        progress: Told how far it is.

    Raises:
        StoreError: No store, one that another process writes, or what is removed cannot be kept: nothing is changed.
    """
    EmbeddedStore.open(folder).close()  # there is a store, and it can be read
    lock = WriterLock(folder / LOCK)
    try:
        damaged = checking.of_files(folder / DERIVED)
        if keep is not None and damaged:
            keep_files((folder / DERIVED / each.subject for each in damaged), keep)
    finally:
        lock.release()
    store = EmbeddedStore.open(folder, mode="write")
    try:
        done = store.repair(keep=keep, progress=progress)
    finally:
        store.close()
    found = (*damaged, *(each for each in done.found if each not in damaged))
    return replace(done, found=found, kept=keep if keep is not None and keep.exists() else None)

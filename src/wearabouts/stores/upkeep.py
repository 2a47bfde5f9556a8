"""Backing a store up, restoring and repairing it, by its address; an engine that can has modules of its own for it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wearabouts.errors import StoreError

if TYPE_CHECKING:
    from wearabouts.stores import Finding
    from wearabouts.stores.embedded.backup import Backup
    from wearabouts.stores.embedded.restoring import Restored
    from wearabouts.stores.embedded.soundness.repairing import Repaired

_BACK_UP = "copy it to one (`wearabouts copy {} FOLDER`) and back that up, or use the tools of its engine"
_REPAIR = "`wearabouts check {} --repair` mends what it can there"
_RESTORE = "restore to a folder, then copy that (`wearabouts copy FOLDER {}`)"


def backup(store: str | Path, to: str | Path, *, derived: bool = False, **options: Any) -> Backup:
    """Back a store up, also while others read and write it: one consistent picture, whole or not at all.

    Args:
        store: An embedded store.
        to: The backup's folder; must not exist, or be empty.
        derived: Take along what is derived from the truth, which restoring makes anew otherwise.
        options: ``progress``, told what is being done, how many are done, and of how many.

    Raises:
        StoreError: No store there, a damaged one, something at `to`, or the disk fails: then nothing is at `to`.
    """
    made: Backup = _embedded("backup").backup(_folder(store, _BACK_UP), Path(to), derived=derived, **options)
    return made


def check_backup(path: str | Path, **options: Any) -> list[Finding]:
    """Everything that is wrong with a backup: its files against the manifest, the database against itself.

    Args:
        path: The backup's folder.
        options: As of `backup`.

    Raises:
        StoreError: No backup, or one whose manifest is damaged.
    """
    found: list[Finding] = _embedded("backup").check(Path(path), **options)
    return found


def repair(store: str | Path, *, keep: str | Path | None = None, **options: Any) -> Repaired:
    """Remove what cannot be trusted, make what is derived anew, and say what was lost and how it comes back.

    Args:
        store: An embedded store that nobody writes.
        keep: A folder in which what is removed is kept.
        options: As of `backup`.

    Raises:
        StoreError: No store, one that is being written, or what is removed cannot be kept: then nothing is changed.
    """
    kept = None if keep is None else Path(keep)
    done: Repaired = _embedded("overhaul").repair(_folder(store, _REPAIR), keep=kept, **options)
    return done


def restore(
    backup: str | Path, store: str | Path, *, force: bool = False, derived: bool = True, **options: Any
) -> Restored:
    """Make a store of a backup: the same rows, and the same answers.

    Args:
        backup: The backup's folder.
        store: Where the store is to be; free, or a store, with `force`.
        force: Replace the store that is there; it stays whole until the restored one stands in its place.
        derived: Use what is derived where the backup has it along; else it is made anew.
        options: As of `backup`.

    Raises:
        StoreError: No backup or a damaged one, something at `store`, a store that is being written, or the disk
            fails: then everything is as it was.
    """
    made: Restored = _embedded("restoring").restore(
        Path(backup), _folder(store, _RESTORE), force=force, derived=derived, **options
    )
    return made


def _embedded(name: str) -> Any:
    return import_module(f"wearabouts.stores.embedded.{name}")


def _folder(address: str | Path, cure: str) -> Path:
    from wearabouts.stores import folder_of

    folder = folder_of(address)
    if folder is None:
        raise StoreError(f"{address} is no embedded store; {cure.format(address)}")
    return folder

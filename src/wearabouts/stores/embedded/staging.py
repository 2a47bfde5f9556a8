"""Folders that appear whole or not at all: made beside their place under another name, then renamed.

A process killed meanwhile leaves `.NAME.partial` beside the place; the next one that wants the place clears it away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.generations.derived import sync_folder
from wearabouts.stores.embedded.truth.refusals import cure

MANIFEST: Final = "manifest.json"  # of a backup
_EXCHANGE: Final = 2  # RENAME_EXCHANGE of renameat2
_HERE: Final = -100  # AT_FDCWD


def place_of(path: Path) -> Path:
    """A path as it is meant, links followed: renaming must not replace a link."""
    return Path(os.path.realpath(path))


@contextmanager
def staged(place: Path, doing: str) -> Iterator[Path]:
    """An empty folder that is to become `place`, by `settle` or `exchange`; removed where something is raised.

    Args:
        place: Where it will stand; its parents are made.
        doing: What for, in the words of an error message.

    Raises:
        StoreError: Another process is making the same place, or the disk fails.
    """
    draft = place.with_name(f".{place.name}.partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(exist_ok=True)
        handle = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(f"{doing} {place} is under way already; wait until it has finished") from None
            _clear(draft)
            try:
                yield draft
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        finally:
            os.close(handle)
    except OSError as error:
        name = f" at {error.filename}" if error.filename else ""
        raise StoreError(
            f"{doing} {place} failed ({error.strerror or error}{name}); nothing was put there; "
            + cure(error, "use a folder on a disk that works, has room, and that one may write to")
        ) from error


def _clear(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def sync(folder: Path) -> None:
    """Bring a folder and all files in it to the disk."""
    for root, _, files in os.walk(folder):
        for name in files:
            handle = os.open(Path(root) / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(root))


def settle(draft: Path, place: Path) -> None:
    """Give a finished draft its place, which is free or an empty folder, to last through a loss of power."""
    sync(draft)
    os.rename(draft, place)
    sync_folder(place.parent)


def exchange(draft: Path, place: Path) -> None:
    """Put a finished draft in the place of another folder, and remove that.

    In one step where the file system can; else in two, with the other folder under the name that `set_aside` gives.
    """
    sync(draft)
    if not _swapped(draft, place):
        aside = set_aside(place)
        os.rename(place, aside)
        os.rename(draft, place)
        os.rename(aside, draft)
    sync_folder(place.parent)
    shutil.rmtree(draft, ignore_errors=True)


def set_aside(place: Path) -> Path:
    """Where a folder lies for the moment in which another takes its place."""
    return place.with_name(f".{place.name}.before")


def put_back(place: Path) -> None:
    """After a process was killed in that moment: give the folder its place again, or remove it where it is replaced."""
    aside = set_aside(place)
    try:
        with suppress(FileNotFoundError):
            if os.path.lexists(place):
                shutil.rmtree(aside)
            else:
                os.rename(aside, place)
    except OSError as error:
        raise StoreError(
            f"what a killed process left at {aside} cannot be put back ({error.strerror}); "
            + cure(error, "give a folder one may write to")
        ) from error


def _swapped(one: Path, other: Path) -> bool:
    import ctypes

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    done = rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), ctypes.c_uint(_EXCHANGE))
    return bool(done == 0)

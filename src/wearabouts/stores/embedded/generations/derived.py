"""The files of the derived base: made from the truth, never changed, thrown away without regret.

A base (`generation.Base`) is one segment a generation, `derived/base-00000001.segment`, mapped by every reader. It is
written under a temporary name, fsynced, renamed, and the folder fsynced; a new generation gets a new name, because
changing a file that others have mapped kills them. A base that is missing, damaged, another encoder's or from another
future is no error: the truth has everything.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.generations.drafting import sync_folder as sync_folder
from wearabouts.stores.embedded.generations.generation import Base, no_base, opened
from wearabouts.stores.embedded.generations.segment import Damaged, Segment

TEMPORARY: Final = ".tmp"
_NAME: Final = re.compile(r"base-(\d{8})\.segment")
_OTHER: Final = re.compile(r"base-(\d{8})\.vectors")  # of releases before
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def generations(folder: Path) -> list[tuple[int, Path]]:
    """Generation number and file of every base in the folder, newest first."""
    found = ((_NAME.fullmatch(path.name), path) for path in _listed(folder))
    return sorted(((int(match[1]), path) for match, path in found if match), reverse=True)


def is_generation(name: str) -> bool:
    """Whether a file of this name is a base."""
    return _NAME.fullmatch(name) is not None


def outdated(folder: Path) -> list[Path]:
    """Bases that releases before wrote, which no reader of this one looks at."""
    return [path for path in _listed(folder) if _OTHER.fullmatch(path.name)]


def temporary(folder: Path) -> list[Path]:
    """Files that a killed rebuild left behind."""
    return [path for path in _listed(folder) if path.name.endswith(TEMPORARY)]


def _listed(folder: Path) -> list[Path]:
    with suppress(OSError):
        if stat.S_ISDIR(os.lstat(folder).st_mode):
            return sorted(folder.iterdir())
    return []


def newest(
    folder: Path,
    *,
    dim: int,
    encoder_hash: str,
    fits: Callable[[str, int], bool],
    without: Collection[Path] = (),
    damaged: Callable[[Path, str], None] = lambda path, reason: None,
) -> Base:
    """The newest base that can be trusted, or the empty one.

    Args:
        folder: The store's `derived` folder; need not exist.
        dim: Floats per vector of the store.
        encoder_hash: The store's encoder.
        fits: Whether a base made in that era at that sequence number was made from this database.
        without: Files known to be damaged.
        damaged: Told of each file that turns out to be, and how.

    Raises:
        StoreError: The process has too many files open.
    """
    seen: set[Path] = set(without)
    while paths := [path for _, path in generations(folder) if path not in seen]:
        seen.add(paths[0])
        try:
            base = opened(paths[0])
        except Damaged as error:
            damaged(paths[0], error.reason)
            continue
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise StoreError(
                    f"{paths[0]} cannot be opened ({error.strerror}); close something, or allow more open files"
                ) from error
            continue
        if (base.facts["encoder_hash"], base.dim) == (encoder_hash, dim) and fits(base.era, base.sequence):
            return base
    return no_base(dim)


def fault(path: Path) -> str | None:
    """Why a base's file cannot be trusted, every block of it read, or None."""
    try:
        base = Base(Segment.open(path))
        return next(base.segment.faults(), None)
    except (OSError, Damaged) as error:
        return error.reason if isinstance(error, Damaged) else str(error)


def next_draft(folder: Path) -> tuple[int, Path, Path]:
    """The number of the next generation, a temporary name for it, and its own; only for the one writer.

    Raises:
        OSError: The folder cannot be made.
        StoreError: The folder is a link.
    """
    folder.mkdir(exist_ok=True)
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise StoreError(
            f"{folder} is a link; a store's folders may not be links; put the folder itself there, or remove it"
        )
    generation = 1 + max((each for each, _ in generations(folder)), default=0)
    target = folder / f"base-{generation:08d}.segment"
    return generation, folder / f"{target.name}.{os.getpid()}{TEMPORARY}", target


def drop_older(folder: Path, generation: int) -> None:
    """Remove generations before this one, and what killed processes left; who has an old one mapped keeps it."""
    older = [path for each, path in generations(folder) if each < generation]
    for path in older + temporary(folder) + outdated(folder):
        path.unlink(missing_ok=True)

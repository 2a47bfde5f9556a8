"""What helps when a disk, or the process's own limits, refuse something: one wording for the whole store."""

from __future__ import annotations

import errno
import os
from typing import Final

_FULL: Final = "the disk is full: nothing of this step was kept, all before it is safe; make room and run it again"
_FILES: Final = (
    "this process may open no more files: close some or allow more (`ulimit -n`), and run it again; the store is whole"
)
_BROKEN: Final = (
    "the disk failed to read or write: nothing of this step was acknowledged; look after the disk, run it again, and "
    "run `wearabouts check`"
)
_MEMORY: Final = (
    "there is no memory left: nothing of this step was kept; give more, or do less at once, and run it again"
)
_OF_NUMBER: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.EIO: _BROKEN,
    errno.ENOMEM: _MEMORY,
}


def cure(error: BaseException, otherwise: str = "") -> str:
    """What to do about an error of the operating system or of SQLite.

    Args:
        error: Any `OSError`, `MemoryError` or `sqlite3.Error`.
        otherwise: What to say of one that is not about disks, files or memory.
    """
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, OSError):
        return _OF_NUMBER.get(error.errno or 0, otherwise)
    text = str(error).lower()
    if "full" in text:
        return _FULL
    if "i/o" in text:
        return _BROKEN
    if "unable to open" in text and _is_out_of_files():  # SQLite does not say why
        return _FILES
    return otherwise


def _is_out_of_files() -> bool:
    """Whether no database can be opened: that takes its file, its log, what it shares, and one for a moment."""
    opened: list[int] = []
    try:
        for _ in range(4):
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    finally:
        for each in opened:
            os.close(each)
    return False

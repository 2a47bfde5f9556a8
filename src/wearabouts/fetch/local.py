"""Local files, as carefully as remote ones: a feed may name any path."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from wearabouts.errors import FetchError
from wearabouts.fetch.terms import Fetched, shown


def read_local(path: str, root: Path | None, validators: Mapping[str, str], max_bytes: int) -> Fetched:
    """The bytes of a plain file, or none where size, times and inode are those of last time.

    Args:
        path: As a catalog says it.
        root: Folder the file must lie in once links are resolved; None for anywhere.
        validators: ``stat`` from the last time, if there was one.
        max_bytes: Most bytes.

    Raises:
        FetchError: No such file, not a plain one, outside `root`, or too large.
    """
    if not path or "\x00" in path:
        raise FetchError(f"{shown(path)!r} is no path; give the path of a file")
    real = os.path.realpath(path if root is None or os.path.isabs(path) else os.path.join(root, path))
    if root is not None and not real.startswith(os.path.join(os.path.realpath(root), "")):
        raise FetchError(f"{shown(path)} lies outside {root}, the folder photos may come from; move it there")
    try:
        # Without O_NONBLOCK a named pipe would hold us for ever.
        descriptor = os.open(real, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise FetchError(f"{shown(path)} cannot be read ({reason}); give a readable file") from problem
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise FetchError(f"{shown(path)} is not a plain file; give a picture file")
        if about.st_size > max_bytes:
            raise FetchError(f"{shown(path)} has {about.st_size} bytes; allowed are {max_bytes} (max_bytes)")
        now = {"stat": f"{about.st_size}-{about.st_mtime_ns}-{about.st_ctime_ns}-{about.st_ino}"}
        if validators.get("stat") == now["stat"]:
            return Fetched(None, now)
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise FetchError(f"{shown(path)} grew past {max_bytes} bytes (max_bytes) while it was read")
    return Fetched(data, now)

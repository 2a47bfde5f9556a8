"""Where stores are tortured: in memory where there is such a file system, because each waits for its disk often."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 200 * 2**20  # bytes that must be free


@contextmanager
def ground() -> Iterator[Path]:
    """An empty folder, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="torture-", dir=MEMORY if _is_roomy() else None) as folder:
        yield Path(folder)


def _is_roomy() -> bool:
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return False
    return os.access(MEMORY, os.W_OK) and found.f_bavail * found.f_frsize > ROOM

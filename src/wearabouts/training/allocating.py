"""Memory that training on a CPU keeps: left alone, glibc gives every large tensor fresh pages and takes them back.

A step then spends a good part of its time having pages cleared that it had a moment before. With two limits raised the
pages stay with the process. No figure changes by it.
"""

from __future__ import annotations

import ctypes

# From glibc's malloc.h; the limits are C ints.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
MOST = 2**31 - 1


def keep_pages() -> bool:
    """Keep freed memory in this process, from now on.

    Returns:
        Whether that could be done; other C libraries than glibc have no such limits, or do without.
    """
    try:
        libc = ctypes.CDLL(None)
        limit = libc.mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(limit(MMAP_THRESHOLD, MOST)) and bool(limit(TRIM_THRESHOLD, MOST))

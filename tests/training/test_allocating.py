"""Pages that stay: a large tensor made again and again costs no fresh ones."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from wearabouts.training.allocating import keep_pages

CODE = """
import resource, sys
import numpy as np
if {kept}:
    from wearabouts.training.allocating import keep_pages
    assert keep_pages()
def filled():
    np.ones(12_000_000, np.float64)[::512].sum()
filled()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    filled()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept: bool) -> int:
    code = f"import sys; sys.path[:] = {sys.path!r}\n" + CODE.format(kept=kept)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these limits")
def test_large_arrays_get_their_old_pages_back() -> None:
    assert faults(kept=True) < 0.2 * faults(kept=False)


def test_it_says_whether_it_could(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: object) -> object:
        raise OSError("no such library")

    monkeypatch.setattr("ctypes.CDLL", nothing)
    assert keep_pages() is False

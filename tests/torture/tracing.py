"""strace around a victim: counting its system calls, making the Nth of a kind fail, writing down what it writes."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from functools import cache
from pathlib import Path

from torture.ledger import Ledger
from torture.victim import PATIENCE, Orders, Victim

ATTACH = 10.0  # seconds
_CALL = re.compile(rb"(\d+) +(\w+)\(")


@cache
def reason() -> str:
    """Why strace cannot be used here; empty when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (on Debian: apt-get install strace)"
    with tempfile.TemporaryDirectory() as folder:
        victim = Victim(Orders(Path(folder) / "store", steps=0, wait=True), Ledger(Path(folder) / "store"))
        try:
            victim.hear(PATIENCE)
            trace = Trace(victim.pid, ["-e", "trace=openat", "-e", "inject=openat:error=EMFILE:when=1"])
            victim.go()
            victim.hear_all(PATIENCE)
            trace.end()
        except RuntimeError as error:
            return f"strace may not follow a process here ({error})"
        finally:
            victim.end()
        return "" if "not opened" in victim.said else "strace makes no system call fail here"


class Trace:
    """strace attached to a process and all its threads, until that ends.

    Args:
        pid: The process.
        words: What to trace and to inject.
        into: Where the calls are written down; None for nowhere.

    Raises:
        RuntimeError: It could not be attached.
    """

    def __init__(self, pid: int, words: list[str], into: Path | None = None) -> None:
        command = ["strace", "-f", "-p", str(pid), "-o", "/dev/null" if into is None else str(into), *words]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        end = time.monotonic() + ATTACH
        while not _is_traced(pid):
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                said = self.process.communicate()[1].decode(errors="replace")
                raise RuntimeError(" ".join(said.split())[:200] or "it does not attach")
            time.sleep(0.0005)

    def end(self) -> None:
        """Wait for it: it ends with the process it follows."""
        try:
            self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def _is_traced(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return re.search(r"^TracerPid:\t[1-9]", Path(f"/proc/{pid}/status").read_text(), re.M) is not None
    return False


def traced(orders: Orders, ledger: Ledger, words: list[str], into: Path | None = None) -> Victim:
    """A victim's whole life under strace; its `said` and the ledger tell what came of it."""
    victim = Victim(orders, ledger)
    try:
        victim.hear(PATIENCE)
        trace = Trace(victim.pid, words, into)
        victim.go()
        end = time.monotonic() + PATIENCE
        while not victim.over and time.monotonic() < end:
            victim.hear(end - time.monotonic())
        if not victim.over:
            ledger.problems.append(f"it hangs in {ledger.step}")
    finally:
        victim.end()
    trace.end()
    return victim


def counted(orders: Orders, ledger: Ledger, calls: tuple[str, ...], into: Path) -> dict[str, int]:
    """How often each of these calls is made in a clean run, at most by one thread: strace counts thread by thread."""
    victim = traced(orders, ledger, ["-y", "-e", f"trace={','.join(calls)}"], into)
    assert victim.said[-1] == "closed", f"the clean run ends with {victim.said[-3:]}"
    assert ledger.problems == []
    counts: Counter[tuple[str, str]] = Counter()
    for line in into.read_bytes().splitlines():
        found = _CALL.match(line)
        # Memory is mapped for much else: only files of the store count.
        if found and (found[2] != b"mmap" or bytes(orders.folder) in line):
            counts[found[2].decode(), found[1].decode()] += 1
    most: dict[str, int] = {}
    for (call, _), count in counts.items():
        most[call] = max(count, most.get(call, 0))
    return most

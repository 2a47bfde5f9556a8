"""Servers in processes of their own, started, waited for and stopped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120.0
STOP_SECONDS = 15.0
# This process measures on one thread; what it starts decides for itself, as it would for a user.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    url: str
    process: int


def environment() -> dict[str, str]:
    """This process's environment without its thread limits."""
    return {name: value for name, value in os.environ.items() if name not in ONE_THREAD}


@contextmanager
def serving(
    commands: Mapping[str, Sequence[str]], logs: Path, pythons: Mapping[str, Path] | None = None
) -> Iterator[dict[str, Running]]:
    """Start every command, wait until each has printed its address, and stop them all at the end.

    Args:
        commands: Name → arguments for this Python.
        logs: Folder for what the servers say.
        pythons: Name → another Python for it.

    Raises:
        RuntimeError: A server ended or said nothing in time; the message has its last words.
    """
    started: dict[str, subprocess.Popen[str]] = {}
    try:
        for name, words in commands.items():
            with (logs / f"{name.split(',')[0]}.err").open("w", encoding="utf-8") as errors:
                started[name] = subprocess.Popen(
                    (str((pythons or {}).get(name, sys.executable)), *words),
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    env=environment(),
                )
        yield {name: _ready(name, process, logs) for name, process in started.items()}
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _ready(name: str, process: subprocess.Popen[str], logs: Path) -> Running:
    lines: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)

    threading.Thread(target=read, daemon=True).start()
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://[\d.]+:\d+/", "".join(lines))
        if found:
            return Running(found[0], process.pid)
        time.sleep(0.05)
    words = (logs / f"{name.split(',')[0]}.err").read_text("utf-8")[-500:]
    raise RuntimeError(f"server {name!r} did not start: {words or 'it said nothing'}")

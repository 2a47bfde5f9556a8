"""How everything here is measured: interleaved rounds, medians over rounds, ratios within a round, and the machine.

A round runs every contender once, in turn, so that a machine that slows down slows all of them. A ratio is taken
within each round, and its median over the rounds is what counts: it survives load that the figures themselves do not.
"""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
LIBRARIES = ("wearabouts", "numpy", "pillow", "onnxruntime", "faiss-cpu", "fastapi", "uvicorn", "httpx", "polars")
OURS = "wearabouts"


@dataclass(frozen=True, slots=True)
class Round:
    """One run of one contender.

    Attributes:
        seconds: Wall clock.
        cpu: Processor seconds of this process, all threads together.
        laps: Milliseconds of single calls, where the contender told them; else empty.
    """

    seconds: float
    cpu: float
    laps: tuple[float, ...] = ()


Work = Callable[[], Sequence[float] | None]
Runs = Mapping[str, Sequence[Round]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one contender.

    Attributes:
        case: What was done, such as ``2 threads, batch 8``.
        subject: Who did it.
        measure: What the number is, such as ``p95``.
        unit: Of `value`.
        value: Median over the rounds (a percentile: over all calls of all rounds).
        rounds: The value of each round.
        gain: How many times better than the baseline, above 1 is better (faster, or smaller); None for the baseline.
        cpu: The same number by processor time in place of wall clock, where that means something.
        count: How many units of work, or calls, the value rests on.
    """

    case: str
    subject: str
    measure: str
    unit: str
    value: float
    rounds: tuple[float, ...] = ()
    gain: float | None = None
    cpu: float | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found.

    Attributes:
        title: Heading.
        method: What was done, in sentences.
        baseline: Subject that the gains refer to.
        figures: The numbers.
        setup: Sizes and settings.
        checks: Evidence that the contenders did the same work.
        not_shown: What the figures do not show.
    """

    title: str
    method: str
    baseline: str
    figures: tuple[Figure, ...]
    setup: Mapping[str, Any] = field(default_factory=dict)
    checks: Mapping[str, float] = field(default_factory=dict)
    not_shown: tuple[str, ...] = ()


def interleaved(work: Mapping[str, Work], rounds: int, *, warm: bool = True) -> dict[str, list[Round]]:
    """Run every contender once a round, each round beginning with another one.

    Args:
        work: Contender → what it does; it may return milliseconds of single calls.
        rounds: At least 1.
        warm: Run each once before, unmeasured.
    """
    names = list(work)
    if warm:
        for name in names:
            work[name]()
    runs: dict[str, list[Round]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            gc.collect()
            cpu, start = time.process_time(), time.perf_counter()
            laps = work[name]()
            seconds = time.perf_counter() - start
            runs[name].append(Round(seconds, time.process_time() - cpu, tuple(laps or ())))
    return runs


def timed(calls: Iterable[Callable[[], object]]) -> list[float]:
    """Milliseconds of each call."""
    laps = []
    for call in calls:
        start = time.perf_counter()
        call()
        laps.append((time.perf_counter() - start) * 1000)
    return laps


def rates(case: str, unit: str, count: int, runs: Runs, baseline: str) -> list[Figure]:
    """Units of work a second: `count` units were done in each round."""
    figures = []
    for name, done in runs.items():
        values = tuple(count / one.seconds for one in done)
        gain = _paired(values, tuple(count / one.seconds for one in runs[baseline])) if name != baseline else None
        cpu = float(np.median([count / max(one.cpu, 1e-9) for one in done]))
        figures.append(Figure(case, name, "rate", unit, float(np.median(values)), values, gain, cpu, count))
    return figures


def costs(case: str, count: int, runs: Runs, baseline: str) -> list[Figure]:
    """Milliseconds for each of the `count` units of a round."""
    figures = []
    for name, done in runs.items():
        values = tuple(one.seconds * 1000 / count for one in done)
        gain = _paired(tuple(one.seconds * 1000 / count for one in runs[baseline]), values)
        cpu = float(np.median([one.cpu * 1000 / count for one in done]))
        value = float(np.median(values))
        figures.append(Figure(case, name, "mean", "ms", value, values, gain if name != baseline else None, cpu, count))
    return figures


def latencies(case: str, runs: Runs, baseline: str, points: Sequence[int] = (50, 95)) -> list[Figure]:
    """Percentiles of the milliseconds of single calls."""
    figures = []
    for name, done in runs.items():
        every = [lap for one in done for lap in one.laps]
        for point in points:
            values = tuple(float(np.percentile(one.laps, point)) for one in done)
            theirs = tuple(float(np.percentile(one.laps, point)) for one in runs[baseline])
            gain = _paired(theirs, values) if name != baseline else None
            value = float(np.percentile(every, point))
            figures.append(Figure(case, name, f"p{point}", "ms", value, values, gain, None, len(every)))
    return figures


def _paired(above: Sequence[float], below: Sequence[float]) -> float:
    """Median over the rounds of above / below."""
    return float(np.median([over / max(under, 1e-12) for over, under in zip(above, below, strict=True)]))


def load() -> list[float]:
    """Load average of 1, 5 and 15 minutes, empty where the system does not tell."""
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else []


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, memory, system: what a figure depends on, and no name of the machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": usable,
        "memory_gib": round(int((_line("/proc/meminfo", "MemTotal") or "0").split()[0]) / 2**20, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Library → version, for those installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> dict[str, Any]:
    """The commit measured, and whether the package differed from it; empty outside a repository."""
    try:
        ident = _git("rev-parse", "HEAD")
        changed = bool(_git("status", "--porcelain", "--", "src", "benchmarks/*.py"))
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": ident, "modified": changed}


def today() -> str:
    """Date and time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def rounded(value: Any) -> Any:
    """Six significant digits are more than any timing has."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def resident(process: int | str = "self") -> dict[str, float]:
    """Memory of a process in MiB, empty where the system has no /proc.

    Returns:
        ``now`` and ``peak`` as the kernel counts them, and of ``now`` the part that is ``mapped`` from files: several
        processes share it, and the system takes it back when it is short.
    """
    names = {"VmRSS": "now", "VmHWM": "peak", "RssFile": "mapped"}
    found = {}
    for key, name in names.items():
        line = _line(f"/proc/{process}/status", key)
        if line:
            found[name] = round(int(line.split()[0]) / 1024, 1)
    return found


def _line(path: str, key: str) -> str:
    """What stands after the colon in the first line of that key, or nothing."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == key), "")


def _git(*words: str) -> str:
    done = subprocess.run(("git", *words), cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.strip()

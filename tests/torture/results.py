"""What came of a torture, as figures and as a table."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from wearabouts import __version__


def summed(pieces: Iterable[Mapping[str, Any]], *, count: int, seed: int, complete: bool, sites: int) -> dict[str, Any]:
    """All pieces as one: plain data.

    Args:
        pieces: As `python -m torture` does them.
        count: N.
        seed: Of all.
        complete: Whether nothing was left out.
        sites: System calls that could fail, each with every fault.
    """
    of: dict[str, list[Mapping[str, Any]]] = {}
    seconds = 0.0
    for each in pieces:
        of.setdefault(each["kind"], []).append(each["outcome"])
        seconds += each["seconds"]
    restarts = [second for outcomes in of.values() for each in outcomes for second in each.get("restarts", [])]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "n": count,
        "seed": seed,
        "complete": complete,
        "worker_seconds": round(seconds, 1),
        "machine": machine(),
        "kills": _part(of, "kills", ("steps", "bases"), ("acknowledged", "copies")),
        "faults": {"sites": sites}
        | _part(of, "faults", ("faults", "steps"), ("acknowledged", "copies", "refused", "survived", "died", "blind")),
        "power": _part(of, "power", ("losses", "steps"), ("points", "alike", "copies")),
        "flips": _part(of, "flips", ("classes",), ()),
        "ingest": _part(of, "ingest", (), ("replays", "kills", "written", "again")),
        "restart_ms": _spread(restarts),
        "problems": [said for outcomes in of.values() for each in outcomes for said in each["problems"]],
    }


def _part(
    of: Mapping[str, list[Mapping[str, Any]]], kind: str, counters: tuple[str, ...], numbers: tuple[str, ...]
) -> dict[str, Any]:
    outcomes = of.get(kind, [])
    told: dict[str, Any] = {}
    for name in counters:
        total: Counter[str] = Counter()
        for each in outcomes:
            total.update(each[name])
        told[name] = dict(sorted(total.items()))
    for name in numbers:
        told[name] = sum(each[name] for each in outcomes)
    if counters:
        told["count"] = sum(told[counters[0]].values())
    told["problems"] = sum(len(each["problems"]) for each in outcomes)
    return told


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    values = 1_000 * np.asarray(seconds)
    return {
        "count": len(seconds),
        "median": round(float(np.median(values)), 1),
        "p99": round(float(np.percentile(values, 99)), 1),
        "max": round(float(values.max()), 1),
    }


def machine() -> dict[str, Any]:
    """What it ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    processor, strace = platform.machine(), ""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), processor)
    with suppress(OSError):
        strace = subprocess.run(["strace", "-V"], capture_output=True, text=True).stdout.split("\n")[0].split()[-1]
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "numpy": np.__version__,
        "strace": strace,
        "wearabouts": __version__,
    }


def table(told: Mapping[str, Any]) -> str:
    """For people: what was done, and what came of it."""
    faults, power, flips, ingest = told["faults"], told["power"], told["flips"], told["ingest"]
    classes: Counter[str] = Counter()
    for name, count in flips["classes"].items():
        classes[name.rpartition(" · ")[2]] += count
    rows = [
        ("kill -9", told["kills"]["count"], f"{told['kills']['acknowledged']} writes acknowledged", told["kills"]),
        (
            "failing system calls",
            faults["count"],
            f"of {faults['sites']}: {faults['refused']} refused, {faults['died']} killed, {faults['survived']} unhurt",
            faults,
        ),
        ("power lost", power["count"], f"at {power['points']} moments, {power['alike']} more alike", power),
        ("bits and cuts", flips["count"], ", ".join(f"{count} {name}" for name, count in classes.most_common()), flips),
        ("feeds replayed", ingest["replays"], f"{ingest['kills']} kills, {ingest['again']} written again", ingest),
    ]
    lines = [f"{'what':22}{'times':>7}  {'problems':>8}  what came of it"]
    lines += [f"{name:22}{count:7}  {part['problems']:8}  {said}" for name, count, said, part in rows]
    steps = sorted({*told["kills"]["steps"], *faults["steps"], *power["steps"]})
    lines += ["", f"{'in the step':14}{'kills':>8}{'faults':>8}{'power':>8}"]
    for step in steps:
        counts = [part["steps"].get(step, 0) for part in (told["kills"], faults, power)]
        lines.append(f"{step:14}" + "".join(f"{count:8}" for count in counts))
    restart = told["restart_ms"]
    if restart:
        lines += ["", f"opened again in {restart['median']} ms (p99 {restart['p99']}, longest {restart['max']})"]
    wrong = len(told["problems"])
    lines += ["", "0 lost, 0 doubled, 0 wrong" if not wrong else f"{wrong} problems:"]
    lines += [f"  {said[:300]}" for said in told["problems"][:20]]
    if not told["complete"]:
        lines.append("Not complete: the same command goes on from here.")
    return "\n".join(lines)

"""Memory: what a process holds that indexes, beside a plain one; each in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from measure import OURS, Figure, Result, resident
from processes import environment
from stage import Stage

BASELINE = "plain"
EMPTY = "Python and NumPy"
PROBE_SECONDS = 300


def run(stage: Stage) -> Result:
    """Measure an index run."""
    photos = stage.folder / "held"
    photos.mkdir()
    for number, data in enumerate(stage.photos.mixed()):
        (photos / f"{number:05d}.jpg").write_bytes(data)
    figures: list[Figure] = []
    if resident():
        common = {"model": stage.model, "photos": str(photos), "graph": str(stage.graph), "size": stage.size}
        names = {BASELINE: "index_plainly", OURS: "index"}
        figures += _compared(stage, f"index {2 * stage.scale.photos} photos", names, common)
    return Result(
        title="Memory",
        method=(
            "Resident memory of a fresh process, its libraries included. `peak` is the most it ever held; `own` is "
            "what it holds at the end without pages mapped from files, which processes share and the system may take "
            f"back. `{EMPTY}` is an interpreter that has imported NumPy and done nothing."
        ),
        baseline=BASELINE,
        figures=tuple(figures),
        setup={"rounds": 1},
        not_shown=(
            "systems without /proc: the table is empty there",
            "a process that searches: docs/search.md",
            "photos at the limit: one of 40 megapixels takes some 300 MB while it is decoded",
        ),
    )


def _compared(stage: Stage, case: str, probes: dict[str, str], given: dict[str, object]) -> list[Figure]:
    found = {name: _probed(stage, probe, given) for name, probe in {EMPTY: "nothing", **probes}.items()}
    figures = []
    for name, one in found.items():
        for measure in ("peak", "own"):
            gain = found[BASELINE][measure] / one[measure] if name == OURS else None
            figures.append(Figure(case, name, measure, "MiB", one[measure], (), gain, None, 1))
    return figures


def _probed(stage: Stage, probe: str, given: dict[str, object]) -> dict[str, float]:
    words = (sys.executable, str(Path(__file__).with_name("probes.py")), probe, json.dumps(given), str(stage.folder))
    done = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=PROBE_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"probe {probe!r} failed: {done.stderr[-500:]}")
    held: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"peak": held["peak"], "own": round(held["now"] - held.get("mapped", 0.0), 1)}

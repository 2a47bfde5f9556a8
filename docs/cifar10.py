"""Gather the figures of the CIFAR-10 runs into one result: `python docs/cifar10.py RUN …` (what `make cifar` does).

A run is a folder with the training's `run.json`, its `bundle` and, in `report`, that bundle's evaluation by a protocol.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wearabouts import bundles

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "cifar10.json"
FIGURES = ("mAP", "mAP@1000", "R@1")


def gathered(run: Path) -> dict[str, Any]:
    """One run: what it was trained on and for how long, its figures with intervals, and the published ones.

    Raises:
        SystemExit: The report is of another bundle than the run's.
    """
    report = json.loads((run / "report" / "report.json").read_text("utf-8"))
    trained = json.loads((run / "run.json").read_text("utf-8"))
    card = bundles.load(run / "bundle").card
    provenance = report["provenance"]
    measured = provenance["encoders"][card.name]
    if not card.encoder_hash().startswith(measured):
        raise SystemExit(
            f"{run}: the report measured {measured}, the bundle is {card.encoder_hash()[:16]}; evaluate again"
        )
    tables = report["sections"][0]["tables"]
    ours = tables[0]["rows"][0]
    published = [
        {"name": row["name"], "cells": row["cells"], "note": row.get("note", "")}
        for table in tables[1:]
        for row in table["rows"]
        if row["name"] != ours["name"]
    ]
    told = ("photos", "seconds", "cpu_seconds", "device")
    return {
        "protocol": provenance["protocol"].split(" ")[0],
        "model": card.name,
        "trained": {**{name: trained[name] for name in told}, "epochs": trained["recipe"]["steps"]["epochs"]},
        "figures": {name: ours["cells"][name] for name in FIGURES},
        "published": published,
        "encoder": measured,
        "date": provenance["date"],
        "dataset": provenance["dataset"].split(" (", 1)[-1].rstrip(")"),
    }


def main(runs: Sequence[str]) -> int:
    """Write the result; 2 where no run was named."""
    if not runs:
        sys.stderr.write("name the runs to gather: python docs/cifar10.py RUN …\n")
        return 2
    RESULT.write_text(json.dumps({"runs": [gathered(Path(run)) for run in runs]}, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

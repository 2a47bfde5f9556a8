"""The table of the CIFAR-10 runs: gathered from what the runs wrote, and only from a report of the very bundle."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from wearabouts import bundles

ROOT = Path(__file__).parents[1]
GRAPH = b"not run here"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def estimate(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - 0.01, "high": value + 0.012, "level": 0.95, "queries": 20, "groups": 20}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    import hashlib

    entry = bundles.Graph(file="encoder.onnx", sha256=hashlib.sha256(GRAPH).hexdigest())
    card = bundles.Card(
        name="tiny", preprocessing=bundles.Preprocessing(size=32), graphs={"shop": entry, "street": entry}, dim=8
    )
    bundles.write(tmp_path / "bundle", card, {"encoder.onnx": GRAPH})
    trained = {"photos": 5000, "seconds": 90.0, "cpu_seconds": 150.0, "device": "d", "recipe": {"steps": {"epochs": 3}}}
    (tmp_path / "run.json").write_text(json.dumps(trained))
    ours = {"name": "tiny", "cells": {name: estimate(0.5) for name in ("mAP", "mAP@1000", "R@1")}}
    others = [
        {"name": "tiny", "cells": {"mAP": estimate(0.5)}},
        {"name": "A, its paper (2016)", "cells": {"mAP": 0.8}, "note": "a page; the paper's own split may differ"},
        {"name": "B, re-implemented (2017)", "cells": {"mAP": 0.7}, "note": "a page"},
        {"name": "D, re-implemented (2017)", "cells": {"mAP": 0.6}, "note": "a page"},
        {"name": "C (2018)", "cells": {"mAP": "0.9 †"}},
    ]
    report = {
        "sections": [{"tables": [{"rows": [ours]}, {"rows": others}]}],
        "provenance": {
            "protocol": "cifar10-2 (…)",
            "dataset": "/somewhere/of/mine (reader cifar10; layout folders in cifar10; protocol cifar10-2: …)",
            "date": "2026-01-02T03:04:05+00:00",
            "encoders": {"tiny": card.encoder_hash()[:16]},
        },
    }
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.json").write_text(json.dumps(report))
    return tmp_path


def test_a_run_becomes_a_row(run: Path) -> None:
    gathered = script("cifar10").gathered(run)
    assert "/somewhere" not in json.dumps(gathered)  # where it lay is nobody's business
    assert gathered["trained"] == {"photos": 5000, "seconds": 90.0, "cpu_seconds": 150.0, "device": "d", "epochs": 3}
    generate = script("generate")
    lines = generate.cifar10({"runs": [gathered]}, generate.ENGLISH).splitlines()
    assert lines[2].startswith("| `cifar10-2` | 0.500 (0.490–0.512) |")
    assert "5,000 pictures × 3, 2 minutes of processor time" in lines[2]
    assert lines[2].endswith("| mAP 0.700, B, re-implemented (2017) |")  # seen in its source, and of this split
    assert "layout folders in cifar10" in lines[-1]
    assert "`cifar10-2` | 0.500" in generate.cifar10({"runs": [gathered]}, generate.CHINESE)


def test_a_report_of_another_bundle_is_refused(run: Path) -> None:
    path = run / "report" / "report.json"
    report = json.loads(path.read_text())
    report["provenance"]["encoders"]["tiny"] = "0123456789abcdef"
    path.write_text(json.dumps(report))
    with pytest.raises(SystemExit, match="evaluate again"):
        script("cifar10").gathered(run)

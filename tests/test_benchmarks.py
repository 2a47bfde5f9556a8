"""The benchmarks run, in miniature: every one beside its baseline, doing the same work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wearabouts import bundles

ROOT = Path(__file__).parents[1]
NAMES = ["decoding", "encoding", "indexing", "searching", "opening", "serving", "memory"]


def test_a_quick_run_measures_everything_and_writes_both_pages(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/run.py"), "--quick", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    run = json.loads((tmp_path / "quick.json").read_text("utf-8"))
    assert run["quick"] is True
    assert [benchmark["name"] for benchmark in run["benchmarks"]] == NAMES
    assert run["model"]["name"] == "mini"
    assert str(ROOT) not in json.dumps(run)
    page = (tmp_path / "quick.md").read_text("utf-8")
    assert "a check that it works, not a measurement" in page
    assert page.count("baseline") >= len(NAMES) - 1


def test_ranking_is_measured_beside_the_plain_formula_and_finds_the_same(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/ranking.py"), "--quick", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    run = json.loads((tmp_path / "ranking-quick.json").read_text("utf-8"))
    ranks = {(row["case"], row["who"]): row["mean_first_rank"] for row in run["rows"]}
    assert ranks["where both fit", "wearabouts"] == ranks["where both fit", "all similarities, argsort"] > 1
    assert all(0 < row["memory_mib"] < run["budget_mib"] for row in run["rows"])
    assert run["extrapolated"]["queries"] == run["extrapolated"]["gallery"] == 1_000_000


def test_the_stages_of_the_shipped_model_are_measured_and_told(tmp_path: Path) -> None:
    if bundles.load("mini").card.judge is None:
        pytest.skip("the shipped model has no second stage")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    words = ["--quick", "--folder", str(tmp_path / "kept"), "--out", str(tmp_path / "stages.json")]
    page = ["--from", str(tmp_path / "stages.json"), "--out", str(tmp_path)]
    for script, options in (("benchmarks/stages/run.py", words), ("docs/stages.py", page)):
        done = subprocess.run(
            [sys.executable, str(ROOT / script), *options],
            capture_output=True,
            text=True,
            timeout=300,
            env=environment,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    run = json.loads((tmp_path / "stages.json").read_text("utf-8"))
    assert run["quick"] is True
    rows = {row["name"]: row for row in run["worlds"][0]["rows"]}
    assert rows["stage one"]["ms"] < rows["pair network"]["ms"] < rows["fused"]["ms"]
    assert "a check that the measurement works" in (tmp_path / "stages.md").read_text("utf-8").lower()

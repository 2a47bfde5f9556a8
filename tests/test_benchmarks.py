"""The benchmarks run, in miniature: every one beside its baseline, doing the same work."""

from __future__ import annotations

import copy
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from wearabouts import bundles

ROOT = Path(__file__).parents[1]
NAMES = ["decoding", "encoding", "indexing", "memory"]


def ran(script: str, *words: str, **environment: str) -> None:
    """Run a script of the repository as a command; it has to end well."""
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *words],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_quick_run_measures_everything_and_writes_both_pages(tmp_path: Path) -> None:
    ran("benchmarks/index/run.py", "--quick", "--out", str(tmp_path))
    run = json.loads((tmp_path / "quick.json").read_text("utf-8"))
    assert run["quick"] is True
    assert [benchmark["name"] for benchmark in run["benchmarks"]] == NAMES
    assert run["model"]["name"] == "mini"
    assert str(ROOT) not in json.dumps(run)
    page = (tmp_path / "quick.md").read_text("utf-8")
    assert "a check that it works, not a measurement" in page
    assert page.count("baseline") >= len(NAMES) - 1


def test_ranking_is_measured_beside_the_plain_formula_and_finds_the_same(tmp_path: Path) -> None:
    ran("benchmarks/ranking.py", "--quick", "--out", str(tmp_path))
    run = json.loads((tmp_path / "ranking-quick.json").read_text("utf-8"))
    ranks = {(row["case"], row["who"]): row["mean_first_rank"] for row in run["rows"]}
    assert ranks["where both fit", "wearabouts"] == ranks["where both fit", "all similarities, argsort"] > 1
    assert all(0 < row["memory_mib"] < run["budget_mib"] for row in run["rows"])
    assert run["extrapolated"]["queries"] == run["extrapolated"]["gallery"] == 1_000_000


def test_the_stages_of_the_shipped_model_are_measured_and_told(tmp_path: Path) -> None:
    if bundles.load("mini").card.judge is None:
        pytest.skip("the shipped model has no second stage")
    words = ["--quick", "--folder", str(tmp_path / "kept"), "--out", str(tmp_path / "stages.json")]
    page = ["--from", str(tmp_path / "stages.json"), "--out", str(tmp_path)]
    ran("benchmarks/stages/run.py", *words)
    ran("docs/stages.py", *page)
    run = json.loads((tmp_path / "stages.json").read_text("utf-8"))
    assert run["quick"] is True
    rows = {row["name"]: row for row in run["worlds"][0]["rows"]}
    assert rows["stage one"]["ms"] < rows["pair network"]["ms"] < rows["fused"]["ms"]
    assert "a check that the measurement works" in (tmp_path / "stages.md").read_text("utf-8").lower()


@pytest.fixture(scope="module")
def quick_labels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if bundles.load("mini").card.judge is None:
        pytest.skip("the shipped model has no second stage")
    folder = tmp_path_factory.mktemp("labels")
    ran("benchmarks/labels.py", "--quick", "--out", str(folder), OMP_NUM_THREADS="1")
    text = (folder / "labels-quick.json").read_text("utf-8")
    assert not any(place in text for place in (str(ROOT), str(folder), tempfile.gettempdir()))
    run: dict[str, Any] = json.loads(text)
    return run


def test_labels_are_measured_on_photos_of_other_products_and_the_command_answers_so(
    quick_labels: dict[str, Any],
) -> None:
    whole = json.loads((ROOT / "benchmarks/results/labels.json").read_text("utf-8"))
    for run in (quick_labels, whole):
        assert 0 < run["held"] <= run["products"] - run["labelled"]
        assert len({row["name"] for row in run["conditions"]}) >= 3
        for row in run["conditions"]:
            assert row["labels"] <= run["labelled"] * run["street"]
            assert row["photos"] == run["held"] * run["street"]
            assert row["gain"]["brier"]["items"] == run["held"]
            lost = row["before"]["brier"] - row["after"]["brier"]
            assert row["gain"]["brier"]["value"] == pytest.approx(lost, abs=2e-4)
            # A photo without its item has no right first place.
            assert row["before"]["came_true"] == pytest.approx(row["right"] / 2, abs=1e-4)
            # What was measured is what `wearabouts search` says.
            assert row["checked"]["answers"] > 0
            assert row["checked"]["largest_difference"] < 1e-5
    assert quick_labels["quick"] is True
    assert whole["quick"] is False
    # What the page reads in the committed figures, of photos unlike those that the model was calibrated on.
    main = next(row for row in whole["conditions"] if row["name"] == whole["main"])
    assert main["labels"] == 300
    assert main["kept"] is True
    assert main["gain"]["log_likelihood"]["verdict"] == "better"
    assert main["gain"]["brier"]["verdict"] != "worse"
    assert main["before"]["ece"]["value"] > main["before"]["floor"]["high"]
    assert main["after"]["ece"]["value"] <= main["after"]["floor"]["high"]


def test_the_table_of_labels_says_what_the_figures_do(quick_labels: dict[str, Any]) -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        page = importlib.import_module("own_labels")
    finally:
        sys.path.remove(str(ROOT / "docs"))
    first, second, third = rows = copy.deepcopy(quick_labels["conditions"])
    for row in rows:
        row["gain"] = {name: {"value": 0.02, "low": 0.01, "high": 0.03, "verdict": "better"} for name in row["gain"]}
        row["before"]["ece"]["low"], row["after"]["ece"]["low"] = 0.01, 0.0
    second["gain"]["brier"]["verdict"] = "this difference is noise"
    third["gain"]["log_likelihood"] = {"value": -0.02, "low": -0.03, "high": -0.01, "verdict": "worse"}
    third["after"]["ece"]["low"], third["kept"] = 0.02, False
    expected = {
        "likelihood better": [first, second],
        "likelihood worse": [third],
        "Brier better": [first, third],
        "off before": rows,
        "off after": [third],
    }
    for chinese, names, says, join in (
        (False, page.NAMES, page.SAYS, " and "),
        (True, page.NAMES_CHINESE, page.SAYS_CHINESE, "、"),
    ):
        text = page.own_labels({**quick_labels, "conditions": rows}, chinese)
        lines = text.splitlines()
        assert len({line.count("|") for line in lines[: 2 + len(rows)]}) == 1
        for row, line in zip(rows, lines[2:], strict=False):
            assert f"| {row['before']['brier']:.3f} → {row['after']['brier']:.3f} |" in line
        assert [line.count("**+0.020 (+0.010 to +0.030)**") for line in lines[2:5]] == [2, 1, 1]
        assert "| -0.020 (-0.030 to -0.010) |" in lines[4]
        assert (page.NOT_KEPT_CHINESE if chinese else page.NOT_KEPT) in lines[4]
        for finding, which in expected.items():
            told = join.join(f"*{names[row['name']]}*" for row in which)
            assert says[finding].format(which=told) in text
        # That nothing is worse is not said.
        assert says["Brier worse"].split("{")[0] not in text
        assert "{" not in text
    for row in rows:
        row["gain"]["brier"]["verdict"] = "this difference is noise"
    text = page.own_labels({**quick_labels, "conditions": rows}, False)
    assert page.SAYS["Brier better"].format(which=page.NOWHERE) in text

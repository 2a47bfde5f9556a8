"""Three questions, answered: the code of the page runs, and its figures are what the scripts beside it measure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from walkthrough import blocks

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / name for name in ("questions.md", "questions.zh.md")]
RESULTS = ROOT / "benchmarks" / "results"


def table(name: str, folder: Path, page: Path) -> str:
    """The page with its table filled from the results of a folder."""
    code = "import sys, generate; sys.stdout.write(generate.filled(sys.stdin.read(), {}, generate.Path(sys.argv[1])))"
    words = [sys.executable, "-c", code, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "docs"), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(words, input=page.read_text("utf-8"), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(f"<!-- table: {name} -->")[1].split("<!-- end of table -->")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_python_runs(page: Path) -> None:
    pytest.importorskip("torch")
    for block in blocks(page):
        if block.language == "python":
            exec(block.code, {"__name__": "page"})  # the page is ours


def test_both_languages_have_the_same_blocks_and_tables() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese
    names = [re.findall(r"<!-- table: ([\w-]+) -->", page.read_text("utf-8")) for page in PAGES]
    assert names[0] == names[1]
    assert len(re.findall(r"^## ", PAGES[0].read_text("utf-8"), re.M)) == len(names[0])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_has_been_measured(page: Path) -> None:
    for name in re.findall(r"<!-- table: ([\w-]+) -->", page.read_text("utf-8")):
        assert (RESULTS / f"{name}.json").is_file()
        assert page.read_text("utf-8").split(f"<!-- table: {name} -->")[1].lstrip().startswith("| ")


def test_landmarks_are_measured_with_one_net_asked_at_many_places(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    script = ROOT / "benchmarks" / "questions" / "fashionnet.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(script), "--quick", "--out", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    quick = json.loads((tmp_path / "question-landmarks.json").read_text("utf-8"))
    for found in (quick, json.loads((RESULTS / "question-landmarks.json").read_text("utf-8"))):
        ways = [row["way"] for row in found["rows"]]
        assert ways[:2] == ["predicted", "annotated"]
        assert ways[-2:] == ["none can be seen", "trained without"]
        assert all(
            0 <= row[name]["least"] <= row[name]["most"] <= 1 for row in found["rows"] for name in ("R@1", "mAP")
        )
        # What is counted, not timed, is the same on every machine and is what the page says of the formula.
        assert found["locality"] == {
            "channels_of_a_landmark": 512,
            "own_channels_changed_by_moving_it": 512,
            "other_channels_changed_by_moving_it": 0,
            "values_left_of_it_when_hidden": 0,
            "cells_of_a_channel": 784,
            "cells_of_a_channel_with_gradient": 16.0,
        }
        assert (found["cost"]["floats_of_the_map"], found["cost"]["floats_pooled"]) == (401_408, 65_536)
    # What the page reads in the committed figures.
    value = {row["way"]: row["mAP"]["mean"] for row in found["rows"]}
    assert value["another photo's gates"] < value["none can be seen"] < value["annotated"]
    lost = {way: value["annotated"] - each for way, each in value.items()}
    assert lost["annotated, off by 0.1"] < lost["predicted"] / 2
    assert max(lost["another photo's places"], lost["predicted places, annotated gates"]) < lost["predicted"] / 2
    assert lost["annotated places, predicted gates"] > lost["predicted"] / 2
    assert value["predicted"] <= value["trained without"]
    text = table("question-landmarks", tmp_path, PAGES[0])
    assert f"| trained without | {quick['rows'][-1]['R@1']['mean']:.2f} " in text


def test_pairs_are_counted_and_no_shortlist_gives_more_than_it_holds(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    script = ROOT / "benchmarks" / "questions" / "wtbi.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(script), "--quick", "--out", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    quick, whole = (json.loads((folder / "question-pairs.json").read_text("utf-8")) for folder in (tmp_path, RESULTS))
    assert whole["gallery"] == 400_000
    for found in (quick, whole):
        # The page's arithmetic.
        assert found["multiplications_a_pair"]["paper"] == {"joined": 4_457_472, "split": 263_168}
        every, split, category, first, alone = found["cost"]
        assert every["multiplications_paper"] == found["gallery"] * 4_457_472
        assert split["multiplications_paper"] == found["gallery"] * 263_168
        assert category["pairs"] == found["gallery"] // 10
        assert first["multiplications_paper"] - alone["multiplications_paper"] == 1000 * 263_168
        rows = found["hits"]["rows"]
        for row in rows[1:]:
            assert row["R@1"]["most"] <= row["bound"] + 1e-4
        bounds = [row["bound"] for row in rows[1:-1]]
        assert bounds == sorted(bounds)
        assert rows[0]["R@1"] == rows[1]["R@1"]  # one photo cannot be put in another order
    # What the page says of these vectors: the longer the list, the worse; and of the time: a shortlist is the cosine's.
    means = [row["R@1"]["mean"] for row in whole["hits"]["rows"]]
    assert means == sorted(means, reverse=True)
    assert whole["cost"][3]["ms_paper"] < 1.1 * whole["cost"][4]["ms_paper"] < whole["cost"][0]["ms_paper"] / 100
    for language in PAGES:
        assert "4,457,472" in language.read_text("utf-8")
    text = table("question-pairs", tmp_path, PAGES[0])
    assert f"| cosine alone | 0 | {quick['cost'][-1]['multiplications_paper'] / 1e6:,.0f} M |" in text

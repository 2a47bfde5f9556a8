"""Three questions, answered: the code of the page runs, and its figures are what the scripts beside it measure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from walkthrough import blocks

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / name for name in ("questions.md", "questions.zh.md")]
RESULTS = ROOT / "benchmarks" / "results"
FOLDERS = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "questions"), str(ROOT / "docs")]


def table(name: str, folder: Path, page: Path) -> str:
    """The page with its table filled from the results of a folder."""
    code = "import sys, generate; sys.stdout.write(generate.filled(sys.stdin.read(), {}, generate.Path(sys.argv[1])))"
    words = [sys.executable, "-c", code, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "docs"), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(words, input=page.read_text("utf-8"), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(f"<!-- table: {name} -->")[1].split("<!-- end of table -->")[0]


def module(name: str) -> ModuleType:
    """One of the scripts' own, which find one another by the folders they lie in."""
    before = list(sys.path)
    sys.path[:0] = FOLDERS
    try:
        return import_module(name)
    finally:
        sys.path[:] = before


def run(script: str, *words: object) -> None:
    """One of the page's scripts, as a reader runs it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    every = [sys.executable, str(ROOT / script), *map(str, words)]
    done = subprocess.run(every, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]


def read(name: str, *folders: Path) -> list[Any]:
    """A result from each of the folders."""
    return [json.loads((folder / f"{name}.json").read_text("utf-8")) for folder in folders]


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
    sections = re.split(r"^## ", PAGES[0].read_text("utf-8"), flags=re.M)[1:]
    assert len(sections) == 3
    assert all("<!-- table: " in section for section in sections)


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
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    try:
        words = ["--quick", "--out", str(tmp_path), "--work", str(tmp_path / "photos")]
        assert module("wtbi").main(words) == 0
        drawn = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "photos").iterdir()}
        before = read("question-pairs", tmp_path)[0]
        assert module("wtbi").main([*words, "--parts", "hits"]) == 0
    finally:
        torch.set_num_threads(threads)
    # Drawn once; the same photos and seeds find the same, and what was not asked for again stays.
    assert drawn == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "photos").iterdir()}
    quick, whole = read("question-pairs", tmp_path, RESULTS)
    assert quick["cost"] == before["cost"]
    assert (quick["hits"]["shortlists"], quick["hits"]["cosine"]) == (
        before["hits"]["shortlists"],
        before["hits"]["cosine"],
    )
    for found in (quick, whole):
        # The page's arithmetic.
        assert found["multiplications_a_pair"]["paper"] == {"joined": 4_457_472, "split": 263_168}
        for size, width in (("small", 256), ("paper", 4_096)):
            told = found["cost"]["sizes"][size]
            each = found["multiplications_a_pair"][size]
            joined, split, category, cosine = told["rows"]
            assert [row["pairs"] for row in told["rows"][:2]] == [found["gallery"]] * 2
            assert 0 < category["pairs"] < found["gallery"]
            for row, cost in ((joined, "joined"), (split, "split"), (category, "split")):
                assert row["multiplications"] == row["pairs"] * each[cost]
            assert joined["bytes"] == cosine["bytes"] == 4 * width * found["gallery"]
            for row in told["shortlists"]:
                assert row["multiplications"] == found["gallery"] * width + row["k"] * each["split"]
                assert row["bytes"] == joined["bytes"] + split["bytes"]
                assert row["computed_bytes"] == joined["bytes"]
        hits = found["hits"]
        bounds = [row["bound"] for row in hits["shortlists"]]
        assert bounds == sorted(bounds)
        assert (bounds[-1], hits["shortlists"][-1]["k"]) == (1, hits["gallery"])
        for row in hits["shortlists"]:
            for judge in ("pair", "both"):
                assert row[judge]["R@1"]["most"] <= row["bound"]
                assert row[judge]["R@20"]["most"] <= max(row["bound"], hits["cosine"]["R@20"])
                if row["k"] <= 20:  # another order of the first 20 leaves them the first 20
                    assert row[judge]["R@20"]["least"] == row[judge]["R@20"]["most"] == hits["cosine"]["R@20"]
        assert hits["category"]["pair"]["R@20"]["most"] <= hits["category"]["bound"]
    for page in PAGES:
        assert "4,457,472" in page.read_text("utf-8")
    text = table("question-pairs", tmp_path, PAGES[0])
    assert f"| every photo, first layer joined | {quick['gallery']:,} |" in text


def test_what_the_page_says_of_400_000_photos_is_what_was_measured() -> None:
    questions = module("questions")

    whole = read("question-pairs", RESULTS)[0]
    assert whole["gallery"] == 400_000
    assert whole["hits"]["gallery"] + whole["hits"]["queries"] + 2 * whole["hits"]["learned"] >= 20_000
    best, every = questions.best_shortlist(whole), whole["hits"]["shortlists"][-1]
    # The first few dozen find more than everything, than cosine alone, and than the kind alone.
    assert best["k"] <= 200
    for other in (every["pair"], whole["hits"]["category"]["pair"]):
        assert best["pair"]["R@20"]["least"] > other["R@20"]["most"]
    assert best["pair"]["R@20"]["least"] > whole["hits"]["cosine"]["R@20"]
    # The cosine beside the network loses less by a long list than the network alone.
    lost = {judge: best[judge]["R@20"]["mean"] - every[judge]["R@20"]["mean"] for judge in ("pair", "both")}
    assert lost["both"] < lost["pair"]
    # And they cost next to nothing beside the cosine.
    for size in ("small", "paper"):
        told = whole["cost"]["sizes"][size]
        ways = {row["way"]: row["ms"]["1"]["cpu"] for row in told["rows"]}
        lists = {row["k"]: row["ms"]["1"]["cpu"] for row in told["shortlists"]}
        assert lists[best["k"]] < 1.2 * ways["cosine"] < ways["split"] / 5 < ways["joined"] / 15
    # Grown vectors have about as many directions as real ones, and lie about as near to a query.
    grown = whole["cost"]["grown"]
    for estimator, value in grown["dimension"]["real"].items():
        assert value / 2 < grown["dimension"]["grown, all"][estimator] < 2 * value
    assert abs(grown["nearest"]["street photo, grown"] - grown["nearest"]["street photo, real"]) < 0.1


def test_grown_vectors_lie_among_those_they_are_grown_from() -> None:
    growing = module("growing")

    rng = np.random.default_rng(3)
    # A plane of two directions in sixteen: mixtures stay on it.
    flat = np.zeros((400, 16), np.float32)
    flat[:, :3] = np.column_stack([rng.normal(size=(400, 2)) * 0.2, np.ones(400)])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    vectors, centre = growing.grown(flat, 3_000, 0)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.abs(vectors[:, 3:]).max() < 1e-6
    # Each is nearer to what it was grown from than a random row is.
    own, other = ((vectors * flat[rows]).sum(1).mean() for rows in (centre, rng.permutation(centre)))
    assert own > other + 0.01
    again, _ = growing.grown(flat, 3_000, 0)
    assert np.array_equal(vectors, again)


@pytest.mark.parametrize("directions", [2, 6])
def test_directions_are_counted(directions: int) -> None:
    growing = module("growing")

    rng = np.random.default_rng(directions)
    rows = np.zeros((3_000, 32), np.float32)
    rows[:, :directions] = rng.normal(size=(3_000, directions)) * 0.2
    rows[:, directions] = 1
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    told = growing.dimension(rows[:400], rows[400:])
    for name in ("two_nn", "likelihood"):
        assert told[name] == pytest.approx(directions, rel=0.25)


def test_ranks_after_judging_by_hand() -> None:
    pytest.importorskip("torch")
    accuracy = module("accuracy")

    similarity = np.array([[0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, -np.inf]], np.float32)
    score = np.array([[1.0, 4.0, 3.0, 2.0], [1.0, 2.0, 3.0, 9.0]], np.float32)
    found = accuracy.ranks(similarity, score, np.array([2, 3]), [0, 2, 3, 4])
    # The right one is third by cosine: untouched while two are judged, then behind the second alone.
    assert [int(found[k][0]) for k in (0, 2, 3, 4)] == [3, 3, 2, 2]
    # What is not asked never comes.
    assert [int(found[k][1]) for k in (0, 2, 3, 4)] == [5] * 4


def test_the_plot_is_drawn_from_the_figures_and_is_the_one_shown(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run("docs/question_plot.py", "--out", tmp_path)
    whole = read("question-pairs", RESULTS)[0]
    for name, page in zip(("question-pairs.svg", "question-pairs.zh.svg"), PAGES, strict=True):
        drawn = (tmp_path / name).read_text("utf-8")
        assert drawn == (ROOT / "docs" / "images" / name).read_text("utf-8")
        assert f"images/{name}" in page.read_text("utf-8")
        assert f"{whole['hits']['gallery']:,}" in drawn
        level = whole["cost"]["sizes"]["paper"]["rows"][0]["ms"]["1"]["cpu"]
        assert f"{level / 1000:.1f} s" in drawn
        assert 'href="http' not in drawn


def test_whole_searches_are_timed_with_and_without_the_second_stage(tmp_path: Path) -> None:
    from wearabouts import bundles

    whole = read("question-latency", RESULTS)[0]
    folders = [RESULTS]
    if bundles.load("mini").card.judge is not None:
        run("benchmarks/questions/latency.py", "--quick", "--out", tmp_path, "--work", tmp_path)
        folders.append(tmp_path)
    for found in read("question-latency", *folders):
        alone, *others = found["rows"]
        assert alone["judged"] == alone["stages"]["verify"] == 0
        assert alone["ratio"] == {"median": 1, "p50": 1, "p95": 1}
        assert [row["judged"] for row in others] == [*found["judged"], max(found["judged"])]
        assert all(row["stages"]["verify"] > 0 and row["p50"] <= row["p95"] for row in others)
        assert others[-1]["budget_ms"] is not None
        assert [row["photos"] for row in found["parts"]] == [found["views"] * k for k in found["judged"]]
    # What is served stays within one and a half times of stage one alone.
    questions = module("questions")

    assert whole["photos"] == 400_000
    assert questions.served(whole)["ratio"]["median"] <= 1.5

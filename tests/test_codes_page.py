"""The page on codes: its blocks run, its table is what was measured, and measuring works in miniature."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from walkthrough import ROOT, blocks, walk

PAGES = [ROOT / "docs" / name for name in ("codes.md", "codes.zh.md")]


def test_the_page_runs_from_a_shop_to_a_search_in_two_stages(tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.toml"
    text = (ROOT / "recipes/codes-mini.toml").read_text("utf-8")
    recipe.write_text(re.sub(r"(?m)^count = .*", "count = 10", text))
    (tmp_path / "walk").mkdir()
    printed = walk(PAGES[0], tmp_path / "walk", {"RECIPE": str(recipe), "PRODUCTS": "3"})
    assert "6 queries, 16 bytes a photo in place of 1024" in "\n".join(printed)


def test_both_languages_have_the_same_blocks_and_formulas_of_the_same_code() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese
    assert len(english) == 3
    linked = [re.findall(r"`\]\((\.\./[^)]+)\)", page.read_text("utf-8")) for page in PAGES]
    assert linked[0] == linked[1]
    named = re.findall(r"\[`(?:\w+\.)?(\w+)`\]\(\.\./(src/[^)]+\.py)\)", PAGES[0].read_text("utf-8"))
    assert len(named) >= 8
    for name, path in named:
        assert re.search(rf"def {name}\b", (ROOT / path).read_text("utf-8")), f"{path} has no {name}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("codes")
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/codes.py"), "--quick", "--out", str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "codes-quick.json").read_text("utf-8"))


def test_every_contender_is_measured_at_the_same_bytes(run: dict) -> None:
    assert str(ROOT) not in json.dumps(run)
    alone = {(row["who"], row["bytes"]): row for row in run["rows"] if row["figure"] == "mAP"}
    for size in (4, 8):
        assert {who for who, bytes_ in alone if bytes_ == size} >= {"hash head", "random hyperplanes", "PQ"}
    assert alone["floats", 1024]["queries"] == alone["hash head", 4]["queries"] == 6
    assert all(0 < row["value"] <= 1 for row in run["rows"])
    assert all(head["same_bits"] >= 0.999 for head in run["exported"]["drawn"].values())
    staged = [row for row in run["rows"] if row["who"] == "hash head" and row.get("shortlist") == 200]
    exact = next(row for row in run["rows"] if row["who"] == "floats" and row["figure"] == "R@1")
    # Where all are candidates, the second stage alone decides.
    assert [row["value"] for row in staged] == [exact["value"]] * 2


def test_the_table_says_what_was_measured(run: dict) -> None:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for words in (generate.ENGLISH, generate.CHINESE):
        page = generate.codes(run, words)
        figure = next(row for row in run["rows"] if row["who"] == "PQ" and row["bytes"] == 8)
        line = next(line for line in page.splitlines() if line.startswith("| 8 |"))
        assert f"{figure['value']:.3f}" in line
        assert "{" not in page
        widths = [line.count("|") for line in page.splitlines() if line.startswith("|")]
        assert set(widths) == {len(line.split("|")) - 1 for line in page.splitlines() if line.startswith("| ---")}

"""The page that leads to the four papers: its walk runs, its tables are what recipes have and what was measured."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from test_papers_story import RECIPES, smaller, toml
from walkthrough import ROOT, blocks, walk
from wearabouts.export.gates import FLOAT, INT8
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.recipe import MODELS, load

PAGES = [ROOT / "docs/papers" / name for name in ("README.md", "README.zh.md")]


def test_its_commands_run_from_a_drawn_shop_to_a_report(tmp_path: Path) -> None:
    content = tomllib.loads((RECIPES / "darn-small.toml").read_text("utf-8"))
    (tmp_path / "small.toml").write_text(toml(smaller(content)), encoding="utf-8")
    walk(PAGES[0], tmp_path, {"RECIPE": "small.toml", "PRODUCTS": "12"})
    figures = json.dumps(json.loads((tmp_path / "runs/first/report/report.json").read_text("utf-8"))["sections"])
    assert all(name in figures for name in ("darn-small", "mini", "histogram"))
    assert (tmp_path / "runs/first/report.html").is_file()


def test_both_languages_have_the_same_blocks_and_links() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese
    links = [set(re.findall(r"\]\(([^)]+\.(?:py|toml))\)", page.read_text("utf-8"))) for page in PAGES]
    assert links[0] == links[1]
    assert len(links[0]) > 12


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_table_names_the_tables_of_each_model(page: Path) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.+)$", page.read_text("utf-8"), re.MULTILINE))
    assert set(rows) == set(MODELS) - {"mini", "residual", "verifier"}  # which have loops of their own
    for model, row in rows.items():
        recipes = [load(path) for path in RECIPES.glob("*.toml")]
        recipe = next(each for each in recipes if each.model == model)
        steps = row.rpartition("|")[0].rpartition("|")[2]
        for name in re.findall(r"`\[([\w.]+)\]`", row):
            part = recipe
            for key in name.split("."):
                part = getattr(part, key)
            assert isinstance(part, Steps) == (f"`[{name}]`" in steps)
        phases = {name for name, value in recipe if isinstance(value, Steps)}
        assert phases <= set(re.findall(r"`\[([\w.]+)\]`", steps))


@pytest.fixture
def parity() -> ModuleType:
    spec = spec_from_file_location("papers_parity", ROOT / "benchmarks/papers/parity.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_parity_is_what_was_measured(parity: ModuleType) -> None:
    assert parity.main(["--check"]) == 0
    content = json.loads(parity.RESULTS.read_text("utf-8"))
    assert content["models"].keys() == parity.PAPERS.keys()
    for row in content["models"].values():
        assert row["export"]["least_cosine"] >= FLOAT.least
        assert row["int8"]["least_cosine"] >= INT8.least
        assert row["int8"]["graph_bytes"]["after"] < row["int8"]["graph_bytes"]["before"]


def test_a_table_of_parity_says_each_figure_in_its_place(parity: ModuleType) -> None:
    export = {"least_cosine": 0.9999, "probe_queries": 10, "recall_before": 0.5, "recall_after": 0.4}
    int8 = {"least_cosine": 0.91, "mean_cosine": 0.99, "recall_before": 0.4, "recall_after": 0.3}
    int8 |= {"graph_bytes": {"before": 3 * 2**20, "after": 2**20}}
    models = {
        "darn": {"export": export, "int8": int8},
        "wtbi": {"export": export, "int8": {"refused": "lost too much"}},
    }
    lines = parity.table({"date": "2026-01-02T03", "models": models}, "head", "{queries} {date}").splitlines()
    assert lines[2] == "| DARN | 0.99990 | 0.500 → 0.400 | 0.9100, 0.9900 | 0.400 → 0.300 | 3.00 → 1.00 |"
    assert lines[3] == "| WTBI | 0.99990 | 0.500 → 0.400 | lost too much |  |  |"
    assert lines[-1] == "10 2026-01-02"

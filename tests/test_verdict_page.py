"""The page on verdicts: its code runs, and its tables say what the code does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from walkthrough import ROOT, blocks, walk
from wearabouts.bundles import load
from wearabouts.settings import SearchSettings
from wearabouts.types import REASONS

PAGES = [ROOT / "docs" / name for name in ("verdict.md", "verdict.zh.md")]
SECOND = ("judged", "budget_ms", "precision", "carried_share", "tail_share")


def test_the_page_runs(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nexport NOTHING=1\n```\n" + PAGES[0].read_text("utf-8"), encoding="utf-8")
    (tmp_path / "walk").mkdir()
    printed = "\n".join(walk(page, tmp_path / "walk", {"NOTHING": "1"}))
    verdict, reach, *products = printed.splitlines()
    assert verdict.split()[-1] == "None"  # no probability is enough for .99
    assert max(map(float, reach.split(": ")[1].split())) < 0.95
    assert len(products) == 5


def test_what_the_page_says_of_the_shipped_model_holds() -> None:
    calibration = load("mini").card.calibration
    assert calibration is not None
    assert calibration.threshold(SearchSettings().precision) is None, "the page says that the default is out of reach"
    assert calibration.threshold(0.5) is not None


def test_both_languages_have_the_same_code_and_tables() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese
    first, second = (re.findall(r"(?m)^\| `(\w+)`", page.read_text("utf-8")) for page in PAGES)
    assert first == second
    assert set(REASONS) | set(SECOND) | {"same", "similar", "not_carried"} <= set(first)


def test_reasons_are_worded_as_people_get_them() -> None:
    text = PAGES[0].read_text("utf-8")
    for code, words in REASONS.items():
        assert f"| `{code}` | {words} |" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_defaults_are_those_of_the_code(page: Path) -> None:
    defaults = {each.name: each.default for each in fields(SearchSettings)}
    told = dict(re.findall(r"(?m)^\| `(\w+)` \| ([\d.]+) \|", page.read_text("utf-8")))
    assert {name: float(value) for name, value in told.items()} == {
        name: defaults[name] for name in SECOND if defaults[name] is not None
    }

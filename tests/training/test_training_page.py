"""The page on training: all of it runs, and it says what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from walkthrough import ROOT, blocks, walk
from wearabouts.training.loop.recipe import Steps

PAGES = [ROOT / "docs" / name for name in ("training.md", "training.zh.md")]


def test_every_block_runs_from_the_recipe_to_a_model_of_ones_own(tmp_path: Path) -> None:
    walk(PAGES[0], tmp_path, {"SHOP": "shop", "RUN": "runs/first"})
    assert (tmp_path / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "runs/two/report.html").is_file()
    assert '"processes": 2' in (tmp_path / "runs/two/run.json").read_text()


def test_both_languages_have_the_same_blocks() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_table_has_every_key_with_its_default(page: Path) -> None:
    rows = dict(re.findall(r"^\| (`.+?) \| (.+?) \|", page.read_text("utf-8"), re.MULTILINE))
    told = {}
    for names, defaults in rows.items():
        values = [each.strip('` "') for each in defaults.split(", ")]
        told |= dict(zip(re.findall(r"`(\w+)`", names), values, strict=True))
    assert told.keys() == Steps.model_fields.keys()
    for name, default in Steps().model_dump().items():
        if name != "rates":
            shown = f"{default:g}" if isinstance(default, (int, float)) else default
            assert told[name] == ("false" if default is False else shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert len(targets) > 5
    assert [target for target in targets if not (page.parent / target).exists()] == []

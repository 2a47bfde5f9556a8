"""The page on StyleNet: its code runs, its commands and links lead somewhere, both languages say the same."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from walkthrough import blocks
from wearabouts.evaluation.protocols import PROTOCOLS
from wearabouts.training.recipe import load

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs/papers" / name for name in ("stylenet.md", "stylenet.zh.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_python_runs(page: Path) -> None:
    code = [block.code for block in blocks(page) if block.language == "python"]
    assert len(code) == 3
    exec("\n".join(code), {"__name__": "page"})  # the page is ours


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_named_files_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert len(targets) > 8
    assert [target for target in targets if not (page.parent / target).exists()] == []
    assert [path for path in re.findall(r"`(tests/[\w/]+\.py)`", text) if not (ROOT / path).is_file()] == []
    for name, path in re.findall(r"\[`([\w.]+)`\]\(([^)]+\.py)\)", text):
        assert name.split(".")[-1] in (page.parent / path).read_text("utf-8")


def test_both_languages_have_the_same_blocks() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese


def test_its_commands_name_a_recipe_that_there_is() -> None:
    (shell,) = [block.code for block in blocks(PAGES[0]) if block.language == "sh"]
    recipe = load(ROOT / re.findall(r"recipes/[\w-]+\.toml", shell)[0])
    assert f"runs/{recipe.name}" in shell


def test_the_picture_says_in_words_what_it_shows() -> None:
    picture = ElementTree.fromstring((ROOT / "docs/papers/stylenet.svg").read_text("utf-8"))
    title = picture.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert "128 floats" in (title.text or "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_protocol_it_names_is_one(page: Path) -> None:
    (name,) = re.findall(r"wearabouts evaluate (\w+) --data", page.read_text("utf-8"))
    assert name in PROTOCOLS
    assert f"evaluate {name} --data" in (ROOT / "recipes/stylenet-fashion144k.toml").read_text("utf-8")

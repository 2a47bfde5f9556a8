"""The page on WTBI: its code runs, its commands and links lead somewhere, both languages say the same."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from walkthrough import blocks
from wearabouts.training.recipe import load
from wearabouts.training.wtbi.recipe import Tuning

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs/papers" / name for name in ("wtbi.md", "wtbi.zh.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_python_runs(page: Path) -> None:
    code = [block.code for block in blocks(page) if block.language == "python"]
    assert len(code) == 3
    for each in code:
        exec(each, {"__name__": "page"})  # the page is ours


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_named_files_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert len(targets) > 15
    assert [target for target in targets if not (page.parent / target).exists()] == []
    assert [path for path in re.findall(r"`(tests/[\w/]+\.py)`", text) if not (ROOT / path).is_file()] == []
    for name, path in re.findall(r"\[`([\w.]+)`\]\(([^)]+\.py)\)", text):
        if not name.endswith(".py"):
            assert re.search(rf"(def|class) {name.split('.')[-1]}\(", (page.parent / path).read_text("utf-8"))


def test_both_languages_have_the_same_blocks_and_links() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese
    links = [set(re.findall(r"\]\(([^)]+\.(?:py|toml|svg))\)", page.read_text("utf-8"))) for page in PAGES]
    assert links[0] == links[1]


def test_its_commands_and_its_threshold_are_those_there_are() -> None:
    (shell,) = [block.code for block in blocks(PAGES[0]) if block.language == "sh"]
    recipe = load(ROOT / re.findall(r"recipes/[\w-]+\.toml", shell)[0])
    assert f"runs/{recipe.name}" in shell
    assert f"({Tuning().least} unless" in PAGES[0].read_text("utf-8")
    assert f"则为 {Tuning().least}" in PAGES[1].read_text("utf-8")


def test_the_papers_recipe_has_the_papers_sizes() -> None:
    recipe = load(ROOT / "recipes/wtbi-street2shop.toml")
    net, pairs = recipe.network, recipe.pairs
    assert (net.trunk, net.size, net.dim) == ("alexnet", 227, 4096)
    assert (pairs.method, pairs.hidden, pairs.shortlist) == ("specific", (512, 512), 1000)
    assert set(pairs.learned) == {"dresses", "outerwear", "pants", "skirts", "tops"}
    assert recipe.tuning.layers == "all"


def test_the_picture_says_in_words_what_it_shows() -> None:
    picture = ElementTree.fromstring((ROOT / "docs/papers/wtbi.svg").read_text("utf-8"))
    title = picture.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert "first layer in two halves" in (title.text or "")

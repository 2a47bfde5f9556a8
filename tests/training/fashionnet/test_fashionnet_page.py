"""The page on FashionNet: its code runs, its commands and links lead somewhere, both languages say the same."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from walkthrough import blocks
from wearabouts.training.fashionnet.recipe import FashionNetRecipe
from wearabouts.training.recipe import load

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "docs/papers" / name for name in ("fashionnet.md", "fashionnet.zh.md")]
RECIPES = sorted((ROOT / "recipes").glob("fashionnet-*.toml"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_python_runs(page: Path) -> None:
    torch.manual_seed(0)
    code = [block.code for block in blocks(page) if block.language == "python"]
    assert len(code) == 2
    exec("\n".join(code), {"__name__": "page"})  # the page is ours


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_named_files_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert len(targets) > 15
    assert [target for target in targets if not (page.parent / target).exists()] == []
    assert [path for path in re.findall(r"`(tests/[\w/]+\.py)`", text) if not (ROOT / path).is_file()] == []
    for name, path in re.findall(r"\[`([\w.]+)`\]\(([^)]+\.py)\)", text):
        assert f" {name.split('.')[-1].removesuffix('.py')}(" in (page.parent / path).read_text("utf-8") or "/" in name


def test_both_languages_have_the_same_blocks() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese


def test_its_commands_name_a_recipe_that_there_is() -> None:
    (shell,) = [block.code for block in blocks(PAGES[0]) if block.language == "sh"]
    recipe = load(ROOT / re.findall(r"recipes/[\w-]+\.toml", shell)[0])
    assert f"runs/{recipe.name}" in shell


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_can_be_meant(path: Path) -> None:
    recipe = load(path)
    assert isinstance(recipe, FashionNetRecipe)
    assert recipe.name == path.stem
    net = recipe.network
    if path.stem == "fashionnet-small":
        return
    # The paper's layer table, as `tests/models/test_fashionnet.py` asserts it of the network.
    assert (net.trunk, net.size, net.window, net.pooled, net.dim) == ("vgg16", 224, 8, 4, 0)
    assert (net.pose, net.whole, net.local, net.fused) == (1024, 4096, 1024, 4096)
    assert path.stem in PAGES[0].read_text("utf-8")


def test_the_picture_says_in_words_what_it_shows() -> None:
    picture = ElementTree.fromstring((ROOT / "docs/papers/fashionnet.svg").read_text("utf-8"))
    title = picture.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert "pools around the pose branch's landmarks" in (title.text or "")

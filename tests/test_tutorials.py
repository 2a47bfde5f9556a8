"""The tutorials: every block of every page runs, what they show is what is printed, and both languages say the same."""

from __future__ import annotations

import re
import socket
import sys
from importlib import import_module
from pathlib import Path

import pytest

from miniatures.cifar10 import cifar10
from miniatures.deepfashion_attributes import attributes
from miniatures.deepfashion_consumer2shop import consumer2shop
from miniatures.deepfashion_inshop import inshop
from miniatures.deepfashion_landmarks import landmarks
from walkthrough import ROOT, Block, blocks, compare, settings, walk
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import READERS, open_catalog

PAGES = ROOT / "docs" / "tutorials"
ENGLISH = sorted(page for page in PAGES.glob("*.md") if not page.name.endswith(".zh.md"))
ALL = sorted(PAGES.glob("*.md"))
NAMES = ("cifar10", "deepfashion", "own-dataset")

# The tutorials' recipes, made so small that they say nothing about the net and everything about the steps.
TINY = """
name = "tiny"
model = "residual"

[data]
reader = "{reader}"
split = "train"

[network]
size = 32
widths = [8, 8]
dim = 8

[steps]
epochs = 2
batch = 12
"""


def test_there_are_three_tutorials_in_two_languages():
    assert [page.name for page in ALL] == sorted(f"{name}{part}.md" for name in NAMES for part in ("", ".zh"))


def test_cifar10_runs_from_the_archive_to_the_page(tmp_path):
    data = cifar10(tmp_path / "data", per_class=12, tested=2)
    given = {"DATA": str(data), "RECIPE": _recipe(tmp_path, "cifar10"), "PORT": _port()}
    walk(PAGES / "cifar10.md", _folder(tmp_path), given)


def test_deepfashion_runs_on_all_four_benchmarks(tmp_path):
    given = {
        "INSHOP": str(inshop(tmp_path / "inshop")),
        "CONSUMER": str(consumer2shop(tmp_path / "consumer")),
        "ATTRIBUTES": str(attributes(tmp_path / "attributes")),
        "LANDMARKS": str(landmarks(tmp_path / "landmarks")),
        "RECIPE": _recipe(tmp_path, "deepfashion_attributes"),
    }
    walk(PAGES / "deepfashion.md", _folder(tmp_path), given)


def test_a_dataset_of_ones_own_runs_in_the_folder_where_it_is_drawn(tmp_path):
    walk(PAGES / "own-dataset.md", _folder(tmp_path), {"DATA": "closet", "PORT": _port()})


@pytest.fixture
def lookbook(tmp_path, monkeypatch):
    """The reader that a tutorial has people write, registered as it says."""
    (block,) = [block for block in blocks(PAGES / "own-dataset.md") if block.mark == "file lookbook.py"]
    (tmp_path / "lookbook.py").write_text(block.code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lookbook", raising=False)
    monkeypatch.setitem(READERS, "lookbook", "lookbook:read")
    yield
    sys.modules.pop("lookbook", None)


def _walked(source: Path, pieces: str, **options: str) -> tuple[list[Product], Faults]:
    source.write_text(pieces)
    faults = Faults()
    return list(open_catalog(source, reader="lookbook", **options).products(faults)), faults


def test_the_reader_of_the_tutorial_reads_what_is_right_and_tells_what_is_wrong(lookbook, tmp_path):
    book = tmp_path / "book.json"
    pieces = """{"pieces": [
      {"piece": "a", "kind": "skirt", "season": "autumn", "shop": ["a.jpg"], "worn": ["b.jpg"]},
      {"piece": "b", "kind": "skirt", "season": "spring", "shop": ["c.jpg", "/etc/passwd"]},
      {"piece": "c", "shop": ["../up.jpg"]}, {"piece": "a", "shop": ["d.jpg"]}, {"piece": "e", "shop": 7}, 3, null]}"""
    products, faults = _walked(book, pieces)
    assert [product.id for product in products] == ["a", "b"]
    assert [(photo.side, photo.split) for photo in products[0].photos] == [("shop", "gallery"), ("street", "query")]
    assert [photo.uri for photo in products[1].photos] == [str(tmp_path / "c.jpg")]
    assert faults.counts == {"product": 5, "photo": 2, "field": 0}
    assert [product.id for product in _walked(book, pieces, season="spring")[0]] == ["b"]


@pytest.mark.parametrize("pieces", ["", "{}", "[]", "7", "{", "[" * 100_000, '{"pieces"'])
def test_what_is_no_lookbook_is_one_clear_error(lookbook, tmp_path, pieces):
    with pytest.raises(CatalogError, match="is no lookbook"):
        _walked(tmp_path / "book.json", pieces)


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.stem)
def test_both_languages_have_the_same_blocks(page):
    other = page.with_name(f"{page.stem}.zh.md")
    assert [block.bare() for block in blocks(other)] == [block.bare() for block in blocks(page)]


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_settings_come_first_and_no_page_names_a_path_of_one_machine(page):
    assert settings(blocks(page)[0])
    assert not re.search(r"/(home|root|tmp|work|Users)/", page.read_text("utf-8"))


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_what_a_page_names_exists(page):
    text = page.read_text("utf-8")
    for name in re.findall(r"`(wearabouts(?:\.\w+)+)`", text):
        _found(name)
    for path in re.findall(r"`((?:src|docs|recipes|tests)/[\w/.-]+)`", text):
        assert (ROOT / path).exists(), path
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert targets
    for target in targets:
        assert (page.parent / target).exists(), target


def test_a_page_that_shows_another_output_is_found():
    compare("a  …\n…\n  c 3", "a 1\n───\nb\nc    3")
    for shown in ("a 1", "a 1\nc 3", "…\nb 2", "a 2\n…"):
        with pytest.raises(AssertionError):
            compare(shown, "a 1\nb 3\nc 3")


def test_comments_may_be_translated_and_nothing_else():
    page = Block("sh", "", "export A=~/b    # where it is\n# a word\nread x\n")
    assert page.bare() == Block("sh", "", "export A=~/b  # 在哪里\n# 一句话\nread x\n").bare()
    assert page.bare() != Block("sh", "", "export A=~/c  # where it is\n# a word\nread x\n").bare()


def _recipe(root: Path, reader: str) -> str:
    path = root / "tiny.toml"
    path.write_text(TINY.format(reader=reader))
    return str(path)


def _folder(root: Path) -> Path:
    folder = root / "here"
    folder.mkdir()
    return folder


def _port() -> str:
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def _found(name: str) -> object:
    """A module, or something in one."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and not error.name.startswith("wearabouts"):
            pytest.skip(f"{name} needs {error.name}, which the extra train brings")
        module, _, attribute = name.rpartition(".")
        return getattr(import_module(module), attribute)

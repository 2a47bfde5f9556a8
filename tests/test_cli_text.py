"""Words on the command line: alone, beside a photo, weighed, and refused where they cannot be meant."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes import TinyGarmentEncoder, TinyTextEncoder
from wearabouts import cli
from wearabouts.cli import main, options

COLOURS = {"red": (230, 20, 30), "green": (30, 200, 40), "blue": (20, 30, 160)}


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Three products of one colour each, in the folder the command runs in."""
    monkeypatch.chdir(tmp_path)
    for name, colour in COLOURS.items():
        folder = Path("feed") / name
        folder.mkdir(parents=True)
        Image.fromarray(np.full((80, 60, 3), colour, np.uint8)).save(folder / "front.png")
    return monkeypatch


@pytest.fixture
def talking(feed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Indexed by a model that reads text."""
    _model(feed, TinyTextEncoder())
    assert main(["index", "feed"]) == 0
    capsys.readouterr()


def _model(monkeypatch: pytest.MonkeyPatch, encoder: TinyGarmentEncoder) -> None:
    for module in ("index", "search"):
        monkeypatch.setattr(getattr(cli, module), "load_encoder", lambda _: encoder)
    monkeypatch.setattr(options, "load_encoder", lambda _: encoder)


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["search", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def first(found: dict) -> str:
    return found["matches"][0]["product"]["id"]


def test_words_alone_find_what_they_say(talking: None, capsys: pytest.CaptureFixture[str]) -> None:
    for word in COLOURS:
        found = answer(capsys, "--text", word, "-k", "2")
        assert first(found) == word
        assert found["matches"][0]["similarity"] == pytest.approx(1, abs=1e-3)
        assert found["size"] == [0, 0]
    only = answer(capsys, "--text", "red", "--garment", "shoes")
    assert [match["product"]["id"] for match in only["matches"]] == ["blue"]


def test_words_beside_a_photo_count_as_told(talking: None, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("feed/red/front.png", "--category", "off", "--text", "blue", "--text-weight")
    assert [first(answer(capsys, *words, weight)) for weight in ("0", "0.1", "0.9", "1")] == [
        "red",
        "red",
        "blue",
        "blue",
    ]


def test_the_table_says_what_was_searched_with(talking: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--text", "red dress", "-k", "1"]) == 0
    alone = capsys.readouterr().out
    assert "“red dress”" in alone
    assert "whole photo" not in alone
    assert main(["search", "feed/red/front.png", "--text", "in blue", "-k", "1"]) == 0
    assert "front.png · “in blue” · dress" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ("photo", "--text")),
        (["--text", "  "], ("photo", "--text")),
        (["--text", "red", "--box", "1,2,3,4"], ("--box", "photo")),
        (["--text", "red", "--sheet", "out.png"], ("--sheet", "photo")),
        (["feed/red/front.png", "--text", "red", "--text-weight", "2"], ("text weight 2", "from 0")),
        (["--text", "red", "--garment", "dres"], ("dres", "dress")),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    talking: None, capsys: pytest.CaptureFixture[str], words: list[str], said: tuple[str, ...]
) -> None:
    assert main(["search", *words]) == 2
    told = capsys.readouterr().err
    assert all(word in told for word in said), told
    assert "Traceback" not in told


def test_a_model_without_a_text_tower_says_so(feed: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _model(feed, TinyGarmentEncoder())
    assert main(["index", "feed"]) == 0
    capsys.readouterr()
    for photo in ([], ["feed/red/front.png"]):
        assert main(["search", *photo, "--text", "red dress"]) == 2
        assert "reads photos only" in capsys.readouterr().err
    assert main(["search", "feed/red/front.png", "-k", "1"]) == 0

"""Verdict, probability and similarity at the terminal: what is said first, what stands apart, what fits 80 columns."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fakes import TinyGarmentEncoder, TinyJudge, tiny_calibration
from wearabouts import cli, search
from wearabouts.cli import answers, main, options
from wearabouts.stores import open_store
from wearabouts.types import Answer, Comparison, Match

COLOURS = {"red": (220, 20, 20), "rust": (200, 40, 30), "green": (20, 200, 30), "blue": (20, 30, 220)}
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def judge(encoder: TinyGarmentEncoder) -> TinyJudge:
    """The tiny judge that asks for nothing beside the vectors."""
    made = TinyJudge(encoder)
    made.layout = type(made.layout)()
    return made


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four one-colour products, indexed; a model whose second stage is the tiny judge."""
    monkeypatch.chdir(tmp_path)
    encoder = TinyGarmentEncoder()
    for module in (options, cli.index, cli.search):
        monkeypatch.setattr(module, "load_encoder", lambda _: encoder)
    monkeypatch.setattr(search.opening, "second_stage", lambda _: (judge(encoder), tiny_calibration()))
    monkeypatch.setattr(search, "second_stage", lambda _: (judge(encoder), tiny_calibration()))
    for name, colour in COLOURS.items():
        (tmp_path / "feed" / name).mkdir(parents=True)
        Image.fromarray(np.full((80, 60, 3), colour, np.uint8)).save(tmp_path / "feed" / name / "front.png")
    assert main(["index", "feed", "--json"]) == 0
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    said(capsys)
    assert main([*words, "--json"]) == 0
    answer: dict[str, Any] = json.loads(said(capsys))
    return answer


def test_the_verdict_comes_first_and_the_figures_apart(shop: Path, capsys: pytest.CaptureFixture[str]):
    answer = asked(capsys, "search", "feed/blue/front.png", "--category", "off", "--tail")
    assert main(["search", "feed/blue/front.png", "--category", "off", "--tail"]) == 0
    lines = said(capsys).splitlines()
    first = answer["matches"][0]
    assert answer["verdict"] == "same"
    assert lines[0].startswith("✓ The same item, ")
    assert lines[1].endswith("called the same from 85% on, at a precision of 0.95")
    assert f"{first['probability']:.0%} likely" in lines[0]
    heading = next(line for line in lines if "similarity" in line)
    assert heading.split()[:3] == ["probability", "similarity", "product"]
    row = next(line for line in lines if line.split()[:1] == ["1"])
    assert row.split()[:4] == ["1", f"{first['probability']:.0%}", f"{first['similarity']:.3f}", "blue"]
    assert any("estimates, calibrated on 200 drawn colour patches" in line for line in lines)


def test_precision_and_tail(shop: Path, capsys: pytest.CaptureFixture[str]):
    words = ("search", "feed/red/front.png", "--category", "off")
    plain = asked(capsys, *words)
    whole = asked(capsys, *words, "--tail")
    assert plain["hidden"] == len(whole["matches"]) - len(plain["matches"]) > 0
    assert plain["precision"] == 0.95
    assert main([*words, "--precision", "0.999"]) == 0
    assert "never called the same at a precision of 0.999; the calibration reaches 0.99" in said(capsys)
    low = asked(capsys, *words, "--precision", "0.5")
    assert (low["precision"], low["threshold"]) == (0.5, 0.5)
    assert main(list(words)) == 0
    assert f"{plain['hidden']} less likely products left out; --tail shows all" in said(capsys)


def test_what_the_shop_does_not_carry_is_said(shop: Path, capsys: pytest.CaptureFixture[str]):
    colours = np.zeros((80, 60, 3), np.uint8)
    colours[::2, :, 1], colours[:, 30:, 2] = 255, 255
    Image.fromarray(colours).save("odd.png")
    assert main(["search", "odd.png", "--category", "off"]) == 0
    shown = said(capsys)
    assert shown.startswith("∅ Not carried: nothing in the shop looks enough like the item")
    assert "similarity" not in shown.splitlines()[2]
    assert "--tail shows all" in shown
    answer = asked(capsys, "search", "odd.png", "--category", "off")
    assert (answer["verdict"], answer["matches"]) == ("not_carried", [])
    assert main(["search", "odd.png", "--category", "off", "--sheet", "out.png"]) == 0


@pytest.mark.parametrize("given", ["0.4", "1", "nan", "much"])
def test_a_precision_that_cannot_be_meant_is_one_line(shop: Path, capsys: pytest.CaptureFixture[str], given: str):
    capsys.readouterr()
    assert main(["search", "feed/red/front.png", "--precision", given]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert given in err.splitlines()[-1]
    assert "0.9" in err.splitlines()[-1]


def test_own_labels_are_named(shop: Path, capsys: pytest.CaptureFixture[str]):
    store = open_store("wearabouts-store", mode="write")
    own = tiny_calibration(own_labels=True, calibrated_on="300 labels of June")
    store.write_note("calibration", own.model_dump(mode="json"))
    store.close()
    said(capsys)
    assert main(["search", "feed/red/front.png"]) == 0
    assert "calibrated on this shop's own labels: 300 labels of June" in said(capsys)


def test_compare_says_how_likely_and_on_what_that_rests(shop: Path, capsys: pytest.CaptureFixture[str]):
    same = asked(capsys, "compare", "feed/red/front.png", "feed/red/front.png")
    other = asked(capsys, "compare", "feed/red/front.png", "feed/blue/front.png")
    assert same["probability"] == pytest.approx(tiny_calibration().of_pair(2.0), abs=1e-3)
    assert other["probability"] < 0.1
    assert main(["compare", "feed/red/front.png", "feed/red/front.png"]) == 0
    lines = said(capsys).splitlines()
    assert lines[0] == f"probability {same['probability']:.0%} that both show the very same item"
    assert lines[1].startswith("similarity 1.000")
    assert lines[-1].startswith("the probability is an estimate, for pairs of which half show one item")
    assert lines[-1].endswith("calibrated on 200 drawn colour patches")


def test_settings_switch_the_second_stage_off(shop: Path, monkeypatch: pytest.MonkeyPatch):
    from wearabouts import server

    (shop / "off.toml").write_text("[search]\njudged = 0\n", encoding="utf-8")
    (shop / "on.toml").write_text("[search]\njudged = 3\nbudget_ms = 20.0\nprecision = 0.9\n", encoding="utf-8")
    opened = []
    monkeypatch.setattr(server, "create_app", lambda searcher, *_: opened.append(searcher))
    monkeypatch.setattr(server, "run", lambda *_, **__: None)
    for words in (["serve"], ["serve", "--settings", "on.toml"], ["serve", "--settings", "off.toml"]):
        assert main(words) == 0
    plain, bounded, off = opened
    assert plain.stage_two.verifier.name == "tiny-judge"
    assert (bounded.stage_two.shortlist, bounded.settings.budget_ms, bounded.settings.precision) == (3, 20.0, 0.9)
    assert off.stage_two is None


class Screen(io.StringIO):
    """A terminal to look at afterwards."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("verdict", ["same", "similar", "not_carried", None])
def test_80_columns_are_enough(monkeypatch: pytest.MonkeyPatch, verdict: Any):
    title = "A very long title of a striped knit polo shirt with a contrast collar, light denim / black"
    agrees = ("color: navy", "pattern: striped", "sleeve: three_quarter", "collar: shirt_collar")
    matches = tuple(
        Match(
            {"id": f"product-{place}-of-a-feed", "title": title, "price": 1234.5, "currency": "EUR", "garment": "polo"},
            "",
            "",
            0.9 - place / 10,
            agrees,
            ("length: short → middle",),
            None if verdict is None else 0.5 / place,
        )
        for place in range(1, 11)
    )
    answer = Answer(
        matches if verdict != "not_carried" else (),
        "polo",
        0.9,
        {"color": "navy", "pattern": "striped"},
        None,
        "whole",
        (300, 400),
        {"decode": 1.0, "total": 20.0},
        notes=("a note that is rather long and says what a person should know of this answer, for once in full",),
        verdict=verdict,
        reason={"same": "sure", "similar": "alike", "not_carried": "unlike", None: ""}[verdict],
        carried=0.8 if verdict else None,
        precision=0.95 if verdict else None,
        threshold=0.4 if verdict else None,
        hidden=3 if verdict else 0,
        calibrated_on="2,300 photographs of 310 drawn garments and 81 grocery products" if verdict else "",
    )
    screen = Screen()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", screen)
        patched.setenv("COLUMNS", "80")
        answers.show_answer(answer, "street.jpg", "")
    lines = [ESCAPES.sub("", line) for line in screen.getvalue().splitlines()]
    assert max(len(line) for line in lines) <= 80
    text = " ".join(" ".join(lines).split())
    assert ("probability similarity" in text) == (verdict in ("same", "similar"))
    for word in ("contrast", "1,234.50", "shirt_collar") if verdict != "not_carried" else ("polo",):
        assert word in text  # nothing is cut
    assert "for once in full" in text


def test_words_from_a_card_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]):
    comparison = Comparison(0.5, (None, None), (), (), {}, 0.999, "\x1b]0;title\x07\u202ex\r\n[bold]y[/bold]")
    answers.show_comparison(comparison)
    shown = said(capsys)
    assert ">99% that both" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]y[/bold]" in shown

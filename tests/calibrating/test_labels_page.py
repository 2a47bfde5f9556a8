"""The page on labels: its commands run, its columns are those of the table, both languages show the same."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from calibrating.shops import indexed, tiny
from wearabouts.cli import main

PAGES = [Path(__file__).parents[2] / "docs" / name for name in ("labels.md", "labels.zh.md")]


def commands(page: Path) -> list[str]:
    found = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return [line for block in found for line in block.splitlines()]


def columns(page: Path) -> set[str]:
    section = page.read_text("utf-8").split("\n## ")[1]
    return set(re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE))


def test_both_pages_show_the_same_commands():
    first, second = map(commands, PAGES)
    assert first == second != []


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return indexed(tmp_path_factory.mktemp("page"), products=24, photos=2)


def test_its_commands_run_and_its_columns_are_those_of_the_table(shop, monkeypatch, capsys):
    tiny(monkeypatch)
    monkeypatch.chdir(shop.folder)
    shop.label("answers.csv", *(f"{photo},{name},yes" for photo, name in shop.photos.items()))
    first, *others = commands(PAGES[0])
    capsys.readouterr()
    assert main(shlex.split(first)[1:]) == 0
    shown = capsys.readouterr().out
    heading = next(line for line in shown.splitlines() if "Brier" in line)
    for page in PAGES:
        assert columns(page) == set(re.split(r"\s{2,}", heading.strip())) - {"category"}
    for line in others:
        assert main(shlex.split(line)[1:]) == 0

"""The page of protocols says what the values say, and leaves none out."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from wearabouts.evaluation.protocols import every

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("protocols_page", ROOT / "docs" / "protocols.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(writer: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert writer.main(["--check"]) == 0, capsys.readouterr().out


def test_every_sentence_of_every_protocol_stands_there() -> None:
    page = (ROOT / "docs" / "protocols.md").read_text("utf-8")
    sections = {part.splitlines()[0]: part for part in page.split("\n## ")[1:]}
    for rules in every():
        for heading, sentence in rules.rules().items():
            if heading != "Deviations":
                assert f"**{heading}.** {sentence}" in sections[rules.name]
        assert all(sentence in sections[rules.name] for sentence in rules.deviations)
        assert all(f"`{value}`" in sections[rules.name] for values in rules.choices.values() for value in values)

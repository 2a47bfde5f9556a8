"""The page on scaling says what was measured, in both languages, and its command runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from walkthrough import ROOT, blocks
from wearabouts.cli import main

PAGES = [ROOT / "docs" / name for name in ("scaling.md", "scaling.zh.md")]
RESULTS = ROOT / "benchmarks" / "results" / "scaling.json"


def test_it_is_what_the_results_give() -> None:
    done = subprocess.run(
        (sys.executable, "docs/scaling.py", "--check"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_package_reckons_with_what_the_page_shows() -> None:
    kept = json.loads((ROOT / "src/wearabouts/capacity/constants.json").read_text("utf-8"))
    assert json.loads(RESULTS.read_text("utf-8"))["constants"] == kept


def test_its_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    english, chinese = (blocks(page) for page in PAGES)
    assert [block.code for block in english] == [block.code for block in chinese]
    (command,) = (block.code.split()[1:] for block in english if block.language == "sh")
    assert main(command) == 0
    assert "store: " in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_links_lead_somewhere(page: Path) -> None:
    links = [part.partition(")")[0] for part in page.read_text("utf-8").split("](")[1:]]
    assert len(links) >= 5
    assert [link for link in links if not (page.parent / link).exists()] == []

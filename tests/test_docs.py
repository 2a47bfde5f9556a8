"""The documents: their code runs, their commands exist, their tables are what was measured."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh.md")
COMMANDS = (
    "demo",
    "draw",
    "read",
    "index",
    "search",
    "compare",
    "serve",
    "evaluate",
    "calibrate",
    "check",
    "repair",
    "backup",
    "restore",
    "copy",
    "plan",
    "describe",
    "train",
    "export",
    "pull",
)


def _blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("name", READMES)
def test_the_python_of_a_readme_runs_and_finds_the_photographed_product(name: str, tmp_path: Path) -> None:
    code = "\n".join(_blocks(name, "python"))
    code += "\nassert photo.parent.name in [match.product['id'] for match in answer.matches]\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_both_readmes_have_the_same_commands_and_code() -> None:
    english, chinese = ([*_blocks(name, "sh"), *_blocks(name, "python")] for name in READMES)
    assert len(english) == len(chinese) > 2

    def bare(block: str) -> list[str]:
        return [line.split("#")[0].strip() for line in block.splitlines()]

    assert [bare(block) for block in english] == [bare(block) for block in chinese]


@pytest.mark.parametrize("name", READMES)
def test_every_command_stands_in_the_readmes(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    shown = set(re.findall(r"`wearabouts (\w+)", text))
    assert shown == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_there_is_explains_itself(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wearabouts", command, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_measured_tables_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text("utf-8"))
    missing = [target for target in targets if not (path.parent / target).exists()]
    assert not missing

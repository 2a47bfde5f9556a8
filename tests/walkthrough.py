"""A tutorial as a page of blocks, and a walk through it: every block is run, in order, in one folder.

A fenced block is run as its language says: ``sh`` by bash, ``python`` by this Python. A comment on the line before a
fence says what else a block is:

* ``<!-- test: file NAME -->``: it is written to NAME.
* ``<!-- test: output -->``: it is what the block before printed. ``…`` stands for anything in a line, and as a line for
  any lines; spaces and ruled lines do not count.
* ``<!-- test: layout SETTING -->``: the first word of each line lies in the folder that a setting names.

A block with ``wearabouts serve`` in it is left running while the next block runs, then it is stopped.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(?:<!-- test: (?P<mark>[^\n]+?) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)```", re.DOTALL)
SETTING = re.compile(r"export (?P<name>[A-Z_]+)=\S+")
SERVING = "serving "
SECONDS = 600  # a block takes a few; a machine under load takes its time


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        language: As the fence says.
        mark: As the comment before it says, or empty.
        code: What stands in it.
    """

    language: str
    mark: str
    code: str

    def bare(self) -> tuple[str, str, str]:
        """The same without what may be translated: comments, and what stands beside the paths of a layout."""
        spoken = r"\s.*$" if self.mark.startswith("layout ") else r"(^|\s+)# .*$"
        lines = [re.sub(spoken, "", line).rstrip() for line in self.code.splitlines()]
        return self.language, self.mark, "\n".join(lines)


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    found = BLOCK.finditer(page.read_text("utf-8"))
    return [Block(each["language"], each["mark"] or "", each["code"]) for each in found]


def settings(block: Block) -> list[str]:
    """Names that the first block of a page exports; it must do nothing else."""
    names = []
    for line in block.bare()[2].splitlines():
        setting = SETTING.fullmatch(line.strip())
        assert setting, f"the first block of a tutorial holds its settings and nothing else, not {line!r}"
        names.append(setting["name"])
    return names


def walk(page: Path, folder: Path, given: Mapping[str, str]) -> list[str]:
    """Run a page.

    Args:
        page: The tutorial.
        folder: Where its commands run.
        given: Values of its settings, all of them.

    Returns:
        What each block printed; empty for files and outputs.
    """
    first, *others = blocks(page)
    assert settings(first) == list(given)
    steps = _Steps(folder, _environment(folder, given))
    try:
        for block in others:
            steps.take(block)
    finally:
        steps.stop()
    return steps.printed


class _Steps:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.server: subprocess.Popen[str] | None = None
        self.printed: list[str] = []

    def take(self, block: Block) -> None:
        told = ""
        if block.mark.startswith("file "):
            (self.folder / block.mark.removeprefix("file ")).write_text(block.code, "utf-8")
        elif block.mark == "output":
            assert block.language == "text"
            compare(block.code, self.printed[-1])
        elif block.mark.startswith("layout "):
            root = self.folder / self.environment[block.mark.removeprefix("layout ")]
            for line in block.code.splitlines():
                assert list(root.glob(line.split()[0])), f"{line.split()[0]} is not in the folder"
        elif "wearabouts train" in block.code and find_spec("torch") is None:
            pytest.skip("all before the training has run; the training needs the extra train")
        elif block.language == "sh" and "wearabouts serve" in block.code:
            self.server = self._serve(block.code)
        else:
            told = self._run(block)
            self.stop()
        self.printed.append(told)

    def stop(self) -> None:
        """Stop the server, if one runs, as a person does."""
        if self.server is not None:
            server, self.server = self.server, None
            server.send_signal(signal.SIGINT)
            out, _ = server.communicate(timeout=SECONDS)
            assert out.splitlines()[-1:] == ["stopped"], out

    def _run(self, block: Block) -> str:
        words = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
        assert not block.mark, f"nobody knows the mark {block.mark!r}"
        assert block.language in words, f"nobody knows how to run this {block.language!r} block"
        done = subprocess.run(
            [*words[block.language], block.code],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def _serve(self, code: str) -> subprocess.Popen[str]:
        command = code.strip().replace("\\\n", " ").replace("wearabouts", "exec wearabouts", 1)
        server = subprocess.Popen(
            ["bash", "-euc", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert server.stdout is not None
        told = []
        for line in server.stdout:
            told.append(line)
            if line.startswith(SERVING):
                return server
        raise AssertionError(f"{code}\n{''.join(told)}")


def compare(shown: str, printed: str) -> None:
    """Whether a page shows what was printed.

    Raises:
        AssertionError: It does not; says from which line on.
    """
    wanted, found = _lines(shown), _lines(printed)
    at = 0
    skipping = False
    for line in wanted:
        if line == "…":
            skipping = True
            continue
        pattern = re.compile(".*".join(map(re.escape, line.split("…"))))
        ends = len(found) if skipping else at + 1
        place = next((n for n in range(at, ends) if n < len(found) and pattern.fullmatch(found[n])), None)
        assert place is not None, f"the page shows\n{line}\nbut what was printed there is\n" + "\n".join(found[at:])
        at, skipping = place + 1, False
    assert skipping or at == len(found), "more was printed than the page shows:\n" + "\n".join(found[at:])


def _lines(text: str) -> list[str]:
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [line for line in lines if line.strip("─━ ")]


def _environment(folder: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The settings, and `wearabouts` and `python` as commands of this very checkout."""
    commands = folder / ".commands"
    commands.mkdir()
    for name, words in (("wearabouts", "-m wearabouts"), ("python", "")):
        path = commands / name
        path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n')
        path.chmod(0o755)
    return {
        **os.environ,
        **given,
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), os.environ.get("PYTHONPATH", ""))).rstrip(os.pathsep),
        "OMP_NUM_THREADS": "1",
    }

"""Whole pages out of one file of results, in several languages: what `docs/stages.py` and `docs/study.py` share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Words = Mapping[str, Any]


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(
    about: str | None,
    pages: Mapping[str, Words],
    page: Callable[[Any, Words], str],
    results: Path,
    folder: Path,
    words: Sequence[str] | None = None,
) -> int:
    """Write the pages, or with ``--check`` say which are out of date.

    Args:
        about: What the command line says of the script.
        pages: File name → the words of its language.
        page: Results and words to a page's text.
        results: Where they lie unless ``--from`` says otherwise.
        folder: Where the pages go unless ``--out`` says otherwise.
        words: The command line; None for the process's own.

    Returns:
        1 where something is out of date, else 0.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--from", dest="source", type=Path, default=results)
    parser.add_argument("--out", type=Path, default=folder)
    given = parser.parse_args(words)
    if not given.source.is_file():
        sys.stdout.write(f"no {given.source.name} yet: nothing to write\n")
        return 0
    told = json.loads(given.source.read_text("utf-8"))
    stale = []
    for name, language in pages.items():
        path, text = given.out / name, page(told, language)
        if given.check:
            stale += [] if path.is_file() and path.read_text("utf-8") == text else [name]
        else:
            given.out.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    if stale:
        sys.stdout.write(f"out of date: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0

"""A report onto disk: JSON for programs, Markdown for a repository, one self-contained page for people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from wearabouts.errors import EvaluationError
from wearabouts.report.document import Report
from wearabouts.report.words import markdown


def write(report: Report, folder: str | Path) -> dict[str, Path]:
    """Write ``report.json``, ``report.md`` and ``report.html``; each is either the old file or the whole new one.

    Args:
        report: What to write.
        folder: Made when it is not there.

    Returns:
        ``json``, ``markdown`` and ``html`` → where they are.

    Raises:
        EvaluationError: The folder cannot be written.
    """
    from wearabouts.report.page import html  # brings in matplotlib, which the contact sheet can do without

    where = Path(folder)
    contents = {
        "json": ("report.json", _indented(report.to_dict()) + "\n"),
        "markdown": ("report.md", markdown(report)),
        "html": ("report.html", html(report)),
    }
    try:
        where.mkdir(parents=True, exist_ok=True)
        return {kind: _replace(where / name, text) for kind, (name, text) in contents.items()}
    except OSError as error:
        raise EvaluationError(
            f"report folder {where} cannot be written ({error.strerror or error}); give a folder one may write to"
        ) from error


def _indented(value: Any, depth: int = 0) -> str:
    """JSON that people can read: one line a key; a list of plain values, such as one figure a query, is a line."""
    if not value or not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, list):
        if not any(isinstance(each, (dict, list)) for each in value):
            return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        opening, closing, parts = "[", "]", [_indented(each, depth + 1) for each in value]
    else:
        opening, closing = "{", "}"
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_indented(each, depth + 1)}" for key, each in value.items()]
    start = "\n" + " " * (depth + 1)
    return f"{opening}{start}{f',{start}'.join(parts)}\n{' ' * depth}{closing}"


def _replace(path: Path, text: str) -> Path:
    half = path.with_name(path.name + ".part")
    half.write_text(text, encoding="utf-8", errors="replace")  # a name from a feed may hold half a character
    os.replace(half, path)
    return path

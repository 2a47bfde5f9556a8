"""A report onto disk: JSON for programs, Markdown for a repository, one self-contained page for people."""

from __future__ import annotations

import json
import os
from pathlib import Path

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
        "json": ("report.json", json.dumps(report.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"),
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


def _replace(path: Path, text: str) -> Path:
    half = path.with_name(path.name + ".part")
    half.write_text(text, encoding="utf-8")
    os.replace(half, path)
    return path

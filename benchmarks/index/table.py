"""From the JSON of a run to the Markdown page: nothing is on the page that is not in the JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

HEAD = """# Benchmarks

This page is written by `make bench-index` (`python benchmarks/index/run.py`) from its own JSON; edit the benchmarks,
not the page. Searching and serving, beside other engines, have a page of their own: [Search](search.md).

Every contender of a table ran in the same run, in turn, round by round. A value is the median of the rounds (a
percentile is over all calls); the range is that of the rounds; *gain* is how many times better than the baseline
(above 1 is faster, or smaller), taken within each round and then the median. On a busy machine trust the gains, not
the values.
"""
RANKING = """## Rank

Exact ranks of the right answers of many queries, from vectors in files: `python benchmarks/ranking.py` measures it
apart from the rest, and `make docs` writes its table here. *All similarities, argsort* is the plain formula: one matrix
product, every row sorted.

<!-- table: ranking -->

<!-- end of table -->
"""


def page(run: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = [HEAD, _circumstances(run)]
    parts += [_section(one) for one in run["benchmarks"]]
    return "\n".join([*parts, RANKING])


def _circumstances(run: Mapping[str, Any]) -> str:
    machine, model = run["machine"], run["model"]
    commit = run["commit"].get("commit", "unknown")[:12] + (" with changes" if run["commit"].get("modified") else "")
    loads = " → ".join("/".join(f"{value:g}" for value in run["load"][when]) or "?" for when in ("before", "after"))
    rows = [
        (
            "Machine",
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']:g} GiB, {machine['system']}",
        ),
        ("Python", f"{machine['python']}; " + ", ".join(f"{name} {it}" for name, it in run["versions"].items())),
        ("Commit", commit),
        ("When", f"{run['date']} (UTC), {run['seconds']:.0f} s in all"),
        ("Load average before → after", loads),
        ("Model", f"{model['name']}, {model['dim']} floats, input {model['size']} px, hash {model['hash'][:12]}"),
        ("Photos", run["photos"]),
        ("Seed", str(run["seed"])),
        ("Size of the run", "quick: a check that it works, not a measurement" if run["quick"] else "full"),
    ]
    return _grid(("", ""), rows)


def _section(result: Mapping[str, Any]) -> str:
    lines = [f"## {result['title']}", "", result["method"], ""]
    rows = [_row(figure, result["baseline"]) for figure in result["figures"]]
    lines += [_grid(("case", "who", "", "value", "rounds", "gain"), _merged(rows)), ""]
    if result["checks"]:
        lines += ["The same work was done:", ""]
        lines += [f"- {words}: {value:g}" for words, value in result["checks"].items()] + [""]
    if result["setup"]:
        lines += ["Setup: " + "; ".join(f"{name} {_words(value)}" for name, value in result["setup"].items()) + ".", ""]
    lines += ["Not shown:", ""] + [f"- {words}" for words in result["not_shown"]]
    return "\n".join(lines) + "\n"


def _row(figure: Mapping[str, Any], baseline: str) -> tuple[str, ...]:
    rounds = figure["rounds"]
    spread = f"{_number(min(rounds))} to {_number(max(rounds))}" if rounds else ""
    gain = (
        f"{figure['gain']:.2f}" if figure["gain"] is not None else ("baseline" if figure["subject"] == baseline else "")
    )
    measure = "" if figure["measure"] in ("rate", "mean") else figure["measure"]
    value = f"{_number(figure['value'])} {figure['unit']}"
    return figure["case"], figure["subject"], measure, value, spread, gain


def _merged(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A case is named in its first row only."""
    cases = ["", *(row[0] for row in rows)]
    return [("" if row[0] == before else row[0], *row[1:]) for before, row in zip(cases, rows, strict=False)]


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_words(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{_words(one)} at {name}" for name, one in value.items())
    return f"{value:,}" if isinstance(value, int) else json.dumps(value, ensure_ascii=False).strip('"')

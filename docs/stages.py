"""Write docs/stages.md and stages.zh.md from the measurement: `python docs/stages.py [--check] [--from JSON]`.

What is better, worse or open, and which goals are reached, is read off the figures; no figure and no verdict is typed.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import paging

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "stages.json"
WORDS = tomllib.loads((ROOT / "docs" / "stages.toml").read_text("utf-8"))
PAGES = {"stages.md": WORDS["en"], "stages.zh.md": WORDS["zh"]}
ONE, FUSED, CURVE = "stage one", "fused", "logistic on similarity"
GOALS = {"drawn": 0.03, "real": 0.05}  # of the calibration error
LEAST = 0.2  # Brier skill over the base rate
Words = Mapping[str, Any]
Row = Mapping[str, Any]


def page(told: Mapping[str, Any], words: Words) -> str:
    """The whole page in one language.

    Args:
        told: What `benchmarks/stages/run.py` wrote.
        words: Of `WORDS`.
    """
    parts = [f"# {words['title']}", f"<!-- {words['head']} -->", words["other"]]
    parts += [words["quick"]] if told["quick"] else []
    parts += [words["intro"].format(judged=told["judged"]), words["short"], *_short(told, words)]
    parts += [words["tables"], words["rule"].format(seeds=told["seeds"]), words["curves"]]
    for world in told["worlds"]:
        parts += [f"### {_title(words['world'][world['name']])}", _table(world, words)]
    parts += [words["probability"], words["probability note"]]
    for world in told["worlds"]:
        parts += [f"### {_title(words['world'][world['name']])}", _probability(world, words)]
    parts += [words["where"], *_where(told, words)]
    parts += [words["limits"], "\n".join(f"- {text}" for text in words["limits text"])]
    parts += [words["again"], words["again text"]]
    return "\n\n".join(parts) + "\n"


def _short(told: Mapping[str, Any], words: Words) -> Iterator[str]:
    """What it comes to, for the drawn shop and for the real photographs together."""
    worlds = {world["name"]: {row["name"]: row for row in world["rows"]} for world in told["worlds"]}
    for name, goal in GOALS.items():
        if name not in worlds:
            continue
        rows, world = worlds[name], words["world"][name]
        one, two = rows[ONE], rows[FUSED]
        ahead = two["ahead"]["R@1"]
        yield words["first"].format(
            world=world,
            one=_share(one["figures"]["R@1"]["value"]),
            two=_share(two["figures"]["R@1"]["value"]),
            word=words["word"][ahead["outcome"]],
            gained=_share(ahead["gained"]),
            lost=_share(ahead["lost"]),
            **{key: _points(ahead[part]) for key, part in _SPAN.items()},
        ) + _found(told, name, words)
        alone = [row for row in rows.values() if "ahead" in row and row["name"] != FUSED]
        if alone:
            said = [
                f"{words['row'][row['name']]}{words['colon']}{words['outcome'][row['ahead']['R@1']['outcome']]}"
                for row in alone
            ]
            yield words["signals"].format(told=words["comma"].join(said))
        why = _why(rows, worlds.get("drawn", {}), words) if name == "real" else ""
        if why:
            yield why
        yield _believed(two, goal, words)
        if one["ms"] is not None and two["ms"] is not None:
            yield words["cost"].format(one=f"{one['ms']:.2f}", more=f"{two['ms'] - one['ms']:.1f}")


_SPAN = {"difference": "value", "low": "low", "high": "high"}


def _found(told: Mapping[str, Any], name: str, words: Words) -> str:
    if name not in told["within"]:
        return ""
    return words["gap"] + words["found"].format(within=_share(told["within"][name]), judged=told["judged"])


def _why(real: Mapping[str, Row], drawn: Mapping[str, Row], words: Words) -> str:
    """What is known of why stage two is not better on real photographs; nothing where it is, or nothing is known."""
    if real[FUSED]["ahead"]["R@1"]["outcome"] == "better":
        return ""
    lost = [
        f"{words['row'][name]} ({_points(row['ahead']['R@1']['value'])})"
        for name, row in real.items()
        if "ahead" in row and name != FUSED and row["ahead"]["R@1"]["outcome"] == "worse"
        if name in drawn and drawn[name]["ahead"]["R@1"]["outcome"] != "worse"
    ]
    return str(words["why"].format(told=words["comma"].join(lost))) if lost else ""


def _believed(two: Row, goal: float, words: Words) -> str:
    error, skill, ahead = two["figures"]["ECE"], two["figures"]["skill"], two["skill ahead"]
    floor = f"{two['floor']['value']:.3f}"
    text = words["error"].format(
        goal=goal, floor=floor, word=words["goal"][reached(error, goal)], error=_figure(error["value"]),
        low=_figure(error["low"]), high=_figure(error["high"]),
    )  # fmt: skip
    turned = {"value": -skill["value"], "high": None if skill["low"] is None else -skill["low"]}
    said = words["skill"].format(
        skill=_figure(skill["value"]), low=_figure(skill["low"]), high=_figure(skill["high"]), least=LEAST,
        word=words["goal"][reached(turned, -LEAST)], ahead=_figure(ahead["value"], sign=True),
        ahead_low=_figure(ahead["low"], sign=True), ahead_high=_figure(ahead["high"], sign=True),
        than=words["than"][ahead["outcome"]],
    )  # fmt: skip
    return f"{text}{words['gap']}{said}"


def reached(figure: Mapping[str, Any], most: float) -> str:
    """Whether a figure is at most a goal: ``reached`` where its whole interval is, ``probably``, or ``missed``."""
    if figure["value"] > most:
        return "missed"
    return "reached" if figure["high"] is not None and figure["high"] <= most else "probably"


def _table(world: Mapping[str, Any], words: Words) -> str:
    lines = []
    for row in world["rows"]:
        figures = [_interval(row["figures"][name]) for name in ("R@1", "R@10", "mAP", "ECE")]
        spent = "" if row["ms"] is None else f"{row['ms']:.2f}"
        ahead = row.get("ahead", {}).get("R@1")
        last = ["", ""] if ahead is None else [_difference(ahead), words["outcome"][ahead["outcome"]]]
        lines.append([words["row"][row["name"]], *figures, spent, *last])
    return paging.grid(words["head_table"], lines)


def _probability(world: Mapping[str, Any], words: Words) -> str:
    lines = []
    for row in world["rows"]:
        ahead, shipped = row.get("skill ahead"), row.get("shipped ECE")
        lines.append(
            [
                words["row"][row["name"]],
                _interval(row["figures"]["skill"]),
                ""
                if ahead is None
                else f"{_figure(ahead['value'], sign=True)} "
                f"({_figure(ahead['low'], sign=True)} – {_figure(ahead['high'], sign=True)})",
                _interval(row["figures"]["ECE"]),
                f"{row['floor']['value']:.3f}",
                f"{row['floor']['high']:.3f}",
                "" if shipped is None else _interval(shipped),
            ]
        )
    return paging.grid(words["head_probability"], lines)


def _where(told: Mapping[str, Any], words: Words) -> Iterator[str]:
    names = words["world"]
    yield "\n".join(words["data"].format(name=names[key], **counts) for key, counts in told["galleries"].items())
    listed = [
        words["data"].format(name=names[key], **counts).strip("- .。") for key, counts in told["calibrated"].items()
    ]
    yield words["calibrated"].format(told=words["semicolon"].join(listed))
    machine = told["machine"]
    yield words["made"].format(
        date=told["date"][:10],
        processor=machine["processor"],
        cores=machine["cores"],
        memory=f"{machine['memory_gib']:g}",
        commit=told["commit"].get("commit", "unknown")[:12],
        onnxruntime=told["versions"].get("onnxruntime", "?"),
        seeds=told["seeds"],
        judged=told["judged"],
    )


def _title(text: str) -> str:
    return text[:1].upper() + text[1:]


def _share(value: float) -> str:
    return f"{value:.1%}"


def _figure(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "–"
    return (f"{value:+.3f}" if sign else f"{value:.3f}").replace("-", "−")


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None:
        return _figure(figure["value"])
    return f"{_figure(figure['value'])} ({_figure(figure['low'])}–{_figure(figure['high'])})"


def _points(value: float | None) -> str:
    if value is None:
        return "–"
    text = f"{100 * value:+.1f}"
    return text.replace("-", "−") if float(text) else "0.0"


def _difference(ahead: Mapping[str, Any]) -> str:
    return f"{_points(ahead['value'])} ({_points(ahead['low'])} – {_points(ahead['high'])})"


def main(words: Sequence[str] | None = None) -> int:
    """Write the pages, or with ``--check`` say which are out of date."""
    return paging.write(__doc__, PAGES, page, RESULTS, ROOT / "docs", words)


if __name__ == "__main__":
    sys.exit(main())

"""The pictures of `docs/search.py`, readable on white and on black: SVG whose text stays text."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from wearabouts.report.plots import COLOURS, INK

MARKS = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "*", "h", "p")
OURS = "wearabouts"
BEFORE = 1e-4  # a recall of 1 is drawn as 1 minus this
Told = Mapping[str, Any]
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {"p50": "p50, ms", "kept": "share kept", "photos": "photos", "open": "open, ms", "rate": "requests a second",
           "p99": "p99, ms"},
    "zh": {"p50": "p50，ms", "kept": "保留比例", "photos": "照片数", "open": "打开，ms", "rate": "每秒请求数",
           "p99": "p99，ms"},
}  # fmt: skip


def shown(text: str, name: str, language: str) -> str:
    """The picture in Markdown."""
    return f"![{text}](images/{name}{'' if language == 'en' else '.zh'}.svg)"


def write(told: Told, language: str, folder: Path) -> None:
    """Draw everything that was measured into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    words, parts = WORDS[language], told["parts"]
    drawings = {}
    for one in parts.get("curves", {}).get("found", []):
        drawings[f"search-curve-{one['dim']}"] = _drawn(_curve, one, words)
    if "filters" in parts:
        drawings["search-filters"] = _drawn(_filters, parts["filters"]["found"], words)
    if "growth" in parts:
        rows = parts["growth"]["found"] + parts.get("large", {}).get("found", [])
        drawings["search-growth"] = _drawn(_growth, rows, words)
    if told["serve"]:
        drawings["search-serve"] = _drawn(_serve, told["serve"], words)
    for name, text in drawings.items():
        (folder / f"{name}{'' if language == 'en' else '.zh'}.svg").write_text(text + "\n", "utf-8")


def _curve(axes: Axes, one: Told, words: Mapping[str, str]) -> None:
    for place, row in enumerate(each for each in one["rows"] if "points" in each):
        points = [point for point in row["points"] if not point["point"].get("exact")]
        missed = [max(1 - point["recall@20"], BEFORE) for point in points]
        _line(axes, place, row["name"], missed, [point["p50"] for point in points])
    axes.set(xscale="log", yscale="log", xlabel="recall@20", ylabel=words["p50"])
    axes.set_xticks([0.3, 0.1, 0.03, 0.01, 0.001, BEFORE], ["0.7", "0.9", "0.97", "0.99", "0.999", "1"])
    axes.minorticks_off()
    axes.set_xlim(0.4, BEFORE / 1.5)


def _filters(axes: Axes, found: Told, words: Mapping[str, str]) -> None:
    for place, row in enumerate(each for each in found["rows"] if each.get("cases")):
        cases = [case for case in row["cases"] if case["kind"] == "opposed"]
        _line(axes, place, row["name"], [case["kept"] for case in cases], [case["recall@10"] for case in cases])
    axes.set(xscale="log", xlabel=words["kept"], ylabel="recall@10", ylim=(-0.02, 1.04))
    axes.set_xticks([0.0001, 0.001, 0.01, 0.1, 0.9], ["0.01 %", "0.1 %", "1 %", "10 %", "90 %"])
    axes.minorticks_off()


def _growth(axes: Axes, rows: list[Told], words: Mapping[str, str]) -> None:
    some = sorted((row for row in rows if row["dim"] == rows[0]["dim"]), key=lambda row: int(row["count"]))
    counts = [row["count"] for row in some]
    _line(axes, 0, words["p50"], counts, [row["p50"] for row in some])
    _line(axes, 1, words["open"], counts, [row["warm"]["open"] for row in some])
    axes.set(xscale="log", yscale="log", xlabel=words["photos"])


def _serve(axes: Axes, found: Told, words: Mapping[str, str]) -> None:
    for place, row in enumerate(found["rows"]):
        rates = row["rates"]
        _line(axes, place, row["who"], [each["rate"] for each in rates], [each["p99"] for each in rates])
    axes.axhline(found["most"], color=INK, linestyle=":", linewidth=0.9)
    axes.set(yscale="log", xlabel=words["rate"], ylabel=words["p99"])


def _line(axes: Axes, place: int, name: str, xs: list[float], ys: list[float]) -> None:
    wide = 2.2 if name.startswith(OURS) else 1.1
    axes.plot(
        xs, ys, ("-", "--", ":")[place // len(COLOURS) % 3], color=COLOURS[place % len(COLOURS)], label=name,
        marker=MARKS[place % len(MARKS)], markersize=4, linewidth=wide,
    )  # fmt: skip


def _drawn(draw: Any, told: Any, words: Mapping[str, str]) -> str:
    """One picture; the same figures give the same text."""
    settings = {"svg.fonttype": "none", "svg.hashsalt": "search", "font.size": 9, "font.family": "sans-serif"}
    with matplotlib.rc_context(settings):
        canvas = FigureCanvasSVG(Figure(figsize=(6.4, 4.6), layout="constrained"))
        axes = canvas.figure.subplots()
        draw(axes, told, words)
        axes.tick_params(which="both", colors=INK)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_color(INK)
        axes.grid(color=INK, alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(INK)
        canvas.figure.legend(loc="outside lower center", ncols=3, frameon=False, labelcolor=INK, fontsize=8)
        written = io.StringIO()
        with warnings.catch_warnings():
            # Text stays text, in a font of the reader's: that ours here has no Chinese changes nothing.
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            no = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            canvas.figure.savefig(written, format="svg", transparent=True, metadata=no)
    return re.sub(r"^.*?(?=<svg)", "", written.getvalue(), flags=re.DOTALL).rstrip()

"""Draw what `benchmarks/questions/wtbi.py` measured: `python docs/question_plot.py [--results DIR] [--out DIR]`.

One picture a language, readable on white and on black and without colour: lines differ by dashes and marks too.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from wearabouts.report.plots import INK

ROOT = Path(__file__).parents[1]
RESULT = "question-pairs.json"
NAMES = {"en": "question-pairs.svg", "zh": "question-pairs.zh.svg"}
COLOURS = ("#2a8fd0", "#d55e00")  # each at least 3.4 times as light or dark as white and as near-black
LAST = 20  # the figure is of the first 20; a shortlist below that leaves it as it is
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "k": "K, photos judged (log)",
        "R@20": "accuracy@20",
        "R@1": "accuracy@1",
        "ms": "ms of one processor thread a query (log)",
        "bound": "among the first K by cosine",
        "pair": "pair network",
        "both": "pair network and cosine",
        "cosine": "cosine alone",
        "joined": "every photo, joined",
        "split": "every photo, split",
        "category": "photos of the kind, split",
        "list": "first K by cosine",
        "small": "{dim} floats",
        "paper": "{dim:,} floats, the paper's",
        "left": "{gallery:,} drawn photos",
        "right": "{gallery:,} grown vectors",
    },
    "zh": {
        "k": "K，评判的照片数（对数）",
        "R@20": "accuracy@20",
        "R@1": "accuracy@1",
        "ms": "每次查询的毫秒，单个处理器线程（对数）",
        "bound": "在余弦的前 K 个之中",
        "pair": "成对网络",
        "both": "成对网络与余弦",
        "cosine": "只用余弦",
        "joined": "每张照片，第一层合并",
        "split": "每张照片，第一层拆开",
        "category": "该品类的照片，拆开",
        "list": "余弦的前 K 个",
        "small": "{dim} 个浮点数",
        "paper": "{dim:,} 个浮点数（论文）",
        "left": "{gallery:,} 张绘制的照片",
        "right": "{gallery:,} 个生长的向量",
    },
}


def drawn(result: Mapping[str, Any], words: Mapping[str, str]) -> str:
    """The picture as SVG; the same result gives the same text."""
    with matplotlib.rc_context({"svg.hashsalt": "wearabouts", "svg.fonttype": "none", "font.size": 9}):
        canvas = FigureCanvasSVG(Figure(figsize=(9.2, 4.4), layout="constrained"))
        grid = canvas.figure.add_gridspec(2, 2, width_ratios=(1, 1.15))
        upper, lower = (canvas.figure.add_subplot(grid[row, 0]) for row in (0, 1))
        right = canvas.figure.add_subplot(grid[:, 1])
        for axes in (upper, lower, right):
            _inked(axes)
        _accuracy(upper, result["hits"], "R@20", words)
        _accuracy(lower, result["hits"], "R@1", words)
        upper.set_title(words["left"].format(gallery=result["hits"]["gallery"]), fontsize=9, color=INK)
        lower.set_xlabel(words["k"])
        lower.legend(loc="center left", frameon=False, labelcolor=INK, fontsize=8, bbox_to_anchor=(0, 0.4))
        _milliseconds(right, result, words)
        right.set_title(words["right"].format(gallery=result["gallery"]), fontsize=9, color=INK)
        written = io.StringIO()
        no = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with warnings.catch_warnings():
            # Text stays text, in a font of the reader's: that ours here has no Chinese changes nothing.
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            canvas.figure.savefig(written, format="svg", transparent=True, metadata=no)
    return re.sub(r"^.*?(?=<svg)", "", written.getvalue(), flags=re.DOTALL)


def _inked(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.tick_params(which="both", colors=INK)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(color=INK, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)


def _accuracy(axes: Axes, hits: Mapping[str, Any], figure: str, words: Mapping[str, str]) -> None:
    """One figure against K: both judges with the span of their trainings, and between which bounds they lie."""
    at = int(figure.removeprefix("R@"))
    rows = [row for row in hits["shortlists"] if row["k"] >= at]
    ks = [row["k"] for row in rows]
    for place, (judge, mark) in enumerate((("pair", "o"), ("both", "s"))):
        each = [row[judge][figure] for row in rows]
        axes.plot(ks, [one["mean"] for one in each], "-", color=COLOURS[place], marker=mark, markersize=4,
                  markerfacecolor=COLOURS[place] if place else "none", label=words[judge])  # fmt: skip
        least, most = ([one[end] for one in each] for end in ("least", "most"))
        axes.fill_between(ks, least, most, color=COLOURS[place], alpha=0.15, linewidth=0)
    if at == LAST:
        axes.plot(ks, [row["bound"] for row in rows], "--", color=INK)
        axes.annotate(words["bound"], (ks[-1], rows[-1]["bound"]), (0, 3), textcoords="offset points", ha="right",
                      color=INK, fontsize=8)  # fmt: skip
    axes.axhline(hits["cosine"][figure], color=INK, linestyle=":")
    axes.annotate(words["cosine"], (ks[-1], hits["cosine"][figure]), (0, 3), textcoords="offset points", ha="right",
                  color=INK, fontsize=8)  # fmt: skip
    axes.set_ylabel(words[figure])
    axes.margins(y=0.12)
    axes.set_xlim(8, 1.3 * ks[-1])


def _milliseconds(axes: Axes, result: Mapping[str, Any], words: Mapping[str, str]) -> None:
    """Time against K at both sizes, and levels of what does not depend on K."""
    sizes = result["cost"]["sizes"]
    for size, dash, mark, colour in (("small", "-", "o", COLOURS[0]), ("paper", "--", "s", COLOURS[1])):
        ks = [row["k"] for row in sizes[size]["shortlists"]]
        times = [row["ms"]["1"]["cpu"] for row in sizes[size]["shortlists"]]
        name = words[size].format(dim=result["sizes"][size][0])
        axes.plot(ks, times, dash, color=colour, marker=mark, markersize=4, label=f"{words['list']}, {name}")
        end = (ks[0], "left") if size == "small" else (ks[-1], "right")  # so that neighbouring levels keep apart
        for row in sizes[size]["rows"]:
            level = row["ms"]["1"]["cpu"]
            if row["way"] == "cosine":
                continue
            axes.axhline(level, color=colour, linestyle=dash, linewidth=0.9, alpha=0.8)
            down = row["way"] == "category" and size == "paper"
            axes.annotate(f"{words[row['way']]}: {_short(level)}", (end[0], level), (0, -11 if down else 3),
                          textcoords="offset points", ha=end[1], color=colour, fontsize=8)  # fmt: skip
    axes.set(yscale="log", xlabel=words["k"], ylabel=words["ms"])
    levels = [row["ms"]["1"]["cpu"] for size in sizes.values() for row in size["rows"]]
    axes.set_ylim(min(levels) / 1.8, 2.2 * max(levels))
    axes.legend(loc="upper right", frameon=False, labelcolor=INK, fontsize=8, bbox_to_anchor=(1, 0.86))


def _short(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def main(words: Sequence[str] | None = None) -> int:
    """Draw both pictures."""
    parser = argparse.ArgumentParser(description="Draw the 400,000 question.")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    given = parser.parse_args(words)
    result = json.loads((given.results / RESULT).read_text("utf-8"))
    given.out.mkdir(parents=True, exist_ok=True)
    for language, name in NAMES.items():
        (given.out / name).write_text(drawn(result, WORDS[language]) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

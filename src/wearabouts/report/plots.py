"""Curves as SVG that sits in a page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from wearabouts.report.document import Curve

# Okabe and Ito's palette without its yellow: told apart by colour-blind readers, on white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
INK = "#808690"  # readable on white and on near-black


def recall_curves(curves: Sequence[Curve], figure: str = "hit rate") -> str:
    """A figure against k, with its intervals shaded.

    Args:
        curves: At least one; of equal ks, usually.
        figure: Name of the vertical axis, in [0, 1].

    Returns:
        An ``<svg>`` element without outside references; the same curves give the same text.
    """
    with matplotlib.rc_context({"svg.hashsalt": "wearabouts", "svg.fonttype": "none", "font.size": 10}):
        canvas = FigureCanvasSVG(Figure(figsize=(4.6, 3.1), layout="constrained"))
        axes = canvas.figure.add_subplot()
        for position, curve in enumerate(curves):
            colour = COLOURS[position % len(COLOURS)]
            style = "-" if position < len(COLOURS) else "--"
            values = [estimate.value for estimate in curve.estimates]
            axes.plot(curve.ks, values, style, color=colour, label=_plain(curve.name), marker="o", markersize=3.5)
            low, high = zip(*((estimate.low, estimate.high) for estimate in curve.estimates), strict=True)
            axes.fill_between(curve.ks, low, high, color=colour, alpha=0.13, linewidth=0)
        ks = sorted({k for curve in curves for k in curve.ks})
        axes.set(xscale="log", xlabel="k", ylabel=figure, ylim=(0, 1.02))
        axes.set_xticks(ks, [str(k) for k in ks])
        axes.minorticks_off()
        axes.tick_params(colors=INK)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        axes.grid(color=INK, alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(INK)
        axes.legend(loc="lower right", frameon=False, labelcolor=INK)
        written = io.StringIO()
        canvas.figure.savefig(
            written, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return re.sub(r"^.*?(?=<svg)", "", written.getvalue(), flags=re.DOTALL)


def _plain(text: str) -> str:
    """A name in which matplotlib finds no formula."""
    return text.replace("$", r"\$")

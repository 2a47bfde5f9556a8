"""Curves as SVG that sits in a page, light or dark."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from wearabouts.report.document import Curve, Plot

# Okabe and Ito's palette without its yellow: told apart by colour-blind readers, on white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
INK = "#808690"  # readable on white and on near-black


WIDE = 50  # times the least figure: from there on small ones are told apart on a logarithmic axis only
CROWDED = 6  # lines from which on their names stand below the plot


def recall_curves(curves: Sequence[Curve], figure: str = "hit rate") -> str:
    """A figure against k, with its intervals shaded.

    Args:
        curves: At least one; of equal ks, usually.
        figure: Name of the vertical axis, in [0, 1].

    Returns:
        An ``<svg>`` element without outside references; the same curves give the same text.
    """
    with drawn((4.6, 3.1)) as (canvas, (axes,)):
        for position, curve in enumerate(curves):
            colour, style = _told_apart(position)
            values = [estimate.value for estimate in curve.estimates]
            axes.plot(curve.ks, values, style, color=colour, label=plain(curve.name), marker="o", markersize=3.5)
            low, high = zip(*((estimate.low, estimate.high) for estimate in curve.estimates), strict=True)
            axes.fill_between(curve.ks, low, high, color=colour, alpha=0.13, linewidth=0)
        ks = sorted({k for curve in curves for k in curve.ks})
        axes.set(xscale="log", xlabel="k", ylabel=figure, ylim=(0, 1.02))
        axes.set_xticks(ks, [str(k) for k in ks])
        axes.minorticks_off()
        axes.legend(loc="lower right", frameon=False, labelcolor=INK)
        return svg(canvas)


def lines_over(plot: Plot) -> str:
    """Lines over a common axis; one point alone is a dot.

    The vertical axis begins at 0 where no figure is negative, or is logarithmic where the plot allows and needs it.

    Returns:
        As `recall_curves`.
    """
    below = len(plot.lines) > CROWDED
    with drawn((4.6, 2.9 + (0.12 * len(plot.lines) if below else 0))) as (canvas, (axes,)):
        for position, line in enumerate(plot.lines):
            colour, style = _told_apart(position)
            dot = "o" if len(line.places) < 12 else ""
            axes.plot(
                line.places, line.figures, style, color=colour, label=plain(line.name), marker=dot, markersize=3.5
            )
        finite = [figure for line in plot.lines for figure in line.figures if math.isfinite(figure)]
        if plot.far and finite and min(finite) > 0 and max(finite) > WIDE * min(finite):
            axes.set_yscale("log")
        elif finite and min(finite) >= 0:
            axes.set_ylim(bottom=0)
        if plot.mark is not None:
            axes.axvline(plot.mark, color=INK, linewidth=0.9, linestyle=":")
        axes.set_xlabel(plot.axis)
        if below:
            canvas.figure.legend(loc="outside lower center", ncols=2, frameon=False, labelcolor=INK)
        elif len(plot.lines) > 1:
            axes.legend(loc="best", frameon=False, labelcolor=INK)
        else:
            axes.set_ylabel(plain(plot.lines[0].name))
        return svg(canvas)


@contextmanager
def drawn(
    size: tuple[float, float], *, heights: tuple[float, ...] = (1,)
) -> Iterator[tuple[FigureCanvasSVG, tuple[Axes, ...]]]:
    """Empty axes in the colours of the page, one below the other.

    Args:
        size: Width and height in inches.
        heights: Of the axes, in proportion.
    """
    with matplotlib.rc_context({"svg.hashsalt": "wearabouts", "svg.fonttype": "none", "font.size": 10}):
        canvas = FigureCanvasSVG(Figure(figsize=size, layout="constrained"))
        parts = canvas.figure.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
        for axes in parts:
            axes.tick_params(which="both", colors=INK)
            axes.xaxis.label.set_color(INK)
            axes.yaxis.label.set_color(INK)
            axes.grid(color=INK, alpha=0.25, linewidth=0.6)
            axes.spines[["top", "right"]].set_visible(False)
            axes.spines[["left", "bottom"]].set_color(INK)
        yield canvas, tuple(parts)


def svg(canvas: FigureCanvasSVG, said: str = "") -> str:
    """What was drawn as an ``<svg>`` element, with words for those who cannot see it; equal drawings, equal texts."""
    written = io.StringIO()
    canvas.figure.savefig(
        written, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
    )
    text = re.sub(r"^.*?(?=<svg)", "", written.getvalue(), flags=re.DOTALL)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(said)}"', 1) if said else text


def _told_apart(position: int) -> tuple[str, str]:
    """Colour and kind of line."""
    return COLOURS[position % len(COLOURS)], "-" if position < len(COLOURS) else "--"


def plain(text: str) -> str:
    """A name in which matplotlib finds no formula."""
    return text.replace("$", r"\$")

"""A second stage's two pictures as SVG: readable when small, and without colour."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from matplotlib.axes import Axes

from wearabouts.metrics import Doubles, Reliability
from wearabouts.report.diagrams import Believed, Detected, Errors
from wearabouts.report.plots import COLOURS, INK, drawn, plain, svg

# Told apart by colour, by filling and by kind of line: any one of them is enough.
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", "-", "--")
SIGHT = 0.9  # where the axes end, unless a mark lies beyond
SHARES = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.98)  # where the detection-error axes have ticks


def reliability(believed: Believed) -> str:
    """Share observed over probability given, with Wilson intervals; below, how many pairs each bin holds.

    Returns:
        An ``<svg>`` element as `plots.recall_curves` gives it, with the picture in words for those who cannot see it.
    """
    with drawn((4.6, 4.6), heights=(4, 1)) as (canvas, axes):
        above, below = axes
        above.plot((0, 1), (0, 1), color=INK, linewidth=0.9, linestyle=":")
        for place, (name, bins) in enumerate(believed.bins.items()):
            _points(above, place, name, bins)
            below.vlines(
                bins.predicted, 0, bins.counts, color=COLOURS[place], linewidth=2.2, linestyle=DASHES[place], alpha=0.9
            )
        above.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="share observed")
        above.tick_params(labelbottom=False)
        # Points may lie anywhere, so the names stand outside.
        canvas.figure.legend(loc="outside upper center", ncols=2, frameon=False, labelcolor=INK)
        below.set(xlim=(-0.02, 1.02), xlabel="probability given", ylabel=f"{believed.unit}\na bin")
        below.set_ylim(bottom=0)
        below.locator_params(axis="y", nbins=3)
        return svg(canvas, believed.said())


def _points(axes: Axes, place: int, name: str, bins: Reliability) -> None:
    colour = COLOURS[place]
    spread = np.stack([np.maximum(0, bins.observed - bins.low), np.maximum(0, bins.high - bins.observed)])
    axes.errorbar(
        bins.predicted,
        bins.observed,
        spread,
        color=colour,
        marker=MARKS[place],
        markersize=5,
        markerfacecolor=colour if place == 0 else "none",
        linestyle=DASHES[place],
        linewidth=1.2,
        elinewidth=0.8,
        capsize=2,
        label=plain(name),
    )


def detection(detected: Detected) -> str:
    """Missed present items over accepted absent ones on axes of the normal deviate, where normal scores are straight.

    Both axes end where one query more or less decides.

    Returns:
        As `reliability`.
    """
    with drawn((4.6, 4.4)) as (canvas, axes):
        (only,) = axes
        lowest = min((_least(line) for line in detected.lines), default=SHARES[0])
        leftmost = int(np.argmin([line.mark[0] for line in detected.lines]))
        for place, line in enumerate(detected.lines):
            accepted, missed = (_deviate(part, lowest) for part in (line.accepted, line.missed))
            only.plot(
                accepted, missed, linestyle=DASHES[place], color=COLOURS[place], linewidth=1.8, label=plain(line.name)
            )
            across, up = _deviate(np.array(line.mark), lowest).tolist()
            filled = COLOURS[place] if place == 0 else "none"
            only.plot(across, up, MARKS[place], color=COLOURS[place], markerfacecolor=filled, markersize=7)
            words = f"{line.mark[0]:.1%}"
            # The leftmost has its words below to the left: marks lie close together where little is gained.
            shift, side = ((-7, -12), "right") if place == leftmost else ((6, 6), "left")
            only.annotate(words, (across, up), xytext=shift, textcoords="offset points", ha=side, color=INK, fontsize=9)
        ticks = [share for share in SHARES if share >= lowest]
        for axis in (only.xaxis, only.yaxis):
            axis.set_ticks(_deviate(np.array(ticks), lowest), [f"{100 * share:g}" for share in ticks])
        far = any(line.mark[0] > SIGHT for line in detected.lines)
        left, top, right = _deviate(np.array([lowest, SIGHT, SHARES[-1] if far else SIGHT]), lowest)
        only.set(xlim=(left, right), ylim=(left, top))
        only.set(xlabel="absent items accepted, %", ylabel="present items missed, %")
        canvas.figure.legend(loc="outside upper center", ncols=2, frameon=False, labelcolor=INK, fontsize=9)
        return svg(canvas, detected.said())


def _least(line: Errors) -> float:
    """The smallest share above 0 that either error takes, as far as there are ticks for it."""
    shares = np.concatenate([line.accepted, line.missed])
    return float(np.clip(min(shares[shares > 0], default=SHARES[0]), SHARES[0], SHARES[3]))


def _deviate(shares: Doubles, lowest: float) -> Doubles:
    normal = NormalDist()
    return np.array([normal.inv_cdf(min(max(float(share), lowest), 1 - lowest)) for share in shares])

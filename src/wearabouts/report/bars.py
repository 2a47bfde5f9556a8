"""A chart of bars as HTML and CSS: it breaks onto a phone's width, and its words stay words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from wearabouts.report.document import Bar

WIDTHS = (0.05, 0.1, 0.2, 0.5, 1.0)  # what the full width of a bar may stand for
MANY = 12  # from so many bars on they stand in two columns where there is room


def chart(bars: Sequence[Bar]) -> str:
    """Bars with their intervals, in their order.

    Args:
        bars: At least one, with figures in [0, 1].

    Returns:
        A ``<figure>``; its caption says what the full width stands for.
    """
    ends = [end for bar in bars for end in (bar.value.value, bar.value.high) if math.isfinite(end)]
    full = next((width for width in WIDTHS if width >= max(ends, default=1.0)), 1.0)
    notes = {bar.note.partition(", ")[0] for bar in bars}
    shared = notes.pop() if len(notes) == 1 and all(", " in bar.note for bar in bars) else ""
    lines = "".join(_bar(bar, full, shared) for bar in bars)
    ruled = " The thin line is the interval." if any(math.isfinite(bar.value.low) for bar in bars) else ""
    title = f"<b>{escape(shared)}</b>" if shared else ""
    wide = " many" if len(bars) > MANY else ""
    caption = f"<figcaption>{title}A full bar stands for {full:g}.{ruled}</figcaption>"
    return f'<figure class="bars{wide}">{caption}<div>{lines}</div></figure>'


def _bar(bar: Bar, full: float, shared: str) -> str:
    """One line; what all notes begin with stands in the caption instead."""
    note = bar.note.partition(", ")[2] if shared else bar.note
    value = bar.value
    track = f'<i style="width:{_share(value.value, full)}"></i>'
    if math.isfinite(value.low):
        track += (
            f'<b style="left:{_share(value.low, full)};width:'
            f'{_share(max(0.0, min(value.high, full) - max(value.low, 0.0)), full)}"></b>'
        )
    figure = "–" if math.isnan(value.value) else f"{value.value:.3f}"
    return (
        f'<div class="line"><span class="name">{escape(bar.name)}</span><span class="track">{track}</span>'
        f'<span class="value">{figure}</span><small>{escape(note)}</small></div>'
    )


def _share(value: float, full: float) -> str:
    return f"{min(1.0, max(0.0, value / full)):.1%}" if math.isfinite(value) else "0%"

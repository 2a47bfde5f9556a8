"""Two pictures of a second stage, as plain data: can its probabilities be believed, and what does it let through?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wearabouts.metrics import Doubles, Reliability


@dataclass(frozen=True, slots=True)
class Believed:
    """Probabilities given against shares observed, one point a bin.

    Attributes:
        title: Of which pairs.
        bins: Name → its bins; the first is ours.
        unit: What a bin counts, in the plural.
    """

    title: str
    bins: dict[str, Reliability]
    unit: str = "queries"

    def said(self) -> str:
        """What the picture shows, for those who cannot see it."""
        told = []
        for name, bins in self.bins.items():
            gap = np.abs(bins.observed - bins.predicted)
            worst = int(gap.argmax())
            inside = int(np.count_nonzero((bins.low <= bins.predicted) & (bins.predicted <= bins.high)))
            told.append(
                f"{name}: {len(gap)} bins of {_span(bins.counts)} {self.unit}, {inside} of them with the diagonal "
                f"inside their interval; the widest gap is at {bins.predicted[worst]:.2f} given, "
                f"{bins.observed[worst]:.2f} observed"
            )
        return f"Reliability diagram, {self.title}. {'. '.join(told)}."


@dataclass(frozen=True, slots=True)
class Errors:
    """One line of a detection-error curve: at each threshold two kinds of error.

    Attributes:
        name: For the legend.
        accepted: (T,) share of absent items that are accepted, rising.
        missed: (T,) share of present items that are missed, falling.
        mark: Both at the operating point that is told of.
    """

    name: str
    accepted: Doubles
    missed: Doubles
    mark: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Detected:
    """Detection-error curves in one picture.

    Attributes:
        title: What is detected.
        lines: The first is ours.
    """

    title: str
    lines: tuple[Errors, ...]

    def said(self) -> str:
        """What the picture shows, for those who cannot see it."""
        told = "; ".join(
            f"{line.name}: {line.mark[0]:.1%} of absent items accepted where {line.mark[1]:.1%} of present ones are "
            "missed"
            for line in self.lines
        )
        return f"Detection-error curve, {self.title}. {told}."


def _span(counts: np.ndarray) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"

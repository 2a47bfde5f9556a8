"""The rules of one measurement in words that go into every report."""

from __future__ import annotations

from dataclasses import dataclass

TIES = "Similarities equal to six decimals stand in the order of the gallery's ids."


@dataclass(frozen=True, slots=True)
class Protocol:
    """The rules of one measurement.

    Attributes:
        name: Short, unique in a report.
        question: What is asked, for people.
        queries: Which photos ask.
        gallery: Which photos are searched.
        hit: What counts as a right answer.
        groups: What is resampled for the intervals, and why.
        crops: Which part of a photo the encoder sees.
        ties: How equal similarities are ordered.
    """

    name: str
    question: str
    queries: str
    gallery: str
    hit: str
    groups: str
    crops: str = "Every photo is seen whole."
    ties: str = TIES

    def sentence(self) -> str:
        """The rules as one paragraph."""
        return " ".join(
            (
                f"{self.queries} {self.gallery} {self.hit} {self.crops} {self.ties}",
                f"Figures are means over queries; intervals are 95 % percentile bootstraps resampling {self.groups}.",
            )
        )

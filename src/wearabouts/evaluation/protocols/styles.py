"""StyleNet's test of style: a linear classifier on frozen vectors of Hipster Wars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wearabouts.evaluation.protocols.values import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Styling(Rules):
    """Styles are told apart by a linear SVM.

    Attributes:
        share: Of each style, the share highest in skill that takes part.
        splits: How often the photos are divided at random.
        held: Share of the photos that a division holds out.
        cost: C of the linear SVM.
    """

    share: float = 0.5
    splits: int = 100
    held: float = 0.1
    cost: float = 1.0

    def rules(self) -> Mapping[str, str]:
        """See `Rules.rules`."""
        told = {
            "Who asks": f"Of each style the photos in the upper {self.share:.0%} by skill take part (delta "
            f"{self.share:g}); {self.splits} times a random {self.held:.0%} of them are held out and named.",
            "Who is searched": "Nothing is searched: a linear SVM (one against the rest, C "
            f"{self.cost:g}, vectors as the index stores them) learns the others each time; the model itself stays as "
            "it is.",
            "What is a hit": "A hit is the photo's own style; accuracy is over held-out photos, then over divisions.",
            "Crops": "Photos are seen whole.",
            "Ties": "Of equal skill the photo first in order of id takes part.",
            "Missing truth": "Photos without style or skill, or that cannot be read, are left out and counted.",
            "Intervals": "The interval is a 95 % percentile bootstrap over photos of how often each was named rightly; "
            "divisions share photos, so their spread alone is stated beside it.",
        }
        if self.deviations:
            told["Deviations"] = " ".join(self.deviations)
        return told


STYLENET = Styling(
    name="stylenet",
    paper="Simo-Serra and Ishikawa, Fashion Style in 128 Floats, CVPR 2016, on Hipster Wars",
    question="Hipster Wars: can a linear classifier tell the five styles from the frozen vectors?",
    reader="hipsterwars",
    figures=("accuracy",),
    beside=("accuracy",),
    deviations=(
        "The paper does not say how it chose C; ours is fixed. Divisions are drawn by the seed, not by the authors' "
        "lists.",
    ),
)

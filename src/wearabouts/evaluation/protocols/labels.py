"""DeepFashion Category and Attribute Prediction: what a photo is called, from the model's heads or its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wearabouts.evaluation.protocols.values import Crop, Pick, Rules

GROUPS = ("texture", "fabric", "shape", "part", "style")
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling(Rules):
    """Photos are named.

    Attributes:
        asks: The photos that are named.
        learnt: The photos whose labels a model without such a head may ask, by a vote of the nearest.
        groups: Labels whose names are ranked, each group by itself; empty for the category.
        ks: How many names a photo is allowed.
        crop: What the encoder sees of a photo that asks.
        neighbours: How many vote.
    """

    asks: Pick
    learnt: Pick
    groups: tuple[str, ...] = ()
    ks: tuple[int, ...]
    crop: Crop = "box"
    neighbours: int = 50

    def rules(self) -> Mapping[str, str]:
        """See `Rules.rules`."""
        told = {
            "Who asks": f"The {self.asks.words()} are named.",
            "Who is searched": "A model whose card has classes of these names answers by its own probabilities. Any "
            f"other by a vote: each of the {self.neighbours} nearest {self.learnt.words()} in the index speaks for its "
            "own labels with the weight of its similarity (nothing below 0). The report says which.",
            "What is a hit": f"A hit is a positive label of the group ({', '.join(self.groups)}) among the k highest; "
            "recall is hits of all photos over positives of all photos. “All” ranks every label at once."
            if self.groups
            else "A hit is the photo's own category among the k highest.",
            "Crops": "Photos, those that vote included, are cut to their box, clipped to the photo (whole where they "
            "have none)."
            if self.crop == "box"
            else "Photos are seen whole.",
            "Ties": "Of equal scores the label first in order of name is higher.",
            "Missing truth": "A photo without a label of the group does not count; unknown labels count as absent."
            if self.groups
            else "A photo without a category does not count.",
            "Intervals": "Intervals are 95 % percentile bootstraps resampling photos.",
        }
        if self.deviations:
            told["Deviations"] = " ".join(self.deviations)
        return told


CATEGORY = Labelling(
    name="deepfashion_category",
    paper="Liu et al., DeepFashion, CVPR 2016, Category and Attribute Prediction (released split)",
    question="DeepFashion: which of the 46 categories that occur is it?",
    reader="deepfashion_attributes",
    asks=Pick(("test",)),
    learnt=Pick(("train",)),
    ks=(1, 3, 5),
    figures=("top-1", "top-3", "top-5"),
    beside=("top-3", "top-5"),
    deviations=("Only categories that occur are told apart; the list has 50, of which 46 occur.",),
)
ATTRIBUTES = Labelling(
    name="deepfashion_attributes",
    paper="Liu et al., DeepFashion, CVPR 2016, Category and Attribute Prediction (released split)",
    question="DeepFashion: which attributes does it have?",
    reader="deepfashion_attributes",
    asks=Pick(("test",)),
    learnt=Pick(("train",)),
    groups=GROUPS,
    ks=(3, 5),
    figures=("top-3", "top-5"),
    beside=("top-3", "top-5"),
    deviations=(
        "Labels that occur in no photo at hand are not ranked.",
        "Recall is over all positives at once, as the open evaluation code counts; a mean of photos' recalls is "
        "another figure.",
    ),
)

"""DeepFashion Fashion Landmark Detection: how far predicted landmarks lie from the annotated ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wearabouts.evaluation.protocols.values import Crop, Pick, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarking(Rules):
    """Landmarks are placed.

    Attributes:
        asks: The photos they are placed in.
        crop: What the encoder sees of a photo.
    """

    asks: Pick
    crop: Crop = "whole"

    def rules(self) -> Mapping[str, str]:
        """See `Rules.rules`."""
        told = {
            "Who asks": f"Landmarks are placed in the {self.asks.words()}.",
            "Who is searched": "Nothing is searched: a model without landmarks is refused.",
            "What is a hit": "The figure is the normalised error (NE): mean over visible landmarks of the length of "
            "(dx / width, dy / height), lower is better; landmarks that are hidden or cut off do not count.",
            "Crops": "Photos are seen whole; width and height are the photo's."
            if self.crop == "whole"
            else "Photos are cut to their box, clipped to the photo; width and height are the box's.",
            "Missing truth": "A photo without a visible landmark, or one that cannot be read, is left out and counted.",
            "Intervals": "Intervals are 95 % percentile bootstraps resampling photos.",
        }
        if self.deviations:
            told["Deviations"] = " ".join(self.deviations)
        return told


LANDMARKS = Landmarking(
    name="landmarks",
    paper="Liu et al., Fashion Landmark Detection in the Wild, ECCV 2016; DeepFashion, CVPR 2016",
    question="Landmarks: how far off are they?",
    reader="deepfashion_landmarks",
    asks=Pick(("test",)),
    choices={"crop": {"whole": {}, "box": {"crop": "box"}}},
    figures=("NE",),
    beside=("NE",),
    deviations=(
        "The mean is over landmarks, so that a photo with more of them weighs more; published means of the eight "
        "landmarks' errors differ a little.",
        "Some later work cuts photos to their box first (option crop=box), which makes every error relatively larger.",
    ),
)

"""What a recipe of `stylenet` says: whose tags, the network, the triplets, and its two phases of training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from wearabouts.training.data.recipe import Augment, Data
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.recipe import Recipe, Section

UNCHANGED = Augment(crop=0, turn=0, mirror=0, light=0, blur=0, erase=0, jpeg=0)  # the paper changes nothing


class Network(Section):
    """What is trained.

    Attributes:
        trunk: ``stylenet``, the paper's convolutions, or a name in `wearabouts.models.trunks.TRUNKS`.
        size: Side of the square in pixels; a multiple of 192 for the paper's convolutions.
        dim: Floats of the vector.
        start: A file of weights by name of an earlier run, whose ``trunk.`` this one begins with; empty for none.
    """

    trunk: str = "stylenet"
    size: int = Field(default=384, ge=32, le=1152)
    dim: int = Field(default=128, ge=2, le=1024)
    start: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Network:
        if self.trunk == "stylenet" and self.size % 192:
            raise ValueError(f"size {self.size} does not go with the paper's convolutions; give a multiple of 192")
        return self


class Tags(Section):
    """Which groups of `[data] tags` serve what; an empty list stands for all of them.

    Attributes:
        compared: Photos are similar that share these (T1 in the paper: colour and garment together).
        classified: The head reads these (T2 in the paper: single words).
        yes: A tag that few photos have weighs more where it holds: by the photos without it over those with it, at most
            so much. 1 weighs yes and no alike.
    """

    compared: tuple[str, ...] = ()
    classified: tuple[str, ...] = ()
    yes: float = Field(default=1.0, ge=1, le=1000)


class Triplets(Section):
    """What makes a triplet, see `wearabouts.training.stylenet.triplets`.

    Attributes:
        similar: Photos whose tags' intersection over union is above it are similar.
        dissimilar: Photos where it is below it are dissimilar.
    """

    similar: float = Field(default=0.75, ge=0, lt=1)
    dissimilar: float = Field(default=0.01, gt=0, le=1)


class Learning(Section):
    """Both phases.

    Attributes:
        photos: Photos a step of the classification.
        triplets: Triplets a step of the joint training.
        classify: Whether there is a classification first; without it the ranking begins from nothing.
        joint: Whether the tags are learned beside the ranking; without it there is the ranking alone.
        alpha: Weight of the tags' loss beside the ranking's.
    """

    photos: int = Field(default=32, ge=2)
    triplets: int = Field(default=16, ge=2)
    classify: bool = True
    joint: bool = True
    alpha: float = Field(default=0.01, ge=0)


class StylenetRecipe(Recipe):
    """One training run of `stylenet`. Of `data` it learns the tags alone: classes and attributes are not read."""

    model: Literal["stylenet"] = "stylenet"
    data: Data = Data(category="", tags=("color+garment", "color", "garment", "pattern"))
    augment: Augment = UNCHANGED
    network: Network = Network()
    tags: Tags = Tags()
    triplets: Triplets = Triplets()
    learning: Learning = Learning()
    classification: Steps = Steps(optimizer="adadelta", rate=1.0, schedule="constant")
    ranking: Steps = Steps(optimizer="adadelta", rate=1.0, schedule="constant")

    @model_validator(mode="after")
    def _tagged(self) -> StylenetRecipe:
        if not self.data.tags:
            raise ValueError("[data] tags is empty; name labels whose values are tags, such as 'color+garment'")
        for key, named in (("compared", self.tags.compared), ("classified", self.tags.classified)):
            strange = sorted(set(named) - set(self.data.tags))
            if strange:
                there = ", ".join(self.data.tags)
                raise ValueError(f"[tags] {key} names {', '.join(strange)}; [data] tags has {there}")
        return self

"""What a recipe of `darn` says: data, the sizes of the towers, the two losses, and both phases."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wearabouts.training.data.recipe import Augment, Data
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.recipe import Recipe, Section


class Network(Section):
    """Sizes of `wearabouts.models.darn.Darn`.

    Attributes:
        trunk: A name of `wearabouts.models.trunks.TRUNKS`; the paper's is ``nin``.
        size: Side of the photos in pixels.
        start: File with a trunk's weights for both towers, see `wearabouts.training.starting`; empty for noise.
        towers: 2, or 1 for one network that sees both sides.
        features: What is compared: FC1 with the pooled maps Conv4 and Conv5, or FC1 alone.
        fc: Width of FC1 and FC2.
        branch: Width of each attribute's own layer.
        dropout: Share of FC1 and FC2 left out in training.
        pca: Floats of the served vector; fewer where there are fewer photos or features. 0 serves the features.
    """

    trunk: str = "small"
    size: int = Field(default=64, ge=32, le=512)
    start: str = ""
    towers: Literal[1, 2] = 2
    features: Literal["fc1+conv", "fc1"] = "fc1+conv"
    fc: int = Field(default=256, ge=8, le=8192)
    branch: int = Field(default=64, ge=4, le=4096)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    pca: int = Field(default=256, ge=0, le=8192)


class Losses(Section):
    """The overall loss: ``ranking`` times the triplets' plus ``attributes`` times the tree's of both sides.

    Attributes:
        ranking: Weight of the triplets; 0 leaves them out.
        attributes: Weight of the tree; at 0 there are no branches, and no phase that learns them first.
        margin: Of the triplets.
        mining: Which triplets of a batch are learned from, see `wearabouts.training.losses.triplets`.
        over: What the tree's loss is divided by, see `wearabouts.training.losses.tree`.
    """

    ranking: float = Field(default=1.0, ge=0)
    attributes: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.3, gt=0)
    mining: Literal["random", "semi-hard", "hardest"] = "semi-hard"
    over: Literal["labels", "branches"] = "labels"


class Batch(Section):
    """How many photos a step sees.

    Attributes:
        each: Photos of each side in the first phase.
        products: Products in the joint phase.
        photos: Photos of each, half of them street photos.
    """

    each: int = Field(default=32, ge=1)
    products: int = Field(default=16, ge=2)
    photos: int = Field(default=4, ge=2)


class DarnRecipe(Recipe):
    """One training run of `darn`: attributes on each side (`pretraining`), then everything together (`joint`)."""

    model: Literal["darn"] = "darn"
    data: Data = Data(category="garment")
    augment: Augment = Augment()
    network: Network = Network()
    losses: Losses = Losses()
    batch: Batch = Batch()
    pretraining: Steps = Steps()
    joint: Steps = Steps()

"""What a recipe of `fashionnet` says: sizes, which losses count how much, and the turns that training takes."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from wearabouts.training.data.recipe import Augment, Data
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.recipe import Recipe, Section


class Network(Section):
    """Sizes of `wearabouts.models.fashionnet.FashionNet`; those left out are the paper's, but for trunk and side.

    Attributes:
        trunk: A name in `wearabouts.models.trunks.TRUNKS`; the paper's is ``vgg16``.
        width: Of trunk ``small``; 0 leaves it at its own.
        size: Side of the photos in pixels; the paper's is 224.
        pose: fc6_pose and fc7_pose.
        whole: fc6_global.
        local: fc6_local.
        fused: fc7_fusion.
        window: Side of a landmark's window in cells of conv4, a multiple of `pooled`.
        pooled: Side of what is kept of it.
        dim: Floats of the vector; 0 for fc7_fusion itself.
        dropout: Share of hidden values left out in training.
        pooling: ``landmarks``: annotated ones at first, then predicted ones. ``none``: the global branch alone.
            ``truth``: annotated ones always, in validation too; what is exported has none and takes predicted ones.
        start: A safetensors file with a trunk's weights (``trunk.…``), such as an earlier run's; empty for none.
    """

    trunk: str = "small"
    width: int = Field(default=0, ge=0, le=512)
    size: int = Field(default=64, ge=32, le=512)
    pose: int = Field(default=1024, ge=4, le=16_384)
    whole: int = Field(default=4096, ge=4, le=16_384)
    local: int = Field(default=1024, ge=4, le=16_384)
    fused: int = Field(default=4096, ge=4, le=16_384)
    window: int = Field(default=8, ge=1, le=64)
    pooled: int = Field(default=4, ge=1, le=64)
    dim: int = Field(default=0, ge=0, le=8192)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    pooling: Literal["landmarks", "none", "truth"] = "landmarks"
    start: str = ""

    @model_validator(mode="after")
    def _parts(self) -> Self:
        if self.window % self.pooled:
            raise ValueError(f"window {self.window} is no multiple of pooled {self.pooled}; give one")
        return self


class Losses(Section):
    """How much each loss counts; 0 leaves it out. The paper does not publish its weights.

    Attributes:
        landmarks: Squared distances of visible landmarks, in fractions of the square: small numbers.
        visibility: Whether a landmark can be seen.
        category: Softmax over the classes.
        attributes: Softmax over the values of each single-choice attribute, the mean over attributes.
        tags: Weighted cross-entropy of the yes-or-no labels.
        most: What a tag's positive weighs at most, in negatives.
        triplet: Hinge on distances of vectors.
        margin: How much nearer a photo of the same item has to be.
        mining: Which triplets of a batch, see `wearabouts.training.losses.triplets`.
        across: Whether, where the data has both, an anchor is a street photo and the others shop photos.
    """

    landmarks: float = Field(default=3.0, ge=0)
    visibility: float = Field(default=1.0, ge=0)
    category: float = Field(default=1.0, ge=0)
    attributes: float = Field(default=1.0, ge=0)
    tags: float = Field(default=1.0, ge=0)
    most: float = Field(default=50.0, ge=1)
    triplet: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.3, gt=0)
    mining: Literal["semi_hard", "hardest", "random", "every"] = "semi_hard"
    across: bool = True


class Turns(Section):
    """The two steps that training alternates between, pose first.

    Attributes:
        steps: Optimizer steps of a turn.
        favour: In a turn of the pose, the losses of recognition count this many times less, and the other way round;
            1 trains all together.
        truth: Share of all steps in which annotated landmarks say where to pool; predicted ones do afterwards.
    """

    steps: int = Field(default=50, ge=1)
    favour: float = Field(default=5.0, ge=1)
    truth: float = Field(default=0.3, ge=0, le=1)


class Batch(Section):
    """What a step sees.

    Attributes:
        draw: ``items``: some products with some photos each, as triplets need them. ``classes``: every class as often.
            ``shuffled``: every photo once an epoch.
        photos: In all.
        each: Of a product, for ``items``.
    """

    draw: Literal["items", "classes", "shuffled"] = "items"
    photos: int = Field(default=64, ge=2)
    each: int = Field(default=4, ge=2)


class FashionNetRecipe(Recipe):
    """One training run of `fashionnet`."""

    model: Literal["fashionnet"] = "fashionnet"
    data: Data = Data()
    augment: Augment = Augment()
    network: Network = Network()
    losses: Losses = Losses()
    turns: Turns = Turns()
    batch: Batch = Batch()
    steps: Steps = Steps()

    @model_validator(mode="after")
    def _told(self) -> Self:
        twice = sorted(set(self.data.attributes) & set(self.data.tags))
        if twice:
            raise ValueError(f"{', '.join(twice)}: an attribute or tags, not both; a bundle has one head of a name")
        return self

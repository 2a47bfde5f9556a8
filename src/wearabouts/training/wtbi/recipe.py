"""What a recipe of `wtbi` says: the data, the classifier whose features are compared, and how pairs are learned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wearabouts.training.data.recipe import Augment, Data
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.recipe import Recipe, Section

Scale = Annotated[float, Field(gt=0.1, le=1)]
Layer = Annotated[int, Field(ge=2, le=8192)]


class Network(Section):
    """The classifier of `wearabouts.models.wtbi.Wtbi`.

    Attributes:
        trunk: A name in `wearabouts.models.trunks.TRUNKS`.
        width: Of the trunk ``small``; the others have their own.
        start: A safetensors file with a trunk's weights from an earlier run; empty starts from noise.
        size: Side of the square that the network sees, in pixels.
        dim: Floats of the feature.
        dropout: Of the classifier's hidden layers.
    """

    trunk: str = "small"
    width: int = Field(default=32, ge=8, le=256, multiple_of=2)
    start: str = ""
    size: int = Field(default=64, ge=32, le=512)
    dim: int = Field(default=128, ge=4, le=8192)
    dropout: float = Field(default=0.5, ge=0, lt=1)


class Classifier(Section):
    """What the classifier learns from.

    Attributes:
        products: Of a batch.
        photos: Of each of them, of both sides where a product has both.
        attribute_weight: Of each attribute's loss; the category's is 1.
        smoothing: Share of the target spread over all classes.
    """

    products: int = Field(default=32, ge=1)
    photos: int = Field(default=2, ge=1)
    attribute_weight: float = Field(default=0.3, ge=0)
    smoothing: float = Field(default=0.0, ge=0, lt=1)


class Pairs(Section):
    """The pair network and what it learns from.

    Attributes:
        method: ``specific``: a network for all categories, then a copy tuned for each; ``independent``: the first
            alone; ``cosine``: none, features are compared as they are.
        hidden: Sizes of its two hidden layers.
        start: ``random`` weights, or a first layer that begins with ``difference``s, see
            `wearabouts.models.wtbi.PairNetwork.start_from_differences`.
        shortlist: K: pairs are a street photo with its first K shop rows of the category by cosine; as many are judged
            when held-out photos are searched for.
        windows: Scales of square windows that each shop photo is looked at through: 1 is the whole photo, and smaller
            ones stand side by side, half over one another. The paper's object proposals.
        learned: Categories whose pairs the independent network learns from; empty for all.
        batch: Pairs a step.
        ratio: Negatives a positive.
    """

    method: Literal["specific", "independent", "cosine"] = "specific"
    hidden: tuple[Layer, Layer] = (128, 128)
    start: Literal["random", "difference"] = "difference"
    shortlist: int = Field(default=1000, ge=2)
    windows: tuple[Scale, ...] = Field(default=(1.0,), min_length=1, max_length=8)
    learned: tuple[str, ...] = ()
    batch: int = Field(default=256, ge=2)
    ratio: int = Field(default=3, ge=1)
    steps: Steps = Steps(count=1000, rate=1e-3)


class Tuning(Section):
    """The copies, one a category.

    Attributes:
        layers: Which of the independent network's layers are copied and tuned: ``all`` as in the paper, or the
            ``last`` two.
        least: Positives a category must have; with fewer it keeps the independent network.
        batch: Pairs of each category a step.
    """

    layers: Literal["all", "last"] = "all"
    least: int = Field(default=100, ge=1)
    batch: int = Field(default=64, ge=2)
    steps: Steps = Steps(count=300, rate=3e-4)


class WtbiRecipe(Recipe):
    """One training run of `wtbi`; `steps` are the classifier's."""

    model: Literal["wtbi"] = "wtbi"
    data: Data = Data()
    augment: Augment = Augment()
    network: Network = Network()
    classifier: Classifier = Classifier()
    steps: Steps = Steps()
    pairs: Pairs = Pairs()
    tuning: Tuning = Tuning()

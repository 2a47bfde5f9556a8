"""What a recipe of `head` says: on which model it stands, what it is made of, and what it learns."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from wearabouts.training.data.recipe import Data
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.recipe import Recipe, Section


class Network(Section):
    """What stands on which model.

    Attributes:
        start: A bundle: its folder, or the name of a shipped one.
        dim: Floats of the new vector; 0 keeps the model's.
        hidden: Units of the adapter's hidden layer; 0 for a linear one.
        bits: Of the codes; 0 for none.
    """

    start: str = "mini"
    dim: int = Field(default=0, ge=0, le=4096)
    hidden: int = Field(default=0, ge=0, le=8192)
    bits: int = Field(default=0, ge=0, le=1024, multiple_of=8)


class Losses(Section):
    """Weights of what is learned; see `wearabouts.training.head.task`.

    Attributes:
        items: Photos of one product find each other by the new vector, across sides where there are both.
        classes: The class is told from the codes, or from the vector where there are no codes.
        codes: Photos of one product find each other by the codes.
        alike: Photos of one class find each other by the codes.
        firm: Activations are drawn to 0 and 1, so that the threshold changes little.
        even: Each bit is drawn to be 1 for half of a batch.
        temperature: Of all that find each other.
        smoothing: Share of the class's target spread over all classes.
    """

    items: float = Field(default=0.0, ge=0)
    classes: float = Field(default=0.0, ge=0)
    codes: float = Field(default=0.0, ge=0)
    alike: float = Field(default=0.0, ge=0)
    firm: float = Field(default=0.0, ge=0)
    even: float = Field(default=0.0, ge=0)
    temperature: float = Field(default=0.1, gt=0)
    smoothing: float = Field(default=0.0, ge=0, lt=1)


class Learning(Section):
    """What is in a step.

    Attributes:
        products: With so many products, a step has `photos` photos of each; with 0, photos as they come.
        photos: Of a product, or of the whole step.
    """

    products: int = Field(default=0, ge=0)
    photos: int = Field(default=256, ge=2)


class HeadRecipe(Recipe):
    """One training run of `head`."""

    model: Literal["head"] = "head"
    data: Data
    network: Network = Network()
    losses: Losses = Losses()
    learning: Learning = Learning()
    steps: Steps = Steps()

    @model_validator(mode="after")
    def _meant(self) -> HeadRecipe:
        network, losses = self.network, self.losses
        if not network.dim and not network.bits:
            raise ValueError("[network] has neither dim nor bits: nothing would be learned; give one of them")
        if not network.bits and (losses.codes or losses.alike or losses.firm or losses.even):
            raise ValueError("[losses] codes, alike, firm and even are of codes; give [network] bits")
        if not (losses.items or losses.classes or losses.codes or losses.alike):
            raise ValueError("[losses] says nothing to learn; give items, classes, codes or alike a weight")
        if not network.dim and losses.items:
            raise ValueError("[losses] items is of the new vector; give [network] dim, or codes in place of items")
        if losses.classes and not self.data.category:
            raise ValueError("[losses] classes needs [data] category")
        return self

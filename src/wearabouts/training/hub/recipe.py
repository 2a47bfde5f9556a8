"""What a recipe of `hub` says: from which published tower training starts, what it learns, and how far it goes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wearabouts.training.data.recipe import Augment, Data
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.recipe import Recipe, Section


class Network(Section):
    """The start, and the vector; see `wearabouts.models.hub.HubTower`.

    Attributes:
        start: ``owner/name`` on a model hub, or a folder; with weights as safetensors.
        revision: Branch, tag or commit; what it stood for is written down with the run.
        accept_licence: Name of a licence that is accepted though it is not known to allow commercial use.
        dim: Floats of the vector; 0 serves the tower's own, without a projection.
        trained: ``full`` learns tower and projection. The projection alone is what the model ``head`` learns, from
            vectors computed once, in minutes.
        interpolate: a, the share of what was learned that is served; 1 serves the tuned weights as they are.
    """

    start: str
    revision: str = "main"
    accept_licence: str = ""
    dim: int = Field(default=256, ge=0, le=4096)
    trained: Literal["full"] = "full"
    interpolate: float = Field(default=0.5, ge=0, le=1)


class Losses(Section):
    """Weights of what is learned; see `wearabouts.training.losses.contrastive`.

    Attributes:
        sides: A street photo finds its product's shop photos, and the other way round.
        views: A photo finds all others of its product, whatever their side.
        temperature: Of both.
    """

    sides: float = Field(default=1.0, ge=0)
    views: float = Field(default=0.0, ge=0)
    temperature: float = Field(default=0.07, gt=0)


class Batch(Section):
    """What a step sees: `products` products with `photos` photos each, half of them street photos."""

    products: int = Field(default=16, ge=2)
    photos: int = Field(default=4, ge=2)


class HubRecipe(Recipe):
    """One training run of `hub`."""

    model: Literal["hub"] = "hub"
    data: Data
    augment: Augment = Augment()
    network: Network
    losses: Losses = Losses()
    batch: Batch = Batch()
    steps: Steps = Steps()

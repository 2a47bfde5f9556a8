"""What a recipe of `mini` says: where the views come from, the sizes, the loop, the weights of the losses."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wearabouts.training.recipe import Recipe, Section


class Data(Section):
    """What is learned from, as folders below the data folder, and how many views are made of each photo.

    Attributes:
        clothing: Table of people's own photos: kind, and each photo is an item of its own.
        grocery: Table of phone photos and shop pictures of the same items; only items marked `train` in `splits.csv`
            are read.
        drawn_products: Products drawn of the drawn shop's training part.
        drawn_seed: Seed of that shop.
        shop_views, street_views: Made of each photo of people's own, beside the photo itself.
        recoloured_street_views: Street views of the recoloured photo, which is another item; one shop view goes with
            them.
        grocery_views: Street views of each phone photo, beside the photo itself.
        drawn_street_views: Street photos of each drawn product.
    """

    clothing: str = "clothing/images.csv"
    grocery: str = "grocery/images.csv"
    drawn_products: int = Field(default=1500, ge=0)
    drawn_seed: int = 11
    shop_views: int = Field(default=1, ge=1)
    street_views: int = Field(default=4, ge=1)
    recoloured_street_views: int = Field(default=2, ge=0)
    grocery_views: int = Field(default=5, ge=0)
    drawn_street_views: int = Field(default=3, ge=1)
    photos: int = Field(default=0, ge=0, description="at most so many of each source; 0 for all")


class Served(Section):
    """At most so many floats of the blocks of the served vector; the garment's colour keeps all of its own."""

    labels_dim: int = Field(default=16, ge=0)
    identity_dim: int = Field(default=144, ge=4)
    photo_dim: int = Field(default=64, ge=2)


class Network(Section):
    """Sizes of `wearabouts.models.mini.Mini` as it is trained and as it is served, and where it starts.

    `whitening` and `centring` make the start of identity (`wearabouts.training.mini.whitening`), and its half that is
    whitened anew before serving; `photo_whitening` makes the photo's colours as they are served.
    """

    size: int = Field(default=192, ge=64, le=512, multiple_of=32)
    identity_dim: int = Field(default=160, ge=8)
    garment_dim: int = Field(default=32, ge=4)
    photo_dim: int = Field(default=128, ge=4)
    served: Served = Served()
    weights: str = "weights/coral"
    whitening: float = Field(default=0.25, ge=0, le=0.5)
    photo_whitening: float = Field(default=0.3, ge=0, le=0.5)
    centring: float = Field(default=0.5, ge=0, le=1)


class Steps(Section):
    """The loop: how many steps of which batches, at which rates.

    All of it is done `orders` times from the same start, each time with other batches, and the weights are averaged.
    `clothing`, `grocery` and `drawn` count items in a batch; each gives a shop view and one street view (`grocery`:
    two).
    """

    count: int = Field(default=1000, ge=1)
    orders: int = Field(default=1, ge=1)
    clothing: int = Field(default=32, ge=2)
    grocery: int = Field(default=20, ge=2)
    drawn: int = Field(default=32, ge=0)
    originals: int = Field(default=32, ge=2)
    rate: float = Field(default=1e-3, gt=0)
    identity_rate: float = Field(default=2e-4, gt=0)
    trunk_rate: float = Field(default=2e-4, gt=0)
    weight_decay: float = Field(default=1e-3, ge=0)
    warm_up: float = Field(default=0.1, gt=0, lt=1)
    clip: float = Field(default=5.0, gt=0)
    checkpoint: int = Field(default=100, ge=1)


class Losses(Section):
    """Weights of the losses in `wearabouts.training.losses`."""

    temperature: float = Field(default=0.07, gt=0)
    clothing: float = 0.5
    grocery: float = 1.0
    drawn: float = 1.0
    views: float = 1.0
    kind: float = 0.5
    kind_in_identity: float = 0.7
    attributes: float = 0.2
    focus: float = 0.5
    relations: float = 15.0
    smoothing: float = Field(default=0.1, ge=0, lt=1)


class MiniRecipe(Recipe):
    """One training run of `mini`."""

    model: Literal["mini"] = "mini"
    data: Data = Data()
    network: Network = Network()
    steps: Steps = Steps()
    losses: Losses = Losses()

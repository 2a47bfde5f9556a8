"""What a recipe of `verifier` says: on which `mini` it stands, the photos, the networks, and what they learn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wearabouts.training.loop.recipe import Steps
from wearabouts.training.recipe import Recipe, Section

Layer = Annotated[int, Field(ge=2, le=4096)]


class Data(Section):
    """Photos of items that both sides show: drawn ones, and groceries on phones and in the shop.

    Networks learn from the part `train` of each, the judge and its calibration from the part `calibrate`.

    Attributes:
        drawn_products: Products drawn of the training part.
        drawn_seed: Seed of that shop; another one than `mini`'s, so that its products are new to `mini`.
        calibrate_products, calibrate_seed: The same of the part `calibrate`.
        street: Street photos of each drawn product, beside the three of the shop.
        height, calibrate_height: Of a drawn photo of each part in pixels, before it is fitted.
        grocery: Table of phone photos and shop pictures, below the data folder, with `splits.csv` beside it; empty for
            none.
        grocery_views: Street views made of each phone photo marked `train`, and shop views of each shop picture,
            beside the photo itself.
        views_seed: Of those views.
    """

    drawn_products: int = Field(default=1500, ge=2)
    drawn_seed: int = Field(default=31, ge=0)
    calibrate_products: int = Field(default=600, ge=2)
    calibrate_seed: int = Field(default=32, ge=0)
    street: int = Field(default=2, ge=1)
    height: int = Field(default=208, ge=64, le=2000)
    calibrate_height: int = Field(default=300, ge=64, le=2000)
    grocery: str = "grocery/images.csv"
    grocery_views: int = Field(default=4, ge=0)
    views_seed: int = Field(default=7, ge=0)


class Network(Section):
    """The networks, see `wearabouts.models.verifying` and `wearabouts.models.wtbi.PairNetwork`.

    Attributes:
        start: Folder of a finished run of `mini`.
        reduced: Floats of a region's joined maps that are learned from: their principal components.
        whitening: How far the components are evened out: 0 not at all, 0.5 to one variance.
        dim: Numbers of a region's descriptor.
        width, hidden, dropout: Of the network that compares regions.
        pair: Hidden layers of the network that compares vectors.
    """

    start: str = "runs/mini"
    reduced: int = Field(default=256, ge=2, le=2048)
    whitening: float = Field(default=0.25, ge=0, le=0.5)
    dim: int = Field(default=40, ge=2, le=256)
    width: int = Field(default=64, ge=2, le=512)
    hidden: int = Field(default=64, ge=2, le=1024)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    pair: tuple[Layer, Layer] = (256, 64)


class Lists(Section):
    """What a street photo is shown in a step: its own product, and candidates that are not.

    Attributes:
        queries: Street photos a step.
        grocery: Share of them that show groceries.
        right: Shop photos of its own product, at most.
        near: Of the nearest other products by cosine; drawn among the first `among`.
        among: From how many of the nearest.
        random: Of any others.
        first: Whether drawn products are shown by their first photo alone, as shops are searched unless asked
            otherwise, or by all.
    """

    queries: int = Field(default=24, ge=1)
    grocery: float = Field(default=0.1, ge=0, le=1)
    right: int = Field(default=1, ge=1)
    near: int = Field(default=12, ge=2)
    among: int = Field(default=30, ge=2)
    random: int = Field(default=2, ge=0)
    first: bool = True


class Losses(Section):
    """Weights of what is learned, the same for every network.

    Attributes:
        listwise: Which of the candidates it is, *none of them* included, asked with the item there and with it gone.
        pairs: Each candidate for itself, yes or no.
        beside: Whether the network of regions learns what is missing beside the cosine, which is added to its log-odds
            with a weight that is learned too, or to judge alone.
    """

    listwise: float = Field(default=1.0, ge=0)
    pairs: float = Field(default=0.3, ge=0)
    beside: bool = True


class Own(Section):
    """The pair network's last layers, tuned for each garment.

    Attributes:
        least: Street photos a garment must have; with fewer it keeps the network of all.
        most: Garments with layers of their own, those with most street photos: each costs its bytes in the bundle.
    """

    least: int = Field(default=150, ge=1)
    most: int = Field(default=12, ge=0)
    steps: Steps = Steps(count=400, rate=3e-4)


class Judging(Section):
    """How the signals are weighed, on items that nothing was trained on.

    Attributes:
        lists: Lengths of shortlist, in products, whose recall is measured; the longest is the reference.
        lost: Share of queries whose item may be lost to a shorter list than the longest.
        most: Products judged at most.
        ridge: Draws the weights towards none; of a signal's spread.
        certain: A query is no longer quite unsure where its likeliest garment has the first probability, and sure where
            it has the second, see `wearabouts.training.verifier.judging`.
        queries: Asked of each source at most; 0 for all.
        share: Of the photos that a shop will be asked with, how many show something it sells. An assumption: the cuts
            for a precision are for it.
    """

    lists: tuple[int, ...] = (1, 5, 10, 15, 20, 30, 50, 100)
    lost: float = Field(default=0.005, ge=0, lt=1)
    most: int = Field(default=30, ge=1)
    ridge: float = Field(default=0.001, ge=0)
    certain: tuple[float, float] = (0.25, 0.65)
    queries: int = Field(default=0, ge=0)
    share: float = Field(default=2 / 3, gt=0, lt=1)


class VerifierRecipe(Recipe):
    """One training run of the second stage; `steps` are those of both networks."""

    model: Literal["verifier"] = "verifier"
    data: Data = Data()
    network: Network = Network()
    lists: Lists = Lists()
    losses: Losses = Losses()
    steps: Steps = Steps(
        count=1000, rate=2e-3, rates={"regions": 0.3}, warm_up=0.1, clip=5.0, weight_decay=2e-2, checkpoint=250
    )
    own: Own = Own()
    judging: Judging = Judging()

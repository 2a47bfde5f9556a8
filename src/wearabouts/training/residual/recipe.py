"""What a recipe of `residual` says: which rows of which catalog, the sizes, and the loop."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wearabouts.training.recipe import Recipe, Section


class Data(Section):
    """Which photos are learned from: those of one split of a catalog, each with its product's category.

    Attributes:
        reader: A name in `wearabouts.readers.READERS`; empty leaves the guess to the folder.
        options: What that reader takes, such as ``protocol``.
        split: Only photos of this split are read; empty for all but queries.
        held_out: Share of them that is not trained on but searched with at the end, to choose settings by: no query of
            a protocol is ever looked at.
    """

    reader: str = ""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    split: str = "train"
    held_out: float = Field(default=0.0, ge=0, le=0.5)


class Network(Section):
    """Sizes, temperature and weight of the class block of `wearabouts.models.residual.Residual`."""

    size: int = Field(default=32, ge=16, le=256, multiple_of=8)
    widths: tuple[int, ...] = Field(default=(64, 128, 256), min_length=2, max_length=4)
    dim: int = Field(default=64, ge=4, le=1024)
    temperature: float = Field(default=0.1, gt=0)
    class_weight: float = Field(default=0.9, ge=0, le=1)


class Steps(Section):
    """The loop: how long, how fast, and what is done to a photo before it is seen again.

    Attributes:
        epochs: Times each photo is seen.
        batch: Photos a step.
        rate: Highest rate; it rises in a line over `warm_up` of all steps and falls in a line to nothing.
        smoothing: Share of the target spread over all classes.
        average: Weights that are served are a running mean; this share of it is kept at each step.
        shift: Photos are moved by up to so many pixels, the border mirrored.
        cutout: A square of so many pixels is painted over; 0 for none.
        mirror: Half of the photos are mirrored; not for letters or digits.
        checkpoint: Steps between two checkpoints.
    """

    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=256, ge=2)
    rate: float = Field(default=0.4, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    warm_up: float = Field(default=0.2, gt=0, lt=1)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    average: float = Field(default=0.99, ge=0, lt=1)
    shift: int = Field(default=4, ge=0)
    cutout: int = Field(default=8, ge=0)
    mirror: bool = True
    checkpoint: int = Field(default=200, ge=1)


class ResidualRecipe(Recipe):
    """One training run of `residual`."""

    model: Literal["residual"] = "residual"
    data: Data = Data()
    network: Network = Network()
    steps: Steps = Steps()

"""The table ``[steps]`` of a recipe: how long, how fast and how carefully any model is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wearabouts.training.recipe import Section


class Steps(Section):
    """One phase of the shared loop, see `wearabouts.training.loop.fit`.

    Attributes:
        count: Steps in all; a step is one batch.
        rate: Highest rate.
        rates: Beginnings of parameter names → factor of the rate, such as ``trunk = 0.1``; the longest one that fits
            a name holds for it. A factor of 0 leaves those parameters as they are.
        optimizer: ``adadelta`` is told its rate too; 1 leaves it to itself.
        momentum: Of ``sgd``.
        weight_decay: Of matrices and kernels; scales and shifts never decay.
        schedule: After the warm-up ``constant``; ``cosine`` and ``line`` go down to nothing; ``step`` multiplies by
            `drop_by` every `drop_every` steps.
        warm_up: Share of all steps in which the rate rises in a line.
        drop_every: Steps between two drops of schedule ``step``; 0 for none.
        drop_by: What the rate is multiplied by at each drop.
        average: The weights that are validated and served are a running mean; this share of it is kept at each step.
            0 serves the last weights as they are.
        clip: Longest gradient, over all parameters; 0 for any.
        precision: Of the network's forward pass; weights, losses and updates are always float32.
        checkpoint: Steps between two checkpoints: what a kill can cost.
        validate_every: Steps between two validations; 0 validates at the end only.
        patience: Validations without a better figure after which the phase ends, with its best weights; 0 goes on to
            the end and keeps the last.
        freeze_norm: Batch normalisation uses the statistics it came with and leaves them alone.
    """

    count: int = Field(default=1000, ge=1, le=999_999)
    rate: float = Field(default=1e-3, gt=0)
    rates: dict[str, float] = Field(default_factory=dict)
    optimizer: Literal["sgd", "adamw", "adadelta"] = "adamw"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["constant", "cosine", "step", "line"] = "cosine"
    warm_up: float = Field(default=0.0, ge=0, lt=1)
    drop_every: int = Field(default=0, ge=0)
    drop_by: float = Field(default=0.1, gt=0, le=1)
    average: float = Field(default=0.0, ge=0, lt=1)
    clip: float = Field(default=0.0, ge=0)
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    checkpoint: int = Field(default=200, ge=1)
    validate_every: int = Field(default=0, ge=0)
    patience: int = Field(default=0, ge=0)
    freeze_norm: bool = False

"""A small network on the vectors of a finished model: an adapter, a hash head, or both.

What other models learn in hours stays as it is; only what stands on top is trained, from vectors computed once. The
adapter gives a new vector,

    v = normalise( A x )                         or, with a hidden layer,
    v = normalise( B ReLU( A x + a ) + x' ),     x' = x where v has as many floats, else nothing,

so it starts near the given vector where that is possible. The hash head (`wearabouts.models.codes`) reads v.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.models.codes import HashHead


class Seen(NamedTuple):
    """What the head says of a batch.

    Attributes:
        vector: (N, D') unit vectors.
        activations: (N, K) of the hash head, in (0, 1); None without one.
        logits: (N, C) of the classes; None where there are none.
    """

    vector: Tensor
    activations: Tensor | None
    logits: Tensor | None


class Head(nn.Module):
    """The network.

    Args:
        inputs: Floats of the given vector.
        dim: Floats of the new one; 0 keeps the given one, and there is nothing but the hash head.
        hidden: Units of the hidden layer; 0 for a linear adapter.
        bits: Of the hash head; 0 for none.
        classes: How many there are to tell apart; 0 for none.

    Attributes:
        served_dim: Floats of the served vector.
    """

    def __init__(self, inputs: int, dim: int = 0, hidden: int = 0, bits: int = 0, classes: int = 0) -> None:
        super().__init__()
        self.served_dim = dim or inputs
        self.first = nn.Linear(inputs, hidden) if dim and hidden else None
        self.last = nn.Linear(hidden or inputs, dim, bias=False) if dim else None
        if self.last is not None:
            if self.first is None:
                nn.init.orthogonal_(self.last.weight)
            elif dim == inputs:
                nn.init.zeros_(self.last.weight)
        self.hash = HashHead(self.served_dim, bits, classes) if bits else None
        self.directions = nn.Linear(self.served_dim, classes) if classes and not bits else None

    def adapt(self, given: Tensor) -> Tensor:
        """(N, D) unit vectors → (N, D') unit vectors."""
        if self.last is None:
            return given
        x = given if self.first is None else F.relu(self.first(given))
        x = self.last(x)
        if self.first is not None and x.shape[1] == given.shape[1]:
            x = x + given
        return F.normalize(x, dim=1)

    def forward(self, given: Tensor) -> Seen:
        """(N, D) unit vectors → what losses look at."""
        vector = self.adapt(given)
        activations = None if self.hash is None else self.hash(vector)
        logits = None
        if activations is not None and self.hash is not None and self.hash.classes is not None:
            logits = self.hash.classify(activations)
        elif self.directions is not None:
            logits = self.directions(vector)
        return Seen(vector, activations, logits)

    @torch.no_grad()
    def serve(self, given: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, D) unit vectors → the new vectors, and the codes (N, K / 8) uint8 where there is a hash head."""
        vector = self.adapt(given)
        return vector, None if self.hash is None else self.hash.code(vector)

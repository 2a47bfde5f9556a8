"""Weights as a running mean of what training passes through: steadier than the last ones, and often better."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The running mean of a net's weights.

    ``mean ← k · mean + (1 - k) · weights`` at each step, with k = min(kept, (1 + step) / (10 + step)), so that the
    start is forgotten soon. What is no weight, such as batch statistics, is taken over.

    Args:
        net: Whose mean; its present weights are the first.
        kept: In [0, 1); at 0 the mean is always the weights themselves and takes no memory.
    """

    def __init__(self, net: nn.Module, kept: float) -> None:
        self._net = net
        self.kept = kept
        self.weights: dict[str, Tensor] = cloned(net.state_dict()) if kept else {}

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take a step's weights in."""
        if not self.kept:
            return
        kept = min(self.kept, (1 + step) / (10 + step))
        learned = {name for name, parameter in self._net.named_parameters() if parameter.requires_grad}
        for name, now in self._net.state_dict().items():
            if name in learned:
                self.weights[name].lerp_(now, 1 - kept)
            else:
                self.weights[name].copy_(now)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within, the net has the averaged weights."""
        if not self.kept:
            yield
            return
        own = cloned(self._net.state_dict())
        self._net.load_state_dict(self.weights)
        try:
            yield
        finally:
            self._net.load_state_dict(own)

    def served(self) -> dict[str, Tensor]:
        """The weights to serve, by name."""
        return self.weights if self.kept else self._net.state_dict()


def cloned(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies that nothing else changes."""
    return {name: value.detach().clone() for name, value in weights.items()}

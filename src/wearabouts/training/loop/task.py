"""What a model tells the shared loop: its network, its batches, its losses and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from wearabouts.training.processes import Rows


class Task(Protocol):
    """One thing to learn, trained by `wearabouts.training.loop.fit`.

    Everything here is a function of the step and the weights alone, so that a run that was stopped goes on as if it
    had not. Chance comes from torch's own generator, which the loop seeds before each step, or from generators seeded
    with the step.
    """

    @property
    def net(self) -> nn.Module:
        """All that is learned and kept, parameters that only a loss needs included; on the device of the run."""
        ...

    @property
    def watched(self) -> str:
        """Which figure of `validate` tells whether the net got better; higher is better."""
        ...

    def batch(self, step: int) -> Rows:
        """(B,) the rows of a step's batch: the same in every process."""
        ...

    def see(self, rows: Rows, step: int) -> Mapping[str, Tensor]:
        """What the net makes of some of the batch's photos: (b, …) tensors, one place a row.

        Runs in the recipe's precision; what it gives is float32 again before it reaches `losses`.
        """
        ...

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> Mapping[str, Tensor]:
        """The weighted terms of the loss over the whole batch, () each; their sum is learned from.

        Args:
            seen: What `see` gave for all rows, by every process together.
            rows: (B,) what `batch` gave.
            step: From 0 on.
        """
        ...

    def validate(self) -> Mapping[str, float]:
        """Figures on held-out photos; empty where none are held out.

        Called with the net at rest (`nn.Module.eval`), without gradients, and the averaged weights in place.
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """A task with a state beside its net, such as a list of mined pairs, which checkpoints have to hold."""

    def remembered(self) -> Mapping[str, Tensor]:
        """The state by name."""
        ...

    def remember(self, state: Mapping[str, Tensor]) -> None:
        """Take a state back."""
        ...

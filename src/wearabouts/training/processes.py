"""Several processes that train one net as one process would.

Every process draws the same batch and sees a share of it. What the net made of the shares is gathered with its
gradient, so each process has the loss of the whole batch; the gradients are then averaged. Nothing of the network is
wrapped, and losses over pairs and triplets meet every photo of the batch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as group
from torch import Tensor

from wearabouts.errors import SettingsError

PATIENCE = timedelta(hours=6)  # the others wait while the first process validates or reads

Rows = npt.NDArray[np.int64]


class Processes:
    """The processes of one run; one alone unless said otherwise.

    Args:
        device: Where this one trains: the graphics card where there is one.
        rank: Of this one; number 0 alone writes.
        count: Of all.
    """

    def __init__(self, device: torch.device | None = None, rank: int = 0, count: int = 1) -> None:
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.rank, self.count = rank, count

    @classmethod
    def joined(cls) -> Processes:
        """Join the others that ``accelerate launch``, ``torchrun`` or `main_train` have started; alone without them."""
        from accelerate import PartialState

        asked = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        state = PartialState(cpu=torch.cuda.device_count() < asked, timeout=PATIENCE)
        return cls(state.device, state.process_index, state.num_processes)

    def left(self) -> None:
        """Leave the others, at the end."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().destroy_process_group()

    def share(self, rows: Rows) -> Rows:
        """This process's part of a batch; parts differ by one row at most.

        Raises:
            SettingsError: There are more processes than rows.
        """
        if len(rows) < self.count:
            raise SettingsError(f"a batch of {len(rows)} for {self.count} processes; give fewer processes")
        part: Rows = np.array_split(rows, self.count)[self.rank]
        return part

    def gathered(self, seen: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
        """(b, …) of each process → (B, …) of the batch in every process, with its gradient; floats become float32."""
        seen = {name: value.float() if value.is_floating_point() else value for name, value in seen.items()}
        if self.count == 1:
            return seen
        sizes = [len(part) for part in np.array_split(np.empty(rows), self.count)]
        return {name: _Gathered.apply(value, sizes, self.rank) for name, value in seen.items()}

    def average(self, parameters: Sequence[Tensor], buffers: Sequence[Tensor] = ()) -> None:
        """Average the gradients of all processes, and what batches have left in buffers, in one exchange.

        A parameter without gradient in any process stays without.
        """
        if self.count == 1:
            return
        device = self.device
        told = torch.tensor([float(each.grad is not None) for each in parameters], device=device)
        grads = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
        parts = [told, *grads, *buffers]
        flat = torch.cat([part.detach().reshape(-1).float() for part in parts])
        group.all_reduce(flat)
        flat /= self.count
        mean = [each.view_as(part) for part, each in zip(parts, flat.split([p.numel() for p in parts]), strict=True)]
        for parameter, has, grad in zip(parameters, mean[0].tolist(), mean[1 : 1 + len(grads)], strict=True):
            parameter.grad = grad.clone() if has else None
        for buffer, value in zip(buffers, mean[1 + len(grads) :], strict=True):
            buffer.copy_(value)

    def told(self, value: Any) -> Any:
        """What process 0 says, in every process."""
        if self.count == 1:
            return value
        box = [value]
        group.broadcast_object_list(box, src=0)
        return box[0]

    def wait(self) -> None:
        """Go on when all are here."""
        if self.count > 1:
            group.barrier()


class _Gathered(torch.autograd.Function):
    """All shares, one after the other; the gradient of each comes back summed over the processes' losses."""

    @staticmethod
    def forward(context: Any, share: Tensor, sizes: list[int], rank: int) -> Tensor:
        context.sizes, context.rank = sizes, rank
        padded = share.new_zeros(max(sizes), *share.shape[1:])
        padded[: len(share)] = share
        parts = [torch.empty_like(padded) for _ in sizes]
        group.all_gather(parts, padded)
        whole = torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])
        if not share.is_floating_point():
            context.mark_non_differentiable(whole)
        return whole

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        summed = gradient.contiguous().clone()
        group.all_reduce(summed)
        return summed.split(context.sizes)[context.rank], None, None

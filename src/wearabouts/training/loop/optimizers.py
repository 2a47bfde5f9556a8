"""From a recipe's words to an optimizer over a net's parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from wearabouts.errors import SettingsError, unknown
from wearabouts.training.loop.recipe import Steps


def optimizer(net: nn.Module, steps: Steps) -> torch.optim.Optimizer:
    """The optimizer of a recipe over what may be learned; each group's full rate is its ``rate``.

    Raises:
        SettingsError: A beginning in `steps.rates` that no parameter has, or nothing to learn.
    """
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    met = set()
    for name, parameter in net.named_parameters():
        fitting = [start for start in steps.rates if name == start or name.startswith(f"{start}.")]
        met.update(fitting)
        factor = steps.rates[max(fitting, key=len)] if fitting else 1.0
        if not parameter.requires_grad or factor == 0:
            continue
        # Matrices and kernels decay towards zero; scales and shifts do not.
        decay = steps.weight_decay if parameter.ndim > 1 else 0.0
        made = {"params": [], "rate": steps.rate * factor, "lr": steps.rate * factor, "weight_decay": decay}
        groups.setdefault((factor, decay), made)["params"].append(parameter)
    for start in steps.rates:
        if start not in met:
            raise SettingsError(f"[steps] rates: {unknown('part', start, {n for n, _ in net.named_children()})}")
    if not groups:
        raise SettingsError("nothing is left to learn: every parameter is frozen; raise a factor in [steps] rates")
    everything = list(groups.values())
    if steps.optimizer == "sgd":
        return torch.optim.SGD(everything, lr=steps.rate, momentum=steps.momentum)
    if steps.optimizer == "adadelta":
        return torch.optim.Adadelta(everything, lr=steps.rate)
    return torch.optim.AdamW(everything, lr=steps.rate)

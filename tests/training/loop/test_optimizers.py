"""Which parameters are learned, how fast, and which decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.loop.tiny import net
from wearabouts.errors import SettingsError
from wearabouts.training.loop.optimizers import optimizer
from wearabouts.training.loop.recipe import Steps


def found(steps: Steps, of: nn.Module) -> dict[str, tuple[float, float]]:
    made = optimizer(of, steps)
    names = {id(parameter): name for name, parameter in of.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in made.param_groups
        for parameter in group["params"]
    }


def test_matrices_decay_and_shifts_do_not() -> None:
    groups = found(Steps(rate=0.5, weight_decay=0.1), net())
    assert groups["head.weight"] == (0.5, 0.1)
    assert groups["head.bias"] == (0.5, 0.0)
    assert groups["trunk.1.weight"] == (0.5, 0.0)


def test_rates_by_part_the_longest_beginning_holds() -> None:
    groups = found(Steps(rate=1.0, rates={"trunk": 0.5, "trunk.1": 0.1, "head.bias": 2.0}), net())
    assert groups["trunk.0.weight"][0] == 0.5
    assert groups["trunk.1.weight"][0] == 0.1
    assert groups["head.bias"][0] == 2.0
    assert groups["head.weight"][0] == 1.0


def test_what_is_frozen_is_left_out() -> None:
    made = net()
    made.head.bias.requires_grad_(False)
    groups = found(Steps(rates={"trunk": 0.0}), made)
    assert set(groups) == {"head.weight"}


def test_a_part_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean 'trunk'"):
        optimizer(net(), Steps(rates={"trnk": 0.1}))


def test_nothing_to_learn_is_said() -> None:
    with pytest.raises(SettingsError, match="nothing is left to learn"):
        optimizer(net().requires_grad_(False), Steps())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW), ("adadelta", torch.optim.Adadelta)],
)
def test_each_name_is_its_optimizer(name: str, kind: type[torch.optim.Optimizer]) -> None:
    made = optimizer(net(), Steps(optimizer=name, momentum=0.7))
    assert isinstance(made, kind)
    if name == "sgd":
        assert made.param_groups[0]["momentum"] == 0.7

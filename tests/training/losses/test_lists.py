"""Losses of shortlists against plain loops, and in the right direction."""

from __future__ import annotations

import math

import pytest
import torch

from wearabouts.training.losses import each_pair, listwise


def _plain(logits: torch.Tensor, right: torch.Tensor, there: torch.Tensor, none: float) -> float:
    total = 0.0
    for row, good, filled in zip(logits.tolist(), right.tolist(), there.tolist(), strict=True):
        own = sum(math.exp(z) for z, r, t in zip(row, good, filled, strict=True) if r and t)
        other = sum(math.exp(z) for z, r, t in zip(row, good, filled, strict=True) if t and not r) + math.exp(none)
        if own:
            total -= 0.5 * math.log(own / (own + other))
        total -= 0.5 * math.log(math.exp(none) / other)
    return total / len(logits)


def _world() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    right = torch.tensor([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 1]]).bool()
    there = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]).bool()
    return 2 * torch.randn(3, 5), right, there


def test_listwise_is_what_its_formula_says() -> None:
    logits, right, there = _world()
    none = torch.tensor(0.7)
    assert listwise(logits, right, there, none).item() == pytest.approx(_plain(logits, right, there, 0.7), rel=1e-5)
    each = [listwise(logits[n : n + 1], right[n : n + 1], there[n : n + 1], none) for n in range(3)]
    one_a_list = listwise(logits, right, there, torch.tensor([0.7, 0.7, 0.7]))
    assert torch.stack(each).mean().item() == pytest.approx(one_a_list.item(), rel=1e-5)


def test_places_that_hold_nothing_change_nothing() -> None:
    logits, right, there = _world()
    logits.requires_grad_()
    loss = listwise(logits, right, there, torch.tensor(0.0)) + each_pair(logits, right, there)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(gradient).all()
    assert (gradient[~there] == 0).all()
    assert (gradient[right & there] < 0).all()
    assert (gradient[~right & there] > 0).all()


def test_a_list_without_its_item_costs_less_the_surer_none_is() -> None:
    logits, there = torch.zeros(1, 4), torch.ones(1, 4).bool()
    nothing = torch.zeros(1, 4).bool()
    costs = [listwise(logits, nothing, there, torch.tensor(none)).item() for none in (-1.0, 0.0, 2.0)]
    assert costs == sorted(costs, reverse=True)


def test_right_and_wrong_pairs_weigh_the_same() -> None:
    logits = torch.tensor([[2.0, -1.0, -1.0, -1.0]])
    right, there = torch.tensor([[True, False, False, False]]), torch.ones(1, 4).bool()
    wanted = 0.5 * (math.log1p(math.exp(-2.0)) + math.log1p(math.exp(-1.0)))
    assert each_pair(logits, right, there).item() == pytest.approx(wanted, rel=1e-5)
    assert each_pair(logits, right, there).item() < each_pair(-logits, right, there).item()

"""The loss of pairs: the formula, its gradient, its direction, and silence about unknown pairs."""

from __future__ import annotations

import math

import pytest
import torch

from wearabouts.training.losses.pairs import same_item


def _logits(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive(logits: torch.Tensor, same: torch.Tensor) -> float:
    total, counted = 0.0, 0
    for (v0, v1), y in zip(logits.tolist(), same.tolist(), strict=True):
        if y < 0:
            continue
        p = math.exp(v1) / (math.exp(v0) + math.exp(v1))
        total -= y * math.log(p) + (1 - y) * math.log(1 - p)
        counted += 1
    return total / counted


def test_it_is_the_formula() -> None:
    logits, same = _logits(9), torch.tensor([1, 0, 0, -1, 1, 0, -1, 1, 0])
    assert float(same_item(logits, same)) == pytest.approx(naive(logits, same), abs=1e-12)


def test_the_gradient_is_probability_less_truth() -> None:
    logits, same = _logits(6, 1).requires_grad_(), torch.tensor([1, 0, -1, 1, 0, 0])
    same_item(logits, same).backward()
    p = logits.detach().softmax(1)[:, 1]
    expected = torch.where(same >= 0, (p - same) / 5, 0.0)
    assert torch.allclose(logits.grad[:, 1], expected, atol=1e-12)
    assert torch.allclose(logits.grad[:, 0], -expected, atol=1e-12)


def test_a_surer_right_answer_costs_less() -> None:
    costs = [float(same_item(torch.tensor([[0.0, odds]]), torch.tensor([1]))) for odds in (-2.0, 0.0, 1.0, 4.0)]
    assert costs == sorted(costs, reverse=True)
    assert costs[1] == pytest.approx(math.log(2))
    assert float(same_item(torch.tensor([[3.0, 4.0]]), torch.tensor([1]))) == pytest.approx(costs[2])


def test_only_unknown_pairs_cost_nothing_and_teach_nothing() -> None:
    logits = _logits(3).requires_grad_()
    loss = same_item(logits, torch.full((3,), -1))
    loss.backward()
    assert float(loss.detach()) == 0
    assert float(logits.grad.abs().max()) == 0

"""The attribute tree: masked softmaxes against a naive loop, by gradient, and silent about what is not known."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from wearabouts.training import losses

SIZES = (3, 5, 2)
LABELS = torch.tensor([[0, -1, 1], [2, 4, -1], [-1, -1, -1], [1, 0, 0]])


def _logits(seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(4, size, generator=generator).requires_grad_() for size in SIZES]


def naive(logits, labels, over: str) -> float:
    by_attribute: list[list[float]] = []
    for a, z in enumerate(logits):
        costs = []
        for row, label in zip(z.tolist(), labels[:, a].tolist(), strict=True):
            if label >= 0:
                costs.append(math.log(sum(math.exp(value) for value in row)) - row[label])
        by_attribute.append(costs)
    if over == "branches":
        return sum(sum(costs) / len(costs) for costs in by_attribute if costs)
    return sum(map(sum, by_attribute)) / sum(map(len, by_attribute))


@pytest.mark.parametrize("over", ["labels", "branches"])
def test_the_tree_is_the_formula(over: str) -> None:
    logits = [z.detach() for z in _logits()]
    assert float(losses.tree(logits, LABELS, over)) == pytest.approx(naive(logits, LABELS, over), abs=1e-6)


@pytest.mark.parametrize("over", ["labels", "branches"])
def test_the_gradient_is_probability_minus_one_hot_where_known(over: str) -> None:
    logits = _logits(1)
    losses.tree(logits, LABELS, over).backward()
    known = LABELS >= 0
    for a, z in enumerate(logits):
        weight = known.sum() if over == "labels" else known[:, a].sum()
        wanted = F.one_hot(LABELS[:, a].clamp(min=0), SIZES[a])
        expected = known[:, a, None] * (z.detach().softmax(1) - wanted) / weight
        assert torch.allclose(z.grad, expected, atol=1e-6)
        assert torch.equal(z.grad[~known[:, a]], torch.zeros_like(z.grad[~known[:, a]]))


@pytest.mark.parametrize("over", ["labels", "branches"])
def test_unknown_labels_alone_are_zero_not_nan(over: str) -> None:
    logits = _logits()
    loss = losses.tree(logits, torch.full((4, 3), -1), over)
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(float(z.grad.abs().max()) == 0 for z in logits)
    assert float(losses.tree([], torch.zeros((4, 0), dtype=torch.int64), over)) == 0


def test_surer_of_the_right_value_costs_less() -> None:
    costs = []
    for sure in (0.0, 1.0, 3.0):
        logits = [sure * F.one_hot(LABELS[:, a].clamp(min=0), size).float() for a, size in enumerate(SIZES)]
        costs.append(float(losses.tree(logits, LABELS)))
    assert costs[0] > costs[1] > costs[2]
    # Nothing known of any value: every one of them as likely
    known = [(LABELS[:, a] >= 0).sum().item() for a in range(3)]
    expected = sum(n * math.log(size) for n, size in zip(known, SIZES, strict=True)) / sum(known)
    assert costs[0] == pytest.approx(expected, abs=1e-6)

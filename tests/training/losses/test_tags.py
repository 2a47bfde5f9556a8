"""Weighted tags: by loops, by the stated gradient, in direction, and silent about what is not known."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from wearabouts.training.losses import tags


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.tensor([[1, -1, 0], [-1, -1, 1], [-1, 0, -1], [-1, 1, 0]], dtype=torch.int8)


def test_it_is_the_formula_and_its_gradient(labels: torch.Tensor) -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weights = torch.tensor([3.0, 2.0, 0.5])
    total, known = 0.0, 0
    expected = torch.zeros(4, 3)
    for photo in range(4):
        for tag in range(3):
            label, w = int(labels[photo, tag]), weights[tag].item()
            s = 1 / (1 + math.exp(-logits[photo, tag].item()))
            if label == 1:
                total -= w * math.log(s)
                expected[photo, tag] = -w * (1 - s)
            elif label == -1:
                total -= math.log(1 - s)
                expected[photo, tag] = s
            known += label != 0
    loss = tags.weighted(logits, labels, weights)
    assert loss.item() == pytest.approx(total / known, rel=1e-5)
    loss.backward()
    assert torch.allclose(logits.grad, expected / known, atol=1e-6)
    assert torch.equal(logits.grad[labels == 0], torch.zeros(3))


def test_without_weights_it_is_the_librarys() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 4, generator=generator)
    labels = (torch.rand(5, 4, generator=generator) > 0.5) * 2 - 1
    mine = tags.weighted(logits, labels, torch.ones(4))
    assert torch.allclose(mine, F.binary_cross_entropy_with_logits(logits, (labels > 0).float()))


def test_nothing_known_gives_zero() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = tags.weighted(logits, torch.zeros(2, 3, dtype=torch.int8), torch.ones(3))
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(logits.grad, torch.zeros(2, 3))


def test_weights_are_negatives_over_positives_cut_at_the_most() -> None:
    labels = torch.zeros(200, 4, dtype=torch.int8)
    labels[:120, 0] = -1
    labels[120:150, 0] = 1
    labels[:, 1] = -1  # nobody has it: cut
    labels[:150, 2] = 1
    labels[150:, 2] = -1
    assert tags.rarity(labels).tolist() == pytest.approx([4, 50, 1 / 3, 1])
    assert tags.rarity(labels, most=3).tolist() == pytest.approx([3, 3, 1 / 3, 1])


def test_the_weight_lifts_the_answer_by_its_logarithm() -> None:
    """At the least loss, sigmoid(z - log w) is the share of positives: what a bundle takes off again."""
    labels = torch.cat([torch.ones(10, 1), -torch.ones(90, 1)])
    weights = tags.rarity(labels)
    logit = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([logit], max_iter=50)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = tags.weighted(logit.expand(100, 1), labels, weights)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert torch.sigmoid(logit - weights.log()).item() == pytest.approx(0.1, abs=1e-3)
    assert torch.sigmoid(logit).item() == pytest.approx(0.5, abs=1e-3)


def test_a_right_answer_is_cheaper() -> None:
    labels = torch.tensor([[1, -1, 0]])
    right = labels.float() * 3
    assert tags.weighted(right, labels, torch.ones(3)) < tags.weighted(-right, labels, torch.ones(3))

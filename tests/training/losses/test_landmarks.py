"""Landmark losses: by loops, by their gradients, and silent about what is not known."""

from __future__ import annotations

import math

import pytest
import torch

from wearabouts.training.losses import landmarks

NAN = float("nan")


@pytest.fixture
def truth() -> torch.Tensor:
    truth = torch.rand(4, 3, 3, generator=torch.Generator().manual_seed(0))
    truth[..., 2] = torch.tensor([[1, 1, 0], [0, 0, 0], [1, 0, 1], [1, 1, 1]])
    truth[3] = NAN
    return truth


def test_places_are_the_sum_over_visible_landmarks_averaged_over_known_photos(truth: torch.Tensor) -> None:
    predicted = torch.rand(4, 3, 2, generator=torch.Generator().manual_seed(1), requires_grad=True)
    total = 0.0
    for photo in range(3):
        for mark in range(3):
            if truth[photo, mark, 2]:
                dx, dy = (predicted[photo, mark] - truth[photo, mark, :2]).tolist()
                total += math.hypot(dx, dy) ** 2
    loss = landmarks.places(predicted, truth)
    assert loss.item() == pytest.approx(total / 3)
    loss.backward()
    expected = 2 / 3 * (predicted.detach() - truth[..., :2]) * truth[..., 2:]
    expected[3] = 0
    assert torch.allclose(predicted.grad, expected)


def test_a_hidden_landmarks_coordinates_may_be_anything(truth: torch.Tensor) -> None:
    predicted = torch.rand(4, 3, 2, requires_grad=True)
    before = landmarks.places(predicted, truth)
    truth[0, 2, :2] = 1e6
    assert landmarks.places(predicted, truth).item() == before.item()


def test_visibility_is_the_mean_cross_entropy_of_known_photos(truth: torch.Tensor) -> None:
    logits = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(2), requires_grad=True)
    total = 0.0
    for photo in range(3):
        for mark in range(3):
            a, b = logits[photo, mark].tolist()
            right = b if truth[photo, mark, 2] else a
            total -= right - math.log(math.exp(a) + math.exp(b))
    loss = landmarks.visibility(logits, truth)
    assert loss.item() == pytest.approx(total / 9, rel=1e-5)
    loss.backward()
    target = torch.stack([1 - truth[:3, :, 2], truth[:3, :, 2]], -1)
    assert torch.allclose(logits.grad[:3], (logits.detach()[:3].softmax(-1) - target) / 9, atol=1e-7)
    assert torch.equal(logits.grad[3], torch.zeros(3, 2))


def test_a_batch_without_landmarks_gives_zero_and_no_gradient() -> None:
    predicted, logits = torch.rand(2, 8, 2, requires_grad=True), torch.rand(2, 8, 2, requires_grad=True)
    unknown = torch.full((2, 8, 3), NAN)
    loss = landmarks.places(predicted, unknown) + landmarks.visibility(logits, unknown)
    assert loss.item() == 0
    loss.backward()
    assert torch.equal(predicted.grad, torch.zeros_like(predicted))
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_nearer_is_better(truth: torch.Tensor) -> None:
    where = truth[..., :2].nan_to_num(0.5)
    losses = [landmarks.places(where + off, truth).item() for off in (0.0, 0.1, 0.3)]
    assert losses[0] == 0
    assert losses == sorted(losses)
    sure = torch.stack([1 - truth[..., 2], truth[..., 2]], -1).nan_to_num(0) * 4
    costs = [landmarks.visibility(each, truth).item() for each in (sure, sure * 0, -sure)]
    assert costs[0] < costs[1] < costs[2]

"""The running mean of weights, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wearabouts.training.loop.averaging import Average


def holding(value: float) -> nn.BatchNorm1d:
    net = nn.BatchNorm1d(2)
    nn.init.constant_(net.weight, value)
    return net


def test_two_steps_by_hand() -> None:
    net = holding(1.0)
    average = Average(net, 0.15)
    nn.init.constant_(net.weight, 3.0)
    average.follow(0)  # k = min(0.15, 1/10) = 0.1: 0.1 · 1 + 0.9 · 3
    assert average.weights["weight"].tolist() == pytest.approx([2.8, 2.8])
    nn.init.constant_(net.weight, 0.0)
    average.follow(1)  # k = min(0.15, 2/11) = 0.15
    assert average.weights["weight"].tolist() == pytest.approx([0.42, 0.42])


def test_batch_statistics_are_taken_over_and_frozen_weights_stay() -> None:
    net = holding(1.0)
    net.bias.requires_grad_(False)
    average = Average(net, 0.9)
    net.running_mean.fill_(7.0)
    net.num_batches_tracked.fill_(5)
    average.follow(100)
    assert average.weights["running_mean"].tolist() == [7.0, 7.0]
    assert average.weights["num_batches_tracked"].item() == 5
    assert average.weights["bias"].tolist() == [0.0, 0.0]


def test_in_place_is_for_a_while_even_if_something_goes_wrong() -> None:
    net = holding(1.0)
    average = Average(net, 0.5)
    nn.init.constant_(net.weight, 3.0)

    def fail() -> None:
        with average.in_place():
            assert net.weight.tolist() == [1.0, 1.0]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert net.weight.tolist() == [3.0, 3.0]


def test_without_averaging_the_weights_themselves_are_served() -> None:
    net = holding(1.0)
    average = Average(net, 0.0)
    nn.init.constant_(net.weight, 3.0)
    average.follow(0)
    assert average.weights == {}
    assert torch.equal(average.served()["weight"], net.weight)

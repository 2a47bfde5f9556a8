"""Trunks: the shapes the papers name, maps that are never negative, branches that go their own way."""

from __future__ import annotations

import pytest
import torch

from wearabouts.errors import SettingsError
from wearabouts.models.trunks import TRUNKS, trunk

# name → side, shape of conv4, shape of conv5, weights of all convolutions with their biases, counted by hand
SHAPES = {
    "alexnet": (227, (384, 13, 13), (256, 13, 13), 34_944 + 307_456 + 885_120 + 663_936 + 442_624),
    "vgg16": (224, (512, 28, 28), (512, 14, 14), 14_714_688),
}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", SHAPES)
def test_the_papers_trunks_have_their_published_shapes_and_weights(name):
    side, lower, upper, weights = SHAPES[name]
    net = trunk(name).eval()
    assert sum(parameter.numel() for parameter in net.parameters()) == weights
    with torch.inference_mode():
        conv4 = net.lower(torch.rand(1, 3, side, side))
        conv5 = net.upper(conv4)
    assert tuple(conv4.shape[1:]) == lower
    assert tuple(conv5.shape[1:]) == upper


@pytest.mark.parametrize("name", TRUNKS)
def test_maps_are_as_announced_and_never_negative(name):
    net = trunk(name).eval()
    photos = torch.rand(2, 3, net.size, net.size)
    with torch.inference_mode():
        conv4 = net.lower(photos)
        conv5 = net.upper(conv4)
        assert torch.equal(net(photos), conv5)
    assert (conv4.shape[1], conv5.shape[1]) == net.channels
    assert abs(conv4.shape[2] - net.size / net.stride) <= 2
    assert float(conv4.min()) >= 0
    assert float(conv5.min()) >= 0
    assert float(conv5.max()) > 0


def test_the_colours_constants_belong_to_the_code_and_not_to_the_weights():
    net = trunk("small").eval()
    photo = torch.rand(1, 3, 32, 32)
    by_hand = net.below((photo - 0.5) / 0.25)
    assert torch.allclose(net.lower(photo), by_hand)
    assert not any(key.startswith(("mean", "deviation")) for key in net.state_dict())


def test_a_branch_begins_alike_and_goes_its_own_way():
    net = trunk("small", width=16).eval()
    conv4 = net.lower(torch.rand(1, 3, 32, 32))
    branch = net.branch()
    assert torch.equal(branch(conv4), net.upper(conv4))
    with torch.no_grad():
        next(branch.parameters()).mul_(0)
    assert not torch.equal(branch(conv4), net.upper(conv4))


def test_an_unknown_trunk_is_named_with_its_nearest():
    with pytest.raises(SettingsError, match="small"):
        trunk("smal")

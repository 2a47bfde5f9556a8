"""StyleNet is the paper's network to the number, and looks at what its docstring says it looks at."""

from __future__ import annotations

import gc

import pytest
import torch
from torch import Tensor, nn

from wearabouts.errors import SettingsError
from wearabouts.models.stylenet import PAPER, StyleNet, TagHead, columns, middle


def numbers(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


@pytest.fixture(scope="module")
def net() -> StyleNet:
    torch.manual_seed(0)
    return StyleNet(tags=123).eval()


def test_the_network_has_the_papers_numbers_layer_by_layer(net: StyleNet) -> None:
    shapes = [tuple(layer.weight.shape) for layer in net.trunk.modules() if isinstance(layer, nn.Conv2d)]
    assert shapes == [
        (64, 3, 3, 3),
        (64, 64, 3, 3),
        (128, 64, 3, 3),
        (128, 128, 3, 3),
        (256, 128, 3, 3),
        (256, 256, 3, 3),
        (128, 256, 1, 1),
    ]
    assert net.project.weight.shape == (128, 3072)
    assert numbers(net.trunk, net.project) == 1_572_544
    assert numbers(net.head) == 2 * 128 + (128 * 128 + 128) + (128 * 246 + 246)


def test_it_goes_forward_and_back_at_full_size(net: StyleNet) -> None:
    photo = torch.rand(1, 3, 384, 256)
    with torch.no_grad():
        lower = net.trunk.lower(photo)
        assert lower.shape == (1, 128, 24, 16)
        assert net.trunk.upper(lower).shape == (1, 128, 6, 4)
    features = net.embed(photo)
    assert features.shape == (1, 128)
    assert net.head(features).shape == (1, 123, 2)
    (features.square().sum() + net.head(features).square().sum()).backward()
    assert all(
        parameter.grad is not None and bool(parameter.grad.isfinite().all()) and bool(parameter.grad.any())
        for parameter in [*net.trunk.parameters(), *net.project.parameters()]
    )
    net.zero_grad(set_to_none=True)
    del features
    gc.collect()


def test_of_a_square_it_looks_at_the_middle_two_thirds_of_the_columns() -> None:
    torch.manual_seed(0)
    net = StyleNet(size=192, dim=8, tags=2).eval()
    square = torch.rand(2, 3, 192, 192)
    with torch.no_grad():
        assert torch.equal(net(square), net.embed(square[:, :, :, 32:160]))
        changed = square.clone()
        changed[:, :, :, :32], changed[:, :, :, 160:] = 0, 1
        assert torch.equal(net(changed), net(square))
        changed[:, :, 96, 32] = 1 - changed[:, :, 96, 32]
        assert not torch.equal(net(changed), net(square))
    assert (columns(384), middle(square).shape[3]) == (256, 128)


def test_colours_are_normalised_by_the_papers_figures() -> None:
    net = StyleNet(size=192, dim=4, tags=1)
    seen: list[Tensor] = []
    net.trunk.below.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    grey = torch.full((1, 3, 192, 192), 0.75)
    net.eval()(grey)
    expected = [(0.75 - 0.5657) / 0.2902, (0.75 - 0.5382) / 0.2875, (0.75 - 0.4972) / 0.2934]
    assert seen[0][0, :, 5, 5].tolist() == pytest.approx(expected, abs=1e-5)


def test_dropout_is_asleep_when_it_is_served(net: StyleNet) -> None:
    photo = torch.rand(1, 3, 384, 384)
    with torch.no_grad():
        one, other = net.serve(photo), net.serve(photo)
    assert torch.equal(one.vector, other.vector)
    assert one.vector.norm(dim=1).item() == pytest.approx(1, abs=1e-5)


def test_what_is_served_is_the_direction_of_the_features_and_a_probability_a_tag() -> None:
    torch.manual_seed(1)
    net = StyleNet("small", size=32, dim=16, tags=3).eval()
    photos = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        features, served = net(photos), net.serve(photos)
        scores = net.head(features)
    assert torch.allclose(served.vector * features.norm(dim=1, keepdim=True), features, atol=1e-5)
    assert torch.allclose(served.tags, torch.sigmoid(scores[:, :, 1] - scores[:, :, 0]), atol=1e-6)


@pytest.mark.parametrize("size", [32, 64, 80])
def test_a_small_trunk_takes_any_size(size: int) -> None:
    with torch.no_grad():
        assert StyleNet("small", size=size, dim=16, tags=2).eval()(torch.rand(1, 3, size, size)).shape == (1, 16)


def test_a_new_head_knows_nothing_of_the_old_one() -> None:
    net = StyleNet("small", size=32, dim=8, tags=2)
    old = {name: value.clone() for name, value in net.head.state_dict().items()}
    trunk = {name: value.clone() for name, value in net.trunk.state_dict().items()}
    net.new_head()
    assert not torch.equal(net.head.state_dict()["layers.2.weight"], old["layers.2.weight"])
    assert all(torch.equal(value, trunk[name]) for name, value in net.trunk.state_dict().items())


def test_the_head_sees_nothing_below_zero_after_its_normalisation() -> None:
    head = TagHead(4, 2).eval()
    low = torch.full((1, 4), -5.0)
    with torch.no_grad():
        assert torch.equal(head(low), head(low * 3))  # both are zero behind the ReLU


def test_an_unknown_trunk_is_told() -> None:
    with pytest.raises(SettingsError, match="small"):
        StyleNet("smal")
    assert PAPER == "stylenet"

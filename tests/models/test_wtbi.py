"""WTBI: the paper's sizes, the split first layer, the copies, and where the pair network starts."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wearabouts.models.trunks import trunk
from wearabouts.models.wtbi import PairNetwork, Verifier, Wtbi


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def unit(*shape: int, seed: int = 1) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_pair_network_of_the_paper_has_its_size() -> None:
    net = PairNetwork(4096)
    layers = (8192 * 512 + 512, 512 * 512 + 512, 512 * 2 + 2)
    assert [count(net) - count(net.tail), count(net.tail[1]), count(net.tail[3])] == list(layers)
    assert count(net) == sum(layers) == 4_458_498
    joined = net.joined()
    assert (joined.in_features, joined.out_features) == (8192, 512)


def test_paper_size_forward_and_backward() -> None:
    net = Wtbi(trunk("alexnet"), 11, dim=4096, size=227, verifier=Verifier(4096))
    assert (net.fc6.in_features, net.fc6.out_features) == (256 * 6 * 6, 4096)
    assert count(net.fc6) == 9216 * 4096 + 4096
    # The convolutions of AlexNet in its two groups.
    convolutions = (
        11 * 11 * 3 * 96 + 96,
        5 * 5 * 48 * 256 + 256,
        9 * 256 * 384 + 384,
        9 * 192 * 384 + 384,
        9 * 192 * 256 + 256,
    )
    assert count(net.trunk) == sum(convolutions) == 2_334_080
    net.eval()
    seen = net(torch.rand(2, 3, 227, 227))
    assert seen.vector.shape == (2, 4096)
    assert seen.category.shape == (2, 11)
    assert torch.allclose(seen.vector.norm(dim=1), torch.ones(2), atol=1e-5)
    logits = net.verifier.logits(seen.vector[:1], seen.vector[1:])
    assert logits.shape == (1, 2)
    (seen.category.sum() + logits[0, 1]).backward()
    for layer in (net.trunk.below[0], net.fc6, net.verifier.independent.street, net.verifier.independent.shop):
        assert float(layer.weight.grad.abs().max()) > 0


def test_the_split_first_layer_is_the_joined_one() -> None:
    net = PairNetwork(6, (8, 5)).double()
    street, shop = unit(7, 6).double(), unit(7, 6, seed=2).double()
    joined = net.joined().double()
    by_paper = net.tail(joined(torch.cat([street, shop], 1) * 6**0.5))
    assert torch.allclose(net(street, shop), by_paper, atol=1e-12)
    # One street photo against halves that were kept.
    kept = net.shop_half(shop)
    one = net.finish(street[:1], kept)
    expected = net(street[:1].expand(7, -1), shop).softmax(1)[:, 1]
    assert torch.allclose(one, expected, atol=1e-12)


def test_halves_start_as_the_joined_layer_would() -> None:
    torch.manual_seed(5)
    net = PairNetwork(64, (256, 8))
    bound = (2 * 64) ** -0.5  # of PyTorch's linear layers: one over the root of the inputs
    for weight in (net.street.weight, net.shop.weight):
        assert bound * 0.95 < float(weight.detach().abs().max()) <= bound


def test_started_from_differences_equal_photos_differ_from_all_others_by_less() -> None:
    net = PairNetwork(16, (32, 8))
    net.start_from_differences()
    a, b = unit(1, 16), unit(1, 16, seed=3)
    assert float(net.meet(a, net.shop_half(a)).detach().abs().max()) < 1e-6
    there = F.relu(net.meet(a, net.shop_half(b))).detach()[0]
    back = F.relu(net.meet(b, net.shop_half(a))).detach()[0]
    # |w · (b - a)| whichever photo is the street's.
    assert torch.allclose(there[:16] + there[16:], back[:16] + back[16:], atol=1e-6)
    w = net.shop.weight.detach()[:16]
    assert torch.allclose(there[:16] + there[16:], (4 * w @ (b - a)[0]).abs(), atol=1e-5)


@pytest.mark.parametrize("fine_tune", ["all", "last"])
def test_copies_begin_as_the_independent_network_and_go_their_own_way(fine_tune: str) -> None:
    net = Verifier(6, (8, 5), categories=4, own=[2, 0], fine_tune=fine_tune)
    net.begin_copies()
    street, shop = unit(5, 6), unit(5, 6, seed=2)
    before = net(street, shop).detach()
    assert before.shape == (5, 5)
    assert torch.allclose(before, before[:, :1].expand(-1, 5), atol=1e-6)
    with torch.no_grad():
        for parameter in net.copies["2"].parameters():
            parameter += 0.1
    after = net(street, shop).detach()
    assert torch.equal(after[:, [0, 1, 2, 4]], before[:, [0, 1, 2, 4]])
    assert float((after[:, 3] - before[:, 3]).abs().min()) > 1e-4


@pytest.mark.parametrize("fine_tune", ["all", "last"])
def test_the_columns_are_what_each_network_says(fine_tune: str) -> None:
    net = Verifier(6, (8, 5), categories=3, own=[1], fine_tune=fine_tune)
    street, shop = unit(5, 6), unit(5, 6, seed=2)
    columns = net(street, shop)
    for n, category in enumerate((None, 0, 1, 2)):
        assert torch.allclose(columns[:, n], net.logits(street, shop, category).softmax(1)[:, 1], atol=1e-6)
    assert torch.equal(columns[:, 1], columns[:, 0])  # 0 has no copy
    assert not torch.allclose(columns[:, 2], columns[:, 0])


def test_what_is_tuned_of_a_copy() -> None:
    all_, last = (Verifier(4096, categories=11, own=range(11), fine_tune=how) for how in ("all", "last"))
    assert count(all_) == 12 * 4_458_498
    assert count(last) == 4_458_498 + 11 * (512 * 512 + 512 + 512 * 2 + 2)


def test_small_photos_keep_their_border() -> None:
    net = Wtbi(trunk("small", width=8), 3, [2, 4], dim=12, size=64).eval()
    assert net.fc6.in_features == 40 * 2 * 2  # of 4 x 4, where windows that must fit would see 3 x 3
    seen = net(torch.rand(2, 3, 64, 64))
    assert [tuple(logits.shape) for logits in seen.attributes] == [(2, 2), (2, 4)]
    assert torch.allclose(net.embed(torch.ones(1, 3, 64, 64)).norm(dim=1), torch.ones(1), atol=1e-5)

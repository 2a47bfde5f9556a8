"""DARN: the paper's sizes, two towers that are two, what the feature is made of, and its principal components."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wearabouts.models.darn import PAPER, Darn, pool, principal
from wearabouts.training import losses
from wearabouts.training.losses import triplets

HEADS = {"type": 4, "collar.shape": 3}  # names that a dict of modules would refuse
STREET = torch.tensor([False, True, True, False, True])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _small(**options) -> Darn:
    torch.manual_seed(0)
    return Darn(HEADS, trunk="small", size=32, **{"fc": 24, "branch": 8, "dropout": 0.0, **options})


def _told_apart(**options) -> Darn:
    """A network whose towers have gone their own ways."""
    net = _small(**options)
    with torch.no_grad():
        for parameter in net.tower("street").parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape))
    return net.eval()


def _photos(count: int = 5, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_the_papers_branches_are_these() -> None:
    assert list(PAPER.values()) == [12, 20, 56, 6, 27, 10, 25, 7, 16]
    assert sum(PAPER.values()) == 179


def test_the_papers_size_runs_forward_and_backward() -> None:
    net = Darn(PAPER)
    tower = net.tower("street")
    assert [type(layer) for layer in (tower.fc1, tower.fc2)] == [nn.Linear, nn.Linear]
    assert tower.fc1.in_features == 9 * 1024
    assert tower.fc1.out_features == tower.fc2.in_features == tower.fc2.out_features == 4096
    assert [branch[-1].out_features for branch in tower.branches] == list(PAPER.values())
    assert net.dim == 4096 + 9 * (512 + 1024)
    convolutions = sum(parameter.numel() for parameter in tower.trunk.parameters())
    heads = 9 * (4096 * 512 + 512) + 512 * 179 + 179
    counted = sum(parameter.numel() for parameter in net.parameters())
    assert counted == 2 * (convolutions + 9216 * 4096 + 4096 + 4096 * 4096 + 4096 + heads)

    photos, street = _photos(2, 224), torch.tensor([True, False])
    seen = net.eval()(photos, street)
    assert seen.vector.shape == (2, 17_920)
    assert [logits.shape for logits in seen.attributes.values()] == [(2, size) for size in PAPER.values()]
    labels = torch.tensor([[0] * 9, [1] * 9])
    anchors, shop = seen.vector[street], seen.vector[~street]
    ranking = losses.triplet(anchors, shop, shop.detach().roll(1, 1), 0.3)
    (ranking + losses.tree(list(seen.attributes.values()), labels)).backward()
    assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in tower.branches.parameters())
    assert all(bool(net.tower(side).trunk.below[0].weight.grad.any()) for side in ("street", "shop"))


def test_both_towers_begin_alike_and_share_nothing() -> None:
    net = _small()
    street, shop = net.tower("street"), net.tower("shop")
    assert all(torch.equal(a, b) for a, b in zip(street.parameters(), shop.parameters(), strict=True))
    shared = {id(parameter) for parameter in street.parameters()} & {id(parameter) for parameter in shop.parameters()}
    assert not shared
    one = _small(towers=1)
    assert one.tower("street") is one.tower("shop")
    assert 2 * sum(p.numel() for p in one.parameters()) == sum(p.numel() for p in net.parameters())


def test_each_photo_goes_through_its_own_sides_tower() -> None:
    net, photos = _told_apart(), _photos()
    with torch.inference_mode():
        seen = net(photos, STREET)
        for n, street in enumerate(STREET.tolist()):
            alone = net.tower("street" if street else "shop")(photos[n : n + 1])
            assert torch.allclose(seen.vector[n], alone.vector[0], atol=1e-6)
            for name in HEADS:
                assert torch.allclose(seen.attributes[name][n], alone.attributes[name][0], atol=1e-5)
        swapped = net(photos, ~STREET)
        assert not torch.allclose(seen.vector, swapped.vector, atol=1e-3)
        for only in (torch.ones(5, dtype=torch.bool), torch.zeros(5, dtype=torch.bool)):
            assert net(photos, only).vector.shape == (5, net.dim)


def test_a_towers_photos_teach_no_other_tower() -> None:
    net = _small()
    seen = net(_photos(), torch.ones(5, dtype=torch.bool))
    losses.tree(list(seen.attributes.values()), torch.zeros((5, 2), dtype=torch.int64)).backward()
    assert all(parameter.grad is None for parameter in net.tower("shop").parameters())
    assert any(parameter.grad is not None for parameter in net.tower("street").parameters())


def test_a_missing_label_teaches_its_branch_nothing() -> None:
    net = _small(towers=1)
    seen = net(_photos(), STREET)
    labels = torch.tensor([[0, -1], [1, -1], [2, -1], [3, -1], [0, -1]])
    losses.tree(list(seen.attributes.values()), labels).backward()
    branches = net.tower("shop").branches
    assert not any(bool(parameter.grad.any()) for parameter in branches[1].parameters())
    assert all(bool(parameter.grad.any()) for parameter in branches[0].parameters())


def test_the_feature_is_three_parts_of_equal_length() -> None:
    net, photos = _small().eval(), _photos()
    tower = net.tower("shop")
    with torch.inference_mode():
        feature = tower(photos).vector
        conv4 = tower.trunk.lower(photos)
        conv5 = tower.trunk.upper(conv4)
        first = F.relu(tower.fc1(pool(conv5)))
    widths = [24, pool(conv4).shape[1], pool(conv5).shape[1]]
    assert sum(widths) == net.dim == feature.shape[1]
    for part, expected in zip(feature.split(widths, 1), (first, pool(conv4), pool(conv5)), strict=True):
        assert torch.allclose(part.norm(dim=1), torch.full((5,), 3**-0.5), atol=1e-6)
        assert torch.allclose(F.normalize(part, dim=1), F.normalize(expected, dim=1), atol=1e-5)
    assert torch.allclose(_small(local=False)(photos, STREET).vector.norm(dim=1), torch.ones(5), atol=1e-6)
    assert _small(local=False).dim == 24


@pytest.mark.parametrize("side", [1, 2, 3, 4, 6, 8, 13, 14, 28])
def test_pooling_to_three_by_three_misses_no_cell(side: int) -> None:
    cells = min(side, 3)
    for row in range(side):
        conv = torch.zeros(1, 2, side, side)
        conv[0, 1, row, side - 1] = 1
        pooled = pool(conv).reshape(1, 2, cells, cells)
        assert not pooled[0, 0].any()
        assert pooled[0, 1].any(1).tolist() == pooled[0, 1, :, -1].bool().tolist()
        place = (row + 0.5) / side * cells
        assert abs(float(pooled[0, 1, :, -1].nonzero().float().mean()) + 0.5 - place) <= 1


@pytest.mark.parametrize("shape", [(40, 12), (12, 40)], ids=["many rows", "few rows"])
def test_principal_components_are_those_of_the_definition(shape) -> None:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(shape, generator=generator) * torch.linspace(3, 0.1, shape[1]) + 2
    features -= features.mean(0)
    basis = principal(features, 5)
    values, vectors = np.linalg.eigh(np.cov(features.numpy().T.astype(np.float64)))
    assert torch.allclose(basis @ basis.T, torch.eye(5), atol=1e-5)
    for n in range(5):
        assert abs(basis[n].numpy() @ vectors[:, -1 - n]) == pytest.approx(1, abs=1e-4)
        assert (features @ basis[n]).var().item() == pytest.approx(values[-1 - n], rel=1e-3)
        assert basis[n].abs().max() == basis[n].max()


def test_the_served_vector_is_the_reduced_feature_of_length_one() -> None:
    net, photos = _told_apart(pca=4), _photos(9)
    street = torch.arange(9) % 2 == 0
    with torch.inference_mode():
        features = net(photos, street).vector
        net.fit_pca(features, street)
        vectors = {side: net.serve(photos, side).vector for side in ("street", "shop")}
        means = {"street": features[street].mean(0), "shop": features[~street].mean(0)}
    assert net.served_dim == 4
    assert torch.allclose(vectors["street"].norm(dim=1), torch.ones(9), atol=1e-6)
    for side, rows in (("street", street), ("shop", ~street)):
        expected = F.normalize((features[rows] - means[side]) @ net.basis.T, dim=1)
        assert torch.allclose(vectors[side][rows], expected, atol=1e-5)
    assert torch.allclose(net.reduce(features, net.means(street))[street], vectors["street"][street], atol=1e-5)
    assert (vectors["street"] - vectors["shop"]).abs().max() > 1e-3
    again = _small(pca=4)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.basis, net.basis)


def test_what_a_side_has_in_common_does_not_decide() -> None:
    """Street features all moved by the same amount: with each side's own mean the nearest shop photo stays the same."""
    generator = torch.Generator().manual_seed(3)
    net = _small(pca=6)
    items = torch.randn(12, net.dim, generator=generator)
    features = torch.cat([items + 0.1 * torch.randn(12, net.dim, generator=generator), items])
    features[:12] += 5 * torch.randn(net.dim, generator=generator)
    street = torch.arange(24) < 12
    net.fit_pca(features, street)
    vectors = net.reduce(features, net.means(street))
    assert (vectors[:12] @ vectors[12:].T).argmax(1).tolist() == list(range(12))


def test_one_tower_serves_one_function_for_both_sides() -> None:
    net, photos = _small(pca=4, towers=1).eval(), _photos(9)
    with torch.inference_mode():
        net.fit_pca(net(photos, torch.arange(9) < 4).vector, torch.arange(9) < 4)
        assert not net.mean.any()
        assert torch.equal(net.serve(photos, "street").vector, net.serve(photos, "shop").vector)


def test_as_many_components_as_dimensions_keep_every_distance() -> None:
    features = torch.randn(30, 6, generator=torch.Generator().manual_seed(2))
    reduced = features @ principal(features, 6).T
    apart, before = (torch.cdist(each, each) for each in (reduced, features))
    assert torch.allclose(apart, before, atol=2e-3)


def test_twenty_products_are_learned_by_heart() -> None:
    """Both losses nearly to zero: nothing in the network stands in the way of learning."""
    torch.manual_seed(0)
    net = Darn({"first": 5, "second": 4}, trunk="small", size=32, fc=64, branch=16, dropout=0.0)
    items = torch.arange(20).repeat(2)
    street = torch.arange(40) < 20
    photos = torch.cat([_photos(20), _photos(20, seed=1)])
    labels = torch.stack([items % 5, items // 5], 1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for _ in range(60):
        seen = net(photos, street)
        attributes = losses.tree(list(seen.attributes.values()), labels)
        ranking = triplets.of_rows(seen.vector, triplets.hardest(seen.vector, items, street), 0.3)
        optimizer.zero_grad()
        (attributes + ranking).backward()
        optimizer.step()
    assert float(attributes.detach()) < 0.01
    assert float(ranking.detach()) < 0.01

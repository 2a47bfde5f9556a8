"""One net of several trainings: the mean of their weights, its blocks cut to their main directions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wearabouts.models.colour import PALETTE
from wearabouts.models.mini import Mini
from wearabouts.training.mini.features import Features
from wearabouts.training.mini.narrowing import averaged, beside, narrow, principal
from wearabouts.training.mini.recipe import Network
from wearabouts.training.mini.whitening import whitening


def test_the_mean_of_weights_is_taken_one_by_one():
    mean = averaged(
        [{"a": torch.tensor([1.0, 2]), "b": torch.zeros(1)}, {"a": torch.tensor([3.0, 6]), "b": torch.ones(1)}]
    )
    assert mean["a"].tolist() == [2, 4]
    assert mean["b"].tolist() == [0.5]


def test_principal_directions_are_orthonormal_and_keep_more_cosine_than_others():
    rng = torch.Generator().manual_seed(0)
    block = F.normalize(torch.randn(200, 12, generator=rng) * torch.linspace(3, 0.1, 12), dim=1)
    kept = principal(block, 5)
    assert torch.allclose(kept.T @ kept, torch.eye(5), atol=1e-5)
    lost = (block @ block.T - (block @ kept) @ (block @ kept).T).square().sum()
    for seed in range(5):
        other = torch.linalg.qr(torch.randn(12, 5, generator=torch.Generator().manual_seed(seed)))[0]
        assert lost < (block @ block.T - (block @ other) @ (block @ other).T).square().sum()
    assert torch.allclose(principal(block, 12) @ principal(block, 12).T, torch.eye(12), atol=1e-5)


def _features(count: int) -> Features:
    rng = np.random.default_rng(0)

    def half(*shape: int) -> np.ndarray:
        return rng.random((count, *shape), np.float32).astype(np.float16)

    whole = np.zeros(count, np.int64)
    return Features(
        maps=half(1024, 2, 2),
        mid=half(96, 4, 4),
        small=half(3, 16, 16),
        palette=half(PALETTE),
        domain=whole,
        item=np.arange(count),
        street=whole.astype(bool),
        family=whole,
        garment=whole,
        attributes=np.zeros((count, 2), np.int64),
        mask=np.zeros((count, 4, 4), np.float32),
        original=np.arange(count) % 2 == 0,
    )


def _net(*dims: int, labels_dim: int = 0, flattening: float = 1.0) -> Mini:
    return Mini(5, {"color": 3, "sleeve": 2}, *dims, labels_dim=labels_dim, flattening=flattening).eval()


def test_identity_is_served_as_it_was_trained_and_whitened_anew() -> None:
    torch.manual_seed(0)
    net, features = _net(6, 8, 8), _features(40)
    layer = beside(net, features, 0.25, 0.5)
    originals = np.flatnonzero(features.original)
    with torch.inference_mode():
        frozen = features.frozen(originals, torch.device("cpu"))
        pooled = net.pool(frozen)[1]
        trained, again = layer(pooled).split(6, dim=1)
        identity = net.upper(frozen).identity
    assert torch.allclose(F.normalize(trained, dim=1), identity, atol=1e-5)
    weight, bias = whitening(pooled.numpy(), 6, 0.25, 0.5)
    assert np.allclose(again.numpy(), pooled.numpy() @ weight.T + bias, atol=1e-3)
    for half in (trained, again):
        assert float(half.norm(dim=1).mean()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("dim", [12, 6])
def test_the_served_net_says_what_the_trained_one_says_in_fewer_floats(dim: int) -> None:
    torch.manual_seed(0)
    net, served = _net(6, 8, 8), _net(dim, 8, 4, labels_dim=4, flattening=0.6)
    features, network = _features(40), Network()
    narrow(net, served, features, network)
    frozen = features.frozen(np.arange(40), torch.device("cpu"))
    with torch.inference_mode():
        wide, slim = net.upper(frozen), served.upper(frozen)
        both = F.normalize(beside(net, features, network.whitening, network.centring)(net.pool(frozen)[1]), dim=1)
    assert torch.equal(wide.garment, slim.garment)
    assert torch.equal(wide.saliency, slim.saliency)
    assert slim.vector.shape[1] == dim + 8 + 4
    cut = F.normalize(both @ principal(both, dim), dim=1)
    assert torch.allclose(slim.identity @ slim.identity.T, cut @ cut.T, atol=1e-4)
    if dim == 12:  # as many directions as there are: turned, not cut
        assert torch.allclose(both @ both.T, slim.identity @ slim.identity.T, atol=1e-4)


def test_the_colours_of_the_photo_are_served_flattened_and_whitened() -> None:
    torch.manual_seed(0)
    net, served, features = _net(6, 8, 8), _net(6, 8, 4, flattening=0.6), _features(40)
    features.street[::2] = True  # their light was changed: they do not tell what colours are common
    narrow(net, served, features, Network(photo_whitening=0.5))
    roots = torch.from_numpy(features.palette.astype(np.float32))
    flat = F.normalize(roots**0.6, dim=1)
    with torch.inference_mode():
        projected = served.photo_colour(flat[1::2])
        assert torch.allclose(served.photo(roots), F.normalize(served.photo_colour(flat), dim=1), atol=1e-6)
    spread = np.cov(projected.numpy().T)  # wholly whitened: no direction counts more than another
    assert np.allclose(spread / spread[0, 0], np.eye(4), atol=0.02)
    assert np.allclose(projected.mean(0).numpy(), 0, atol=0.01)

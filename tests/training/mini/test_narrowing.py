"""One net of several trainings: the mean of their weights, its blocks cut to their main directions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wearabouts.models.colour import PALETTE
from wearabouts.models.mini import Mini
from wearabouts.training.mini.features import Features
from wearabouts.training.mini.narrowing import averaged, narrow, principal


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
        original=whole.astype(bool),
    )


@pytest.mark.parametrize("dims", [(16, 8), (6, 4)])
def test_the_served_net_says_what_the_trained_one_says_in_fewer_floats(dims: tuple[int, int]):
    torch.manual_seed(0)
    sizes = {"color": 3, "sleeve": 2}
    net = Mini(5, sizes, identity_dim=16, garment_dim=8, photo_dim=8).eval()
    served = Mini(5, sizes, dims[0], 8, dims[1], labels_dim=4).eval()
    features = _features(20)
    narrow(net, served, features)
    frozen = features.frozen(np.arange(20), torch.device("cpu"))
    with torch.inference_mode():
        wide, slim = net.upper(frozen), served.upper(frozen)
    assert torch.equal(wide.garment, slim.garment)
    assert torch.equal(wide.saliency, slim.saliency)
    assert slim.vector.shape[1] == dims[0] + 8 + dims[1]
    cut = F.normalize(wide.identity @ principal(wide.identity, dims[0]), dim=1)
    assert torch.allclose(slim.identity @ slim.identity.T, cut @ cut.T, atol=1e-5)
    if dims == (16, 8):  # as many directions as there are: turned, not cut
        assert torch.allclose(wide.vector @ wide.vector.T, slim.vector @ slim.vector.T, atol=1e-4)

"""The residual network: whitened patches, unit vectors, and a photo that is found with its mirror image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wearabouts.models.residual import NOISE, PATCH, WHITENED, Block, Residual


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    """(64, 3, 32, 32) in [0, 1], smooth as photographs are: coarse noise, enlarged."""
    coarse = torch.rand((64, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    fine = torch.rand((64, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    return 0.9 * F.interpolate(coarse, scale_factor=4, mode="bilinear") + 0.1 * fine


@pytest.fixture(scope="module")
def net(photos: torch.Tensor) -> Residual:
    torch.manual_seed(0)
    net = Residual(classes=5, widths=(8, 16, 16), dim=12)
    net.whiten(photos)
    return net.eval()


def test_the_first_layer_decorrelates_the_patches_it_was_made_from(net: Residual, photos: torch.Tensor) -> None:
    # Its own patches lie a stride of 2 apart; those it was filled from lie side by side, as every second one here does.
    seen = net.patches(F.pad(photos, (-1, -1, -1, -1)))[:, :, 1::2, 1::2]
    with torch.no_grad():
        inside = F.conv2d(photos, net.patches.weight, net.patches.bias, stride=PATCH)
    assert seen.shape[1] == inside.shape[1] == WHITENED
    values = inside.transpose(0, 1).reshape(WHITENED, -1)
    assert values.mean(1).abs().max() < 1e-3
    covariance = torch.cov(values)
    off = covariance - torch.diag(torch.diag(covariance))
    assert off.abs().max() < 1e-3
    # A component of variance v comes out with v / (v + NOISE): the strong ones with one, the faint ones with less.
    assert torch.diag(covariance).max() == pytest.approx(1, abs=0.01)
    assert torch.diag(covariance).min() < 0.9
    assert NOISE > 0


def test_the_first_layer_loses_nothing(net: Residual, photos: torch.Tensor) -> None:
    patches = F.unfold(photos[:4], PATCH, stride=PATCH)
    weight, bias = net.patches.weight.reshape(WHITENED, -1), net.patches.bias
    seen = torch.einsum("ij,bjl->bil", weight, patches) + bias[:, None]
    back = torch.linalg.solve(weight, seen - bias[:, None])
    assert (back - patches).abs().max() < 1e-3


def test_a_block_adds_to_what_it_is_given() -> None:
    block = Block(4).eval()
    torch.nn.init.zeros_(block.second.conv.weight)
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(block(x), x)


def test_what_comes_out(net: Residual, photos: torch.Tensor) -> None:
    with torch.no_grad():
        seen = net(photos)
    assert seen.vector.shape == (64, 12)
    assert seen.logits.shape == (64, 5)
    assert torch.allclose(seen.vector.norm(dim=1), torch.ones(64), atol=1e-5)
    # Cosines over a temperature of 0.1
    assert seen.logits.abs().max() <= 10 + 1e-4
    cosine = seen.vector @ F.normalize(net.directions, dim=1).T
    assert torch.allclose(seen.logits, cosine / 0.1, atol=1e-4)


@pytest.mark.parametrize("size", [16, 32, 48])
def test_any_multiple_of_eight_is_a_size(net: Residual, size: int) -> None:
    with torch.no_grad():
        assert net(torch.rand(2, 3, size, size)).vector.shape == (2, 12)


def test_the_vector_to_serve_is_of_length_one_and_knows_no_left_and_right(net: Residual, photos: torch.Tensor) -> None:
    with torch.no_grad():
        one, other = net.serve(photos), net.serve(photos.flip(3))
    assert torch.allclose(one.vector.norm(dim=1), torch.ones(64), atol=1e-5)
    assert torch.allclose(one.vector, other.vector, atol=1e-5)
    assert torch.allclose(one.logits, other.logits, atol=1e-4)


def test_the_served_cosine_is_the_blocks_cosines_weighted(photos: torch.Tensor) -> None:
    torch.manual_seed(0)
    net = Residual(classes=5, widths=(8, 16), dim=12, class_weight=0.7, both_ways=False).eval()
    with torch.no_grad():
        seen, served = net(photos), net.serve(photos)
    assert served.vector.shape[1] == net.served_dim == 17
    sure = [[math.exp(1.5 * float(logit)) for logit in row] for row in seen.logits]
    for a, b in ((0, 1), (2, 9), (4, 4)):
        likely = sum(p * q for p, q in zip(sure[a], sure[b], strict=True)) / (
            math.hypot(*sure[a]) * math.hypot(*sure[b])
        )
        expected = 0.7 * likely + 0.3 * float(seen.vector[a] @ seen.vector[b])
        assert float(served.vector[a] @ served.vector[b]) == pytest.approx(expected, abs=1e-5)


def test_without_a_class_block_the_features_are_served(photos: torch.Tensor) -> None:
    net = Residual(classes=5, widths=(8, 16), dim=12, class_weight=0.0, both_ways=False).eval()
    with torch.no_grad():
        assert torch.equal(net.serve(photos).vector, net(photos).vector)
    assert net.served_dim == 12


def test_letters_are_looked_at_one_way_only(photos: torch.Tensor) -> None:
    torch.manual_seed(0)
    net = Residual(classes=3, widths=(8, 8), dim=6, both_ways=False).eval()
    with torch.no_grad():
        assert torch.equal(net.serve(photos).logits, net(photos).logits)
        assert not torch.allclose(net.serve(photos).vector, net.serve(photos.flip(3)).vector, atol=1e-3)


def test_the_first_layer_is_not_trained(net: Residual) -> None:
    assert not any(parameter.requires_grad for parameter in net.patches.parameters())
    assert all(np.isfinite(parameter.detach().numpy()).all() for parameter in net.parameters())

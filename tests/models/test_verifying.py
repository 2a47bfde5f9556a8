"""Regions in one byte a number, and the network that compares those of two photos."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wearabouts.models.verifying import LARGEST, SPREAD, LocalNetwork, RegionHead, ServedLocal, cells, folded


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def test_cells_hold_what_lies_at_their_place() -> None:
    maps, top, mid = torch.rand(2, 3, 2, 2), torch.rand(2, 4, 2, 2), torch.randn(2, 5, 4, 4)
    found = cells(maps, top, mid)
    assert found.shape == (2, 4, 3 + 4 + 20)
    for y in range(2):
        for x in range(2):
            coarse = torch.cat((maps[1, :, y, x], top[1, :, y, x])).sqrt()
            fine = mid[1, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
            assert torch.allclose(found[1, 2 * y + x, :7], coarse, atol=1e-3)  # a little is added below the root
            assert torch.equal(found[1, 2 * y + x, 7:].sort()[0], fine.flatten().sort()[0])


def test_descriptors_are_whole_and_rounded_straight_through() -> None:
    head = RegionHead(6, 8, 4)
    found = torch.randn(3, 4, 6)
    said = head(found)
    assert said.shape == (3, 4, 8)
    assert torch.equal(said, said.round())
    assert said.abs().max() <= LARGEST
    free = F.normalize(head.project(found), dim=-1) * SPREAD * 8**0.5 * LARGEST
    assert (said - free.clamp(-LARGEST, LARGEST)).abs().max() <= 0.5 + 1e-4
    with torch.inference_mode():
        assert torch.equal(head(found), said)
    # Backwards, as if nothing had been rounded
    weight = torch.randn_like(said)
    (ours,) = torch.autograd.grad((said * weight).sum(), head.project.weight)
    smooth = (F.normalize(head.project(found), dim=-1) * SPREAD * 8**0.5).clamp(-1, 1) * LARGEST
    (wanted,) = torch.autograd.grad((smooth * weight).sum(), head.project.weight)
    assert ours.abs().sum() > 0
    assert torch.allclose(ours, wanted)


def test_a_head_over_a_reduction_is_one_linear_map() -> None:
    head, mean, weight = RegionHead(5, 8, 4), torch.randn(30), torch.randn(5, 30)
    found = torch.randn(20, 4, 30)
    apart = (folded(head, mean, weight)(found) - head((found - mean) @ weight.T)).abs()
    assert apart.max() <= 1
    assert (apart == 0).float().mean() > 0.99


def test_a_head_starts_from_the_first_components() -> None:
    head = RegionHead(12, 8, 4)
    head.start_from_components()
    found = torch.randn(50, 1, 12)
    assert F.cosine_similarity(head(found), found[..., :8], dim=-1).min() > 0.9


def _plain(net: LocalNetwork, street: np.ndarray, shop: np.ndarray) -> float:
    """The same as `LocalNetwork`, cell by cell."""
    a, b = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (street, shop))
    weights = {name: value.detach().double().numpy() for name, value in net.named_parameters()}
    heat = np.exp(weights["heat"])

    def one_way(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        told, weigh = [], []
        for cell in ours:
            near = np.exp(heat * (theirs @ cell))
            like = (near[:, None] * theirs).sum(0) / near.sum()
            given = np.concatenate([cell, like, 5 * cell * like, np.abs(cell - like)])
            for layer in ("compare.0", "compare.3"):
                given = np.maximum(weights[f"{layer}.weight"] @ given + weights[f"{layer}.bias"], 0)
            told.append(given)
            weigh.append(np.exp(4 * (weights["weigh.weight"] @ cell + weights["weigh.bias"])))
        shares = np.array(weigh) / np.sum(weigh)
        return np.concatenate([(np.array(told) * shares).sum(0), np.max(told, axis=0)])

    joined = np.concatenate([one_way(a, b), one_way(b, a)])
    hidden = np.maximum(weights["last.0.weight"] @ joined + weights["last.0.bias"], 0)
    return float((weights["last.3.weight"] @ hidden + weights["last.3.bias"])[0])


def test_regions_are_compared_as_a_plain_loop_does() -> None:
    net = LocalNetwork(8, 6, 5).eval()
    street, shop = (torch.randint(-LARGEST, LARGEST + 1, (3, 4, 8), dtype=torch.int8) for _ in range(2))
    with torch.inference_mode():
        said = ServedLocal(net)(street, shop)
    assert said.shape == (3,)
    for n in range(3):
        assert said[n].item() == pytest.approx(
            _plain(net, street[n].double().numpy(), shop[n].double().numpy()), abs=1e-4
        )


def test_where_a_region_stands_does_not_matter() -> None:
    net = LocalNetwork(8, 6, 5).eval()
    street, shop = torch.randn(2, 4, 8), torch.randn(2, 4, 8)
    moved = shop[:, torch.tensor([2, 0, 3, 1])]
    assert torch.allclose(net(street, shop), net(street, moved), atol=1e-5)


def test_the_shipped_size_is_small() -> None:
    net = LocalNetwork(40)
    assert sum(each.numel() for each in net.parameters()) < 300_000

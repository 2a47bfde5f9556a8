"""The comparison of regions: what PyTorch says, one against many, and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import judged
from wearabouts import bundles
from wearabouts.errors import BundleError, QueryError
from wearabouts.verifiers import RegionVerifier


@pytest.fixture(scope="module")
def made() -> bundles.Bundle:
    return judged.bundle(local=True)


@pytest.fixture(scope="module")
def local(made: bundles.Bundle) -> RegionVerifier:
    return RegionVerifier(made, threads=1)


def test_it_says_what_pytorch_says(local: RegionVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    street, shop = judged.seen(1, 1).regions[0], judged.seen(11, 2).regions
    with torch.inference_mode():
        expected = judged.local_network()(torch.from_numpy(street[None]), torch.from_numpy(shop)).numpy()
    found = local.logit(street, shop)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-5)
    monkeypatch.setattr("wearabouts.verifiers.regions.BATCH", 4)
    assert np.allclose(local.logit(street, shop), found, atol=1e-6)
    assert local.logit(street, shop[:0]).shape == (0,)


def test_the_whole_range_of_a_byte_counts(local: RegionVerifier) -> None:
    """Minus one is not 255."""
    one = np.full((judged.REGIONS, judged.WIDTH), -1, np.int8)
    with torch.inference_mode():
        expected = judged.local_network()(torch.from_numpy(one[None]), torch.from_numpy(one[None])).item()
    assert local.logit(one, one[None])[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("street", "shop", "said"),
    [
        ((3, 3), (2, 4, 3), "regions are"),
        ((4, 3), (2, 4, 2), "regions are"),
        ((4, 3), (4, 3), "regions are"),
        ((1, 4, 3), (2, 4, 3), "regions are"),
    ],
)
def test_other_shapes_are_refused(local: RegionVerifier, street, shop, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        local.logit(np.zeros(street, np.int8), np.zeros(shop, np.int8))


def test_other_numbers_are_refused(local: RegionVerifier) -> None:
    with pytest.raises(QueryError, match="give int8"):
        local.logit(np.zeros((4, 3), np.uint8), np.zeros((2, 4, 3), np.int8))


def test_graphs_that_compare_something_else_are_refused(made: bundles.Bundle) -> None:
    with pytest.raises(BundleError, match="compares no regions"):
        RegionVerifier(judged.bundle())
    with pytest.raises(BundleError, match="cannot be run"):
        RegionVerifier(dataclasses.replace(made, local=b"no graph"))
    wider = made.card.model_copy(update={"regions": bundles.Regions(count=4, dim=5)})
    with pytest.raises(BundleError, match=r"does not take the regions of one photo and of two, \(4, 5\) int8 each"):
        RegionVerifier(dataclasses.replace(made, card=wider))
    pairs = judged.bundle(pairs="last")
    with pytest.raises(BundleError, match="it should take street and shop and give logit"):
        RegionVerifier(dataclasses.replace(made, local=pairs.verifier))

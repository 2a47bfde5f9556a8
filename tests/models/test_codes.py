"""The hash head and the adapter: bits are where the formula puts them, and a fresh head changes little."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wearabouts.models.codes import HashHead, as_directions, packed
from wearabouts.models.head import Head


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _units(count: int, dim: int) -> torch.Tensor:
    torch.manual_seed(4)
    return torch.nn.functional.normalize(torch.randn(count, dim), dim=1)


def test_bytes_are_packed_as_numpy_packs_them() -> None:
    bits = torch.rand(20, 48, generator=torch.Generator().manual_seed(0)) > 0.5
    assert np.array_equal(packed(bits).numpy(), np.packbits(bits.numpy(), axis=1))
    assert packed(bits).dtype == torch.uint8


def test_a_bit_is_an_activation_of_one_half_or_more() -> None:
    head = HashHead(6, 16)
    features = _units(30, 6)
    activations = head(features).detach()
    assert activations.min() > 0
    assert activations.max() < 1
    expected = np.packbits((activations.numpy() >= 0.5), axis=1)
    assert np.array_equal(head.code(features).numpy(), expected)
    share = np.unpackbits(expected, axis=1).mean()
    assert 0.3 < share < 0.7  # a fresh head splits what it sees


def test_the_cosine_of_bits_counts_them() -> None:
    bits = (torch.rand(2, 32, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    apart = int((bits[0] != bits[1]).sum())
    a, b = as_directions(bits)
    assert float(a @ b) == pytest.approx(1 - 2 * apart / 32, abs=1e-6)


@pytest.mark.parametrize("bits", [4, 12, 0])
def test_bits_come_in_bytes(bits: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        HashHead(6, bits)


def test_a_fresh_adapter_keeps_directions() -> None:
    given = _units(20, 8)
    same, hidden = Head(8, dim=8), Head(8, dim=8, hidden=32)
    for net in (same, hidden):
        vector = net(given).vector
        assert torch.allclose(vector.norm(dim=1), torch.ones(20), atol=1e-6)
        assert torch.allclose(vector @ vector.T, given @ given.T, atol=1e-5)
    assert Head(8, dim=3)(given).vector.shape == (20, 3)


def test_classes_are_read_from_the_codes_where_there_are_such() -> None:
    given = _units(5, 8)
    assert Head(8, dim=4, classes=3)(given).logits.shape == (5, 3)
    seen = Head(8, bits=16, classes=3)(given)
    assert torch.equal(seen.vector, given)
    assert seen.logits.shape == (5, 3)
    # Lin et al.: nothing reaches the classifier but through the latent layer.
    net = Head(8, bits=16, classes=3)
    torch.nn.init.zeros_(net.hash.latent.weight)
    logits = net(given).logits
    assert torch.allclose(logits, logits[:1].expand(5, 3))
    assert Head(8, dim=4, hidden=6, bits=8)(given).logits is None

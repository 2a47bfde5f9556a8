"""Landmark pooling against a loop written out, and what papers say of its gate and its gradients."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from wearabouts.models.landmark_pooling import corners, landmark_pool


def naive(conv4: np.ndarray, places: np.ndarray, gate: np.ndarray, window: int, pooled: int) -> np.ndarray:
    """The formula of the module's docstring, one cell at a time."""
    batch, channels, height, width = conv4.shape
    marks = places.shape[1]
    out = np.zeros((batch, marks * channels, pooled, pooled), np.float32)
    each = window // pooled
    for photo in range(batch):
        for mark in range(marks):
            x, y = np.clip(places[photo, mark], 0, 1) * (width, height)
            left, top = int(np.floor(x - window / 2 + 0.5)), int(np.floor(y - window / 2 + 0.5))
            if window % 2:
                left, top = min(left, width - 1 - window // 2), min(top, height - 1 - window // 2)
            for channel in range(channels):
                for i in range(pooled):
                    for j in range(pooled):
                        values = [
                            conv4[photo, channel, row, column]
                            for row in range(top + i * each, top + (i + 1) * each)
                            for column in range(left + j * each, left + (j + 1) * each)
                            if 0 <= row < height and 0 <= column < width
                        ]
                        best = max(values, default=0.0)
                        out[photo, mark * channels + channel, i, j] = gate[photo, mark] * best
    return out


def drawn(seed: int, batch: int = 2, channels: int = 3, height: int = 9, width: int = 7, marks: int = 4):
    generator = torch.Generator().manual_seed(seed)
    conv4 = torch.rand(batch, channels, height, width, generator=generator)
    places = torch.rand(batch, marks, 2, generator=generator) * 1.2 - 0.1  # some of them outside
    return conv4, places, (torch.rand(batch, marks, generator=generator) > 0.3).float()


@pytest.mark.parametrize(("window", "pooled"), [(8, 4), (4, 4), (4, 2), (6, 3), (3, 3), (5, 1), (1, 1)])
def test_it_is_the_formula(window: int, pooled: int) -> None:
    for seed in range(3):
        conv4, places, gate = drawn(seed)
        expected = naive(conv4.numpy(), places.numpy(), gate.numpy(), window, pooled)
        assert np.array_equal(landmark_pool(conv4, places, gate, window=window, pooled=pooled).numpy(), expected)


def test_the_papers_map_gives_the_papers_block() -> None:
    pooled = landmark_pool(torch.rand(1, 512, 28, 28), torch.rand(1, 8, 2), torch.ones(1, 8))
    assert pooled.shape == (1, 4096, 4, 4)
    assert pooled.numel() == 65_536


def test_a_window_in_the_middle_is_these_very_cells() -> None:
    conv4 = torch.arange(64.0).reshape(1, 1, 8, 8)
    # The landmark lies on the corner of four cells, so a window of two holds exactly these.
    pooled = landmark_pool(conv4, torch.tensor([[[3 / 8, 5 / 8]]]), torch.ones(1, 1), window=2, pooled=2)
    assert pooled[0, 0].tolist() == [[4 * 8 + 2, 4 * 8 + 3], [5 * 8 + 2, 5 * 8 + 3]]


def test_a_hidden_landmark_is_exactly_zero_and_teaches_nothing() -> None:
    conv4, places, _ = drawn(0)
    conv4.requires_grad_()
    gate = torch.ones(2, 4)
    gate[1, 2] = 0
    places[1, 2] = float("nan")
    pooled = landmark_pool(conv4, places, gate, window=4, pooled=2)
    hidden = pooled[1, 2 * 3 : 3 * 3]
    assert torch.equal(hidden, torch.zeros_like(hidden))
    hidden.sum().backward()
    assert torch.equal(conv4.grad, torch.zeros_like(conv4))
    assert (pooled[0] > 0).any()


def test_moving_one_landmark_changes_its_own_channels_only() -> None:
    conv4, places, _ = drawn(1, channels=5)
    gate = torch.ones(2, 4)
    moved = places.clone()
    moved[:, 3] = 1 - moved[:, 3].clamp(0, 0.3)
    before, after = (landmark_pool(conv4, each, gate, window=4, pooled=4) for each in (places, moved))
    changed = (before != after).any(0).any(-1).any(-1)
    assert not changed[: 3 * 5].any()
    assert changed[3 * 5 :].all()


def test_the_gradient_goes_to_the_largest_value_and_not_to_the_coordinates() -> None:
    conv4, places, gate = drawn(2, batch=1, marks=1)
    conv4.requires_grad_()
    places.requires_grad_()
    weight = torch.rand(1, 3, 2, 2)
    (landmark_pool(conv4, places, gate.fill_(1), window=4, pooled=2) * weight).sum().backward()
    assert places.grad is None
    # Each output takes its gradient to the one cell it came from.
    for channel in range(3):
        given = sorted(conv4.grad[0, channel][conv4.grad[0, channel] != 0].tolist())
        pooled = landmark_pool(conv4, places, gate, window=4, pooled=2)[0, channel]
        expected = sorted(weight[0, channel][pooled > 0].tolist())
        assert given == pytest.approx(expected)


@pytest.mark.parametrize("window", [4, 8, 3, 5])
def test_a_mirrored_photo_has_mirrored_windows(window: int) -> None:
    conv4 = torch.rand(1, 2, 16, 16)
    places = torch.rand(1, 6, 2)
    there = landmark_pool(conv4, places, torch.ones(1, 6), window=window, pooled=window)
    mirrored = places.clone()
    mirrored[..., 0] = 1 - mirrored[..., 0]
    back = landmark_pool(conv4.flip(3), mirrored, torch.ones(1, 6), window=window, pooled=window)
    assert torch.equal(there, back.flip(3))


def test_windows_at_the_border_hold_nothing_but_zeros_outside() -> None:
    conv4 = torch.ones(1, 1, 4, 4)
    pooled = landmark_pool(conv4, torch.tensor([[[0.0, 0.0], [1.0, 1.0]]]), torch.ones(1, 2), window=4, pooled=4)
    assert pooled[0, 0].sum() == 4
    assert torch.equal(pooled[0, 0, 2:, 2:], torch.ones(2, 2))
    assert torch.equal(pooled[0, 1, :2, :2], torch.ones(2, 2))


def test_a_window_must_part_evenly() -> None:
    with pytest.raises(ValueError, match="multiple"):
        landmark_pool(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2), torch.ones(1, 1), window=6, pooled=4)


def test_corners_never_leave_the_padded_map() -> None:
    for window in range(1, 10):
        found = corners(torch.linspace(-1, 2, 301)[None, :, None].expand(1, 301, 2), (7, 5), window)
        assert found.min() == 0
        assert int(found[..., 0].max()) + window <= 5 + 2 * (window // 2)
        assert int(found[..., 1].max()) + window <= 7 + 2 * (window // 2)


def test_it_exports_with_any_number_of_photos() -> None:
    ort = pytest.importorskip("onnxruntime")

    class Pooling(nn.Module):
        def forward(self, conv4: torch.Tensor, places: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
            return landmark_pool(conv4, places, gate, window=4, pooled=2)

    shapes = tuple({0: torch.export.Dim("batch", min=1, max=64)} for _ in range(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter's own code
        program = torch.onnx.export(Pooling().eval(), drawn(0), dynamo=True, dynamic_shapes=shapes, verbose=False)
    file = io.BytesIO()
    program.save(file)
    session = ort.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for photos in (1, 2, 5):
        given = drawn(7, batch=photos)
        names = [each.name for each in session.get_inputs()]
        (theirs,) = session.run(None, {name: each.numpy() for name, each in zip(names, given, strict=True)})
        assert np.array_equal(theirs, Pooling()(*given).numpy())

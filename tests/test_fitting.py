"""Photos in their squares: what each fit keeps, cuts off and moves."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from wearabouts import bundles
from wearabouts.fitting import Preprocessing


def gradient(height: int, width: int) -> np.ndarray:
    """Red rises from left to right, green from top to bottom."""
    across, down = np.linspace(0, 255, width), np.linspace(0, 255, height)
    planes = [np.tile(across, (height, 1)), np.tile(down[:, None], (1, width)), np.zeros((height, width))]
    return np.stack(planes, 2).round().astype(np.uint8)


@pytest.mark.parametrize("fit", ["white_square", "stretch", "centre_crop"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (333, 77), (64, 64), (90, 1200), (3000, 2)])
def test_every_photo_gives_a_square(fit: str, height: int, width: int) -> None:
    photo = np.full((height, width, 3), 7, np.uint8)
    fitted = Preprocessing(size=48, fit=fit, share=0.875).apply(photo)
    assert fitted.shape == (48, 48, 3)
    assert fitted.dtype == np.uint8
    if fit != "white_square":
        assert (fitted == 7).all()  # nothing but photo


def test_stretching_keeps_all_four_edges() -> None:
    fitted = Preprocessing(size=32, fit="stretch").apply(gradient(200, 50)).astype(int)
    assert fitted[:, 0, 0].max() < 15
    assert fitted[:, -1, 0].min() > 240
    assert fitted[0, :, 1].max() < 15
    assert fitted[-1, :, 1].min() > 240


@pytest.mark.parametrize("share", [1.0, 0.875, 0.5])
def test_a_crop_keeps_its_share_of_the_shorter_side_from_the_middle(share: float) -> None:
    fitted = Preprocessing(size=64, fit="centre_crop", share=share).apply(gradient(400, 200)).astype(int)
    across, down = fitted[32, :, 0], fitted[:, 32, 1]
    assert across[-1] - across[0] == pytest.approx(255 * share, abs=8)
    assert down[-1] - down[0] == pytest.approx(255 * share / 2, abs=8)  # the photo is twice as tall as wide
    assert across[0] + across[-1] == pytest.approx(255, abs=4)
    assert down[0] + down[-1] == pytest.approx(255, abs=4)


def test_resampling_is_as_asked() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)
    for name in ("bicubic", "bilinear"):
        there = np.asarray(Image.fromarray(photo).resize((32, 32), Image.Resampling[name.upper()]))
        assert (Preprocessing(size=32, fit="stretch", resample=name).apply(photo) == there).all()


@pytest.mark.parametrize("fit", ["white_square", "stretch", "centre_crop"])
@pytest.mark.parametrize(("height", "width"), [(120, 80), (80, 120)])
def test_a_spot_lies_where_placed_says(fit: str, height: int, width: int) -> None:
    fitting = Preprocessing(size=64, fit=fit, share=0.8)
    photo = np.full((height, width, 3), 255, np.uint8)
    photo[58:62, 38:42] = 0
    rows, columns = np.nonzero(fitting.apply(photo)[:, :, 0] < 150)
    left, top, across, down = fitting.placed(width, height)
    assert columns.mean() + 0.5 == pytest.approx(left + 40 / width * across, abs=1)
    assert rows.mean() + 0.5 == pytest.approx(top + 60 / height * down, abs=1)


def test_a_strip_one_pixel_wide_costs_no_memory() -> None:
    import tracemalloc

    photo = np.zeros((100_000, 1, 3), np.uint8)
    tracemalloc.start()
    Preprocessing(size=224, fit="centre_crop").apply(photo)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20


def test_stores_filled_before_there_were_other_fits_stay_valid() -> None:
    assert Preprocessing(size=160).basis() == {"size": 160, "fit": "white_square", "resample": "bicubic"}
    crop = Preprocessing(size=160, fit="centre_crop", share=0.9)
    assert crop.basis() != Preprocessing(size=160, fit="centre_crop").basis()
    assert bundles.Preprocessing is Preprocessing

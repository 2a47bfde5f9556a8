"""Views: deterministic, of the right size, colour kept by light and changed by recolouring."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from wearabouts.training.mini.views import recoloured, shop_view, street_view


@pytest.fixture
def photo() -> Image.Image:
    pixels = np.full((300, 220, 3), 235, np.uint8)
    pixels[60:240, 50:170] = (200, 40, 30)
    return Image.fromarray(pixels)


def _hue(pixels: np.ndarray) -> float:
    """Mean hue of the strongly coloured pixels, in degrees, as an angle."""
    hsv = np.asarray(Image.fromarray(pixels).convert("HSV"), float)
    strong = hsv[..., 1] > 90
    angle = np.deg2rad(hsv[..., 0][strong] * 360 / 256)
    return float(np.rad2deg(np.angle(np.exp(1j * angle).mean())))


@pytest.mark.parametrize("make", [shop_view, street_view])
def test_a_view_is_fitted_and_repeatable(photo: Image.Image, make) -> None:
    one, again = (make(photo, 96, np.random.default_rng(5)) for _ in range(2))
    other = make(photo, 96, np.random.default_rng(6))
    assert one.shape == (96, 96, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_light_keeps_the_hue_and_recolouring_turns_it(photo: Image.Image) -> None:
    start = _hue(np.asarray(photo))
    turned = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        assert abs(_hue(shop_view(photo, 96, rng)) - start) < 15
        difference = _hue(np.asarray(recoloured(photo, rng))) - start
        turned.append(abs((difference + 180) % 360 - 180))
    assert min(turned) > 30


def test_a_grey_photo_is_recoloured_too() -> None:
    grey = Image.fromarray(np.full((80, 80, 3), 120, np.uint8))
    for seed in range(8):
        out = np.asarray(recoloured(grey, np.random.default_rng(seed)), float)
        assert np.abs(out - 120).max() > 12


@pytest.mark.parametrize("size", [(1, 1), (2, 400), (900, 3)])
def test_odd_photos_make_views(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for make in (shop_view, street_view):
        assert make(Image.new("RGB", size, (10, 20, 30)), 64, rng).shape == (64, 64, 3)

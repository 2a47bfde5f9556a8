"""What stands out is found where it was put, and nothing is claimed where nothing does."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.salient import salient_box

WHITE = (255, 255, 255)


def photo(left, top, width, height, size=(300, 200), ground=WHITE, colour=(200, 30, 40)):
    pixels = np.full((*size, 3), ground, np.uint8)
    pixels[top : top + height, left : left + width] = colour
    return pixels


@pytest.mark.parametrize("ground", [WHITE, (20, 20, 20), (120, 130, 140)])
def test_a_garment_on_a_plain_ground_is_framed_with_a_margin(ground):
    box = salient_box(photo(60, 80, 70, 150, ground=ground))
    assert box is not None
    assert 60 - 0.1 * 200 <= box.left <= 60
    assert 80 - 0.1 * 300 <= box.top <= 80
    assert 130 <= box.left + box.width <= 130 + 0.1 * 200
    assert 230 <= box.top + box.height <= 230 + 0.1 * 300


def test_noise_on_the_ground_does_not_widen_the_frame():
    pixels = photo(60, 80, 70, 150).astype(int)
    pixels += np.random.default_rng(0).integers(-12, 13, pixels.shape)
    box = salient_box(np.clip(pixels, 0, 255).astype(np.uint8))
    assert box is not None
    assert box.width < 100
    assert box.height < 200


def test_a_blank_photo_has_nothing():
    assert salient_box(photo(0, 0, 1, 1, colour=WHITE)) is None


def test_a_speck_is_not_a_garment():
    assert salient_box(photo(100, 100, 4, 4)) is None


def test_a_garment_that_fills_the_photo_needs_no_crop():
    assert salient_box(photo(10, 10, 180, 280)) is None
    framed = photo(20, 20, 150, 240)
    assert salient_box(framed) is not None
    assert salient_box(framed, cover=0.7) is None


def test_a_photo_without_a_middle_has_nothing():
    assert salient_box(np.zeros((1, 500, 3), np.uint8)) is None


def test_where_the_model_looked_counts_more_than_colour():
    saliency = np.zeros((10, 10), np.float32)
    saliency[6:9, 1:4] = 1
    box = salient_box(photo(120, 10, 60, 90), saliency)
    assert box is not None
    assert box.left <= 0.1 * 200
    assert 0.4 * 200 <= box.left + box.width <= 0.5 * 200
    assert 0.5 * 300 <= box.top <= 0.6 * 300
    assert box.top + box.height >= 0.9 * 300


@pytest.mark.parametrize("value", [0.0, 0.7, np.nan])
def test_a_model_that_looked_everywhere_or_nowhere_points_at_nothing(value):
    assert salient_box(photo(60, 80, 70, 150), np.full((7, 7), value, np.float32)) is None

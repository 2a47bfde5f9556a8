"""Baselines: a histogram that counts colours, and joined encoders whose cosine is the stated mean."""

import numpy as np
import pytest

from fakes import TinyEncoder, TinyGarmentEncoder
from wearabouts.evaluation.baselines import HistogramEncoder, MixedEncoder, joined


def plain(colour, size=(40, 30)):
    return np.full((*size, 3), colour, np.uint8)


def halves(left, right):
    return np.hstack([plain(left), plain(right)])


def similarity(first, second):
    vectors = HistogramEncoder().encode([first, second]).vectors
    return float(vectors[0] @ vectors[1])


def test_histogram_is_the_square_root_of_shares():
    red, blue = (255, 0, 0), (0, 0, 255)
    assert similarity(plain(red), plain(red)) == pytest.approx(1)
    assert similarity(plain(red), plain(blue)) == 0
    # shares (1/2, 1/2) and (1, 0): the cosine of their square roots is sqrt(1/2)
    assert similarity(halves(red, blue), plain(red)) == pytest.approx(np.sqrt(0.5), abs=1e-6)


def test_white_margins_count_for_nothing_and_place_neither():
    red = (200, 30, 30)
    assert similarity(halves(red, (255, 255, 255)), plain(red)) == pytest.approx(1)
    assert similarity(halves(red, (0, 120, 0)), halves((0, 120, 0), red)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("photo", [plain((255, 255, 255)), plain((0, 0, 0)), plain((9, 9, 9), (1, 1))])
def test_every_photo_has_a_unit_vector(photo):
    vectors = HistogramEncoder().encode([photo]).vectors
    assert vectors.shape == (1, 256)
    assert np.linalg.norm(vectors[0]) == pytest.approx(1)


def test_no_photos_give_no_vectors():
    assert HistogramEncoder().encode([]).vectors.shape == (0, 256)


@pytest.mark.parametrize("weight", [0.0, 0.35, 1.0])
def test_joined_cosine_is_the_weighted_mean_of_both(weight):
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (20, 20, 3), dtype=np.uint8) for _ in range(2)]
    first, second = TinyEncoder(), HistogramEncoder()
    mixed = MixedEncoder(first, second, weight).encode(photos).vectors
    cos_a = np.dot(*first.encode(photos).vectors)
    cos_b = np.dot(*second.encode(photos).vectors)
    assert np.linalg.norm(mixed, axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert np.dot(*mixed) == pytest.approx((cos_a + weight**2 * cos_b) / (1 + weight**2), abs=1e-6)


def test_joined_encoder_is_an_encoder_of_its_own():
    first, second = TinyGarmentEncoder(), HistogramEncoder()
    hashes = {MixedEncoder(first, second, weight).hash for weight in (0.1, 0.2, 1.0)}
    assert len(hashes | {first.hash, second.hash, MixedEncoder(second, first).hash}) == 6
    mixed = MixedEncoder(first, second, 0.5)
    encoding = mixed.encode([plain((250, 10, 10))])
    assert encoding.vectors.shape == (1, mixed.dim)
    assert mixed.garments[int(encoding.garments[0].argmax())] == "dress"


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_weights_outside_0_to_1_are_refused(weight):
    with pytest.raises(ValueError, match="weight must lie in"):
        joined(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32), weight)

"""Colours and their words."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.drawn import palette
from wearabouts.garments import ATTRIBUTES


def test_every_dye_has_a_word_of_the_model_and_is_its_own_nearest_dye():
    for name, (rgb, word) in palette.DYES.items():
        assert word in ATTRIBUTES["color"]
        assert palette.dye_name(rgb) == name
        assert palette.color_word(rgb) == word


def test_every_word_of_the_model_is_sold():
    assert {word for _, word in palette.DYES.values()} == set(ATTRIBUTES["color"])


@pytest.mark.parametrize(
    ("rgb", "word"),
    [
        ((255, 255, 255), "white"),
        ((0, 0, 0), "black"),
        ((200, 20, 30), "red"),
        ((20, 140, 60), "green"),
        ((128, 128, 128), "grey"),
        ((250, 220, 60), "yellow"),
        ((15, 25, 70), "navy"),
    ],
)
def test_plain_colours_get_the_word_people_use(rgb, word):
    assert palette.color_word(rgb) == word


def test_lab_agrees_with_published_values_of_the_primaries():
    # CIE L*a*b* under D65, as given by Lindbloom's calculator.
    expected = [(53.24, 80.09, 67.20), (87.73, -86.18, 83.18), (32.30, 79.19, -107.86), (100.0, 0.0, 0.0)]
    got = palette.lab([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)])
    np.testing.assert_allclose(got, expected, atol=0.15)


def test_distance_is_nought_for_the_same_colour_and_grows_with_the_difference():
    grey = (120, 120, 120)
    assert palette.distance(grey, grey) == 0
    assert palette.distance(grey, (124, 124, 124)) < palette.distance(grey, (150, 150, 150))
    assert palette.distance((0, 0, 0), (255, 255, 255)) == pytest.approx(100, abs=0.1)


def test_mixing_goes_from_one_colour_to_the_other():
    assert palette.mixed((0, 100, 200), (100, 0, 0), 0.0) == (0, 100, 200)
    assert palette.mixed((0, 100, 200), (100, 0, 0), 0.5) == (50, 50, 100)
    assert palette.darker((100, 100, 100), 0.5) == (50, 50, 50)
    assert palette.lighter((100, 100, 100), 1.0) == (255, 255, 255)

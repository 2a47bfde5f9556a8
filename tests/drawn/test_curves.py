"""Outlines against lengths and angles worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.drawn import curves


def test_a_smooth_curve_goes_through_its_points_and_keeps_a_straight_line_straight():
    points = curves.line((0, 0), (1, 2), (3, 1), (4, 4))
    curve = curves.smooth(points, 5)
    assert len(curve) == 3 * 5 + 1
    np.testing.assert_allclose(curve[::5], points, atol=1e-12)
    straight = curves.smooth(curves.line((0, 0), (1, 1), (2, 2)), 4)
    np.testing.assert_allclose(straight[:, 0], straight[:, 1], atol=1e-12)


def test_places_along_a_bent_line_are_counted_by_length():
    bent = curves.line((0, 0), (3, 0), (3, 1))  # 4 long
    np.testing.assert_allclose(curves.along(bent, [0, 0.5, 0.75, 0.875, 1]), [(0, 0), (2, 0), (3, 0), (3, 0.5), (3, 1)])
    half = curves.part_of(bent, 0.5, 3)
    np.testing.assert_allclose(half, [(0, 0), (1, 0), (2, 0)])


def test_the_edges_of_a_limb_lie_its_half_width_to_either_side():
    down = curves.line((0, 0), (0, 1), (0, 2))
    one, other = curves.limb(down, (0.5, 0.25))
    np.testing.assert_allclose(one, [(0.5, 0), (0.375, 1), (0.25, 2)])
    np.testing.assert_allclose(other, one * [-1, 1])


def test_turning_a_quarter_clockwise_takes_right_to_down():
    np.testing.assert_allclose(curves.turned(curves.line((1, 0)), 90), [(0, 1)], atol=1e-12)
    np.testing.assert_allclose(curves.turned(curves.line((3, 2)), 180, (2, 2)), [(1, 2)], atol=1e-12)


def test_a_mirrored_half_is_closed_and_even():
    whole = curves.mirrored(curves.line((1, 0), (2, 1)))
    np.testing.assert_allclose(whole, [(1, 0), (2, 1), (-2, 1), (-1, 0)])


def test_an_ellipse_keeps_its_radii():
    ring = curves.ellipse((1, 2), 3, 5, 200)
    np.testing.assert_allclose(((ring - (1, 2)) / (3, 5)) ** 2 @ [1, 1], 1)
    assert ring[:, 0].max() == pytest.approx(4)

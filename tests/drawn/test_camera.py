"""Perspective, and what a phone does to pixels."""

from __future__ import annotations

import numpy as np
from PIL import Image

from wearabouts.drawn import camera


def test_a_homography_takes_its_four_points_to_their_places():
    start = np.array([(0, 0), (10, 0), (10, 20), (0, 20)], dtype=float)
    end = np.array([(1, 2), (9, 0), (11, 19), (-1, 18)], dtype=float)
    matrix = camera.homography(start, end)
    np.testing.assert_allclose(camera.seen_at(np.linalg.inv(matrix), start), end, atol=1e-9)
    np.testing.assert_allclose(camera.seen_at(matrix, end), start, atol=1e-9)


def test_landmarks_go_where_the_pixels_go():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        matrix = camera.tilt(rng, 160, 200)
        scene = Image.new("L", (160, 200), 0)
        scene.paste(255, (68, 108, 73, 113))  # centre (70.5, 110.5)
        photo = np.asarray(camera.reframed(scene, matrix, 0)).astype(float)
        rows, columns = np.mgrid[:200, :160]
        centre = [float((photo * axis).sum() / photo.sum()) + 0.5 for axis in (columns, rows)]
        np.testing.assert_allclose(camera.seen_at(matrix, np.array([[70.5, 110.5]]))[0], centre, atol=0.4)


def test_no_corner_looks_past_the_edge_of_the_scene():
    for seed in range(40):
        matrix = camera.tilt(np.random.default_rng(seed), 160, 200)
        white = Image.new("L", (160, 200), 255)
        assert np.asarray(camera.reframed(white, matrix, 0))[2:-2, 2:-2].min() == 255


def test_warm_light_is_redder_than_cold_light():
    grey = Image.new("RGB", (64, 80), (128, 128, 128))
    means = {}
    for weather in (camera.Weather("warm", (0.1, 0.1), (0, 0), (1, 1), 0, 0, (0, -1)),
                    camera.Weather("cold", (-0.1, -0.1), (0, 0), (1, 1), 0, 0, (0, -1))):  # fmt: skip
        means[weather.name] = camera.taken(grey, weather, np.random.default_rng(1)).reshape(-1, 3).mean(axis=0)
    assert means["warm"][0] > means["warm"][2] + 10
    assert means["cold"][2] > means["cold"][0] + 10


def test_a_photo_larger_than_the_noise_is_still_taken():
    grey = Image.new("RGB", (1600, 2000), (128, 128, 128))
    photo = camera.taken(grey, camera.WEATHERS["test"][0], np.random.default_rng(0))
    assert photo.shape == (2000, 1600, 3)
    assert photo[-100:].std() > 0.5

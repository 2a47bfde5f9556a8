"""The stand-ins keep their promises, or every test that leans on them means nothing."""

from __future__ import annotations

import numpy as np

from fakes import TinyEncoder, TinyGarmentEncoder, colour_grid


def flat(colour, size=(40, 30)):
    return np.full((*size, 3), colour, np.uint8)


def test_a_flat_photo_has_a_flat_grid():
    assert np.allclose(colour_grid(flat((255, 0, 51))), (1, 0, 0.2))


def test_a_photo_smaller_than_the_grid_still_has_one():
    assert np.allclose(colour_grid(flat((255, 0, 51), (1, 2))), (1, 0, 0.2))


def test_vectors_are_unit_and_near_colours_are_nearer():
    encoder = TinyEncoder()
    vectors = encoder.encode(
        [flat((250, 10, 10)), flat((230, 20, 20)), flat((10, 10, 250)), flat((128, 128, 128))]
    ).vectors
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.95 > vectors[0] @ vectors[2]
    assert encoder.calls == [4]


def test_garments_follow_the_centre():
    photo = flat((255, 255, 255))
    photo[10:30, 8:22] = (0, 0, 255)
    encoding = TinyGarmentEncoder(saliency=True).encode([photo])
    assert encoding.garments is not None
    assert encoding.saliency is not None
    assert TinyGarmentEncoder.garments[int(encoding.garments[0].argmax())] == "shoes"
    assert encoding.saliency[0][3:5, 3:5].min() > encoding.saliency[0][0].max()

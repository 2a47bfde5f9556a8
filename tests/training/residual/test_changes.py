"""Photos changed in training: only moved, mirrored and painted, by chance that comes from the generator alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wearabouts.training.residual.changes import PAINT, changed


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 127, (40, 12, 12, 3), dtype=np.uint8))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def naive(photo: np.ndarray, down: int, across: int, mirrored: bool) -> np.ndarray:
    """Mirrored, then the border mirrored outwards (numpy's own reflection), then cut out."""
    size, reach = len(photo), max(abs(down), abs(across))
    photo = photo[:, ::-1] if mirrored else photo
    wide = np.pad(photo, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    return wide[reach + down : reach + down + size, reach + across : reach + across + size]


def test_nothing_asked_for_changes_nothing(photos: torch.Tensor) -> None:
    assert torch.equal(changed(photos, seeded(), shift=0, cutout=0, mirror=False), photos)


def test_every_photo_is_one_move_and_mirroring_of_itself(photos: torch.Tensor) -> None:
    out = changed(photos, seeded(), shift=2, cutout=0, mirror=True).numpy()
    found = set()
    for photo, got in zip(photos.numpy(), out, strict=True):
        how = [
            (down, across, mirrored)
            for down in range(-2, 3)
            for across in range(-2, 3)
            for mirrored in (False, True)
            if np.array_equal(naive(photo, down, across, mirrored), got)
        ]
        assert how
        found.update(how)
    # Forty photos show both mirrorings and the farthest moves each way.
    assert {mirrored for *_, mirrored in found} == {False, True}
    assert {down for down, *_ in found} == {across for _, across, _ in found} == set(range(-2, 3))


def test_a_square_is_painted_and_the_rest_left(photos: torch.Tensor) -> None:
    out = changed(photos, seeded(), shift=0, cutout=5, mirror=False)
    painted = (out == PAINT).all(3)
    assert torch.equal(painted.sum((1, 2)), torch.full((40,), 25))
    rows, columns = painted.any(2), painted.any(1)
    assert torch.equal(rows.sum(1), torch.full((40,), 5))
    assert torch.equal(columns.sum(1), torch.full((40,), 5))
    assert torch.equal(out[~painted], photos[~painted])
    # Both corners are reached: the square may lie anywhere within the photo.
    assert rows[:, 0].any()
    assert rows[:, -1].any()


def test_chance_is_the_generators_alone(photos: torch.Tensor) -> None:
    torch.manual_seed(1)
    first = changed(photos, seeded(3), shift=3, cutout=4, mirror=True)
    torch.manual_seed(2)
    assert torch.equal(first, changed(photos, seeded(3), shift=3, cutout=4, mirror=True))
    assert not torch.equal(first, changed(photos, seeded(4), shift=3, cutout=4, mirror=True))

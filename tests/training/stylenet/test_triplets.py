"""Triplets: what a table of all pairs says, the same at the same step, evenly, and without such a table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from wearabouts.errors import CatalogError
from wearabouts.training.stylenet.triplets import Triplets

Tags = npt.NDArray[np.int8]


def noisy(photos: int, tags: int, share: float, seed: int) -> Tags:
    """Tags of which some are unknown; photos repeat one another's."""
    rng = np.random.default_rng(seed)
    kinds = np.where(rng.random((max(2, photos // 3), tags)) < share, 1, -1).astype(np.int8)
    drawn = kinds[rng.integers(len(kinds), size=photos)]
    drawn[rng.random(drawn.shape) < 0.03] = 0
    return drawn


def naive(tags: Tags) -> npt.NDArray[np.float64]:
    """r of every pair, by the definition; nan where neither has a tag."""
    table = np.full((len(tags), len(tags)), np.nan)
    for i, a in enumerate(tags):
        for j, b in enumerate(tags):
            either = ((a == 1) | (b == 1)).sum()
            table[i, j] = ((a == 1) & (b == 1)).sum() / either if either else np.nan
    return table


def test_every_triplet_is_what_the_table_of_pairs_allows_and_every_anchor_is_one_that_can() -> None:
    tags = noisy(90, 12, 0.25, seed=0)
    table, tagged = naive(tags), (tags == 1).any(1)
    itself = np.eye(len(tags), dtype=np.bool_)
    similar, dissimilar = (table > 0.75) & ~itself, (table < 0.01) & tagged[None] & tagged[:, None]
    found = Triplets(tags)
    assert found.anchors.tolist() == np.flatnonzero(similar.any(1) & dissimilar.any(1)).tolist()
    drawn = found.draw(4000, seed=1, step=0)
    assert similar[drawn[:, 0], drawn[:, 1]].all()
    assert dissimilar[drawn[:, 0], drawn[:, 2]].all()
    # Nothing that may be drawn is left out
    assert set(drawn[:, 0]) == set(found.anchors)
    for anchor in found.anchors[:6]:
        mine = Triplets(tags[[anchor, *np.flatnonzero(np.arange(len(tags)) != anchor)]])
        rows = np.array([anchor, *np.flatnonzero(np.arange(len(tags)) != anchor)])
        drawn = rows[mine.draw(3000, seed=2, step=0)]
        drawn = drawn[drawn[:, 0] == anchor]
        assert set(drawn[:, 1]) <= set(np.flatnonzero(similar[anchor]))
        assert set(drawn[:, 2]) <= set(np.flatnonzero(dissimilar[anchor]))


def test_draws_are_even() -> None:
    # Photos 0 to 3 wear one thing, 4 to 9 another: six may be drawn against each of the four.
    tags = np.full((10, 2), -1, np.int8)
    tags[:4, 0], tags[4:, 1] = 1, 1
    drawn = Triplets(tags).draw(30_000, seed=0, step=0)
    assert np.bincount(drawn[:, 0], minlength=10) == pytest.approx(3000, rel=0.08)
    of_zero = drawn[drawn[:, 0] == 0]
    assert set(of_zero[:, 1]) == {1, 2, 3}
    assert np.bincount(of_zero[:, 1])[1:] == pytest.approx(len(of_zero) / 3, rel=0.1)
    assert np.bincount(of_zero[:, 2], minlength=10)[4:] == pytest.approx(len(of_zero) / 6, rel=0.15)


def test_the_thresholds_are_open() -> None:
    # 3 of 4 tags shared is .75, which is not above it.
    tags = np.array([[1, 1, 1, 1, -1], [1, 1, 1, -1, -1], [-1, -1, -1, -1, 1]], np.int8)
    with pytest.raises(CatalogError, match="75%"):
        Triplets(tags)
    assert Triplets(tags, similar=0.74).anchors.tolist() == [0, 1]
    # one of four shared: below .26, not below .25
    tags = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, -1, -1, -1]], np.int8)
    assert Triplets(tags, dissimilar=0.26).anchors.tolist() == [0, 1]
    with pytest.raises(CatalogError, match="lower"):
        Triplets(tags, dissimilar=0.25)


def test_a_step_gives_the_same_triplets_whatever_was_drawn_before() -> None:
    tags = noisy(60, 8, 0.3, seed=3)
    one, other = Triplets(tags), Triplets(tags)
    for step in range(5):
        other.draw(3, seed=7, step=step)
    assert np.array_equal(one.draw(16, seed=7, step=9), other.draw(16, seed=7, step=9))
    assert not np.array_equal(one.draw(16, seed=7, step=9), one.draw(16, seed=7, step=10))
    assert not np.array_equal(one.draw(16, seed=7, step=9), one.draw(16, seed=8, step=9))


def test_photos_without_tags_are_in_no_triplet_and_unknown_tags_are_none() -> None:
    tags = np.array([[1, -1], [1, -1], [-1, 1], [-1, -1], [0, 0], [1, 0]], np.int8)
    drawn = Triplets(tags).draw(500, seed=0, step=0)
    assert not np.isin(drawn, (3, 4)).any()
    assert set(drawn[drawn[:, 0] == 0][:, 1]) == {1, 5}


@pytest.mark.parametrize("tags", [np.zeros((0, 3), np.int8), np.zeros((4, 0), np.int8), -np.ones((5, 3), np.int8)])
def test_no_tags_at_all_are_told(tags: Tags) -> None:
    with pytest.raises(CatalogError, match=r"\[triplets\] similar"):
        Triplets(tags)


# In a process of its own: what other tests left running, and what is loaded at a first call, would be counted as well.
MEASURED = """
import tracemalloc

from test_triplets import noisy
from wearabouts.training.stylenet.triplets import Triplets

Triplets(noisy(60, 30, 0.1, seed=4)).draw(4, seed=0, step=0)
tags = noisy(6000, 300, 0.01, seed=5)
tracemalloc.start()
Triplets(tags).draw(32, seed=0, step=0)
print(tracemalloc.get_traced_memory()[1])
"""


def test_memory_grows_with_photos_and_tags_not_with_pairs() -> None:
    places = os.pathsep.join((str(Path(__file__).parent), *sys.path))
    words = [sys.executable, "-c", MEASURED]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": places}, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 8 * 2**20  # all pairs as bytes would be 36 MB

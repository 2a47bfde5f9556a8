"""Samplers by their promises: counts, sides, balance, and nothing but seed and step."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.training.data.sampling import classes, items, shuffled
from wearabouts.training.data.supervision import Supervision
from wearabouts.training.data.vocabulary import Vocabulary


def rows_of(*products: tuple[int, int], categories: list[int] | None = None) -> Supervision:
    """Products with so many street and shop photos each, rows mixed."""
    both = [
        (number, side) for number, counts in enumerate(products) for side in (1, 0) for _ in range(counts[1 - side])
    ]
    mixed = [both[n] for n in np.random.default_rng(1).permutation(len(both))]
    count = len(mixed)
    return Supervision(
        pixels=np.zeros((count, 16, 16, 3), np.uint8),
        product=np.array([number for number, _ in mixed], np.int64),
        street=np.array([side for _, side in mixed], np.bool_),
        category=np.array(categories if categories else [0] * count, np.int64),
        attributes=np.zeros((count, 0), np.int64),
        tags=np.zeros((count, 0), np.int8),
        landmarks=np.full((count, 8, 3), np.nan, np.float32),
        vocabulary=Vocabulary((), True, {}, ()),
    )


SAMPLERS = {
    "items": lambda rows, step, seed: items(rows, step, seed=seed, products=3, photos=4),
    "classes": lambda rows, step, seed: classes(rows, step, seed=seed, photos=7),
    "shuffled": lambda rows, step, seed: shuffled(rows, step, seed=seed, photos=7),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_step_is_the_same_whenever_it_is_drawn_and_unlike_every_other(name):
    rows, draw = rows_of(*[(2, 3)] * 9), SAMPLERS[name]
    forwards = [draw(rows, step, 5) for step in range(6)]
    backwards = [draw(rows, step, 5) for step in reversed(range(6))][::-1]
    assert all(np.array_equal(one, other) for one, other in zip(forwards, backwards, strict=True))
    assert len({one.tobytes() for one in forwards}) == 6
    assert not np.array_equal(draw(rows, 0, 6), forwards[0])
    assert all(one.dtype == np.int64 for one in forwards)


@pytest.mark.parametrize("photos", [2, 3, 4, 5])
def test_every_product_comes_with_both_sides_and_so_many_photos(photos):
    rows = rows_of(*[(3, 4)] * 10)
    for step in range(20):
        batch = items(rows, step, seed=0, products=6, photos=photos).reshape(6, photos)
        of = rows.product[batch]
        assert np.all(of == of[:, :1])  # a product's photos are side by side
        assert len(set(of[:, 0])) == 6
        street = rows.street[batch]
        assert np.all(street.sum(1) == photos // 2)
        assert np.all(np.diff(street.astype(int), axis=1) <= 0)  # street photos first
        assert all(len(set(row)) == photos for row in batch.tolist())  # enough of each side: none twice


def test_a_product_of_few_photos_shows_some_again_but_all_of_them_first():
    rows = rows_of((1, 2), (1, 2))
    batch = items(rows, 0, seed=0, products=2, photos=6).reshape(2, 6)
    for own in batch:
        assert rows.street[own].sum() == 3
        worn, shown = np.unique(own[:3], return_counts=True)[1], np.unique(own[3:], return_counts=True)[1]
        assert worn.tolist() == [3]
        assert sorted(shown.tolist()) == [1, 2]


def test_products_of_one_side_come_last_and_alone_they_come_too():
    rows = rows_of((2, 2), (2, 2), (3, 0), (0, 3))
    for step in range(10):
        batch = items(rows, step, seed=0, products=3, photos=2).reshape(3, 2)
        assert set(rows.product[batch[:2, 0]]) == {0, 1}
        assert rows.product[batch[2, 0]] in {2, 3}
    only = rows_of((0, 3), (0, 3), (4, 0))
    batch = items(only, 0, seed=0, products=3, photos=3).reshape(3, 3)
    assert sorted(only.product[batch[:, 0]].tolist()) == [0, 1, 2]
    assert all(len(set(own)) == 3 for own in batch.tolist())


def test_fewer_products_than_asked_for_come_again_as_evenly_as_can_be():
    rows = rows_of((2, 2), (2, 2), (2, 2))
    batch = items(rows, 0, seed=0, products=8, photos=2)
    counts = np.bincount(rows.product[batch[::2]], minlength=3)
    assert len(batch) == 16
    assert counts.max() - counts.min() <= 1


def test_over_many_steps_every_product_and_photo_is_seen():
    rows = rows_of(*[(2, 2)] * 10)
    seen = np.concatenate([items(rows, step, seed=0, products=4, photos=2) for step in range(60)])
    counts = np.bincount(seen, minlength=len(rows))
    assert counts.min() > 0
    # 480 draws over 40 photos: 12 each on average, with a spread of a binomial's size.
    assert counts.max() < 2.5 * 12


def test_classes_are_even_within_one_and_the_unknown_never_come():
    categories = [0] * 40 + [1] * 5 + [2] * 1 + [-1] * 14
    rows = rows_of(*[(1, 1)] * 30, categories=categories)
    extra = np.zeros(3)
    for step in range(30):
        batch = classes(rows, step, seed=0, photos=8)
        counts = np.bincount(rows.category[batch], minlength=3)
        assert len(batch) == 8
        assert counts.sum() == 8  # none of -1
        assert counts.max() - counts.min() <= 1
        extra += counts - 2
    assert extra.min() > 0  # every class has the larger share at times
    few = classes(rows, 0, seed=0, photos=2)
    assert len(set(rows.category[few])) == 2
    with pytest.raises(ValueError, match="no photo has a class"):
        classes(rows_of((1, 1), categories=[-1, -1]), 0, seed=0, photos=2)


@pytest.mark.parametrize("photos", [1, 3, 7, 10, 23])
def test_epochs_show_every_photo_once_and_follow_without_a_gap(photos):
    rows = rows_of(*[(1, 1)] * 5)
    drawn = np.concatenate([shuffled(rows, step, seed=2, photos=photos) for step in range(30)])
    assert len(drawn) == 30 * photos
    for start in range(0, len(drawn) // 10 * 10, 10):
        assert sorted(drawn[start : start + 10].tolist()) == list(range(10))
    if photos > 2:
        assert not np.array_equal(drawn[:10], drawn[10:20])

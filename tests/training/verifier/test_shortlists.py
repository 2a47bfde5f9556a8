"""What a street photo is shown: its own product, its nearest others, the same at each start."""

from __future__ import annotations

import numpy as np

from wearabouts.training.verifier.recipe import Lists
from wearabouts.training.verifier.shortlists import Shortlists

from .worlds import made_kept

LISTS = Lists(queries=6, right=1, near=4, among=8, random=2, first=True)


def test_candidates_are_the_own_product_and_the_nearest_others() -> None:
    kept = made_kept(15)
    lists = Shortlists(kept, LISTS, seed=3)
    rows = lists.draw(5, 6)
    assert kept.street[rows].all()
    shown = lists.shown(rows, 5)
    assert shown.shop.shape == (6, 7)
    gallery = np.flatnonzero(kept.first)
    for n, row in enumerate(rows):
        candidates = shown.shop[n][shown.there[n]]
        assert kept.first[candidates].all()
        assert ((kept.item[candidates] == kept.item[row]) == shown.right[n][shown.there[n]]).all()
        assert shown.right[n].sum() == 1
        others = gallery[kept.item[gallery] != kept.item[row]]
        nearest = others[np.argsort(-(kept.vector[others] @ kept.vector[row]), kind="stable")][:8]
        assert set(candidates[1:5]) <= set(nearest)
        assert len(set(candidates[1:5])) == 4


def test_all_photos_of_a_product_may_be_shown() -> None:
    kept = made_kept(15)
    every = Shortlists(kept, LISTS.model_copy(update={"first": False, "right": 2}), seed=3)
    shown = every.shown(every.draw(0, 6), 0)
    assert (shown.right.sum(1) == 2).all()
    assert set(every.shop) == set(np.flatnonzero(~kept.street))


def test_a_step_draws_the_same_again_and_another_something_else() -> None:
    lists, again = (Shortlists(made_kept(15), LISTS, seed=3) for _ in range(2))
    rows = lists.draw(7, 6)
    assert np.array_equal(rows, again.draw(7, 6))
    assert all(np.array_equal(a, b) for a, b in zip(lists.shown(rows, 7), again.shown(rows, 7), strict=True))
    assert not np.array_equal(rows, lists.draw(8, 6))
    other = Shortlists(made_kept(15), LISTS, seed=4)
    assert not np.array_equal(rows, other.draw(7, 6))


def test_a_garments_own_photos_can_be_asked_for() -> None:
    kept = made_kept(15)
    lists = Shortlists(kept, LISTS, seed=3)
    for garment in (0, 1):
        assert set(kept.garment[lists.draw(2, 30, garment)]) == {garment}


def test_groceries_have_their_share() -> None:
    kept = made_kept(15)
    kept.source[kept.item < 5] = 1
    lists = Shortlists(kept, LISTS.model_copy(update={"grocery": 0.25}), seed=3)
    drawn = np.concatenate([kept.source[lists.draw(step, 40)] for step in range(50)])
    assert 0.21 < drawn.mean() < 0.29
    assert (Shortlists(made_kept(15), LISTS, seed=3).kept.source == 0).all()


def test_fewer_candidates_than_asked_for_leave_places_empty() -> None:
    lists = Shortlists(made_kept(3), LISTS, seed=3)
    shown = lists.shown(lists.draw(0, 4), 0)
    assert (shown.there.sum(1) >= 1 + 2).all()
    assert not shown.there.all()
    assert not (shown.right & ~shown.there).any()

"""Mining against naive loops: the first K of the category, positives from that list only, draws by step."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.training.wtbi.features import Features
from wearabouts.training.wtbi.mining import AT_ONCE, Deck, Pairs, extended, mine, shortlist

CATEGORIES = 3


@pytest.fixture(scope="module")
def world():
    """Thirty products of three categories in sixteen dimensions: photos near their product's own direction."""
    rng = np.random.default_rng(7)
    product_category = np.arange(30) % CATEGORIES
    centre = rng.standard_normal((30, 16))
    street_product, shop_product = rng.integers(0, 30, AT_ONCE + 60), np.repeat(np.arange(30), 4)

    def photos(products: np.ndarray) -> np.ndarray:
        vectors = centre[products] + 1.2 * rng.standard_normal((len(products), 16))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    street_category = product_category[street_product].copy()
    street_category[5] = -1
    return {
        "street": photos(street_product),
        "shop": photos(shop_product),
        "street_product": street_product,
        "shop_product": shop_product,
        "street_category": street_category,
        "shop_category": product_category[shop_product],
    }


def listed(world, k: int):
    return shortlist(world["street"], world["shop"], world["street_category"], world["shop_category"], k)


@pytest.mark.parametrize("k", [1, 7, 40, 1000])
def test_a_shortlist_is_the_categorys_nearest_in_order(world, k: int) -> None:
    lists = listed(world, k)
    for n, found in enumerate(lists):
        if world["street_category"][n] < 0:
            assert len(found) == 0
            continue
        pool = [
            (-float(world["street"][n] @ world["shop"][m]), m)
            for m in range(len(world["shop"]))
            if world["shop_category"][m] == world["street_category"][n]
        ]
        expected = [m for _, m in sorted(pool)[:k]]
        assert len(found) == min(k, 40)
        # Rounding may swap what is nearer to each other than a float's last digit.
        got, right = (world["street"][n] @ world["shop"][places].T for places in (found, expected))
        assert np.allclose(got, right, atol=1e-6)
        assert len(set(found)) == len(found)


def test_ties_are_in_the_order_of_the_gallery() -> None:
    street, shop = np.ones((1, 1), np.float32), np.ones((6, 1), np.float32)
    found = shortlist(street, shop, np.zeros(1, np.int64), np.array([0, 1, 0, 0, 1, 0]), 3)
    assert found[0].tolist() == [0, 2, 3]


def test_pairs_are_the_lists_own_rows(world) -> None:
    lists = listed(world, 10)
    pairs = mine(lists, world["street_product"], world["shop_product"], world["street_category"])
    expected, missed = set(), 0
    for n, found in enumerate(lists):
        truths = [bool(world["shop_product"][m] == world["street_product"][n]) for m in found]
        missed += bool(len(found)) and not any(truths)
        if any(truths) and not all(truths):
            expected |= {(n, int(m), int(truth)) for m, truth in zip(found, truths, strict=True)}
    assert set(zip(pairs.street.tolist(), pairs.shop.tolist(), pairs.same.tolist(), strict=True)) == expected
    assert len(pairs) == len(expected)
    assert (pairs.asked, pairs.missed) == (len(lists) - 1, missed)
    assert missed > 0  # or the world is too easy to tell
    assert np.array_equal(pairs.category, world["street_category"][pairs.street])
    for category in range(CATEGORIES):
        rows = pairs.of(category)
        assert pairs.positives(CATEGORIES)[category] == sum(pairs.same[rows])


def test_nothing_to_learn_from_is_no_pairs() -> None:
    empty = mine([np.zeros(0, np.int64)], np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(1, np.int64))
    assert len(empty) == empty.asked == 0
    assert empty.positives(2).tolist() == [0, 0]
    # A list that is all right, or all wrong, holds no comparison.
    whole = mine([np.arange(2), np.arange(2)], np.array([4, 9]), np.array([4, 4]), np.zeros(2, np.int64))
    assert (len(whole), whole.asked, whole.missed) == (0, 2, 1)


@pytest.mark.parametrize("ratio", [1, 3])
def test_a_draw_holds_each_positive_with_negatives_of_the_same_photo(world, ratio: int) -> None:
    pairs = mine(listed(world, 12), world["street_product"], world["shop_product"], world["street_category"])
    deck = Deck(pairs, pairs.of(1))
    drawn = deck.draw(3, seed=5, count=40, ratio=ratio)
    n = 40 // (1 + ratio)
    assert len(drawn) == n * (1 + ratio)
    assert pairs.same[drawn[:n]].tolist() == [1] * n
    assert pairs.same[drawn[n:]].tolist() == [0] * n * ratio
    assert np.array_equal(pairs.street[drawn[n:]].reshape(n, ratio), np.repeat(pairs.street[drawn[:n], None], ratio, 1))
    assert set(pairs.category[drawn]) == {1}
    assert np.array_equal(drawn, deck.draw(3, seed=5, count=40, ratio=ratio))
    assert not np.array_equal(drawn, deck.draw(4, seed=5, count=40, ratio=ratio))


def test_in_time_every_pair_is_drawn_and_every_positive_as_often(world) -> None:
    pairs = mine(listed(world, 12), world["street_product"], world["shop_product"], world["street_category"])
    places = np.arange(len(pairs))
    deck = Deck(pairs, places)
    drawn = np.concatenate([deck.draw(step, seed=0, count=400, ratio=3) for step in range(400)])
    counts = np.bincount(drawn, minlength=len(pairs))
    assert counts.min() > 0
    right = counts[pairs.same == 1]
    # 40,000 draws among so many positives: within six standard deviations of even.
    mean = right.mean()
    assert abs(right - mean).max() < 6 * mean**0.5


def test_pairs_of_a_hand_made_list() -> None:
    pairs = Pairs(
        np.array([0, 0, 0, 4, 4]), np.array([8, 2, 3, 5, 6]), np.array([1, 0, 0, 1, 0]), np.array([0, 0, 0, 1, 1])
    )
    drawn = Deck(pairs, np.arange(5)).draw(0, seed=0, count=200, ratio=1)
    together = {(int(a), int(b)) for a, b in zip(drawn[:100], drawn[100:], strict=True)}
    assert together == {(0, 1), (0, 2), (3, 4)}


def test_what_people_said_is_another_product_becomes_negatives(world) -> None:
    lists = listed(world, 6)
    seen = Features(**world, street_photo=np.arange(len(lists)) * 3 + 1)
    # Photo 31 is row 10; photo 30 is no street row; 99 is no product.
    more = extended(lists, seen, np.array([[31, 4], [31, 99], [30, 4]]))
    rows = set(np.flatnonzero(world["shop_product"] == 4))
    assert [n for n in range(len(lists)) if len(more[n]) != len(lists[n])] == [10]
    assert set(more[10]) == set(lists[10]) | rows
    assert len(set(more[10])) == len(more[10])
    assert world["street_product"][10] != 4
    truth = dict(zip(*_of_row(mine(more, *_known(world)), 10), strict=True))
    assert all(truth[row] == 0 for row in rows)


def _known(world):
    return world["street_product"], world["shop_product"], world["street_category"]


def _of_row(pairs: Pairs, row: int) -> tuple[list[int], list[int]]:
    here = pairs.street == row
    return pairs.shop[here].tolist(), pairs.same[here].tolist()

"""Ranks of products in their category, against a naive loop."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.training.wtbi.features import Features
from wearabouts.training.wtbi.measuring import figures, product_ranks


@pytest.fixture(scope="module")
def seen() -> Features:
    rng = np.random.default_rng(4)

    def unit(count: int) -> np.ndarray:
        vectors = rng.standard_normal((count, 6)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    shop_product = np.repeat(np.arange(15), 3)
    street_product = np.r_[rng.integers(0, 15, 40), 99]  # the last is carried by nobody
    street_category = np.r_[street_product[:-1] % 2, 0]
    street_category[4] = -1
    return Features(unit(41), unit(45), street_product, shop_product, street_category, shop_product % 2, np.arange(41))


def naive(seen: Features, judge, k: int) -> list[int]:
    ranks = []
    for q in range(len(seen.street)):
        rows = [m for m in range(len(seen.shop)) if seen.shop_category[m] == seen.street_category[q]]
        if seen.street_product[q] not in {seen.shop_product[m] for m in rows}:
            continue
        rows.sort(key=lambda m: -float(seen.street[q] @ seen.shop[m]))
        first, rest = rows[:k], rows[k:]
        if judge is not None:
            said = {m: float(judge(seen.street[[q]], seen.shop[[m]], seen.street_category[q])[0]) for m in first}
            first.sort(key=lambda m: -said[m])
        products = list(dict.fromkeys(int(seen.shop_product[m]) for m in [*first, *rest]))
        ranks.append(products.index(seen.street_product[q]) + 1)
    return ranks


def wavy(street: np.ndarray, shop: np.ndarray, category: int) -> np.ndarray:
    """A judge of no sense but of its own mind, in [0, 1], that minds the category."""
    return (np.sin(7 * street[:, 0] + 5 * shop[:, 1] + 3 * category) + 1) / 2


@pytest.mark.parametrize("k", [1, 4, 12, 1000])
def test_ranks_are_those_of_the_naive_loop(seen: Features, k: int) -> None:
    assert product_ranks(seen, wavy, k).tolist() == naive(seen, wavy, k)


def test_by_cosine(seen: Features) -> None:
    ranks = product_ranks(seen, None, 0)
    assert ranks.tolist() == naive(seen, None, 0)
    assert len(ranks) == 39  # one unknown category, one product that is not there
    told = figures(seen, None, 0)
    assert told["queries"] == 39
    assert told["R@1"] == pytest.approx((ranks <= 1).mean())
    assert told["R@5"] == pytest.approx((ranks <= 5).mean())
    assert told["R@20"] == 1
    assert told["mAP"] == pytest.approx((1 / ranks).mean())


def test_equal_scores_keep_the_order_of_products() -> None:
    same = np.ones((3, 1), np.float32)
    seen = Features(same[:1], same, np.array([5]), np.array([7, 5, 2]), np.zeros(1, int), np.zeros(3, int), np.zeros(1))
    assert product_ranks(seen, None, 0).tolist() == [2]


def test_nothing_to_search_for_is_no_figure(seen: Features) -> None:
    none = np.zeros(0, np.int64)
    empty = Features(seen.street[:0], seen.shop, none, seen.shop_product, none, seen.shop_category, none)
    assert figures(empty, None, 0) == {}

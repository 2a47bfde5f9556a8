"""The blocked ranking against a naive one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wearabouts.evaluation import ranking


def whole_numbers(rng, count, dim=3):
    """Vectors whose products are exact in any order of summing, and often equal."""
    return rng.integers(-2, 3, (count, dim)).astype(np.float32)


def naive(query, gallery, truth, truths, items, kind, kinds):
    """Ranks of the relevant items: best photo of each item, ties by the item's first photo."""
    best, order = {}, []
    for index, item in enumerate(items):
        if kind is not None and kinds[index] != kind:
            continue
        if item not in best:
            order.append(item)
        best[item] = max(best.get(item, -np.inf), float(gallery[index] @ query))
    first = {item: items.index(item) for item in order}
    ranked = sorted(order, key=lambda item: (-best[item], first[item]))
    label = {item: truths[items.index(item)] for item in items}
    return [place for place, item in enumerate(ranked, start=1) if label[item] == truth]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 15), st.booleans())
def test_equal_to_a_naive_ranking(seed, count, size, restricted):
    rng = np.random.default_rng(seed)
    queries, gallery = whole_numbers(rng, count), whole_numbers(rng, size)
    items = [f"item {n}" for n in rng.integers(0, 8, size)]
    truths = [item[-1] if int(item[-1]) % 3 else "0" for item in items]
    wanted = [str(n) for n in rng.integers(0, 8, count)]
    kinds = [str(int(item[-1]) % 2) for item in items]
    query_kinds = [str(n) for n in rng.integers(0, 2, count)]
    ranked = ranking.rank(
        queries,
        gallery,
        wanted,
        truths,
        items=items,
        query_kinds=query_kinds if restricted else None,
        gallery_kinds=kinds if restricted else None,
    )
    for position in range(count):
        kind = query_kinds[position] if restricted else None
        expected = naive(queries[position], gallery, wanted[position], truths, items, kind, kinds)
        assert ranked.ranks[position].tolist() == expected


def test_blocks_do_not_change_the_answer(monkeypatch):
    rng = np.random.default_rng(0)
    queries, gallery = whole_numbers(rng, 20, 8), whole_numbers(rng, 30, 8)
    wanted, truths = [str(n % 7) for n in range(20)], [str(n % 7) for n in range(30)]
    items = [f"{n // 2}" for n in range(30)]
    whole = ranking.rank(queries, gallery, wanted, truths, items=items)
    monkeypatch.setattr(ranking, "_BLOCK", 31)
    single = ranking.rank(queries, gallery, wanted, truths, items=items)
    assert [row.tolist() for row in whole.ranks] == [row.tolist() for row in single.ranks]
    assert whole.nearest.tolist() == single.nearest.tolist()


def test_copies_of_a_photo_are_ties_whatever_the_rounding():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((40, 300)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    gallery = np.repeat(vectors[:1], 17, axis=0)
    ranked = ranking.rank(vectors, gallery, ["a"] * 40, ["b"] * 9 + ["a"] + ["b"] * 7)
    assert [row.tolist() for row in ranked.ranks] == [[10]] * 40


def test_an_item_stands_where_its_best_photo_stands():
    query = np.array([[1, 0]], np.float32)
    gallery = np.array([[0, 1], [0.6, 0.8], [0.8, 0.6], [1, 0]], np.float32)
    ranked = ranking.rank(query, gallery, ["b"], ["a", "b", "b", "a"], items=["a", "b", "b", "a"])
    assert ranked.ranks[0].tolist() == [2]
    assert ranked.nearest[0].tolist() == [3, 2]


def test_a_query_without_truth_is_seen_as_such():
    one = np.ones((1, 1), np.float32)
    ranked = ranking.rank(np.ones((2, 1), np.float32), one, ["a", "z"], ["a"])
    assert ranking.measured(ranked.ranks).tolist() == [True, False]
    other = ranking.rank(one, one, ["a"], ["a"], query_kinds=["dress"], gallery_kinds=["shoes"])
    assert ranking.measured(other.ranks).tolist() == [False]


def test_a_perfect_encoder_is_perfect():
    vectors = np.eye(6, dtype=np.float32)
    names = [str(n) for n in range(6)]
    assert [row.tolist() for row in ranking.rank(vectors, vectors, names, names).ranks] == [[1]] * 6
    with pytest.raises(ValueError, match="nan"):
        ranking.rank(vectors * np.nan, vectors, names, names)

"""Retrieval figures against hand-computed values and naive loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wearabouts import metrics


def naive_order(scores):
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))


def naive_ranks(scores, relevant):
    return [place for place, i in enumerate(naive_order(scores), start=1) if relevant[i]]


def naive_average_precision(scores, relevant, cut=None, over="all"):
    found, total = 0, 0.0
    order = naive_order(scores)
    for place, i in enumerate(order[:cut], start=1):
        if relevant[i]:
            found += 1
            total += found / place
    all_relevant = sum(relevant)
    divisor = {"all": all_relevant, "found": max(1, found), "possible": min(cut or len(order), all_relevant)}[over]
    return total / divisor


@st.composite
def queries(draw):
    size = draw(st.integers(1, 25))
    # few distinct values, so that ties are common
    scores = draw(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0]), min_size=size, max_size=size))
    relevant = draw(st.lists(st.booleans(), min_size=size, max_size=size).filter(any))
    return scores, relevant


def test_hand_computed():
    # places:      1     2      3     4      5
    relevant = [False, True, False, True, True]
    ranks = metrics.relevant_ranks([[0.9, 0.8, 0.7, 0.6, 0.5]], [relevant])
    assert ranks[0].tolist() == [2, 4, 5]
    assert metrics.average_precision(ranks)[0] == pytest.approx((1 / 2 + 2 / 4 + 3 / 5) / 3)
    assert metrics.average_precision_at(ranks, 4)[0] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert metrics.average_precision_at(ranks, 4, over="possible")[0] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert metrics.average_precision_at(ranks, 4, over="all")[0] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert metrics.average_precision_at(ranks, 1)[0] == 0
    # R = 3: of the first three places one is relevant, the second
    assert metrics.average_precision_r(ranks)[0] == pytest.approx((1 / 2) / 3)
    assert metrics.r_precision(ranks)[0] == pytest.approx(1 / 3)
    assert [metrics.precision(ranks, k)[0] for k in (1, 2, 5, 10)] == pytest.approx([0, 1 / 2, 3 / 5, 3 / 10])
    assert metrics.cmc(ranks, (1, 2, 5)).tolist() == [[0, 1, 1]]
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert metrics.binary_ndcg(ranks, 4)[0] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert metrics.binary_ndcg(ranks, 1)[0] == 0
    assert [metrics.hit_rate(ranks, k)[0] for k in (1, 2, 5)] == [0, 1, 1]
    assert [metrics.recall(ranks, k)[0] for k in (1, 2, 5)] == [0, pytest.approx(1 / 3), 1]
    assert metrics.first_hit(ranks)[0] == 2
    assert metrics.reciprocal_rank(ranks)[0] == 0.5


def test_ties_keep_the_order_of_the_gallery():
    ranks = metrics.relevant_ranks([[0.5, 0.5, 0.9, 0.5]], [[False, True, False, True]])
    assert ranks[0].tolist() == [3, 4]


@settings(max_examples=200, deadline=None)
@given(queries(), st.integers(1, 30))
def test_equal_to_naive_loops(query, k):
    scores, relevant = query
    ranks = metrics.relevant_ranks([scores], [relevant])
    expected = naive_ranks(scores, relevant)
    assert ranks[0].tolist() == expected
    first = [i for i in naive_order(scores)[:k] if relevant[i]]
    assert metrics.hit_rate(ranks, k)[0] == (1 if first else 0)
    assert metrics.recall(ranks, k)[0] == pytest.approx(len(first) / sum(relevant))
    assert metrics.average_precision(ranks)[0] == pytest.approx(naive_average_precision(scores, relevant))
    for over in ("found", "possible", "all"):
        assert metrics.average_precision_at(ranks, k, over=over)[0] == pytest.approx(
            naive_average_precision(scores, relevant, k, over)
        )
    assert metrics.reciprocal_rank(ranks)[0] == pytest.approx(1 / expected[0])
    assert metrics.precision(ranks, k)[0] == pytest.approx(len(first) / k)
    assert metrics.r_precision(ranks)[0] == metrics.precision(ranks, sum(relevant))[0]
    possible = metrics.average_precision_at(ranks, sum(relevant), over="possible")
    assert metrics.average_precision_r(ranks)[0] == pytest.approx(possible[0])
    assert metrics.cmc(ranks, (k,))[0, 0] == metrics.hit_rate(ranks, k)[0]
    grades = [float(relevant[i]) for i in naive_order(scores)]
    for gain in ("exponential", "linear"):
        assert metrics.ndcg([grades], [grades], k, gain=gain)[0] == pytest.approx(metrics.binary_ndcg(ranks, k)[0])


def test_an_oracle_is_perfect_and_chance_is_k_of_n():
    rng = np.random.default_rng(0)
    truth = np.arange(400) % 50
    relevant = truth[:, None] == np.arange(50)[None, :]
    oracle = metrics.relevant_ranks(relevant.astype(float), relevant)
    for figure in (
        metrics.hit_rate(oracle, 1),
        metrics.recall(oracle, 1),
        metrics.precision(oracle, 1),
        metrics.r_precision(oracle),
        metrics.average_precision(oracle),
        metrics.average_precision_at(oracle, 10),
        metrics.average_precision_r(oracle),
        metrics.binary_ndcg(oracle, 10),
        metrics.cmc(oracle, (1, 5)),
        metrics.reciprocal_rank(oracle),
    ):
        assert np.all(figure == 1)
    chance = metrics.relevant_ranks(rng.random((400, 50)), relevant)
    for k in (1, 5, 25):
        expected = k / 50
        slack = 4 * math.sqrt(expected * (1 - expected) / 400)
        for figure in (metrics.hit_rate(chance, k), metrics.recall(chance, k), metrics.cmc(chance, (k,)).ravel()):
            assert abs(figure.mean() - expected) < slack
        assert abs(metrics.precision(chance, k).mean() - 1 / 50) < slack / k


def test_a_nearer_relevant_item_never_scores_lower():
    rng = np.random.default_rng(1)
    for _ in range(100):
        scores, relevant = rng.random(20), rng.random(20) < 0.3
        relevant[0] = True
        before = metrics.relevant_ranks([scores], [relevant])
        better = scores.copy()
        better[0] += rng.random()
        after = metrics.relevant_ranks([better], [relevant])
        assert metrics.average_precision(after)[0] >= metrics.average_precision(before)[0]
        assert metrics.hit_rate(after, 3)[0] >= metrics.hit_rate(before, 3)[0]


def test_chance_with_many_relevant_items_is_their_share():
    rng = np.random.default_rng(2)
    relevant = np.arange(60)[:, None] % 3 == np.arange(300)[None, :] % 3
    chance = metrics.relevant_ranks(rng.random((60, 300)), relevant)
    for figure in (metrics.r_precision(chance), metrics.precision(chance, 50), metrics.average_precision(chance)):
        assert figure.mean() == pytest.approx(1 / 3, abs=0.03)
    # each of the first R places holds a relevant item with probability 1/3, and half a precision of 1/3 behind it
    assert metrics.average_precision_r(chance).mean() == pytest.approx(1 / 9, abs=0.03)


def test_graded_gain_by_hand():
    # three of three attributes agree, then one, then none; the gallery also holds one with two
    grades, gallery = [1.0, 1 / 3, 0.0], [0.0, 1 / 3, 2 / 3, 1.0, 0.0]
    top = 1 + (2 ** (2 / 3) - 1) / math.log2(3) + (2 ** (1 / 3) - 1) / 2
    reached = 1 + (2 ** (1 / 3) - 1) / math.log2(3)
    assert metrics.ndcg([grades], [gallery], 3)[0] == pytest.approx(reached / top)
    linear = (1 + 1 / 3 / math.log2(3)) / (1 + 2 / 3 / math.log2(3) + 1 / 3 / 2)
    assert metrics.ndcg([grades], [gallery], 3, gain="linear")[0] == pytest.approx(linear)
    assert metrics.ndcg([grades], [gallery], 1)[0] == 1
    assert metrics.ndcg([[0.0, 1.0]], [[1.0, 0.0]], 1)[0] == 0


def test_a_better_order_never_lowers_graded_gain():
    rng = np.random.default_rng(3)
    for _ in range(50):
        grades = rng.integers(0, 4, 12) / 3
        grades[0] = 1
        order = rng.permutation(12)
        swapped = grades[order].copy()
        low, high = sorted(rng.choice(12, 2, replace=False))
        swapped[[low, high]] = np.sort(swapped[[low, high]])[::-1]
        before, after = metrics.ndcg([grades[order], swapped], [grades, grades], 8)
        assert after >= before
        assert metrics.ndcg([np.sort(grades)[::-1]], [grades], 8)[0] == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.relevant_ranks([[1.0, 2.0]], [[True]]),
        lambda: metrics.relevant_ranks([[float("nan")]], [[True]]),
        lambda: metrics.hit_rate([[1]], 0),
        lambda: metrics.hit_rate([[]], 1),
        lambda: metrics.recall([[0, 1]], 1),
        lambda: metrics.precision([[1]], 0),
        lambda: metrics.cmc([[1]], (1, 0)),
        lambda: metrics.average_precision([[3, 2]]),
        lambda: metrics.average_precision_r([[]]),
        lambda: metrics.binary_ndcg([[1]], 0),
        lambda: metrics.ndcg([[0.0]], [[0.0]], 1),
        lambda: metrics.ndcg([[1.0]], [[0.5]], 1),
        lambda: metrics.ndcg([[-1.0]], [[1.0]], 1),
        lambda: metrics.ndcg([[float("nan")]], [[1.0]], 1),
    ],
)
def test_what_cannot_be_meant_is_refused(call):
    with pytest.raises(ValueError, match=r"must|nan"):
        call()

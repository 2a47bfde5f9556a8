"""Metrics against hand-computed values, naive loops and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, top_k_accuracy_score

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
    assert metrics.average_precision_at(ranks, 1)[0] == 0
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
    for over in ("found", "possible"):
        assert metrics.average_precision_at(ranks, k, over=over)[0] == pytest.approx(
            naive_average_precision(scores, relevant, k, over)
        )
    assert metrics.reciprocal_rank(ranks)[0] == pytest.approx(1 / expected[0])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(0, 10_000))
def test_average_precision_equals_scikit_learn(size, seed):
    rng = np.random.default_rng(seed)
    scores = rng.permutation(size).astype(float)  # no ties: scikit-learn pools them, we keep the gallery's order
    relevant = rng.random(size) < 0.4
    relevant[rng.integers(size)] = True
    ours = metrics.average_precision(metrics.relevant_ranks([scores], [relevant]))[0]
    assert ours == pytest.approx(average_precision_score(relevant, scores), abs=1e-9)
    assert metrics.average_precision_at([[1, 3]], 40)[0] == metrics.average_precision([[1, 3]])[0]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_accuracy_equals_scikit_learn(k):
    rng = np.random.default_rng(3)
    scores, labels = rng.random((50, 5)), rng.integers(0, 5, 50)
    ours = metrics.top_k_accuracy(scores, labels, k).mean()
    assert ours == pytest.approx(top_k_accuracy_score(labels, scores, k=k, labels=range(5)), abs=1e-9)


def test_top_k_accuracy_prefers_the_lower_index_among_equals():
    assert metrics.top_k_accuracy([[0.5, 0.5]], [0]).tolist() == [1]
    assert metrics.top_k_accuracy([[0.5, 0.5]], [1]).tolist() == [0]


def test_an_oracle_is_perfect_and_chance_is_k_of_n():
    rng = np.random.default_rng(0)
    truth = np.arange(400) % 50
    relevant = truth[:, None] == np.arange(50)[None, :]
    oracle = metrics.relevant_ranks(relevant.astype(float), relevant)
    for figure in (metrics.hit_rate(oracle, 1), metrics.average_precision(oracle), metrics.reciprocal_rank(oracle)):
        assert np.all(figure == 1)
    chance = metrics.relevant_ranks(rng.random((400, 50)), relevant)
    for k in (1, 5, 25):
        expected = k / 50
        slack = 4 * math.sqrt(expected * (1 - expected) / 400)
        assert abs(metrics.hit_rate(chance, k).mean() - expected) < slack


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


def test_bootstrap_interval_has_the_width_of_the_normal_one():
    values = (np.random.default_rng(0).random(400) < 0.3).astype(float)
    estimate = metrics.bootstrap(values)
    error = values.std() / math.sqrt(400)
    assert estimate.value == values.mean()
    assert estimate.low == pytest.approx(estimate.value - 1.96 * error, abs=0.3 * error)
    assert estimate.high == pytest.approx(estimate.value + 1.96 * error, abs=0.3 * error)
    assert (estimate.queries, estimate.groups) == (400, 400)
    assert metrics.bootstrap(values) == estimate


def test_copies_within_a_group_add_no_certainty():
    items = (np.random.default_rng(0).random(40) < 0.5).astype(float)
    alone = metrics.bootstrap(items)
    copied = metrics.bootstrap(np.repeat(items, 25), np.repeat(np.arange(40), 25))
    naive = metrics.bootstrap(np.repeat(items, 25))
    assert (copied.value, copied.low, copied.high) == pytest.approx((alone.value, alone.low, alone.high))
    assert copied.groups == 40
    assert naive.high - naive.low < 0.3 * (copied.high - copied.low)


def test_groups_of_unequal_size_keep_the_mean_over_queries():
    estimate = metrics.bootstrap([1, 1, 1, 0], ["a", "a", "a", "b"])
    assert estimate.value == 0.75
    assert (estimate.low, estimate.high) == (0, 1)


def test_one_group_has_no_interval():
    estimate = metrics.bootstrap([1, 0], ["a", "a"])
    assert estimate.value == 0.5
    assert math.isnan(estimate.low)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    covered = 0
    for seed in range(200):
        sample = rng.random(60) < 0.4
        estimate = metrics.bootstrap(sample.astype(float), resamples=400, seed=seed)
        covered += estimate.low <= 0.4 <= estimate.high
    assert 0.89 <= covered / 200 <= 0.99


def test_paired_difference_sees_a_small_steady_gain_and_no_gain():
    rng = np.random.default_rng(0)
    base = (rng.random(300) < 0.5).astype(float)
    better = base.copy()
    better[np.flatnonzero(base == 0)[:15]] = 1
    gain = metrics.paired_difference(better, base)
    assert gain.value == pytest.approx(15 / 300)
    assert gain.low > 0
    assert gain.p < 0.01
    loss = metrics.paired_difference(base, better)
    assert (loss.value, loss.p) == (pytest.approx(-gain.value), gain.p)
    same = metrics.paired_difference(base, base)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    shuffled = metrics.paired_difference(base, rng.permutation(base))
    assert shuffled.p > 0.05
    assert shuffled.low <= 0 <= shuffled.high


def test_sign_flip_p_value_over_few_groups_is_the_exact_one():
    # three groups, all better: of the eight sign patterns two are as extreme, so p = 1/4
    gain = metrics.paired_difference([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], resamples=20_000)
    assert gain.p == pytest.approx(0.25, abs=0.02)


def test_sign_flip_p_values_are_uniform_without_a_difference():
    rng = np.random.default_rng(9)
    values = [metrics.paired_difference(rng.normal(size=40), rng.normal(size=40), resamples=300).p for _ in range(200)]
    assert 0.01 <= np.mean(np.array(values) <= 0.05) <= 0.10


def test_errors_removed():
    assert metrics.errors_removed(0.6, 0.5) == pytest.approx(0.2)
    assert metrics.errors_removed(0.4, 0.5) == pytest.approx(-0.2)
    assert math.isnan(metrics.errors_removed(1.0, 1.0))


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.relevant_ranks([[1.0, 2.0]], [[True]]),
        lambda: metrics.relevant_ranks([[float("nan")]], [[True]]),
        lambda: metrics.hit_rate([[1]], 0),
        lambda: metrics.hit_rate([[]], 1),
        lambda: metrics.recall([[0, 1]], 1),
        lambda: metrics.average_precision([[3, 2]]),
        lambda: metrics.top_k_accuracy([[0.1, 0.9]], [2]),
        lambda: metrics.top_k_accuracy([0.1, 0.9], [0]),
        lambda: metrics.bootstrap([]),
        lambda: metrics.bootstrap([1.0], ["a", "b"]),
        lambda: metrics.paired_difference([1.0], [1.0, 0.0]),
    ],
)
def test_what_cannot_be_meant_is_refused(call):
    with pytest.raises(ValueError, match=r"must|nan|groups"):
        call()

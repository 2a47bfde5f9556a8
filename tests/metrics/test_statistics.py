"""Intervals, paired comparisons and verdicts against known truths."""

import math

import numpy as np
import pytest

from wearabouts import metrics


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


def test_a_ratio_is_of_sums_and_its_interval_the_delta_method_one():
    rng = np.random.default_rng(4)
    positives = rng.integers(0, 6, 500).astype(float)
    hits = rng.binomial(positives.astype(int), 0.4).astype(float)
    estimate = metrics.bootstrap_ratio(hits, positives)
    assert estimate.value == hits.sum() / positives.sum()
    error = np.std(hits - estimate.value * positives) / positives.mean() / math.sqrt(500)
    assert estimate.low == pytest.approx(estimate.value - 1.96 * error, abs=0.3 * error)
    assert estimate.high == pytest.approx(estimate.value + 1.96 * error, abs=0.3 * error)
    ones = metrics.bootstrap_ratio(hits, np.ones(500))
    assert ones == metrics.bootstrap(hits)
    # queries without a denominator neither count nor break a resample
    sparse = metrics.bootstrap_ratio([1.0, 0.0, 0.0], [1.0, 0.0, 2.0])
    assert sparse.value == pytest.approx(1 / 3)
    assert (sparse.low, sparse.high) == (0, 1)


def test_every_category_weighs_the_same():
    values, categories = [1.0, 1.0, 1.0, 0.0, 0.0, 1.0], ["a", "a", "a", "a", "b", "b"]
    estimate = metrics.macro_mean(values, categories)
    assert estimate.value == pytest.approx((0.75 + 0.5) / 2)
    assert (estimate.queries, estimate.groups) == (6, 6)
    alone = metrics.by_category(values, categories)
    assert {name: each.value for name, each in alone.items()} == {"a": 0.75, "b": 0.5}
    assert metrics.macro_mean(values, ["a"] * 6).value == pytest.approx(4 / 6)


def test_macro_interval_is_that_of_independent_categories():
    rng = np.random.default_rng(5)
    categories = np.repeat([0, 1, 2], [50, 200, 1000])
    values = (rng.random(1250) < np.array([0.2, 0.5, 0.8])[categories]).astype(float)
    estimate = metrics.macro_mean(values, categories)
    parts = [values[categories == each] for each in range(3)]
    error = math.sqrt(sum(part.var() / len(part) for part in parts)) / 3
    assert estimate.value == pytest.approx(np.mean([part.mean() for part in parts]))
    assert estimate.low == pytest.approx(estimate.value - 1.96 * error, abs=0.3 * error)
    assert estimate.high == pytest.approx(estimate.value + 1.96 * error, abs=0.3 * error)


def test_macro_groups_are_drawn_whole():
    rng = np.random.default_rng(6)
    items = (rng.random(60) < 0.5).astype(float)
    categories = np.arange(60) % 2
    alone = metrics.macro_mean(items, categories)
    copied = metrics.macro_mean(np.repeat(items, 9), np.repeat(categories, 9), np.repeat(np.arange(60), 9))
    assert (copied.value, copied.groups) == (alone.value, 60)
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_macro_groups_across_categories_are_drawn_together():
    # each group has the same figure in both categories: two queries of a group are one piece of evidence
    rng = np.random.default_rng(7)
    figures = (rng.random(80) < 0.5).astype(float)
    values, categories, groups = np.tile(figures, 2), np.repeat(["a", "b"], 80), np.tile(np.arange(80), 2)
    together, single = metrics.macro_mean(values, categories, groups), metrics.bootstrap(figures)
    assert together.value == single.value
    assert together.high - together.low == pytest.approx(single.high - single.low, rel=0.1)
    assert math.isnan(metrics.macro_mean([1.0, 0.0], ["a", "b"], [0, 0]).low)
    # a rare category that a resample misses is left out of that resample, not counted as nothing
    rare = metrics.macro_mean([1.0, 1.0, 1.0, 1.0], ["a", "b", "b", "b"], [0, 0, 1, 2])
    assert (rare.low, rare.high) == (1, 1)


def test_no_interval_where_every_category_is_one_query():
    assert math.isnan(metrics.macro_mean([1.0, 0.0], ["a", "b"]).low)


def test_verdicts():
    rng = np.random.default_rng(8)
    base = (rng.random(300) < 0.5).astype(float)
    better = np.maximum(base, rng.random(300) < 0.2)
    assert metrics.verdict(metrics.paired_difference(better, base)) == "better"
    assert metrics.verdict(metrics.paired_difference(base, better)) == "worse"
    noise = "this difference is noise"
    assert metrics.verdict(metrics.paired_difference(base, base)) == noise
    assert metrics.verdict(metrics.paired_difference(base, rng.permutation(base))) == noise
    assert metrics.verdict(metrics.paired_difference([1.0], [0.0])) == noise
    assert metrics.verdict(metrics.Difference(0.1, 0.01, 0.2, 0.2, 9, 9)) == noise
    assert metrics.verdict(metrics.Difference(0.1, -0.01, 0.2, 0.01, 9, 9)) == noise


def test_noise_is_called_a_difference_about_as_rarely_as_it_says():
    rng = np.random.default_rng(10)
    called = [
        metrics.verdict(metrics.paired_difference(*rng.random((2, 50)), resamples=300)) != "this difference is noise"
        for _ in range(200)
    ]
    assert np.mean(called) <= 0.10


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.bootstrap([]),
        lambda: metrics.bootstrap([1.0], ["a", "b"]),
        lambda: metrics.bootstrap_ratio([1.0], [0.0]),
        lambda: metrics.bootstrap_ratio([1.0], [-1.0]),
        lambda: metrics.bootstrap_ratio([1.0, 1.0], [1.0]),
        lambda: metrics.macro_mean([1.0], ["a", "b"]),
        lambda: metrics.paired_difference([1.0], [1.0, 0.0]),
    ],
)
def test_what_cannot_be_meant_is_refused(call):
    with pytest.raises(ValueError, match=r"must|groups"):
        call()

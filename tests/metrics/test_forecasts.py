"""Intervals of a calibration error hold the truth, and noise alone is told from miscalibration."""

import numpy as np
import pytest

from wearabouts import metrics


def drawn(count: int, seed: int, bias: float = 0.0):
    """Probabilities, outcomes that come true as often as said or more, and by how much more."""
    rng = np.random.default_rng(seed)
    given = rng.beta(0.7, 0.7, count)
    truth = np.clip(given + bias * 4 * given * (1 - given), 0, 1)
    return given, (rng.random(count) < truth).astype(float), truth


def test_the_value_is_that_of_calibration_error():
    given, happened, _ = drawn(300, 1)
    found = metrics.calibration_error_interval(given, happened, resamples=50)
    assert found.value == metrics.calibration_error(given, happened)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_an_interval_holds_the_true_error_about_as_often_as_it_says(bias):
    hits = 0
    for seed in range(40):
        given, happened, truth = drawn(500, seed, bias)
        found = metrics.calibration_error_interval(given, happened, resamples=150, seed=seed)
        which = metrics.verification.reliability_bins(given)
        true = np.abs(np.bincount(which, truth - given)).sum() / len(given)
        hits += found.low <= true <= found.high
    assert hits >= 34


def test_whole_items_are_drawn():
    given, happened, _ = drawn(150, 2, 0.15)
    alone = metrics.calibration_error_interval(given, happened, resamples=200)
    items = np.repeat(np.arange(150), 4)
    copies = metrics.calibration_error_interval(np.repeat(given, 4), np.repeat(happened, 4), items, resamples=200)
    blind = metrics.calibration_error_interval(np.repeat(given, 4), np.repeat(happened, 4), resamples=200)
    assert copies.groups == 150
    assert copies.high - copies.low > 1.3 * (blind.high - blind.low)
    assert copies.value == pytest.approx(alone.value)


def test_one_item_has_no_interval():
    found = metrics.calibration_error_interval([0.2, 0.9], [0, 1], ["a", "a"])
    assert np.isnan([found.low, found.high]).all()


def test_the_floor_of_sure_forecasts_is_zero_and_of_two_coins_by_hand():
    assert metrics.calibration_floor([0.0, 1.0, 1.0], bins=3).value == 0
    # Two coins in one bin: off by one half when both fall alike, else by nothing; so a quarter in the mean.
    found = metrics.calibration_floor([0.5, 0.5], bins=1, simulated=4_000)
    assert found.value == pytest.approx(0.25, abs=0.02)
    assert (found.low, found.high) == (0, 0.5)


def test_the_floor_sinks_with_the_root_of_the_number_of_pairs():
    few, many = (metrics.calibration_floor(drawn(count, 0)[0], simulated=300).value for count in (200, 3_200))
    assert few / many == pytest.approx(4, rel=0.2)


def test_what_is_calibrated_lies_within_the_floor_and_what_is_not_above_it():
    within = above = 0
    for seed in range(20):
        given, happened, _ = drawn(800, seed)
        floor = metrics.calibration_floor(given, simulated=200)
        within += metrics.calibration_error(given, happened) <= floor.high
        above += metrics.calibration_error(given, drawn(800, seed, 0.15)[1]) > floor.high
    assert within >= 17
    assert above >= 19

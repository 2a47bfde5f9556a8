"""Pair figures against hand-computed values."""

import math

import numpy as np
import pytest

from wearabouts import metrics


def test_false_non_matches_by_hand():
    same, different = [0.9, 0.8, 0.5, 0.3], [0.7, 0.6, 0.4, 0.2, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0]
    point = metrics.fnmr_at_fmr(same, different, 0.1)  # one of ten may lie above: the second highest is the threshold
    assert (point.threshold, point.fmr, point.fnmr) == (0.6, 0.1, 0.5)
    assert (point.same, point.different) == (4, 10)
    assert metrics.fnmr_at_fmr(same, different, 0.2).fnmr == 0.25
    tied = metrics.fnmr_at_fmr(same, [0.7, 0.7, 0.7, 0.1], 0.5)
    assert (tied.threshold, tied.fmr, tied.fnmr) == (0.7, 0, 0.5)  # letting one of three equals in lets in all


def test_verification_of_an_oracle_and_of_chance():
    rng = np.random.default_rng(0)
    assert metrics.fnmr_at_fmr(rng.random(50) + 2, rng.random(5_000), 0.001).fnmr == 0
    for fmr in (0.01, 0.1):
        assert metrics.fnmr_at_fmr(rng.random(5_000), rng.random(5_000), fmr).fnmr == pytest.approx(1 - fmr, abs=0.02)


def test_a_rate_that_the_pairs_cannot_show_is_refused():
    with pytest.raises(ValueError, match="1 / rate"):
        metrics.fnmr_at_fmr([1.0], [0.0] * 999, 0.001)
    assert metrics.fnmr_at_fmr([1.0], [0.0] * 1_000, 0.001).fnmr == 0


def test_brier_by_hand():
    assert metrics.brier([1.0, 0.8, 0.3], [1, 0, 0]).tolist() == pytest.approx([0, 0.64, 0.09])
    assert metrics.brier_skill([0.5, 0.5, 0.5, 0.5], [0, 1, 0, 1]) == 0
    assert metrics.brier_skill([0, 1, 0, 1], [0, 1, 0, 1]) == 1
    assert metrics.brier_skill([1, 0, 1, 0], [0, 1, 0, 1]) == -3
    assert math.isnan(metrics.brier_skill([0.4, 0.5], [1, 1]))


def test_calibration_by_hand():
    given, happened = [0.1, 0.1, 0.2, 0.2, 0.9, 0.9], [0, 1, 0, 0, 1, 1]
    two = metrics.reliability(given, happened, bins=2, binning="width")
    assert two.predicted.tolist() == pytest.approx([0.15, 0.9])
    assert two.observed.tolist() == pytest.approx([0.25, 1])
    assert two.counts.tolist() == [4, 2]
    error = metrics.calibration_error(given, happened, bins=2, binning="width")
    assert error == pytest.approx((4 * 0.1 + 2 * 0.1) / 6)
    mass = metrics.reliability(given, happened, bins=3)
    assert mass.counts.tolist() == [2, 2, 2]
    assert metrics.calibration_error(given, happened, bins=3) == pytest.approx((2 * 0.4 + 2 * 0.2 + 2 * 0.1) / 6)
    assert np.all((mass.low <= mass.observed) & (mass.observed <= mass.high))


def test_wilson_interval_of_a_known_share():
    found = metrics.reliability([0.5] * 10, [1] * 5 + [0] * 5, bins=1)
    assert (found.low[0], found.high[0]) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    sure = metrics.reliability([1.0] * 10, [1] * 10, bins=1)
    assert (sure.low[0], sure.high[0]) == pytest.approx((0.7225, 1), abs=1e-4)


def test_true_probabilities_are_calibrated_and_overconfident_ones_are_not():
    rng = np.random.default_rng(1)
    given = rng.random(20_000)
    happened = rng.random(20_000) < given
    for binning in ("mass", "width"):
        assert metrics.calibration_error(given, happened, binning=binning) < 0.02
        sharper = given**3 / (given**3 + (1 - given) ** 3)
        assert metrics.calibration_error(sharper, happened, binning=binning) > 0.1
    assert metrics.brier_skill(given, happened) > 0.3 > 0 > metrics.brier_skill(1 - given, happened)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.fnmr_at_fmr([], [0.0], 0.5),
        lambda: metrics.fnmr_at_fmr([0.0], [0.0] * 9, 1.0),
        lambda: metrics.brier([1.1], [1]),
        lambda: metrics.brier([0.5], [0.5]),
        lambda: metrics.brier([0.5], [1, 0]),
        lambda: metrics.brier([float("nan")], [1]),
        lambda: metrics.reliability([0.5], [1], bins=0),
    ],
)
def test_what_cannot_be_meant_is_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()

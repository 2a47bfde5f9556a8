"""Figures of a second stage against values worked out by hand, and against what is known to be true."""

import numpy as np
import pytest

from fakes import tiny_calibration
from wearabouts.evaluation.verified.belief import believed, skill
from wearabouts.evaluation.verified.openset import Score, opened, verdicts
from wearabouts.evaluation.verified.outcomes import Verified
from wearabouts.evaluation.verified.plain import out_of_fold, plain_curve, plain_probability


def test_a_logistic_curve_is_found_again():
    random = np.random.default_rng(0)
    cosine = random.uniform(0.2, 1, 20_000)
    truth = random.random(20_000) < 1 / (1 + np.exp(-(12 * cosine - 8)))
    slope, offset = plain_curve(cosine, truth)
    assert slope == pytest.approx(12, rel=0.05)
    assert offset == pytest.approx(-8, rel=0.05)


def test_a_logistic_curve_has_the_score_equations_of_maximum_likelihood():
    cosine = np.array([0.1, 0.4, 0.5, 0.7, 0.9, 0.95])
    truth = np.array([0, 1, 0, 0, 1, 1])
    given = plain_probability(cosine, plain_curve(cosine, truth))
    assert given.sum() == pytest.approx(truth.sum(), abs=1e-4)
    assert given @ cosine == pytest.approx(truth @ cosine, abs=1e-4)


def test_pairs_that_a_cosine_tells_apart_have_a_steep_but_finite_curve():
    given = plain_probability([0.1, 0.9], plain_curve([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]))
    assert given[0] < 0.01 < 0.99 < given[1] < 1


def test_no_curve_is_asked_of_an_item_it_was_fitted_to():
    """Two items that contradict all others: in fold their curve would bend, out of fold it cannot."""
    cosine = np.tile(np.linspace(0, 1, 20), 2)
    truth = np.concatenate([np.linspace(0, 1, 20) > 0.5, np.linspace(0, 1, 20) <= 0.5])
    said = out_of_fold(cosine, truth, ["a"] * 20 + ["b"] * 20)
    # each of the two is told what the other one teaches: all of it wrong
    assert np.mean((said > 0.5) == truth) == 0


def test_skill_by_hand():
    right = np.array([1.0, 1.0, 0.0, 0.0])
    assert skill((np.array([1, 1, 0, 0]) - right) ** 2, right).value == 1
    assert skill((0.5 - right) ** 2, right).value == 0
    # Brier .04 against a base rate's .25
    assert skill((np.array([0.8, 0.8, 0.2, 0.2]) - right) ** 2, right).value == pytest.approx(1 - 0.04 / 0.25)
    assert np.isnan(skill(np.zeros(3), np.ones(3)).value)


def test_belief_in_a_forecaster_who_knows_more_than_the_cosine():
    random = np.random.default_rng(1)
    chance = random.beta(0.5, 0.5, 1_600)
    right = random.random(1_600) < chance
    cosine = random.uniform(0, 1, 1_600)  # knows nothing
    one = believed(chance, right, cosine, [str(n // 2) for n in range(1_600)])
    assert one.rate == pytest.approx(0.5, abs=0.05)
    # E[(p - o)²] = E[p(1 - p)] = 1/8 for Beta(½, ½), and the base rate has 1/4
    assert one.brier.value == pytest.approx(0.125, abs=0.02)
    assert one.skill.value == pytest.approx(0.5, abs=0.07)
    assert one.plain.value == pytest.approx(0, abs=0.01)
    assert one.ahead.value == pytest.approx(0.125, abs=0.02)
    assert one.ahead.low > 0
    assert one.brier.groups == 800
    assert one.floor is not None
    assert one.floor.low <= one.error.value <= one.floor.high
    assert int(one.bins.counts.sum()) == 1_600
    assert believed(chance, right, cosine, [str(n) for n in range(1_600)], alone=False).floor is None


def test_what_is_let_through_by_hand():
    # 20 that are there, so 19 must be accepted: the threshold is 2
    there = np.arange(1.0, 21.0)
    good = Score("good", there, np.array([0.0] * 18 + [2.0, 30.0]))
    bad = Score("bad", there, np.arange(1.0, 21.0))
    said = opened(bad, good, [str(n) for n in range(20)], resamples=400)
    assert said.first.value == 0.95
    assert said.second.value == 0.1
    assert said.difference.value == pytest.approx(0.85)
    assert said.difference.low > 0
    assert said.difference.p < 0.01
    assert said.curves[1].mark == (0.1, pytest.approx(0.05))
    # an interval holds its figure
    assert said.second.low <= 0.1 <= said.second.high


def test_resamples_choose_their_threshold_anew():
    """Against a plain loop."""
    random = np.random.default_rng(2)
    there, gone = random.normal(1, 1, 60), random.normal(0, 1, 60)
    groups = [str(n // 3) for n in range(60)]
    said = opened(Score("a", there, gone), Score("b", there, -gone), groups, resamples=600)
    items = np.arange(60) // 3
    shares = []
    for _ in range(600):
        rows = np.concatenate([np.flatnonzero(items == item) for item in random.integers(0, 20, 20)])
        mine = np.sort(there[rows])[::-1]
        shares.append(np.mean(gone[rows] >= mine[int(np.ceil(0.95 * len(rows) - 1e-9)) - 1]))
    low, high = np.quantile(shares, (0.025, 0.975))
    assert said.first.low == pytest.approx(low, abs=0.06)
    assert said.first.high == pytest.approx(high, abs=0.06)


def test_one_item_has_no_interval():
    said = opened(Score("a", np.ones(3), np.zeros(3)), Score("b", np.ones(3), np.ones(3)), ["x"] * 3, resamples=10)
    assert (said.first.value, said.second.value) == (0.0, 1.0)
    assert np.isnan(said.first.low)
    assert said.difference.p == 1


def asked(first, hit, carried):
    count = len(first)
    return Verified(
        [np.array([1])] * count,
        np.array(first),
        np.array(hit),
        np.zeros(count),
        np.zeros(count),
        np.array(carried),
        np.arange(count),
        np.array(first),
        np.zeros(count),
        np.array(hit),
    )


def test_verdicts_are_those_of_the_search():
    calibration = tiny_calibration()  # same from .85 on at .95, carried from .4 on
    there = asked([0.9, 0.84, 0.2], [True, True, False], [0.99, 0.95, 0.3])
    gone = asked([0.9, 0.1, 0.5], [False, False, False], [0.95, 0.2, 0.45])
    said = verdicts(there, gone, calibration)
    assert {name: mask.tolist() for name, mask in said.there.items()} == {
        "same": [True, False, False],
        "similar": [False, True, False],
        "not_carried": [False, False, True],
    }
    assert said.gone["same"].tolist() == [True, False, False]
    assert said.gone["not_carried"].tolist() == [False, True, False]
    assert said.hit.tolist() == [True, True, False]
    # asked to be right more often than any cut is, nothing is called the same
    assert not verdicts(there, gone, calibration, 0.999).there["same"].any()

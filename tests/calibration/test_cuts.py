"""What may be said from which probability on: by hand, and on queries that nothing was chosen on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from calibration.worlds import World, queries
from wearabouts.calibration import Answered, Cut, Shortlist, answered, cross_fitted, fit
from wearabouts.calibration.cuts import PRECISIONS, carried_cut, cuts_of


def given(first, right, carried=None, present=None, certain=None) -> Answered:
    count = len(first)
    return Answered(
        np.array(first, float),
        np.array(right, bool),
        np.ones(count, bool) if certain is None else np.array(certain, bool),
        np.full(count, 0.5) if carried is None else np.array(carried, float),
        np.ones(count, int) if present is None else np.array(present, int),
        np.zeros(count),
        np.arange(count),
        np.arange(count),
        ("",) * count,
        np.ones(count),
    )


def cut(found, precision) -> Cut:
    return next(one for one in found if one.precision == precision)


def test_nineteen_right_answers_are_a_cut_of_95_in_100_and_eighteen_are_none():
    for count, there in ((19, True), (18, False)):
        first = np.linspace(0.99, 0.5, count)
        found = cuts_of(given([*first, 0.1], [*[True] * count, False]))
        assert (cut(found, 0.95).probability is not None) == there
    found = cut(cuts_of(given([*np.linspace(0.99, 0.5, 19), 0.1], [*[True] * 19, False])), 0.95)
    assert found.probability == 0.5
    assert found.said == 19 / 20


def test_the_cut_is_the_lowest_and_equal_probabilities_stay_together():
    first = [0.9] * 40 + [0.6] * 40
    right = [True] * 40 + [True] * 38 + [False] * 2
    assert cut(cuts_of(given(first, right)), 0.95).probability == 0.6
    right = [True] * 40 + [True] * 30 + [False] * 10  # the first of the 40 alone would be precise
    assert cut(cuts_of(given(first, right)), 0.95).probability == 0.9
    assert cut(cuts_of(given(first, right)), 0.85).probability == 0.9
    assert cut(cuts_of(given(first, right)), 0.8).probability == 0.6


def test_answers_of_which_nobody_knows_do_not_count():
    first, right = [0.9] * 40 + [0.8] * 40, [True] * 40 + [False] * 40
    unknown = [True] * 40 + [False] * 40
    assert cut(cuts_of(given(first, right, certain=unknown)), 0.95).said == 1
    assert cut(cuts_of(given(first, right)), 0.95).said == 0.5


def test_more_precision_is_never_said_from_a_lower_probability_on():
    held = cross_fitted(queries(400, World(strength=8)))
    found = [one.probability for one in cuts_of(held) if one.probability is not None]
    assert len(found) > 8
    assert found == sorted(found)
    assert [one.precision for one in cuts_of(held)] == list(PRECISIONS)
    saids = [one.said for one in cuts_of(held)]
    assert saids == sorted(saids, reverse=True)


def test_few_labels_keep_an_earlier_cut_and_many_do_not():
    earlier = (Cut(precision=0.9, probability=0.7, said=0.5), Cut(precision=0.95, probability=0.8, said=0.4))
    few = cuts_of(given([0.9] * 5, [True] * 5), earlier)
    assert (cut(few, 0.9).probability, cut(few, 0.95).probability, cut(few, 0.99).probability) == (0.7, 0.8, None)
    assert (cut(few, 0.9).said, cut(few, 0.5).probability) == (1, 0.7)
    assert cut(cuts_of(given([0.9] * 200, [False] * 200), earlier), 0.9).probability is None


def test_an_item_counts_as_carried_from_what_95_of_100_reach():
    carried = np.arange(200) / 200
    assert carried_cut(given(carried, carried > 0, carried, present=[1] * 200)) == 10 / 200
    # Those that are not there, or of which nobody knows, have no say.
    mixed = [*carried, *np.zeros(100)]
    assert carried_cut(given(mixed, [True] * 300, mixed, present=[1] * 200 + [0] * 50 + [-1] * 50)) == 10 / 200
    assert carried_cut(given([0.9], [True], [0.9]), earlier=0.37) == 0.37


@pytest.mark.parametrize("precision", [0.7, 0.9, 0.95])
def test_a_cut_is_about_as_precise_as_it_says_on_other_items(precision):
    world = World(strength=8)
    found = fit(queries(800, world), verifier="judge", calibrated_on="drawn")
    fresh = answered(queries(6_000, world, seed=1), found)
    said = fresh.first >= found.threshold(precision)
    assert said.mean() == pytest.approx(cut(found.cuts, precision).said, abs=0.05)
    assert fresh.right[said].mean() > precision - 0.04
    present = fresh.carried[fresh.present == 1]
    assert np.mean(present >= found.carried) == pytest.approx(0.95, abs=0.02)


def test_what_is_believed_of_an_item_owes_nothing_to_its_own_labels():
    kept = queries(60, World())
    mine = kept[0].item
    lied = [
        dataclasses.replace(one, same=int(np.argmin(one.logits)), carried=True) if one.item == mine else one
        for one in kept
    ]
    honest, other = cross_fitted(kept), cross_fitted(lied)
    one, two = (np.flatnonzero((held.query < 2) & (held.present == 1)) for held in (honest, other))
    np.testing.assert_array_equal(honest.first[one], other.first[two])
    # The others' curves did see the lie.
    assert not np.array_equal(honest.first[honest.query > 10], other.first[other.query > 10])


def test_each_query_is_asked_with_and_without_its_item():
    shortlist = Shortlist(np.float32([3, 1]), 0, "a", "dress")
    away = Shortlist(np.float32([2]), None, "b", "dress", carried=False)
    beyond = Shortlist(np.float32([2]), None, "c", "dress")
    unknown = Shortlist(np.float32([2, 1]), None, "d", "dress", carried=None, different=(0,))
    calibration = fit([shortlist], verifier="judge", calibrated_on="one")
    held = answered([shortlist, away, beyond, unknown], calibration)
    assert sorted(zip(held.query.tolist(), held.present.tolist(), strict=True)) == [
        (0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (3, -1)
    ]  # fmt: skip
    rows = {key: place for place, key in enumerate(zip(held.query.tolist(), held.present.tolist(), strict=True))}
    with_item, without = rows[0, 1], rows[0, 0]
    assert held.right[with_item]
    assert not held.right[without]
    told = calibration.probabilities(np.float32([3, 1]), category="dress")
    assert held.first[with_item] == pytest.approx(told.same[0])
    assert held.carried[with_item] == pytest.approx(told.carried)
    assert held.first[without] == pytest.approx(calibration.probabilities(np.float32([1]), category="dress").same[0])
    # The likeliest candidate was ruled out, so it is known to be wrong.
    assert held.certain[rows[3, -1]]
    assert not held.right[rows[3, -1]]


def test_the_rarer_absent_items_are_the_lower_the_probability_that_is_enough():
    """A cut is for a population: what is not there is never right, and weighs what its share does."""
    asked = queries(1_500, World(strength=6, spread=2))
    of = {share: fit(asked, verifier="judge", calibrated_on="drawn", share=share) for share in (0.3, 0.5, 0.9)}
    assert len({(one.temperature, one.absent, one.beyond, one.evidence) for one in of.values()}) == 1
    said = [cut(one.cuts, 0.8).said for one in of.values()]
    assert said == sorted(said)
    assert said[0] < said[-1]
    for share, one in of.items():
        assert one.share == share
        assert f"{share:.0%} of the queries" in one.population
        held = answered(queries(4_000, World(strength=6, spread=2), seed=9), one)
        sure = held.first >= cut(one.cuts, 0.8).probability
        assert np.average(held.right[sure], weights=held.weight[sure]) > 0.77
        # The same evidence is enough, whatever share is assumed.
        there = held.present == 1
        assert np.mean(held.carried[there] >= one.carried) == pytest.approx(0.95, abs=0.02)
        other = of[0.5].carried_at(share)
        assert other == pytest.approx(one.carried, abs=0.02)


def test_a_shop_that_has_everything_calls_nothing_missing():
    found = fit(queries(300, World()), verifier="judge", calibrated_on="drawn")
    assert found.carried_at(1.0) == 0
    assert found.carried_at() == found.carried_at(0.5) == found.carried

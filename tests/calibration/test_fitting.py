"""What a fit must find, and what it must not do, on shops whose truth is known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from calibration.worlds import World, queries
from wearabouts import metrics
from wearabouts.calibration import Calibration, Own, Shortlist, answered, curves, fit, pair_curve
from wearabouts.calibration.likelihood import evidence, point
from wearabouts.calibration.shortlists import rows_of

PRIOR = Calibration(
    verifier="judge", calibrated_on="elsewhere", temperature=1.7, absent=2.0, beyond=-1.0, pair=(0.7, -0.3)
)


def fitted(shortlists, **options) -> Calibration:
    return fit(shortlists, verifier="judge", calibrated_on="drawn", **options)


def numbers(given: Calibration, at: float = 0.0) -> list[float]:
    """`absent` and `evidence` are known together: the second is what E has to come up to, seen from E = at."""
    height = given.absent - (given.evidence - 1) * at
    return [math.log(given.temperature), height, given.beyond, math.log(given.evidence)]


def logs(world: World) -> list[float]:
    temperature, absent, beyond = world.truth
    return [math.log(temperature), absent, beyond, 0.0]


@pytest.mark.parametrize("world", [World(), World(strength=4, spread=1), World(strength=3, spread=4, beyond=0.3)])
def test_many_labels_tell_the_truth(world):
    found = fitted(queries(1_500, world))
    # Where E hardly differs from query to query, what a step of it is worth cannot be told.
    np.testing.assert_allclose(numbers(found, world.truth[1])[:3], logs(world)[:3], atol=0.3)
    assert found.labels == 1_500
    # Temperature is what probabilities hang on most.
    assert found.temperature == pytest.approx(world.truth[0], rel=0.12)


@pytest.mark.parametrize("wander", [0.0, 2.0])
def test_heights_that_differ_from_photo_to_photo_tell_the_less_that_an_item_is_there(wander):
    """Log-odds of a query that all lie higher by chance order its candidates as before, but no longer say *carried*."""
    world, rng = World(), np.random.default_rng(5)
    asked = []
    for place, one in enumerate(queries(3_000, world)):
        shift = np.float32(rng.normal(0, wander))
        asked.append(dataclasses.replace(one, logits=one.logits + shift, item=f"item-{place // 2}"))
    found = fitted(asked[:1_500])
    assert found.temperature == pytest.approx(world.truth[0], rel=0.2)
    assert found.evidence == pytest.approx(1.0, rel=0.2) if not wander else found.evidence < 0.7
    held = answered(asked[1_500:], found)
    assert metrics.calibration_error(held.carried, held.present) < 0.04
    as_asked = held.present == 1
    closed = [found.probabilities(one.logits, share=1.0).same.max() for one in asked[1_500:]]
    assert np.mean(closed) == pytest.approx(np.mean(held.right[as_asked]), abs=0.03)


def test_probabilities_are_those_that_come_true():
    world = World()
    found = fitted(queries(1_500, world))
    held = answered(queries(10_000, world, seed=1), found)
    assert np.mean(held.first) == pytest.approx(np.mean(held.right), abs=0.02)
    assert np.mean(held.carried) == pytest.approx(0.5, abs=0.02)
    sure = held.first > 0.8
    assert np.mean(held.right[sure]) == pytest.approx(np.mean(held.first[sure]), abs=0.04)


def test_without_labels_the_earlier_numbers_stay_and_many_labels_leave_nothing_of_them():
    world = World()
    away = []
    for count in (0, 4, 40, 1_000):
        found = fitted(queries(count, world), prior=PRIOR)
        away.append(np.abs(np.subtract(numbers(found, world.truth[1]), logs(world))).max())
        if not count:
            np.testing.assert_allclose(numbers(found), numbers(PRIOR), atol=1e-9)
            assert found.pair == pytest.approx(PRIOR.pair)
            assert (found.labels, found.own) == (0, {})
    assert away == sorted(away, reverse=True)
    assert away[-1] < 0.3 < away[0]


def test_nothing_to_fit_is_refused_unless_there_was_something_before():
    with pytest.raises(ValueError, match="no query"):
        fitted([])
    silent = Shortlist(np.float32([1, 2]), None, "i", carried=None)
    with pytest.raises(ValueError, match="no query"):
        fitted([silent])


@pytest.mark.parametrize("ceiling", [math.inf, 1.5])
def test_slopes_and_bends_are_those_of_finite_differences(ceiling):
    known = queries(12, World(candidates=5), own={"dress": World(candidates=5), "shoes": World(candidates=3)})
    unsure = Shortlist(np.float32([2, 1, -1]), None, "u", "shoes", carried=None, different=(0, 2))
    rows = rows_of([*known, unsure, Shortlist(np.float32([]), None, "e", "dress")])
    at = np.array([[0.3, 1.1, -0.4, -0.6], [-0.2, 0.2, 0.5, 0.3]])
    rows = dataclasses.replace(rows, ceiling=ceiling)
    assert ceiling == math.inf or 0.1 < np.mean(evidence(rows, at[rows.kind]) > ceiling) < 0.9
    given = point(rows, rows.kind, at, 0.7)
    step = 1e-5
    for number in range(4):
        up, down = at.copy(), at.copy()
        up[:, number] += step
        down[:, number] -= step
        above, below = point(rows, rows.kind, up, 0.7), point(rows, rows.kind, down, 0.7)
        np.testing.assert_allclose(given.slope[:, number], (above.value - below.value) / (2 * step), atol=1e-6)
        np.testing.assert_allclose(given.bend[:, number], (above.slope - below.slope) / (2 * step), atol=1e-6)


def test_the_order_of_queries_and_of_candidates_makes_no_difference():
    kept = queries(120, World(), own={"dress": World(), "shoes": World(strength=3)})
    rng = np.random.default_rng(3)
    mixed = []
    for place in rng.permutation(len(kept)):
        one = kept[place]
        order = rng.permutation(len(one.logits))
        same = None if one.same is None else int(np.flatnonzero(order == one.same)[0])
        mixed.append(dataclasses.replace(one, logits=one.logits[order], same=same))
    first, second = fitted(kept), fitted(mixed)
    np.testing.assert_allclose(numbers(first), numbers(second), atol=1e-6)
    assert first.carried == pytest.approx(second.carried, abs=1e-6)
    assert first.own.keys() == second.own.keys()
    for one, other in zip(first.cuts, second.cuts, strict=True):
        assert one.said == other.said


def test_a_likelier_candidate_has_the_higher_probability_and_makes_absence_less_likely():
    found = fitted(queries(200, World()))
    given = [found.probabilities(np.float32([value, 1.0, 0.0])) for value in (-3, 0, 2, 5, 9)]
    assert [one.same[0] for one in given] == sorted(one.same[0] for one in given)
    assert [one.carried for one in given] == sorted(one.carried for one in given)
    assert found.pair[0] > 0


def test_a_category_with_many_labels_has_the_curve_that_is_true_of_it():
    own = {"dress": World(), "shoes": World(strength=2.5, spread=1.2)}
    found = fitted(queries(600, World(), own=own))
    assert {kind: one.labels for kind, one in found.own.items()} == {"dress": 300, "shoes": 300}
    for kind, world in own.items():
        assert found.own[kind].temperature == pytest.approx(world.truth[0], rel=0.2)


def test_a_category_lies_the_nearer_to_all_the_narrower_its_prior_and_the_fewer_its_labels():
    own = {"dress": World(), "shoes": World(strength=2.5, spread=1.2)}
    rows = rows_of(queries(300, World(), own=own))
    away = []
    for width in (0.0, 0.05, 0.3, 1.2, 30.0):
        found = curves.fitted(rows, width=width)
        away.append(np.abs(found.own.get("shoes", found.all) - found.all).max())
    assert away[0] == 0
    assert away == sorted(away)
    # So wide a prior is none: the numbers are those of the category alone.
    alone = curves.fitted(rows.take(rows.kind == rows.kinds.index("shoes")), width=0.0)
    np.testing.assert_allclose(found.own["shoes"], alone.all, atol=0.2)


def test_categories_that_are_alike_share_one_curve():
    kinds = {name: World() for name in ("dress", "shoes", "coat", "hat")}
    found = fitted(queries(400, World(), own=kinds))
    for one in found.own.values():
        assert one.temperature == pytest.approx(found.temperature, rel=0.15)


def test_a_category_that_was_apart_before_stays_so_without_labels_of_its_own():
    hat = Own(temperature=3.4, absent=3.0, beyond=-1.5, labels=900)
    prior = PRIOR.model_copy(update={"own": {"hat": hat}})
    found = fitted(queries(200, World()), prior=prior)
    assert found.own["hat"].temperature / found.temperature == pytest.approx(2)
    assert found.own["hat"].absent - found.absent == pytest.approx(1)
    assert found.own["hat"].labels == 0


@pytest.mark.parametrize(
    "shortlists",
    [
        [Shortlist(np.float32([5, 0, 0]), 0, f"i{n}") for n in range(30)],  # all right, always by as much
        [Shortlist(np.float32([5, 0, 0]), 2, f"i{n}") for n in range(30)],  # all wrong
        [Shortlist(np.float32([]), None, f"i{n}") for n in range(30)],  # nothing to choose from
        [Shortlist(np.float32([1]), 0, f"i{n}") for n in range(30)],  # nothing beside it
        [Shortlist(np.float32([3, 1]), None, f"i{n}", carried=False) for n in range(30)],  # never there
        [Shortlist(np.float32([1e4, -1e4]), n % 2, f"i{n}") for n in range(30)],
        [Shortlist(np.float32([3, 1]), 0, "only one")],
        [Shortlist(np.float32([3, 1]), None, f"i{n}", carried=None, different=(0,)) for n in range(30)],
    ],
)
@pytest.mark.parametrize("prior", [None, PRIOR])
def test_degenerate_labels_give_finite_numbers_and_probabilities(shortlists, prior):
    found = fitted(shortlists, prior=prior)
    for logits in ([], [0.0], [5.0, 0.0, 0.0], [1e4, -1e4]):
        given = found.probabilities(np.float32(logits))
        assert np.isfinite(given.same).all()
        assert 0 <= given.carried <= 1
    assert found.pair[0] > 0


def test_queries_known_to_be_elsewhere_do_not_shift_what_absent_means():
    """A sample with many absent queries, known or only suspected, gives the numbers of half all the same."""
    world, rng = World(candidates=10, beyond=0.05), np.random.default_rng(5)
    kept = queries(800, world)
    known = [world.query(rng, f"a{n}", "dress", carried=False) for n in range(800)]
    np.testing.assert_allclose(numbers(fitted([*kept, *known])), logs(world), atol=0.3)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_what_people_say_of_the_first_three_is_enough_whatever_share_is_in_the_shop(share):
    """Each query's three likeliest are asked about; where all are wrong, nobody knows whether the item is there."""
    world, rng = World(candidates=10, beyond=0.05), np.random.default_rng(6)
    said = []
    for n in range(1_200):
        one = world.query(rng, f"i{n}", "dress", carried=bool(rng.random() < share))
        asked = tuple(int(place) for place in np.argsort(-one.logits)[:3])
        if one.same not in asked:
            one = dataclasses.replace(one, same=None, carried=None, different=asked)
        said.append(one)
    found = fitted(said)
    held = answered(queries(6_000, world, seed=1), found)
    truth = PRIOR.model_copy(update=dict(zip(("temperature", "absent", "beyond"), world.truth, strict=True)))
    best = answered(queries(6_000, world, seed=1), truth)
    assert metrics.calibration_error(held.first, held.right) < 0.05
    assert np.mean(metrics.brier(held.first, held.right) - metrics.brier(best.first, best.right)) < 0.004


def test_the_curve_of_a_pair_is_that_of_a_logistic_regression():
    """Its score equations: what is believed comes true as often, and as much where log-odds are high."""
    kept = queries(400, World(candidates=8))
    steep, offset = pair_curve(kept)
    pairs = [(one.logits[one.same], np.delete(one.logits, one.same).max()) for one in kept if one.same is not None]
    values, same = np.array(pairs, np.float64).ravel(), np.tile([1.0, 0.0], len(pairs))
    off = 1 / (1 + np.exp(-steep * values - offset)) - same
    assert np.mean(off) == pytest.approx(0, abs=1e-3)
    assert np.mean(off * values) == pytest.approx(0, abs=1e-2)
    assert steep > 0.1


def test_a_shortlist_that_contradicts_itself_is_refused():
    row = np.float32([1, 2])
    for wrong in ({"same": 2}, {"same": 0, "different": (0,)}, {"same": 0, "carried": False}, {"same": -1}):
        with pytest.raises(ValueError, match=r"candidate|right"):
            Shortlist(row, **{"same": None, "item": "i", **wrong})
    with pytest.raises(ValueError, match="finite"):
        Shortlist(np.float32([np.nan]), None, "i")


def test_beyond_the_evidence_that_a_lookalike_has_more_of_it_is_worth_nothing():
    """Of every other item there is a twin in the shop that looks as much like it as the item itself."""
    world, rng = World(strength=7, spread=2), np.random.default_rng(8)
    asked = []
    for place, one in enumerate(queries(2_000, world)):
        twins = place // 2 % 2 and one.same is not None
        logits = one.logits.copy()
        if twins:
            logits[(one.same + 1) % len(logits)] = logits[one.same] + rng.normal(0, 1)
        asked.append(dataclasses.replace(one, logits=logits))
    found = fitted(asked[:1_000])
    assert found.ceiling is not None
    held = answered(asked[1_000:], found)
    top = held.carried >= np.quantile(held.carried, 0.7)
    free = fitted([dataclasses.replace(one, item=f"x{one.item}") for one in asked[:1_000]], prior=None)
    assert free.ceiling == found.ceiling
    assert np.mean(held.carried[top]) == pytest.approx(np.mean(held.present[top]), abs=0.05)
    high = np.full(3, found.ceiling + 5, np.float32) * found.temperature
    assert found.probabilities(high).carried == found.probabilities(high + 10).carried


def test_where_evidence_tells_the_truth_there_is_no_ceiling():
    assert fitted(queries(1_000, World(strength=7, spread=2))).ceiling is None

"""The judge finds what a signal is worth, and believes no signal that is worth nothing."""

from __future__ import annotations

import numpy as np
import pytest

from wearabouts.training.verifier import asking, judging
from wearabouts.training.verifier.asking import Asked
from wearabouts.training.verifier.kept import Kept
from wearabouts.verifiers.judge import SIGNALS

from .worlds import made_kept

CERTAIN = (0.25, 0.65)


def _asked(
    queries: int, seed: int = 0, *, weights: tuple[float, ...] = (6, 0, 0, 1.5, 0), photos: int = 1
) -> list[Asked]:
    """Queries whose right product is drawn by the logit of these weights; of the unsure, by the first alone."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(queries):
        count = rng.integers(1, photos + 1, 6)
        owner = np.repeat(np.arange(6), count)
        signals = rng.normal(size=(len(owner), len(SIGNALS))) * (0.2, 1, 1, 1, 0.3)
        sure = float(rng.random())
        s = judging.sureness(sure, CERTAIN)
        logits = signals[:, 0] * weights[0] + s * signals[:, 1:] @ np.array(weights[1:])
        logits = np.array([np.log(np.exp(logits[owner == p]).sum()) - np.log(count[p]) for p in range(6)])
        shares = np.exp(np.append(logits, 0.0))  # the last: beyond the shortlist
        right = int(rng.choice(7, p=shares / shares.sum()))
        right = right if right < 6 else -1
        made.append(Asked(n % 2, str(n), "shirt", sure, owner, right, signals.astype(np.float32)))
    return made


def test_the_weights_of_a_made_world_are_found() -> None:
    judge = judging.fit(_asked(3000), 1e-5, CERTAIN)
    assert judge.weights["similarity"] == pytest.approx(6, rel=0.2)
    assert judge.weights["similarity"] + judge.sure["similarity"] == pytest.approx(6, rel=0.2)
    assert {name for name, weight in judge.weights.items() if weight} == {"similarity"}  # of the unsure
    assert judge.weights["local"] + judge.sure["local"] == pytest.approx(1.5, rel=0.2)
    for name in ("pair", "own", "agreement"):
        assert judge.weights.get(name, 0) + judge.sure.get(name, 0) < 0.3


def test_no_weight_is_below_nothing_sure_or_not() -> None:
    judge = judging.fit(_asked(400, weights=(6, -2, -1, 1, -3)), 1e-3, CERTAIN)
    for name in SIGNALS:
        assert judge.weights.get(name, 0) >= 0
        assert judge.weights.get(name, 0) + judge.sure.get(name, 0) >= -1e-6


def test_log_odds_are_against_absent() -> None:
    """Asked with its item there and with it gone, the item is there on average as often as the log-odds say."""
    asked = _asked(1500)
    judge = judging.fit(asked, 1e-4, CERTAIN)
    there, gone = [], []
    for one in asked:
        logits = judging.logits(judge, one).astype(np.float64)
        there.append(np.exp(logits).sum() / (1 + np.exp(logits).sum()))
        left = np.delete(logits, one.right) if one.right >= 0 else logits
        gone.append(np.exp(left).sum() / (1 + np.exp(left).sum()))
    assert np.mean(there) + np.mean(gone) == pytest.approx(1, abs=0.1)


def test_several_photos_of_a_product_are_one_candidate() -> None:
    judge = judging.fit(_asked(2000, photos=5), 1e-4, CERTAIN)
    assert judge.views > 0.6  # drawn as a mean over views, which is a whole log n
    one = _asked(1, photos=5)[0]
    assert judging.logits(judge, one).shape == (6,)
    doubled = Asked(0, "0", "shirt", one.sure, np.repeat(one.owner, 2), one.right, np.repeat(one.signals, 2, axis=0))
    plain = judging.Weights(dict(judge.weights), judge.offset, 1.0, judge.sure, CERTAIN)
    assert np.allclose(judging.logits(plain, one), judging.logits(plain, doubled), atol=1e-5)


def test_sureness_goes_from_the_first_probability_to_the_second() -> None:
    assert [judging.sureness(p, CERTAIN) for p in (0.0, 0.25, 0.45, 0.65, 1.0)] == pytest.approx([0, 0, 0.5, 1, 1])


def test_shops_have_all_photos_and_the_first_alone() -> None:
    kept = made_kept(5)
    places = asking.shops(kept, 0, seed=0)
    assert [len(place.gallery) for place in places] == [5, 10]
    assert all(kept.street[place.queries].all() and len(place.queries) == 10 for place in places)
    assert len(asking.shops(kept, 4, seed=0)[0].queries) == 4


def test_products_are_ranked_by_their_best_photo() -> None:
    kept = made_kept(7)
    place = asking.shops(kept, 0, seed=0)[1]
    order = asking.ranked(kept, place)
    for row, query in zip(order, place.queries, strict=True):
        best = {
            item: (kept.vector[place.gallery[kept.item[place.gallery] == item]] @ kept.vector[query]).max()
            for item in row
        }
        assert [best[item] for item in row] == sorted(best.values(), reverse=True)
    found = asking.recalls(kept, place, order, (1, 3, 100))
    places = [list(row).index(kept.item[query]) for row, query in zip(order, place.queries, strict=True)]
    assert found == {1: np.mean([p < 1 for p in places]).round(4), 3: np.mean([p < 3 for p in places]).round(4), 7: 1.0}


def test_shop_pictures_of_training_groceries_stand_beside() -> None:
    train, calibrate = made_kept(6), made_kept(4, seed=1)
    train.source[train.item < 2] = 1
    both: Kept = asking.joined(calibrate, train)
    assert len(both) == len(calibrate) + 2 * 2
    assert not both.street[len(calibrate) :].any()
    assert (both.source[len(calibrate) :] == 1).all()
    assert np.array_equal(both.vector[: len(calibrate)], calibrate.vector)


def test_shortlists_for_a_calibration_hold_the_judges_log_odds() -> None:
    asked = _asked(200)
    judge = judging.fit(asked, 1e-3, CERTAIN)
    lists = judging.shortlists(judge, asked)
    assert [one.same for one in lists] == [one.right if one.right >= 0 else None for one in asked]
    assert np.array_equal(lists[3].logits, judging.logits(judge, asked[3]))
    share = np.mean([int(one.logits.argmax()) == one.same for one in lists])
    assert judging.first(judge, asked) == pytest.approx(share, abs=1e-4)

"""The second stage against plain loops: who is judged, in which order they come, and what their probabilities are."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fakes import DIM, ListStore, TinyEncoder, tiny_calibration
from wearabouts.calibration import Own
from wearabouts.catalog import Photo, Product
from wearabouts.errors import BundleError, StoreError
from wearabouts.search.verifying import FEW, StageTwo
from wearabouts.settings import SearchSettings
from wearabouts.stores import PhotoRecord, ProductRecord
from wearabouts.types import Ranking
from wearabouts.verifiers import Evidence, Layout
from wearabouts.verifiers.evidence import KIND
from wearabouts.verifiers.judge import pooled

NOTHING = Layout()
QUERY = np.eye(DIM, dtype=np.float32)[0]


class Second:
    """Judges by the second number of a vector alone, which the similarity to `QUERY` says nothing of."""

    name, hash, encoder_hash = "second", "second-1", TinyEncoder.hash
    signals = ("second",)
    shortlist = 5
    views = 1.0

    def __init__(self, layout=NOTHING, advance=lambda photos: None):
        self.layout, self.advance = layout, advance
        self.judged = []  # photos of each call
        self.given = []  # evidence of each call

    def weigh(self, query, shop, category=None):
        assert query.vectors.shape == (1, DIM)
        self.judged.append(len(shop))
        self.given.append(shop)
        self.advance(len(shop))
        return shop.vectors[:, 1:2]

    def logits(self, signals):
        return (10 * signals[:, 0]).astype(np.float32)

    def pooled(self, logits, products):
        return pooled(logits, products, self.views)


def vector(similarity, second):
    """A unit vector of that similarity to `QUERY`, and that second number."""
    rest = math.sqrt(max(1 - similarity**2 - second**2, 0))
    return np.array([similarity, second, rest, *[0] * (DIM - 3)], np.float32)


def shop(products, **beside):
    """A store of products: name → one (similarity, second) for each photo."""
    records = []
    for name, photos in products.items():
        rows = tuple(
            PhotoRecord(Photo(f"{name}/{i}", f"{name}-{i}.jpg"), f"{name}{i}", vector(*each), beside=beside)
            for i, each in enumerate(photos)
        )
        records.append(ProductRecord(Product(id=name, photos=tuple(row.photo for row in rows)), rows))
    return ListStore(records)


def random_shop(seed, count=30):
    generator = np.random.default_rng(seed)
    return {
        f"p{i}": [
            (float(generator.uniform(0.2, 0.8)), float(generator.uniform(-0.5, 0.5)))
            for _ in range(generator.integers(1, 5))
        ]
        for i in range(count)
    }


def naive(products, ranking, count, calibration, share):
    """Product → (log-odds, probability) of the first `count` products, and the rest, by plain loops."""
    first = list(dict.fromkeys(ranking.product_ids))[:count]
    odds = {}
    for name in first:
        mine = [10 * second for _, second in products[name]]
        odds[name] = math.log(sum(math.exp(each) for each in mine)) - math.log(len(mine))
    terms = {name: math.exp(each / calibration.temperature) for name, each in odds.items()}
    beyond = math.exp(calibration.beyond)
    absent = (1 - share) / share * math.exp(calibration.absent)
    total = sum(terms.values()) + beyond + absent
    return {name: (odds[name], terms[name] / total) for name in first}, 1 - absent / total


def verify(store, verifier=None, calibration=None, **settings):
    verifier = verifier or Second()
    calibration = calibration or tiny_calibration(verifier.hash, temperature=2.0, beyond=-1.0)
    stage = StageTwo(verifier, store, calibration, SearchSettings(**settings))
    return stage.verify(Evidence(QUERY[None]), store.search(QUERY, 10_000))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("judged", [1, 7, 30, 99])
def test_probabilities_and_order_are_those_of_plain_loops(seed, judged):
    products = random_shop(seed)
    store = shop(products)
    before = store.search(QUERY, 10_000)
    calibration = tiny_calibration(Second.hash, temperature=2.0, beyond=-1.0)
    after = verify(store, calibration=calibration, judged=judged, carried_share=0.3)
    expected, carried = naive(products, before, judged, calibration, 0.3)
    found = list(dict.fromkeys(after.product_ids))
    assert found[: len(expected)] == sorted(expected, key=lambda name: -expected[name][0])
    assert found[len(expected) :] == list(dict.fromkeys(before.product_ids))[judged:]
    assert after.carried == pytest.approx(carried, abs=1e-6)
    for name, logit, probability in zip(after.product_ids, after.logit, after.probability, strict=True):
        wanted = expected.get(name, (math.nan, math.nan))
        assert (float(logit), float(probability)) == pytest.approx(wanted, abs=1e-5, nan_ok=True)
    total = sum(dict(zip(after.product_ids, np.nan_to_num(after.probability).tolist(), strict=True)).values())
    assert total <= after.carried + 1e-6


def test_similarity_is_untouched_and_the_photos_are_the_same():
    store = shop(random_shop(3))
    before, after = store.search(QUERY, 10_000), verify(store)
    assert sorted(before.photo_ids) == sorted(after.photo_ids)
    assert before.photo_ids != after.photo_ids
    old = dict(zip(before.photo_ids, before.similarity.tolist(), strict=True))
    assert {**dict(zip(after.photo_ids, after.similarity.tolist(), strict=True))} == old
    owner = dict(zip(before.photo_ids, before.product_ids, strict=True))
    assert tuple(owner[photo] for photo in after.photo_ids) == after.product_ids


def test_a_shortlist_of_all_is_the_exhaustive_order():
    products = random_shop(4, 40)
    store = shop(products)
    odds = {name: [10 * second for _, second in photos] for name, photos in products.items()}
    everything = sorted(odds, key=lambda name: -pooled(np.array(odds[name]), [0] * len(odds[name]), 1.0)[0])
    exhaustive = verify(store, judged=40)
    assert list(dict.fromkeys(exhaustive.product_ids)) == everything
    assert not np.isnan(exhaustive.probability).any()
    assert verify(store, judged=1_000).photo_ids == exhaustive.photo_ids


def test_photos_of_a_product_stand_together_the_likeliest_first():
    after = verify(shop({"a": [(0.5, -0.2), (0.4, 0.3), (0.3, 0.1)], "b": [(0.45, 0.05)]}))
    assert after.photo_ids == ("a/1", "a/2", "a/0", "b/0")


def test_equal_products_keep_the_order_of_the_first_stage():
    after = verify(shop({"z": [(0.6, 0.1)], "a": [(0.5, 0.1)], "m": [(0.4, 0.1)]}))
    assert after.product_ids == ("z", "a", "m")


@pytest.mark.parametrize("seed", range(4))
def test_more_for_one_photo_never_lowers_its_product(seed):
    generator = np.random.default_rng(seed)
    products = random_shop(seed, 12)
    name = f"p{generator.integers(12)}"
    place, share, carried = 99, -1.0, -1.0
    for second in np.linspace(-0.5, 0.5, 11):
        similarity = products[name][0][0]
        changed = {**products, name: [(similarity, float(second)), *products[name][1:]]}
        after = verify(shop(changed), judged=12)
        found = list(dict.fromkeys(after.product_ids)).index(name)
        probability = float(after.probability[after.product_ids.index(name)])
        assert found <= place
        assert probability > share
        assert after.carried > carried
        place, share, carried = found, probability, after.carried


def test_one_strong_view_wins_and_many_views_are_no_advantage_by_themselves():
    strong = verify(shop({"even": [(0.7, 0.1), (0.6, 0.1)], "strong": [(0.5, 0.5), (0.4, -0.4)]}))
    assert strong.product_ids[0] == "strong"
    crowd = verify(shop({"crowd": [(0.7, 0.1)] * 4, "single": [(0.5, 0.1)]}))
    assert crowd.logit.tolist() == pytest.approx([1.0] * 5, abs=1e-5)
    more = Second()
    more.views = 0.0
    assert verify(shop({"single": [(0.7, 0.1)], "crowd": [(0.5, 0.1)] * 4}), more).product_ids[0] == "crowd"


def test_the_categorys_own_curve_counts():
    store = shop(random_shop(5, 5))
    calibration = tiny_calibration(
        Second.hash, own={"dress": Own(temperature=4.0, absent=1.0, beyond=-2.0, labels=50)}, temperature=0.5
    )
    stage = StageTwo(Second(), store, calibration)
    ranking = store.search(QUERY, 100)
    general, dress = (stage.verify(Evidence(QUERY[None]), ranking, kind) for kind in ("shoes", "dress"))
    assert general.photo_ids == dress.photo_ids
    assert general.probability[0] > dress.probability[0]


def test_without_a_calibration_log_odds_order_and_no_probability_is_given():
    store = shop(random_shop(6))
    after = StageTwo(Second(), store).verify(Evidence(QUERY[None]), store.search(QUERY, 100))
    assert (after.probability, after.carried) == (None, None)
    judged = after.logit[~np.isnan(after.logit)]
    assert len(judged)
    assert np.all(np.diff(judged) <= 0)


def test_nothing_to_judge_is_given_back():
    store, empty = shop({"a": [(0.5, 0.1)]}), Ranking((), (), np.zeros(0, np.float32))
    stage = StageTwo(Second(), store, settings=SearchSettings(judged=0))
    ranking = store.search(QUERY, 5)
    assert stage.verify(Evidence(QUERY[None]), ranking) is ranking
    assert StageTwo(Second(), store).verify(Evidence(QUERY[None]), empty) is empty


@pytest.mark.parametrize("kept", [{}, {KIND: b"\0" * 3}])
def test_a_photo_whose_evidence_is_missing_is_not_judged_by_zeros(kept):
    judge = Second(Layout(labels=3))
    store = shop({"a": [(0.5, -0.1)], "b": [(0.4, 0.3)]}, **kept)
    if kept:
        assert verify(store, judge).product_ids == ("b", "a")
        assert judge.given[0].labels.shape == (2, 3)
    store.records["a"].photos[0].beside.pop(KIND, None)
    after = verify(store, judge)
    assert (after.product_ids, after.logit, after.probability) == (("a", "b"), None, None)


def test_evidence_of_another_model_is_refused_with_the_command():
    store = shop({"a": [(0.5, 0.1)]}, **{KIND: b"\0" * 4})
    with pytest.raises(StoreError, match="--rebuild"):
        verify(store, Second(Layout(labels=3)))


def test_a_photo_removed_meanwhile_is_left_out():
    store = shop({"a": [(0.6, -0.1)], "b": [(0.5, 0.3), (0.45, 0.2)], "c": [(0.4, 0.1)]})
    ranking = store.search(QUERY, 10)
    del store.records["b"]
    after = StageTwo(Second(), store, tiny_calibration(Second.hash)).verify(Evidence(QUERY[None]), ranking)
    assert after.photo_ids == ("c/0", "a/0")
    assert not np.isnan(after.probability).any()


def test_a_judge_that_gives_no_numbers_is_refused():
    judge = Second()
    judge.logits = lambda signals: np.full(len(signals), np.nan, np.float32)
    with pytest.raises(BundleError, match="no number"):
        verify(shop({"a": [(0.5, 0.1)]}), judge)


class Time:
    """A clock that stands still until it is told otherwise."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def paced(milliseconds, budget, products=40):
    """A stage whose judge takes so long for each photo, over products of three photos each."""
    clock = Time()

    def advance(photos):
        clock.now += photos * milliseconds / 1000

    judge = Second(advance=advance)
    store = shop({f"p{i:02}": [(0.8 - i / 100, 0.1)] * 3 for i in range(products)})
    stage = StageTwo(judge, store, settings=SearchSettings(judged=30, budget_ms=budget), clock=clock)
    ranking = store.search(QUERY, 1_000)
    return judge, lambda: stage.verify(Evidence(QUERY[None]), ranking)


def test_a_budget_judges_as_many_products_as_it_pays_for_once_the_pace_is_known():
    judge, once = paced(1.0, 31.0)
    ranked = [once() for _ in range(3)]
    assert judge.judged == [90, 30, 30]  # 31 ms are 31 photos: ten whole products
    assert int(np.count_nonzero(~np.isnan(ranked[-1].logit))) == 30


@pytest.mark.parametrize(("milliseconds", "photos"), [(0.01, 90), (0.5, 60), (2.0, 15), (100.0, 3)])
def test_a_slower_judge_judges_fewer_and_never_none(milliseconds, photos):
    judge, once = paced(milliseconds, 31.0)
    once()
    once()
    assert judge.judged[1] == photos


def test_a_slow_moment_passes():
    judge, once = paced(0.5, 32.0)
    once()
    pace, judge.advance = judge.advance, lambda photos: pace(photos * 1_000)
    once()  # as if the machine had been busy
    judge.advance = pace
    for _ in range(3):
        once()
    assert judge.judged[-1] == 63  # 32 ms at half a millisecond: 64 photos, 21 products of three


def test_judging_few_photos_does_not_make_them_seem_dear():
    clock = Time()
    judge = Second()
    judge.advance = lambda photos: setattr(clock, "now", clock.now + 0.010)  # ten milliseconds, however many
    store = shop({f"p{i:02}": [(0.8 - i / 100, 0.1)] for i in range(40)})
    stage = StageTwo(judge, store, settings=SearchSettings(judged=40, budget_ms=10.0), clock=clock)
    stage.verify(Evidence(QUERY[None]), store.search(QUERY, 1))
    stage.verify(Evidence(QUERY[None]), store.search(QUERY, 40))
    assert judge.judged == [1, FEW]


def test_no_budget_judges_all_that_is_set_however_slow():
    judge, once = paced(100.0, None)
    once()
    once()
    assert judge.judged == [90, 90]


def test_threads_share_one_stage():
    products = random_shop(8, 60)
    store = shop(products)
    stage = StageTwo(Second(), store, tiny_calibration(Second.hash), SearchSettings(judged=20, budget_ms=1e6))
    ranking = store.search(QUERY, 1_000)

    def once(_):
        return stage.verify(Evidence(QUERY[None]), ranking)

    expected = once(0)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(once, range(64)):
            assert found.photo_ids == expected.photo_ids
            np.testing.assert_array_equal(found.probability, expected.probability)


def test_another_encoders_verifier_and_another_verifiers_calibration_are_refused():
    judge, store = Second(), shop({"a": [(0.5, 0.1)]})
    with pytest.raises(BundleError, match="fitted on the verifier other"):
        StageTwo(judge, store, tiny_calibration("other"))
    judge.encoder_hash = "another"
    with pytest.raises(StoreError, match="index --rebuild"):
        StageTwo(judge, store)


class Halved:
    """What of a pair network the search asks about."""

    half_kind, hidden = "half-0", 2


def test_kept_halves_are_given_to_the_judge_and_missing_ones_not_asked_for_again():
    judge = Second()
    judge.pairs = Halved()
    kept = np.array([0.5, -2.0], "<f2").tobytes()
    store = shop({"a": [(0.5, 0.1)], "b": [(0.4, 0.2)]}, **{"half-0": kept})
    verify(store, judge)
    assert judge.given[0].halves.tolist() == [[0.5, -2.0]] * 2
    bare = shop({"a": [(0.5, 0.1)], "b": [(0.4, 0.2)]})
    stage = StageTwo(judge, bare)
    for _ in range(3):
        stage.verify(Evidence(QUERY[None]), bare.search(QUERY, 10))
    assert judge.given[-1].halves is None
    assert bare.asked == [(2, "half-0")]

"""What a search says with a second stage: verdict and reason, what is shown and hidden, whose calibration counts."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from fakes import ListStore, TinyEncoder, TinyGarmentEncoder, TinyJudge, TinyTextEncoder, tiny_calibration
from test_search import BLUE, GREEN, RED, flat, png, product, shades
from wearabouts.calibration import Cut
from wearabouts.errors import BundleError, QueryError, StoreError
from wearabouts.search import NOTE, Searcher, answer_json, compare_photos
from wearabouts.search.verdicts import decided
from wearabouts.settings import SearchSettings
from wearabouts.stores import open_store
from wearabouts.types import REASONS, Encoding
from wearabouts.verifiers.evidence import KIND, packed, seen

BLACK, GREY = (10, 10, 10), (150, 150, 150)
COLOURS = {"red": RED, "green": GREEN, "blue": BLUE, "black": BLACK, "grey": GREY}


def told(products, carried=0.9, precision=0.95, **changed):
    return decided(products, carried, tiny_calibration(**changed), precision)


@pytest.mark.parametrize(
    ("products", "carried", "verdict", "reason"),
    [
        ([0.9, 0.02], 0.95, "same", "sure"),
        ([0.85], 0.85, "same", "sure"),
        ([0.84, 0.02], 0.9, "similar", "doubtful"),
        ([0.45, 0.4, 0.01], 0.9, "similar", "alike"),
        ([0.45, 0.2, 0.2], 0.9, "similar", "doubtful"),
        ([0.2, 0.15, 0.12], 0.5, "similar", "doubtful"),
        ([0.2, 0.1], 0.39, "not_carried", "unlike"),
        ([], 0.9, "not_carried", "empty"),
    ],
)
def test_the_verdict_and_its_reason(products, carried, verdict, reason):
    outcome = told(products, carried)
    assert (outcome.verdict, outcome.reason) == (verdict, reason)
    assert reason in REASONS
    assert outcome.carried == (carried if products else 0.0)
    assert (outcome.precision, outcome.threshold) == (0.95, 0.85)


def test_a_kind_that_the_shop_has_not_is_the_reason_where_it_is_one():
    assert decided([0.1], 0.2, tiny_calibration(), 0.95, of_kind=False).reason == "other_kind"
    assert decided([0.9], 0.95, tiny_calibration(), 0.95, of_kind=False).reason == "sure"


def test_no_probability_is_enough_for_a_precision_that_no_cut_has():
    outcome = told([0.9999], 0.9999, 0.999)
    assert (outcome.verdict, outcome.threshold) == ("similar", None)
    assert told([0.9999], 0.9999, 0.95, cuts=()).verdict == "similar"


def test_a_higher_precision_never_says_same_where_a_lower_one_does_not():
    for first in np.linspace(0.05, 1, 30):
        levels = told([float(first)], 0.99).levels
        assert [level.precision for level in levels] == [0.5, 0.8, 0.9, 0.95, 0.99, 0.999]
        same = [level.verdict == "same" for level in levels]
        assert same == sorted(same, reverse=True)
        for level in levels:  # each is what would be said were that precision asked for
            asked = told([float(first)], 0.99, level.precision)
            assert (asked.threshold, asked.verdict, asked.reason) == (level.threshold, level.verdict, level.reason)


def colour_shop(encoder, names=tuple(COLOURS)):
    return ListStore([product(encoder, name, flat(COLOURS[name])) for name in names], encoder.hash)


def verified(store, calibration=None, encoder=None, judge=None, **settings):
    encoder = encoder or TinyEncoder()
    judge = judge or TinyJudge(encoder)
    calibration = calibration or tiny_calibration(judge.hash)
    return Searcher(encoder, store, verifier=judge, calibration=calibration, settings=SearchSettings(**settings))


def test_the_item_is_found_and_said_to_be_the_same(tiny_encoder):
    answer = verified(colour_shop(tiny_encoder)).search(png(flat(RED)), 3)
    assert (answer.verdict, answer.reason, answer.matches[0].product["id"]) == ("same", "sure", "red")
    assert answer.matches[0].similarity == pytest.approx(1, abs=1e-5)
    # alone of its like: exp(2 / .5) against absent's 1 and beyond's exp(-8)
    assert answer.matches[0].probability == pytest.approx(np.exp(4) / (np.exp(4) + 1), abs=1e-3)
    assert answer.carried == pytest.approx(answer.matches[0].probability, abs=1e-3)
    assert (answer.precision, answer.threshold, answer.own_labels) == (0.95, 0.85, False)
    assert answer.calibrated_on == "200 drawn colour patches"
    assert set(answer.timings) == {"decode", "encode", "search", "verify", "fetch", "total"}
    plain = json.loads(json.dumps(answer_json(answer), allow_nan=False))
    assert (plain["verdict"], plain["levels"][3]["verdict"]) == ("same", "same")


def test_the_item_taken_out_of_the_shop_is_not_carried_and_shown_only_when_asked(tiny_encoder):
    store = colour_shop(tiny_encoder)
    del store.records["red"]
    searcher = verified(store)
    answer = searcher.search(png(flat(RED)), 3)
    assert (answer.verdict, answer.reason, answer.matches, answer.hidden) == ("not_carried", "unlike", (), 3)
    assert answer.carried < 0.4
    assert answer.notes == ("this model knows no garments: every kind is compared",)
    tail = searcher.search(png(flat(RED)), 3, tail=True)
    assert (tail.verdict, len(tail.matches), tail.hidden) == ("not_carried", 3, 0)
    assert [match.probability for match in tail.matches] == sorted(
        (match.probability for match in tail.matches), reverse=True
    )


def test_who_is_sure_that_the_shop_carries_it_is_told_of_the_nearest(tiny_encoder):
    store = colour_shop(tiny_encoder)
    del store.records["red"]
    answer = verified(store, carried_share=1.0).search(png(flat(RED)), 3)
    assert answer.verdict != "not_carried"
    assert answer.carried == 1


def test_the_tail_is_hidden_and_counted_and_shown_when_asked(tiny_encoder):
    searcher = verified(colour_shop(tiny_encoder))
    short, whole = (searcher.search(png(flat(RED)), 4, tail=tail) for tail in (False, True))
    assert ([match.product["id"] for match in short.matches], short.hidden) == (["red"], 3)
    assert (len(whole.matches), whole.hidden) == (4, 0)
    assert whole.matches[0] == short.matches[0]
    assert all(match.probability < 0.02 * whole.matches[0].probability for match in whole.matches[1:])
    assert len(verified(colour_shop(tiny_encoder), tail_share=0.0).search(png(flat(RED)), 4).matches) == 4


def test_products_too_much_alike_share_the_probability(tiny_encoder):
    store = ListStore([product(tiny_encoder, name, flat(RED)) for name in ("a", "b")])
    answer = verified(store).search(png(flat(RED)), 2)
    assert (answer.verdict, answer.reason) == ("similar", "alike")
    assert [match.probability for match in answer.matches] == pytest.approx([0.495] * 2, abs=0.01)


def test_a_higher_precision_says_same_less_often(tiny_encoder):
    reds = shades(30)
    store = ListStore([product(tiny_encoder, f"p{step}", reds[step]) for step in range(0, 30, 3)])
    searcher = verified(store, tiny_calibration(temperature=0.02))
    said = [
        sum(searcher.search(png(photo), precision=precision).verdict == "same" for photo in reds)
        for precision in (0.51, 0.8, 0.95, 0.99, 0.999)
    ]
    assert said == sorted(said, reverse=True)
    assert said[0] > said[3] > said[-1] == 0


@pytest.mark.parametrize("precision", [0.49, 0.0, 0.9991, 1.0, float("nan")])
def test_a_precision_that_cannot_be_meant_is_refused(tiny_encoder, precision):
    with pytest.raises(QueryError, match=r"give a number from 0\.5 to 0\.999"):
        verified(colour_shop(tiny_encoder)).search(b"not even looked at", precision=precision)


def test_the_settings_precision_counts_where_none_is_asked(tiny_encoder):
    answer = verified(colour_shop(tiny_encoder), precision=0.99).search(png(flat(RED)))
    assert (answer.precision, answer.threshold, answer.verdict) == (0.99, 0.97, "same")


def test_without_a_verifier_or_with_none_judged_all_is_as_it_was(tiny_encoder):
    store = colour_shop(tiny_encoder)
    plain = Searcher(tiny_encoder, store).search(png(flat(RED)), 3)
    off = verified(store, judged=0).search(png(flat(RED)), 3)
    assert replace(plain, timings={}) == replace(off, timings={})
    assert (plain.verdict, plain.reason, plain.carried, plain.levels, plain.hidden) == (None, "", None, (), 0)
    assert [match.probability for match in plain.matches] == [None] * 3
    assert verified(store, judged=0).stage_two is None


def test_more_like_this_and_words_have_no_verdict():
    encoder = TinyTextEncoder()
    searcher = verified(labelled(encoder, {"red": RED, "green": GREEN, "blue": BLUE}), encoder=encoder)
    answers = [
        searcher.similar("red"),
        searcher.search_text("red"),
        searcher.search(png(flat(RED)), text="blue"),
    ]
    assert [(answer.verdict, answer.matches[0].probability) for answer in answers] == [(None, None)] * 3
    assert searcher.search(png(flat(RED))).verdict == "same"


def labelled(encoder, colours):
    """A shop whose store keeps the evidence that the judge of an encoder with labels wants."""
    records = []
    for name, colour in colours.items():
        record = product(encoder, name, flat(colour), garment=name.split("-")[0])
        value = packed(seen(encoder.encode([flat(colour)])))[0]
        records.append(replace(record, photos=tuple(replace(each, beside={KIND: value}) for each in record.photos)))
    return ListStore(records, encoder.hash)


class Reversed(TinyJudge):
    """Finds the least similar the likeliest."""

    def logits(self, signals):
        return -super().logits(signals)


def test_as_many_products_are_judged_as_the_model_says_though_fewer_are_asked_for(tiny_encoder):
    store = colour_shop(tiny_encoder)
    judge = Reversed(tiny_encoder)
    plain = Searcher(tiny_encoder, store).search(png(flat(RED)), 5)
    answer = verified(store, judge=judge).search(png(flat(RED)), 1)
    assert [match.product["id"] for match in answer.matches] == [plain.matches[-1].product["id"]]
    assert judge.calls == [(5, None)]
    assert answer.matches[0].similarity == plain.matches[-1].similarity


def test_what_is_asked_for_beyond_the_shortlist_comes_unjudged_and_only_with_the_tail(tiny_encoder):
    store = colour_shop(tiny_encoder)
    plain = Searcher(tiny_encoder, store).search(png(flat(RED)), 5)
    searcher = verified(store, judge=Reversed(tiny_encoder), judged=2)
    whole = searcher.search(png(flat(RED)), 5, tail=True)
    order = [match.product["id"] for match in plain.matches]
    assert [match.product["id"] for match in whole.matches] == [order[1], order[0], *order[2:]]
    assert [match.probability is None for match in whole.matches] == [False, False, True, True, True]
    short = searcher.search(png(flat(RED)), 5)
    assert {match.product["id"] for match in short.matches} <= set(order[:2])
    assert short.hidden == 5 - len(short.matches)


def test_a_product_is_judged_by_photos_that_the_first_stage_did_not_list(tiny_encoder):
    crowd = [product(tiny_encoder, f"c{i}", photo) for i, photo in enumerate(shades(12)[1:])]
    both = product(tiny_encoder, "both", flat(RED), flat(GREEN))
    judge = Reversed(tiny_encoder)
    answer = verified(ListStore([both, *crowd]), judge=judge).search(png(flat(RED)), 1)
    assert judge.calls == [(11, None)]  # ten products, of which one has a second photo far away
    assert (answer.matches[0].product["id"], answer.matches[0].photo_id) == ("both", "both/1")


def test_soft_restriction_fills_the_shortlist_and_hard_does_not():
    encoder = TinyGarmentEncoder()
    store = labelled(encoder, {"dress-a": (190, 80, 80), "dress-b": (180, 90, 90), "pants-red": RED, "shoes": BLUE})
    judge = TinyJudge(encoder)
    searcher = verified(store, encoder=encoder, judge=judge, tail_share=0.0)
    soft = searcher.search(png(flat(RED)), 2)
    assert soft.matches[0].product["id"] == "pants-red"  # likelier, though the feed calls it something else
    assert soft.notes == ()
    hard = searcher.search(png(flat(RED)), 2, category="hard", tail=True)
    assert [match.product["id"] for match in hard.matches] == ["dress-a", "dress-b"]
    assert judge.calls == [(4, "dress"), (2, "dress")]


def test_a_kind_that_the_shop_does_not_have_is_told():
    encoder = TinyGarmentEncoder()
    searcher = verified(labelled(encoder, {"shoes": BLUE, "pants": GREEN}), encoder=encoder)
    answer = searcher.search(png(flat(RED)))
    assert (answer.verdict, answer.reason) == ("not_carried", "other_kind")
    empty = searcher.search(png(flat(RED)), category="hard")
    assert (empty.verdict, empty.reason, empty.carried, empty.hidden) == ("not_carried", "empty", 0.0, 0)
    assert empty.notes


def test_a_store_without_evidence_answers_by_similarity_and_says_what_to_do():
    encoder = TinyGarmentEncoder()
    store = colour_shop(encoder)
    answer = verified(store, encoder=encoder).search(png(flat(RED)), 3, category="off")
    assert (answer.verdict, answer.matches[0].product["id"]) == (None, "red")
    assert len(answer.matches) == 3
    assert "`wearabouts index`" in answer.notes[-1]


def test_without_calibration_the_order_is_the_judges_and_no_probability_is_made_up(tiny_encoder):
    store = colour_shop(tiny_encoder)
    judge = Reversed(tiny_encoder)
    answer = Searcher(tiny_encoder, store, verifier=judge).search(png(flat(RED)), 2)
    plain = Searcher(tiny_encoder, store).search(png(flat(RED)), 5)
    assert answer.matches[0].product["id"] == plain.matches[-1].product["id"]
    assert (answer.verdict, answer.matches[0].probability) == (None, None)
    assert "no calibration" in answer.notes[-1]


def test_the_shops_own_calibration_counts_from_the_moment_it_is_written(tiny_encoder):
    store = colour_shop(tiny_encoder)
    searcher = verified(store)
    own = tiny_calibration(calibrated_on="40 labels of this shop", own_labels=True, temperature=5.0)
    before = searcher.search(png(flat(RED)))
    store.write_note(NOTE, own.model_dump(mode="json"))
    after = searcher.search(png(flat(RED)))
    assert (after.calibrated_on, after.own_labels) == ("40 labels of this shop", True)
    assert after.matches[0].probability < before.matches[0].probability
    assert searcher.compare(png(flat(RED)), png(flat(RED))).calibrated_on == "40 labels of this shop"
    store.write_note(NOTE, {**own.model_dump(mode="json"), "calibrated_on": "41 labels"})
    assert searcher.search(png(flat(RED))).calibrated_on == "41 labels"
    store.write_note(NOTE, None)
    last = searcher.search(png(flat(RED)))
    assert replace(last, timings={}) == replace(before, timings={})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (tiny_calibration("older", calibrated_on="labels").model_dump(mode="json"), "of another model"),
        ({"verifier": "tiny-judge-1", "calibrated_on": "x", "temperature": -1}, "cannot be read .temperature"),
        ({}, "cannot be read"),
    ],
)
def test_a_calibration_of_the_shop_that_does_not_fit_is_ignored_and_told(tiny_encoder, facts, said):
    store = colour_shop(tiny_encoder)
    searcher = verified(store)
    before = searcher.search(png(flat(RED)))
    store.write_note(NOTE, facts)
    for _ in range(2):
        answer = searcher.search(png(flat(RED)))
        assert answer.matches == before.matches
        assert (answer.calibrated_on, answer.own_labels) == (before.calibrated_on, False)
        assert said.split(" .")[0] in answer.notes[-1]
        assert "wearabouts calibrate" in answer.notes[-1]
        assert "--forget" in answer.notes[-1]


def test_parts_of_different_models_are_refused(tiny_encoder):
    store = colour_shop(tiny_encoder)
    with pytest.raises(StoreError, match="index --rebuild"):
        Searcher(tiny_encoder, store, verifier=TinyJudge(TinyGarmentEncoder))
    with pytest.raises(BundleError, match="export the model again"):
        verified(store, tiny_calibration("another"))
    photo = (png(flat(RED)), None)
    with pytest.raises(BundleError, match="both of one bundle"):
        compare_photos(tiny_encoder, photo, photo, verifier=TinyJudge(TinyGarmentEncoder))
    with pytest.raises(BundleError, match="export the model again"):
        compare_photos(tiny_encoder, photo, photo, verifier=TinyJudge(), calibration=tiny_calibration("another"))


def test_comparing_tells_the_probability_of_the_pair(tiny_encoder):
    judge, calibration = TinyJudge(tiny_encoder), tiny_calibration()
    red, near, blue = (png(photo) for photo in (flat(RED), shades(9)[8], flat(BLUE)))
    searcher = verified(colour_shop(tiny_encoder), judge=judge)
    found = searcher.compare(red, near)
    expected = calibration.of_pair(20 * (found.similarity - 0.9))
    assert found.probability == pytest.approx(expected, abs=1e-4)
    assert found.calibrated_on == "200 drawn colour patches"
    assert set(found.timings) == {"decode", "encode", "verify", "total"}
    assert searcher.compare(red, red).probability > found.probability > searcher.compare(red, blue).probability
    alone = compare_photos(tiny_encoder, (red, None), (near, None), verifier=judge, calibration=calibration)
    assert replace(alone, timings={}) == replace(found, timings={})
    bare = compare_photos(tiny_encoder, (red, None), (near, None), verifier=judge)
    assert (bare.probability, bare.calibrated_on) == (None, "")
    assert bare.similarity == found.similarity


class TwoTowers(TinyEncoder):
    """The shop's tower turns the vector round."""

    hash = "two-towers-1"

    def encode(self, photos, side="shop"):
        vectors = super().encode(photos, side).vectors
        return Encoding(vectors if side == "street" else -vectors)


def test_with_two_towers_the_second_photo_is_the_shops():
    encoder = TwoTowers()
    judge = TinyJudge(encoder)
    photo = (png(flat(RED)), None)
    found = compare_photos(encoder, photo, photo, verifier=judge, calibration=tiny_calibration())
    assert found.similarity == pytest.approx(1, abs=1e-5)
    assert found.probability < 1e-6


def test_one_tower_encodes_each_photo_once_after_the_first_comparison(tiny_encoder):
    searcher = verified(colour_shop(tiny_encoder))
    searcher.compare(png(flat(RED)), png(flat(BLUE)))
    tiny_encoder.calls.clear()
    encoder = searcher.encoder
    encoder.calls.clear()
    searcher.compare(png(flat(RED)), png(flat(BLUE)))
    assert encoder.calls == [2]


def test_what_stands_behind_an_answer_is_given_to_those_who_fit_and_measure(tiny_encoder):
    store = ListStore([product(tiny_encoder, name, flat(colour), flat(GREY)) for name, colour in COLOURS.items()])
    searcher = verified(store)
    judged = searcher.judged(png(flat(RED)))
    answer = searcher.search(png(flat(RED)), 5, tail=True)
    assert [hit.product_id for hit in judged.hits] == [match.product["id"] for match in answer.matches]
    assert [hit.probability for hit in judged.hits] == [match.probability for match in answer.matches]
    assert len(judged.ranking) == 10
    assert judged.outcome.verdict == answer.verdict
    assert judged.ranking.logit[0] == pytest.approx(2 - np.log(2), abs=1e-3)  # one of two photos is the very photo
    with pytest.raises(QueryError, match="no second stage"):
        Searcher(tiny_encoder, store).judged(png(flat(RED)))


def test_threads_share_one_searcher(tiny_encoder):
    store = ListStore([product(tiny_encoder, f"p{step}", photo) for step, photo in enumerate(shades(20))])
    searcher = verified(store, tiny_calibration(temperature=0.05, cuts=(Cut(precision=0.95, probability=0.3),)))
    photos = [png(photo) for photo in shades(20)]
    alone = [replace(searcher.search(photo), timings={}) for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda photo: replace(searcher.search(photo), timings={}), photos * 4))
    assert together == alone * 4


def test_searches_are_answered_while_products_come_and_go(tmp_path):
    encoder = TinyGarmentEncoder()
    names = {f"dress-{step}": tuple(int(value) for value in photo[0, 0]) for step, photo in enumerate(shades(12))}
    records = list(labelled(encoder, names).records.values())
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    store.upsert(records)
    searcher = verified(store, tiny_calibration(temperature=0.05), encoder=encoder, tail_share=0.0, judged=12)
    stop = Event()

    def change():
        while not stop.is_set():
            store.delete([record.product.id for record in records[::2]])
            store.upsert(records[::2])

    def ask(_):
        answer = searcher.search(png(flat(RED)), 12)
        shares = [match.probability for match in answer.matches]
        assert answer.verdict is not None
        assert shares == sorted(shares, reverse=True)
        return len(answer.matches)

    with ThreadPoolExecutor(4) as pool:
        writer = pool.submit(change)
        try:
            found = list(pool.map(ask, range(60)))
        finally:
            stop.set()
        writer.result()
    assert min(found) >= 6
    assert ask(0) == 12
    store.close()

"""The live recall probe: what it counts, when it asks, what it does about too little, and that it keeps no query."""

from __future__ import annotations

import gc
import threading
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from wearabouts.stores.embedded.living import probe as probing
from wearabouts.stores.embedded.living.probe import Probe, interval
from wearabouts.types import Ranking


def ranked(similarities):
    names = tuple(f"{place}" for place in range(len(similarities)))
    return Ranking(names, names, np.asarray(similarities, np.float32))


def view(generation=1):
    return SimpleNamespace(base=SimpleNamespace(generation=generation))


class Truth:
    """Answers exactly, and tells when it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.questions = []
        self.asked = threading.Semaphore(0)

    def __call__(self, question):
        self.questions.append(weakref.ref(question))
        self.asked.release()
        return self.answer


@pytest.fixture(autouse=True)
def all_and_without_rest(monkeypatch):
    monkeypatch.setattr(probing, "SAMPLED", 1)
    monkeypatch.setattr(probing, "SHARE", 1.0)


def ask(probe, truth, found, generation=1, times=1):
    query = np.ones(4, np.float32)
    for _ in range(times):
        before = probe.described()["queries"], probe.effort
        while probe._busy:
            probe._chore.ending.wait(0.001)
        probe.consider(view(generation), query, 50, None, (), ranked(found))
        assert truth.asked.acquire(timeout=10)
        while probe._busy:
            probe._chore.ending.wait(0.001)
        assert (probe.described()["queries"], probe.effort) != before or before[0] == probing.KEPT


def test_recall_is_the_share_of_the_true_nearest_that_were_found():
    true = np.linspace(0.9, 0.5, 40)
    truth = Truth(ranked(true))
    probe = Probe(truth)
    ask(probe, truth, true)
    assert probe.described()["recall"] == 1.0
    ask(probe, truth, np.delete(true, [3, 7]))  # the nearest 20 it gave hold 18 of the true 20
    assert probe.described() | {"low": None, "high": None} == {
        "at": 20, "queries": 2, "goal": 0.99, "effort": 1.0, "recall": 0.95, "low": None, "high": None,
    }  # fmt: skip
    ask(probe, truth, true[:5])
    assert probe.described()["recall"] == pytest.approx((20 + 18 + 5) / 60, abs=1e-5)
    probe.close()


def test_one_of_several_equal_photos_is_as_good_as_another():
    truth = Truth(ranked([0.9, *[0.8] * 30]))
    probe = Probe(truth)
    ask(probe, truth, [0.9, *[0.8] * 19])
    assert probe.described()["recall"] == 1.0
    probe.close()


def test_a_short_answer_counts_for_as_many_as_there_are():
    truth = Truth(ranked([0.9, 0.8, 0.7]))
    probe = Probe(truth)
    ask(probe, truth, [0.9, 0.7])
    assert probe.described()["recall"] == pytest.approx(2 / 3, abs=1e-5)
    probe.close()


def test_too_little_makes_searches_look_further_and_a_new_generation_begins_again(caplog):
    true = np.linspace(0.9, 0.5, 20)
    truth = Truth(ranked(true))
    probe = Probe(truth, goal=0.95)
    ask(probe, truth, true[2:], times=probing.ENOUGH - 1)
    assert probe.effort == 1.0
    ask(probe, truth, true[2:])
    assert probe.effort == probing.WIDER
    assert "recall at 20 is 0.9000, under the goal of 0.9500: searches look 1.50 times as far" in caplog.text
    assert probe.described()["queries"] == 0  # what was answered before says nothing of what is answered now
    ask(probe, truth, true, times=probing.ENOUGH + 5)
    assert probe.effort == probing.WIDER
    ask(probe, truth, true, generation=2)
    assert (probe.effort, probe.described()["queries"]) == (1.0, 1)
    for _ in range(20):
        ask(probe, truth, true[10:], generation=2, times=probing.ENOUGH)
    assert probe.effort == probing.WIDEST
    probe.close()


def test_one_search_in_so_many_and_none_while_one_is_asked(monkeypatch):
    monkeypatch.setattr(probing, "SAMPLED", 4)
    release = threading.Event()
    asked = []

    def slowly(question):
        asked.append(question.count)
        assert release.wait(10)
        return ranked([0.9])

    probe = Probe(slowly)
    for count in range(1, 21):
        probe.consider(view(), np.ones(4, np.float32), count, None, (), ranked([0.9]))
    release.set()
    probe.close()
    assert asked == [4]


def test_nothing_of_a_query_stays():
    truth = Truth(ranked([0.9]))
    probe = Probe(truth)
    query = np.ones(4, np.float32)
    kept = weakref.ref(query)
    probe.consider(view(), query, 5, "price < 5", ("dress",), ranked([0.9]))
    del query
    probe.close()
    gc.collect()
    assert kept() is None
    assert [question() for question in truth.questions] in ([], [None])


def test_an_error_ends_nothing(caplog):
    true = ranked([0.9])
    answers = iter([ValueError("odd"), true])

    def sometimes(question):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    probe = Probe(sometimes)
    for _ in range(2):
        probe.consider(view(), np.ones(4, np.float32), 5, None, (), true)
        while probe._busy:
            probe._chore.ending.wait(0.001)
    assert probe.described()["queries"] == 1
    assert "odd" in caplog.text
    probe.close()


class TestInterval:
    def test_independent_misses_give_wilson_s_interval(self):
        # 10 of 100 missed, one each: with n = 100, p = .9 Wilson gives (.8256, .9448).
        share, low, high = interval([(1, 1)] * 90 + [(0, 1)] * 10)
        assert share == 0.9
        assert (low, high) == (pytest.approx(0.8256, abs=1e-4), pytest.approx(0.9448, abs=1e-4))

    def test_neighbours_that_are_missed_together_count_as_one(self):
        # The same share, but each query wholly found or wholly missed: as wide as with one neighbour a query.
        together = interval([(20, 20)] * 90 + [(0, 20)] * 10)
        assert together == pytest.approx(interval([(1, 1)] * 90 + [(0, 1)] * 10))
        spread = interval([(18, 20)] * 100)
        assert spread[2] - spread[1] < (together[2] - together[1]) / 3

    def test_all_found_leaves_room_for_a_little_less(self):
        share, low, high = interval([(20, 20)] * 10)
        assert share == high == 1.0
        assert low == pytest.approx(200 / (200 + 3.8415), abs=1e-4)

    def test_it_holds_the_truth_about_as_often_as_it_says(self):
        generator = np.random.default_rng(0)
        held = 0
        for _ in range(400):
            own = generator.beta(19, 1, 60)  # queries differ: mean .95
            seen = [(int(generator.binomial(20, each)), 20) for each in own]
            _, low, high = interval(seen)
            held += low <= 0.95 <= high
        assert 0.9 <= held / 400 <= 0.99

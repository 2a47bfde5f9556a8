"""Class, attribute and landmark figures against hand-computed values."""

import math

import numpy as np
import pytest

from wearabouts import metrics


def test_top_k_accuracy_prefers_the_lower_index_among_equals():
    assert metrics.top_k_accuracy([[0.5, 0.5]], [0]).tolist() == [1]
    assert metrics.top_k_accuracy([[0.5, 0.5]], [1]).tolist() == [0]


def test_attribute_recall_by_hand():
    scores = [[0.9, 0.8, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4], [0.5, 0.4, 0.3, 0.2]]
    truth = [[1, 0, 1, 0], [0, 1, 1, 1], [0, 0, 0, 0]]
    found = metrics.attribute_recall(scores, truth, 2)
    assert found.hits.tolist() == [1, 2, 0]
    assert found.positives.tolist() == [2, 3, 0]
    assert found.value == pytest.approx(3 / 5)  # not the mean of 1/2 and 2/3
    assert found.values.mean() == pytest.approx(found.value)
    assert metrics.attribute_recall(scores, truth, 4).value == 1
    assert metrics.bootstrap_ratio(found.hits, found.positives).value == found.value


def test_unknown_attributes_take_no_place_where_they_are_told():
    scores, truth = [[0.9, 0.8, 0.7]], [[0, 1, 1]]
    assert metrics.attribute_recall(scores, truth, 1).value == 0
    told = metrics.attribute_recall(scores, truth, 1, known=[[False, True, True]])
    assert (told.hits.tolist(), told.positives.tolist()) == ([1], [2])
    untrue = metrics.attribute_recall(scores, truth, 1, known=[[True, False, True]])
    assert (untrue.hits.tolist(), untrue.positives.tolist()) == ([0], [1])


def test_attribute_recall_of_an_oracle_is_one_and_of_chance_k_of_all(monkeypatch):
    monkeypatch.setattr("wearabouts.metrics.labels._ROWS", 7)
    rng = np.random.default_rng(0)
    truth = np.zeros((2_000, 40), bool)
    truth[np.arange(2_000), rng.integers(0, 40, 2_000)] = True
    truth[np.arange(2_000), rng.integers(0, 40, 2_000)] = True
    assert metrics.attribute_recall(truth.astype(float), truth, 2).value == 1
    for k in (3, 5):
        assert metrics.attribute_recall(rng.random(truth.shape), truth, k).value == pytest.approx(k / 40, abs=0.015)
    assert math.isnan(metrics.attribute_recall([[0.1]], [[False]], 1).value)


def test_landmark_error_by_hand():
    truth = np.zeros((2, 2, 2))
    predicted = np.array([[[30.0, 40.0, 0.9], [7.0, 7.0, 0.1]], [[0.0, 0.0, 1.0], [0.0, 20.0, 1.0]]])
    found = metrics.landmark_error(predicted, truth, [[True, False], [True, True]], sizes=[[100, 200], [50, 40]])
    first = math.hypot(30 / 100, 40 / 200)
    assert found.value == pytest.approx((first + 0 + 20 / 40) / 3)
    assert found.by_landmark.tolist() == pytest.approx([first / 2, 0.5])
    assert found.visible.tolist() == [2, 1]
    assert found.values.mean() == pytest.approx(found.value)
    assert metrics.bootstrap_ratio(found.sums, found.counts).value == pytest.approx(found.value)


def test_landmark_error_of_an_oracle_is_nothing_and_a_hidden_landmark_may_be_anywhere():
    truth = np.random.default_rng(1).random((5, 8, 2))
    visible = np.ones((5, 8), bool)
    visible[:, 3] = False
    wrong = truth.copy()
    wrong[:, 3] = np.nan
    found = metrics.landmark_error(wrong, truth, visible)
    assert found.value == 0
    assert math.isnan(found.by_landmark[3])
    shifted = metrics.landmark_error(truth + np.array([0.03, 0.04]), truth, visible)
    assert shifted.value == pytest.approx(0.05)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.top_k_accuracy([[0.1, 0.9]], [2]),
        lambda: metrics.top_k_accuracy([0.1, 0.9], [0]),
        lambda: metrics.top_k_accuracy([[0.1, 0.9]], [0], 0),
        lambda: metrics.attribute_recall([[1.0]], [[True, False]], 1),
        lambda: metrics.attribute_recall([[1.0]], [[True]], 0),
        lambda: metrics.attribute_recall([[float("nan")]], [[True]], 1),
        lambda: metrics.landmark_error(np.zeros((1, 2, 2)), np.zeros((1, 3, 2)), [[True, True]]),
        lambda: metrics.landmark_error(np.full((1, 1, 2), np.nan), np.zeros((1, 1, 2)), [[True]]),
        lambda: metrics.landmark_error(np.zeros((1, 1, 2)), np.zeros((1, 1, 2)), [[True]], sizes=[[0, 4]]),
    ],
)
def test_what_cannot_be_meant_is_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()

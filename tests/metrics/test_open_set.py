"""Open-set figures against hand-computed values, naive loops and scikit-learn."""

import numpy as np
import pytest

from wearabouts import metrics


def scores(seed: int, ties: bool):
    rng = np.random.default_rng(seed)
    there, elsewhere = rng.normal(1, 1, 60), rng.normal(0, 1, 45)
    return (there.round(1), elsewhere.round(1)) if ties else (there, elsewhere)


def test_false_accepts_by_hand():
    point = metrics.false_accepts_at([0.9, 0.8, 0.7, 0.2], [0.95, 0.7, 0.3, 0.1], 0.75)
    assert (point.threshold, point.true_accepts, point.false_accepts) == (0.7, 0.75, 0.5)
    assert (point.present, point.absent) == (4, 4)
    assert metrics.false_accepts_at([0.9, 0.8, 0.7, 0.2], [0.95, 0.7, 0.3, 0.1], 0.76).threshold == 0.2
    tied = metrics.false_accepts_at([0.5, 0.5, 0.5, 0.5], [0.5, 0.4], 0.25)
    assert (tied.true_accepts, tied.false_accepts) == (1, 0.5)  # letting one of four equals in lets in all


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 1.0])
def test_no_stricter_threshold_accepts_as_many(share):
    there, elsewhere = scores(3, ties=True)
    point = metrics.false_accepts_at(there, elsewhere, share)
    assert np.mean(there >= point.threshold) >= share
    for stricter in np.unique(there[there > point.threshold]):
        assert np.mean(there >= stricter) < share
    assert point.false_accepts == np.mean([score >= point.threshold for score in elsewhere])


@pytest.mark.parametrize("ties", [False, True])
def test_the_curve_is_that_of_a_loop(ties):
    there, elsewhere = scores(1, ties)
    found = np.arange(len(there)) % 4 > 0
    for right in (None, found):
        curve = metrics.detection_errors(there, elsewhere, right)
        known = np.ones(len(there), bool) if right is None else right
        for place, threshold in enumerate(curve.thresholds):
            assert curve.false_accepts[place] == pytest.approx(np.mean([score >= threshold for score in elsewhere]))
            missed = [score < threshold or not good for score, good in zip(there, known, strict=True)]
            assert curve.false_rejects[place] == pytest.approx(np.mean(missed))
        assert (curve.false_accepts[0], curve.false_rejects[0]) == (0, 1)
        assert curve.false_accepts[-1] == 1
        assert curve.false_rejects[-1] == pytest.approx(0 if right is None else 0.25)
        assert (np.diff(curve.false_accepts) >= 0).all()
        assert (np.diff(curve.false_rejects) <= 0).all()


@pytest.mark.parametrize("ties", [False, True])
def test_the_area_is_that_of_pairs_and_of_the_curve(ties):
    there, elsewhere = scores(2, ties)
    naive = np.mean([(a > b) + (a == b) / 2 for a in there for b in elsewhere])
    assert metrics.detection_area(there, elsewhere) == pytest.approx(naive)
    assert metrics.detection_area(elsewhere, there) == pytest.approx(1 - naive)
    curve = metrics.detection_errors(there, elsewhere)
    assert np.trapezoid(1 - curve.false_rejects, curve.false_accepts) == pytest.approx(naive)


def test_areas_and_curves_are_those_of_scikit_learn():
    theirs = pytest.importorskip("sklearn.metrics")
    there, elsewhere = scores(4, ties=True)
    truth = np.repeat([1, 0], [len(there), len(elsewhere)])
    every = np.concatenate([there, elsewhere])
    assert metrics.detection_area(there, elsewhere) == pytest.approx(theirs.roc_auc_score(truth, every))
    accepts, hits, thresholds = theirs.roc_curve(truth, every, drop_intermediate=False)
    curve = metrics.detection_errors(there, elsewhere)
    np.testing.assert_allclose(curve.thresholds[1:], thresholds[1:])
    np.testing.assert_allclose(curve.false_accepts, accepts)
    np.testing.assert_allclose(curve.false_rejects, 1 - hits)
    precision, recall, levels = theirs.precision_recall_curve(truth, every)
    said = metrics.said_curve(every, truth)
    np.testing.assert_allclose(said.thresholds, levels[::-1])
    np.testing.assert_allclose(said.precision, precision[:-1][::-1])
    np.testing.assert_allclose(said.recall, recall[:-1][::-1])


def test_what_is_said_by_hand():
    curve = metrics.said_curve([0.9, 0.9, 0.4, 0.2], [1, 0, 1, 0])
    assert curve.thresholds.tolist() == [0.9, 0.4, 0.2]
    assert curve.precision.tolist() == [0.5, 2 / 3, 0.5]
    assert curve.said.tolist() == [0.5, 0.75, 1]
    assert curve.recall.tolist() == [0.5, 1, 1]
    assert curve.count.tolist() == [2, 3, 4]
    assert np.isnan(metrics.said_curve([0.9], [0]).recall).all()


def test_what_cannot_be_measured_is_refused():
    for wrong in (([], [1.0]), ([1.0], []), ([float("nan")], [1.0])):
        with pytest.raises(ValueError, match="at least one number"):
            metrics.false_accepts_at(*wrong)
    with pytest.raises(ValueError, match="true_accepts"):
        metrics.false_accepts_at([1.0], [0.0], 0)
    with pytest.raises(ValueError, match="same queries"):
        metrics.detection_errors([1.0, 2.0], [0.0], [True])
    with pytest.raises(ValueError, match="same queries"):
        metrics.said_curve([1.0, 2.0], [1])

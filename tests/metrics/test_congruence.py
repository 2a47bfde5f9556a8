"""The same figures from independent libraries: to 1e-9, and 1e-6 where one of the two computes in single precision."""

import logging

import numpy as np
import pytest
from sklearn import metrics as learn
from sklearn.calibration import calibration_curve

from wearabouts import metrics
from wearabouts.evaluation.ranking import DECIMALS, rank

EXACT, SINGLE = 1e-9, 1e-6
SEED = 0


@pytest.fixture(scope="module")
def classes():
    """Queries, gallery and their classes, small enough that no two similarities of a query are nearly the same."""
    rng = np.random.default_rng(SEED)
    centres = rng.standard_normal((6, 16))
    query_labels, labels = rng.integers(0, 6, 40), rng.integers(0, 6, 70)
    queries, gallery = (
        (centres[which] + 1.5 * rng.standard_normal((len(which), 16))).astype(np.float32)
        for which in (query_labels, labels)
    )
    for vectors in (gallery, queries):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        similarity = np.sort(vectors.astype(float) @ gallery.astype(float).T, axis=1)
        assert np.diff(similarity, axis=1).min() > 3 * 10.0**-DECIMALS
    return queries, gallery, query_labels, labels


@pytest.fixture(scope="module")
def grades():
    """(Q, N) scores without ties and grades in {0, 1/3, 2/3, 1}."""
    rng = np.random.default_rng(1)
    scores = np.stack([rng.permutation(40) for _ in range(30)]).astype(float)
    given = rng.integers(0, 4, scores.shape) / 3
    given[:, 0] = 1
    return scores, given


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(2)
    given = rng.random(2_000)
    return given, (rng.random(2_000) < given**2).astype(int)


@pytest.mark.parametrize("leave_one_out", [False, True])
def test_pytorch_metric_learning(classes, leave_one_out):
    pytest.importorskip("pytorch_metric_learning", reason="pytorch-metric-learning is not installed (extra dev)")
    torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")
    logging.getLogger("PML").setLevel(logging.ERROR)
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    queries, gallery, query_labels, labels = classes
    figures = ("precision_at_1", "r_precision", "mean_average_precision_at_r", "mean_average_precision")
    judge = AccuracyCalculator(
        include=(*figures, "mean_reciprocal_rank"),
        k=len(gallery) - leave_one_out,
        device=torch.device("cpu"),
        knn_func=CustomKNN(CosineSimilarity()),
    )
    if leave_one_out:
        theirs = judge.get_accuracy(gallery, labels)
        names = np.arange(len(gallery))
        ranks = rank(gallery, gallery, labels, labels, query_photos=names, gallery_photos=names).ranks
    else:
        theirs = judge.get_accuracy(queries, query_labels, gallery, labels)
        ranks = rank(queries, gallery, query_labels, labels).ranks
    ours = (
        metrics.precision(ranks, 1),
        metrics.r_precision(ranks),
        metrics.average_precision_r(ranks),
        metrics.average_precision(ranks),
    )
    for figure, values in zip(figures, ours, strict=True):
        assert values.mean() == pytest.approx(theirs[figure], abs=EXACT), figure
    assert metrics.reciprocal_rank(ranks).mean() == pytest.approx(theirs["mean_reciprocal_rank"], abs=SINGLE)


def test_trec_eval(classes):
    trec = pytest.importorskip("pytrec_eval", reason="pytrec-eval-terrier is not installed (extra dev)")
    queries, gallery, query_labels, labels = classes
    ranks = rank(queries, gallery, query_labels, labels).ranks
    order = np.argsort(-(queries.astype(float) @ gallery.astype(float).T), axis=1)
    truth = {
        str(row): {str(item): int(labels[item] == query_labels[row]) for item in range(len(gallery))}
        for row in range(len(queries))
    }
    run = {
        str(row): {str(item): float(len(gallery) - place) for place, item in enumerate(order[row])}
        for row in range(len(queries))
    }
    asked = {"map", "map_cut.5,20", "P.5,20", "recall.5,20", "success.1,5,10", "Rprec", "recip_rank", "ndcg_cut.5,20"}
    found = trec.RelevanceEvaluator(truth, asked).evaluate(run)
    ours = {
        "map": metrics.average_precision(ranks),
        "Rprec": metrics.r_precision(ranks),
        "recip_rank": metrics.reciprocal_rank(ranks),
        **{f"success_{k}": metrics.hit_rate(ranks, k) for k in (1, 5, 10)},
        **{f"map_cut_{k}": metrics.average_precision_at(ranks, k, over="all") for k in (5, 20)},
        **{f"P_{k}": metrics.precision(ranks, k) for k in (5, 20)},
        **{f"recall_{k}": metrics.recall(ranks, k) for k in (5, 20)},
        **{f"ndcg_cut_{k}": metrics.binary_ndcg(ranks, k) for k in (5, 20)},
    }
    for figure, values in ours.items():
        theirs = [found[str(row)][figure] for row in range(len(queries))]
        assert values.tolist() == pytest.approx(theirs, abs=EXACT), figure


@pytest.mark.parametrize("k", [1, 5, 20, 60])
def test_graded_gain_equals_scikit_learn(grades, k):
    scores, given = grades
    order = np.argsort(-scores, axis=1)
    came = np.take_along_axis(given, order, axis=1)
    for gain, worth in (("linear", given), ("exponential", np.exp2(given) - 1)):
        ours = metrics.ndcg(came, given, k, gain=gain)
        theirs = [learn.ndcg_score([truth], [row], k=k) for truth, row in zip(worth, scores, strict=True)]
        assert ours.tolist() == pytest.approx(theirs, abs=EXACT)


def test_average_precision_equals_scikit_learn(grades):
    scores, given = grades
    relevant = given > 0.5
    ours = metrics.average_precision(metrics.relevant_ranks(scores, relevant))
    theirs = [learn.average_precision_score(truth, row) for truth, row in zip(relevant, scores, strict=True)]
    assert ours.tolist() == pytest.approx(theirs, abs=EXACT)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_accuracy_equals_scikit_learn(k):
    rng = np.random.default_rng(3)
    scores, labels = rng.random((50, 5)), rng.integers(0, 5, 50)
    ours = metrics.top_k_accuracy(scores, labels, k).mean()
    assert ours == pytest.approx(learn.top_k_accuracy_score(labels, scores, k=k, labels=range(5)), abs=EXACT)


def test_probabilities_as_scikit_learn_judges_them(pairs):
    given, happened = pairs
    assert metrics.brier(given, happened).mean() == pytest.approx(learn.brier_score_loss(happened, given), abs=EXACT)
    for binning, strategy in (("mass", "quantile"), ("width", "uniform")):
        ours = metrics.reliability(given, happened, bins=10, binning=binning)
        observed, predicted = calibration_curve(happened, given, n_bins=10, strategy=strategy)
        assert ours.observed.tolist() == pytest.approx(observed.tolist(), abs=EXACT)
        assert ours.predicted.tolist() == pytest.approx(predicted.tolist(), abs=EXACT)


def test_an_operating_point_lies_on_scikit_learns_curve(pairs):
    given, happened = pairs
    false, true, _ = learn.roc_curve(happened, given, drop_intermediate=False)
    for fmr in (0.01, 0.1, 0.3):
        point = metrics.fnmr_at_fmr(given[happened == 1], given[happened == 0], fmr)
        highest = np.flatnonzero(false <= fmr)[-1]
        assert point.fmr == pytest.approx(false[highest], abs=EXACT)
        assert 1 - point.fnmr == pytest.approx(true[highest], abs=EXACT)

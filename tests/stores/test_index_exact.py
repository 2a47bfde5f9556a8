"""The exact index against sorting everything."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from stores.oracle import unit
from wearabouts.stores.embedded.indexes import choose, fit, opened, tuned
from wearabouts.stores.embedded.indexes.scanning import scored


def exact_index(vectors, require=None):
    making = fit(choose(len(vectors), vectors.shape[1]), vectors[:0])
    lists = np.concatenate([making.assign(vectors[:10]), making.assign(vectors[10:])])
    assert not lists.any()
    return opened("exact", making.arrays(), vectors, {}, require)


@pytest.mark.parametrize("kept", [1.0, 0.6, 0.05, 0.0])
def test_the_best_are_among_what_it_gives(kept):
    generator = np.random.default_rng(5)
    vectors = unit(generator, 3_000)
    index = exact_index(vectors)
    mask, alive = generator.random(3_000) < kept, generator.random(3_000) < 0.9
    allowed, left = index.allow(mask), np.flatnonzero(mask & alive)
    assert allowed.count == allowed.each.sum() == mask.sum()
    for query in unit(generator, 5):
        truth = vectors.astype(np.float64) @ query.astype(np.float64)
        order = left[np.argsort(-truth[left])]
        for count in (1, 20, 500, 5_000):
            scores, rows = index.near(query, count, allowed=allowed, alive=alive)
            assert set(order[:count].tolist()) <= set(rows.tolist())
            assert len(rows) <= count + 5
            np.testing.assert_allclose(scores, truth[rows], atol=16 * 2**-24)


def test_all_equals_of_the_last_one_are_given():
    vectors = np.repeat(unit(np.random.default_rng(1), 4), 50, axis=0)
    index = exact_index(vectors)
    _, rows = index.near(vectors[60], 10, alive=np.ones(200, np.bool_))
    assert sorted(rows.tolist()) == list(range(50, 100))


@pytest.mark.parametrize("few", [True, False])
def test_what_is_read_was_asked_for(few):
    asked = np.zeros(1_000, np.bool_)

    def require(name, starts, stops):
        assert name == "vectors"
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            asked[start:stop] = True

    vectors = unit(np.random.default_rng(2), 1_000)
    index = exact_index(vectors, require)
    mask = np.zeros(1_000, np.bool_)
    mask[[3, 77, 999] if few else np.arange(0, 1_000, 2)] = True
    _, rows = index.near(vectors[0], 5, alive=mask)
    assert asked[rows].all()


@pytest.mark.parametrize(
    "lists",
    [[0, 99], [1, 100], [0, 120, 100], [100], [], [0.0, 100.0]],
    ids=["short", "late", "falls", "one", "none", "f"],
)
def test_hostile_lists_are_refused(lists):
    kind = np.float64 if any(isinstance(each, float) for each in lists) else np.int64
    with pytest.raises(ValueError, match="lists"):
        opened("exact", {"lists": np.asarray(lists, kind)}, unit(np.random.default_rng(0), 100), {})


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="none of exact"):
        opened("graph", {}, np.zeros((0, 4), np.float32), {})


def test_there_is_nothing_to_tune():
    assert tuned(exact_index(unit(np.random.default_rng(0), 50))) == {}


def test_a_search_begins_no_threads(monkeypatch):
    """A team of threads for one query waits for itself on a busy machine."""
    vectors = unit(np.random.default_rng(0), 50)
    plain, seen = faiss.fvec_inner_products_by_idx, []

    def watched(*arguments):
        seen.append(faiss.omp_get_max_threads())
        return plain(*arguments)

    monkeypatch.setattr(faiss, "fvec_inner_products_by_idx", watched)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        scored(vectors, vectors[0], np.arange(50))
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)
    assert seen == [1]

"""Newer photos are passed over by the index's own geometry: as much is found as in the base, with less compared."""

from __future__ import annotations

import numpy as np
import pytest

from stores.oracle import HASH, photo_record, product_record
from wearabouts.stores import open_store
from wearabouts.stores.embedded import indexes
from wearabouts.stores.embedded.views import placing, searching

DIM = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with 3,000 photos in a clustered base and 1,500 newer ones, a third of them in place of older ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexes, "EXACT_BYTES", 1_000)
        patch.setattr(placing, "FROM", 100)
        patch.setattr(placing, "STEP", 50)
        patch.setattr(placing, "MOST", 140)
        yield from filled(tmp_path_factory.mktemp("placing"))


def filled(folder):
    generator = np.random.default_rng(2)
    centres = generator.standard_normal((60, DIM))

    def some(count):
        found = centres[generator.integers(0, 60, count)] + 0.5 * generator.standard_normal((count, DIM))
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    def write(numbers):
        store.upsert(
            product_record(f"p{number}", [photo_record(f"p{number}", vector)], price=float(number % 10))
            for number, vector in zip(numbers, some(len(numbers)), strict=True)
        )

    store = open_store(folder / "store", mode="write", encoder_hash=HASH, dim=DIM)
    write(range(3_000))
    store.rebuild()
    for start in range(0, 1_500, 150):
        write([*range(start, start + 50), *range(3_000 + start, 3_100 + start)])
    yield store, some(150)
    store.close()


def recall(store, queries, **asked):
    shares = []
    for query in queries:
        true = set(store.search(query, 20, exact=True, **asked).photo_ids)
        shares.append(len(true & set(store.search(query, 20, **asked).photo_ids)) / len(true))
    return np.mean(shares)


def test_as_much_is_found_with_less_compared(made, monkeypatch):
    store, queries = made
    view = store._tracker.current()
    assert view.base.index.kind == "clustered"
    lists, distances = view.placed
    assert 1_000 < len(lists) < len(view.vectors) == 1_500
    centroids = view.base.index.centroids[lists]
    np.testing.assert_allclose(np.linalg.norm(view.vectors[: len(lists)] - centroids, axis=1), distances, atol=1e-3)

    compared = []
    nearest = searching.nearest

    def watched(vectors, query, count, alive):
        compared.append(np.count_nonzero(alive) / len(vectors))
        return nearest(vectors, query, count, alive=alive)

    monkeypatch.setattr(searching, "nearest", watched)
    monkeypatch.setattr(store._care._probe, "consider", lambda *search: None)  # which would compare as well
    assert recall(store, queries) >= 0.99
    exactly, near = compared[0::2], compared[1::2]
    assert np.mean(exactly) == 1
    assert np.mean(near) < 0.6
    assert recall(store, queries[:40], where="price < 3") >= 0.99


def test_a_newer_photo_finds_itself_and_a_deleted_one_is_gone(made):
    store, _ = made
    view = store._tracker.current()
    for row in range(0, 1_500, 50):
        assert store.search(view.vectors[row], 1).similarity[0] == pytest.approx(1, abs=1e-5)
    gone = view.photo_ids(np.asarray([3_010]))[0]
    store.delete([gone])
    assert gone not in store.search(view.vectors[10], 4_000).photo_ids


def test_everything_is_compared_where_the_base_has_too_little(made):
    store, queries = made
    store.delete([f"p{number}" for number in range(3_000)])
    assert recall(store, queries[:20]) == 1
    assert len(store.search(queries[0], 5_000)) == 1_000

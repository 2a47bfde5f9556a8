"""A store large enough for a clustered index, or told that it is: against a dictionary, through writes and filters."""

from __future__ import annotations

import numpy as np
import pytest

from stores.oracle import HASH, Shop, photo_record, product_record
from stores.test_index_clustered import DIM, sheets
from wearabouts.stores import open_store
from wearabouts.stores.embedded import indexes

COUNT = 5_000
COLORS = ("red", "blue", "green", "black")
BY_COLOR = {color: (lambda record, color=color: record.product.attributes["color"] == color) for color in COLORS}


def product(number, vector, color, price):
    ident = f"p{number:05d}"
    return product_record(ident, [photo_record(f"{ident}/a", vector)], price=price, attributes={"color": color})


@pytest.fixture
def shop_and_store(tmp_path, monkeypatch):
    """Colours follow the vectors, as they do in a shop; prices are by chance."""
    monkeypatch.setattr(indexes, "EXACT_BYTES", 0)
    generator = np.random.default_rng(12)
    vectors = sheets(generator, COUNT + 700, pieces=200)
    axis = np.quantile(vectors[:, 0], [0.25, 0.5, 0.75])
    records = [
        product(number, vector, COLORS[int(np.searchsorted(axis, vector[0]))], float(generator.integers(1, 1_000)))
        for number, vector in enumerate(vectors)
    ]
    shop = Shop()
    shop.upsert(records[:COUNT])
    store = open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)
    for start in range(0, COUNT, 1_000):
        store.upsert(records[start : start + 1_000])
    store.close()
    store = open_store(tmp_path / "store", mode="write")
    yield shop, store, records
    store.close()


def recall(store, shop, queries, count, where=None, keep=lambda record: True):
    found = wanted = 0
    for query in queries:
        expected = {photo for photo, _, _ in shop.nearest(query, count, keep)}
        got = store.search(query, count, where=where)
        assert len(got) == len(expected)
        whole = store.search(query, count, where=where, exact=True)
        assert set(whole.photo_ids) == expected
        found += len(expected & set(got.photo_ids))
        wanted += len(expected)
    return found / wanted


def test_a_sorted_store_answers_as_the_dictionary_does(shop_and_store):
    shop, store, records = shop_and_store
    told = store.describe()["index"]
    assert told["kind"] == "clustered"
    assert "lists" in told["why"]
    queries = [record.photos[0].vector for record in records[COUNT : COUNT + 12]]
    assert recall(store, shop, queries, 20) >= 0.99

    # Newcomers are found at once, what is deleted never again, and a changed product only as it is now.
    shop.upsert(records[COUNT : COUNT + 600])
    store.upsert(records[COUNT : COUNT + 600])
    gone = [record.product.id for record in records[:COUNT:10]]
    shop.delete(gone)
    store.delete(gone)
    moved = [product(number, records[number + 1].photos[0].vector, "red", 5.0) for number in range(1, 300, 7)]
    shop.upsert(moved)
    store.upsert(moved)
    assert recall(store, shop, queries, 20) >= 0.99
    for record in records[COUNT : COUNT + 3]:
        assert store.search(record.photos[0].vector, 1).product_ids == (record.product.id,)
    assert not set(gone) & set(store.search(records[0].photos[0].vector, 50).product_ids)

    # Filters whose rows lie near to the query, far from it, and anywhere.
    queries = [record.photos[0].vector for record in records[COUNT + 600 : COUNT + 606]]
    for color, keep in BY_COLOR.items():
        assert recall(store, shop, queries, 20, f"color = {color}", keep) >= 0.99
    assert recall(store, shop, queries, 20, "price < 500", lambda record: record.product.price < 500) >= 0.99
    assert recall(store, shop, queries, 20, "price = 77", lambda record: record.product.price == 77) == 1

"""What the tests of Milvus share: the contract over one store, emptied before each test."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings

from stores.contract import StoreContract
from stores.oracle import DIM, HASH, assert_same_record, photo_record, product_record, unit
from stores.test_where import WORDS, expressions
from wearabouts.stores import open_store
from wearabouts.stores.milvus import checking
from wearabouts.stores.milvus.client import Connection

KNOWN = {"color": "x", "size": "x"}  # so that both columns are known, whatever else there is
NOTES = ("calibration", "other")  # those the contract writes


def emptied(store):
    """Everything is removed through the store's own door: to make collections anew takes a server seconds."""
    store.delete(list(store.products()))
    for name in NOTES:
        store.write_note(name, None)
    return store


def made(address, **options):
    """The store at an address, open for writing, made where there is none."""
    return open_store(address, **{"mode": "write", "encoder_hash": HASH, "dim": DIM, **options})


class MilvusContract(StoreContract):
    """Give a class-wide fixture `address`."""

    @pytest.fixture
    def open_again(self, address):
        stores = []

        def opener():
            for store in stores:
                store.close()
            stores.append(made(address))
            return stores[-1]

        emptied(opener())
        yield opener
        for store in stores:
            store.close()


def fill_for_filters(store, generator, count=30):
    """Products with words of the filters' own tests; returns them as those tests' plain loops see them."""
    told, records = [], []
    for number in range(count):
        texts = {name: str(generator.choice(WORDS)) for name in ("title", "category", "garment", "brand")}
        attributes = {name: str(generator.choice(WORDS)) for name in ("color", "size") if generator.random() < 0.7}
        price = None if generator.random() < 0.3 else float(generator.integers(0, 10))
        stock = str(generator.choice(["in_stock", "preorder", ""]))
        facts = {**texts, "price": price, "availability": stock, "attributes": attributes}
        records.append(product_record(f"p{number}", [photo_record(f"p{number}/0", unit(generator)[0])], **facts))
        told.append({**facts, "id": f"p{number}"})
    store.upsert([*records, product_record("known", [photo_record("k", unit(generator)[0])], attributes=KNOWN)])
    return told


def assert_filters_hold(store, generator, examples):
    """Any filter keeps exactly what a plain loop over the products keeps."""
    told = fill_for_filters(store, generator)
    query = unit(generator)[0]

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    @given(expressions)
    def check(expression):
        where, holds = expression
        found = set(store.search(query, 100, where=where).product_ids) - {"known"}
        assert found == {each["id"] for each in told if holds(each)}, where

    check()


def assert_survives_breaking_off(store, generator, monkeypatch):
    """A write that breaks off at any of its requests leaves each product old or new, and repair sweeps the rest."""
    monkeypatch.setattr(checking, "GRACE", -60.0)
    old, other = _record(generator, "p", 3), _record(generator, "q", 1)
    stopped = True
    step = 0
    while stopped:
        store.upsert([old, other])
        new = _record(generator, "p", 2)
        with monkeypatch.context() as patch:
            stopped = _stopping_at(patch, step)
            with suppress(_KilledError):
                store.upsert([new])
        store.refresh()
        for _ in range(2):
            found = store.record("p")
            expected = new if found.product.title == new.product.title else old
            assert_same_record(found, expected)
            assert_same_record(store.record("q"), other)
            ids = store.search(old.photos[0].vector, 10).photo_ids
            assert sorted(ids) == sorted(each.photo.id for each in (*expected.photos, *other.photos))
            store.check(repair=True)
        assert store.check() == []
        stopped = stopped()
        step += 1
    assert step >= 5
    assert_same_record(store.record("p"), new)


class _KilledError(BaseException):
    pass


def _stopping_at(patch, step):
    """Breaks off before the request of that number; says afterwards whether it came so far."""
    count = []
    for name in ("insert", "upsert", "delete"):
        original = getattr(Connection, name)

        def stepping(self, *words, original=original):
            count.append(1)
            if len(count) == step + 1:
                raise _KilledError
            original(self, *words)

        patch.setattr(Connection, name, stepping)
    return lambda: len(count) > step


def _record(generator, ident, photos):
    title = f"{ident} {generator.integers(1 << 60)}"
    kept = [
        photo_record(f"{ident}/{place}", unit(generator)[0], thumbnail=b"small" * 20_000, beside={"evidence": b"e"})
        for place in range(photos)
    ]
    return product_record(ident, kept, title=title, attributes={"words": "w" * 70_000})

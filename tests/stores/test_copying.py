"""Copying one store into another: everything that stands in it, nothing twice, and on from where it was stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3

import numpy as np
import pytest

from stores.oracle import (
    DIM,
    HASH,
    Shop,
    assert_same_ranking,
    assert_same_record,
    photo_record,
    product_record,
    random_product,
    unit,
)
from wearabouts.errors import StoreError
from wearabouts.stores import copying, open_store
from wearabouts.stores.embedded import EmbeddedStore
from wearabouts.stores.records import AwayError

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["wearabouts.stores.embedded", "wearabouts.stores.copying"])


@pytest.fixture
def generator():
    return np.random.default_rng(29)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 7)


def made(folder, records=(), notes=None):
    store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
    store.upsert(records)
    for name, facts in (notes or {}).items():
        store.write_note(name, facts)
    return store


def shop_of(generator, count=40):
    shop = Shop()
    shop.upsert([random_product(generator, f"p{number:03}") for number in range(count)])
    odd = photo_record(
        "odd", unit(generator)[0], seen={"color": "blue, 蓝"}, validators={"etag": 'W/"1"'}, thumbnail=b"j"
    )
    shop.upsert([product_record("odd", [odd], title="ο'dd", price=3, attributes={"b": "2", "a": "1"}, link="x")])
    return shop


def assert_holds(store, shop):
    assert list(store.products()) == sorted(shop.records)
    for ident, record in shop.records.items():
        assert_same_record(store.record(ident), record)
    for query in unit(np.random.default_rng(5), 5):
        assert_same_ranking(store.search(query, 20), shop.nearest(query, 20))
    assert store.check() == []


def counts(done):
    return done.products, done.written, done.same, done.deleted, done.extra, done.notes


def test_everything_goes_along_and_the_second_time_nothing(tmp_path, generator):
    shop, seen = shop_of(generator), []
    notes = {"calibration": {"labels": 300, "cuts": [0.5, 1]}, "other": {}}
    source, target = made(tmp_path / "a", shop.records.values(), notes), made(tmp_path / "b")
    done = copying.copy(source, target, progress=lambda what, done, total: seen.append((what, done, total)))
    assert counts(done) == (41, 41, 0, 0, 0, 2)
    assert done.photos == sum(len(record.photos) for record in shop.records.values())
    assert seen[-1] == ("products", 41, 41)
    assert [each for _, each, _ in seen] == sorted({each for _, each, _ in seen})
    assert_holds(target, shop)
    assert [target.note(name) for name in sorted(notes)] == [notes[name] for name in sorted(notes)]
    before = target.describe()["sequence"]
    assert counts(copying.copy(source, target)) == (41, 0, 41, 0, 0, 0)
    assert target.describe()["sequence"] == before
    source.close()
    target.close()


def test_only_what_differs_is_written_and_what_is_extra_stays_unless_pruned(tmp_path, generator):
    shop = shop_of(generator)
    source = made(tmp_path / "a", shop.records.values(), {"kept": {"a": 1}})
    other = [random_product(generator, ident) for ident in ("a", "p0005", "z")]
    changed = [random_product(generator, "p003", [each.photo.id for each in shop.records["p003"].photos])]
    same = [record for ident, record in shop.records.items() if ident not in ("p003", "p004")]
    target = made(tmp_path / "b", [*other, *changed, *same], {"gone": {}, "kept": {"a": 2}})
    assert counts(copying.copy(source, target)) == (41, 2, 39, 0, 3, 1)
    assert len(list(target.products())) == 44
    assert (target.note("kept"), target.note("gone")) == ({"a": 1}, {})
    assert counts(copying.copy(source, target, prune=True)) == (41, 0, 41, 3, 0, 0)
    assert_holds(target, shop)
    assert target.note("gone") is None
    source.close()
    target.close()


@pytest.mark.parametrize("field", ["digest", "garment", "seen", "thumbnail", "validators", "beside", "vector"])
def test_the_digest_tells_every_field_of_a_photo(generator, field):
    vector = unit(generator)[0]
    facts = {"digest": "d", "garment": "g", "seen": {}, "thumbnail": b"", "validators": {}, "beside": {}}
    other = {"digest": "e", "garment": "h", "seen": {"a": "b"}, "thumbnail": b"x", "validators": {"a": "b"}}
    other |= {"beside": {"k": b"v"}, "vector": unit(generator)[0]}
    one = product_record("p", [photo_record("p", vector, **facts)])
    changed = photo_record("p", **{"vector": vector, **facts, field: other[field]})
    assert copying.digest(one) == copying.digest(product_record("p", [photo_record("p", vector.copy(), **facts)]))
    assert copying.digest(one) != copying.digest(product_record("p", [changed]))


def test_photos_that_changed_places_find_their_new_products(tmp_path, generator):
    vectors = dict(zip("abc", unit(generator, 3), strict=True))

    def products(**owned):
        return [
            product_record(name, [photo_record(each, vectors[each]) for each in ids]) for name, ids in owned.items()
        ]

    shop = Shop()
    shop.upsert(products(m="b", x="a"))
    source = made(tmp_path / "a", shop.records.values())
    target = made(tmp_path / "b", products(m="a", x="b"))  # a swap
    monkey = made(tmp_path / "c", products(z="b", m="c"))  # the photo belongs to one that the source has not got
    assert copying.copy(source, target).written == 2
    assert_holds(target, shop)
    with pytest.raises(StoreError, match=r"1 products cannot be copied: photo 'b' is claimed .*--prune"):
        copying.copy(source, monkey)
    copying.copy(source, monkey, prune=True)
    assert_holds(monkey, shop)
    for store in (source, target, monkey):
        store.close()


def test_another_encoders_store_is_refused_and_left_alone(tmp_path, generator):
    source = made(tmp_path / "a", shop_of(generator, 2).records.values())
    target = open_store(tmp_path / "b", mode="write", encoder_hash="sha256:other", dim=DIM)
    with pytest.raises(StoreError, match="the source was filled by encoder sha256:encoder-one"):
        copying.copy(source, target)
    assert list(target.products()) == []
    source.close()
    target.close()


def test_what_cannot_be_read_is_named_left_in_the_target_and_costs_nothing_else(tmp_path, generator):
    shop = shop_of(generator)
    source, target = made(tmp_path / "a", shop.records.values()), made(tmp_path / "b", [shop.records["p002"]])
    source.close()
    with sqlite3.connect(tmp_path / "a" / "store.db") as connection:
        connection.execute("UPDATE photos SET digest = 'other' WHERE id LIKE 'p002/0' OR id LIKE 'p005/0'")
    connection.close()
    source = open_store(tmp_path / "a")
    done = copying.copy(source, target, prune=True)
    assert (done.failed, done.written, done.deleted) == (2, 39, 0)
    assert all("is damaged" in fault for fault in done.faults)
    del shop.records["p005"]
    assert_holds(target, shop)
    source.close()
    target.close()


def test_a_source_that_goes_away_ends_the_copy(tmp_path, generator, monkeypatch):
    shop = shop_of(generator)
    source, target = made(tmp_path / "a", shop.records.values()), made(tmp_path / "b")
    asked = []

    def away(self, product_id):
        asked.append(product_id)
        raise AwayError("no server answered within 30 s")

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedStore, "record", away)
        with pytest.raises(AwayError, match="no server answered"):
            copying.copy(source, target, prune=True)
    assert len(asked) <= copying.BATCH
    assert list(target.products()) == []
    source.close()
    target.close()


def copied_until(one, other, count):
    """Copy, and die by SIGKILL before the write of that count."""
    upsert, seen = EmbeddedStore.upsert, []

    def counted(self, records):
        seen.append(1)
        if len(seen) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return upsert(self, records)

    EmbeddedStore.upsert = counted
    copying.BATCH = 7
    source, target = open_store(one), open_store(other, mode="write", encoder_hash=HASH, dim=DIM)
    copying.copy(source, target)


def test_killed_anywhere_it_goes_on_and_writes_nothing_twice(tmp_path, generator):
    shop, written = shop_of(generator), 0
    source = made(tmp_path / "a", shop.records.values())
    for count in (1, 2, 3):
        process = PROCESSES.Process(target=copied_until, args=(tmp_path / "a", tmp_path / "b", count), daemon=True)
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        written += count - 1
        target = open_store(tmp_path / "b")
        assert len(list(target.products())) == 7 * written
        target.close()
    target = open_store(tmp_path / "b", mode="write")
    assert counts(copying.copy(source, target))[:3] == (41, 41 - 7 * written, 7 * written)
    assert_holds(target, shop)
    source.close()
    target.close()


def test_stopped_by_the_user_it_ends_at_once_and_both_stores_can_be_closed(tmp_path, generator):
    shop = shop_of(generator)
    source, target = made(tmp_path / "a", shop.records.values()), made(tmp_path / "b")

    def stop(what, done, total):
        if done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, progress=stop)
    assert len(list(target.products())) == 21
    copying.copy(source, target)
    assert_holds(target, shop)
    source.close()
    target.close()


def test_to_milvus_and_back_it_is_the_same_shop(tmp_path, generator):
    pytest.importorskip("milvus_lite")
    shop = shop_of(generator, 8)
    source = made(tmp_path / "a", shop.records.values(), {"calibration": {"labels": 300}})
    address = f"milvus-lite:{tmp_path}/lite.db/shop"
    middle = open_store(address, mode="write", encoder_hash=HASH, dim=DIM)
    assert counts(copying.copy(source, middle)) == (9, 9, 0, 0, 0, 1)
    assert counts(copying.copy(source, middle)) == (9, 0, 9, 0, 0, 0)
    back = made(tmp_path / "b")
    assert counts(copying.copy(middle, back)) == (9, 9, 0, 0, 0, 1)
    assert_holds(back, shop)
    assert back.note("calibration") == {"labels": 300}
    assert copying.copy(source, back).same == 9
    for store in (source, middle, back):
        store.close()

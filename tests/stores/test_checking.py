"""Checking and repairing: every lie of what is derived is found, and a repair says to the letter what was lost."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import suppress

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
from wearabouts.stores import open_store, repair
from wearabouts.stores.embedded.generations import drafting, tables
from wearabouts.stores.embedded.soundness import comparing
from wearabouts.stores.embedded.truth import walking as truth


@pytest.fixture
def generator():
    return np.random.default_rng(37)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


def filled(folder, generator, count=20):
    shop = Shop()
    shop.upsert([random_product(generator, f"p{number:03}") for number in range(count)])
    store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
    store.upsert(shop.records.values())
    store.rebuild()
    store.close()
    return shop


def changed(folder, *statements):
    connection = sqlite3.connect(folder / "store.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def found(folder, **options):
    store = open_store(folder)
    try:
        return store.check(**options)
    finally:
        store.close()


def sequence(folder):
    store = open_store(folder)
    try:
        return store.describe()["sequence"]
    finally:
        store.close()


def rebuilt_lying(folder, monkeypatch, lie):
    """A base with sound checksums all over, of which one product is told otherwise."""
    extend = tables.ProductTables.extend

    def lying(self, facts):
        extend(self, [lie(dict(each)) if each["id"] == "p007" else each for each in facts])

    with monkeypatch.context() as patch:
        patch.setattr(tables.ProductTables, "extend", lying)
        store = open_store(folder, mode="write")
        store.rebuild()
        store.close()


@pytest.mark.parametrize(
    "lie, said",
    [
        (lambda facts: facts | {"price": 1e6}, "its price is another"),
        (lambda facts: facts | {"price": None}, "its price is another"),
        (lambda facts: facts | {"brand": "somebody"}, "its brand is another"),
        (lambda facts: facts | {"garment": "hat"}, "its garment is another"),
        (lambda facts: facts | {"category": "Men"}, "its category is another"),
        (lambda facts: facts | {"attributes": {"color": "ultraviolet"}}, "its attributes color differ"),
        (lambda facts: facts | {"attributes": {**facts["attributes"], "sold": "out"}}, "its attributes sold differ"),
        (lambda facts: facts | {"attributes": {}}, "its attributes color differ"),
        (lambda facts: facts | {"id": "p007x"}, "it is product p007x there"),
    ],
)
def test_a_base_whose_columns_lie_under_sound_checksums_is_found(folder, generator, monkeypatch, lie, said):
    shop = filled(folder, generator)
    product = random_product(generator, "p007", [each.photo.id for each in shop.records["p007"].photos])
    shop.upsert([product_record("p007", product.photos, price=5.0, attributes={"color": "red"}, category="Women")])
    store = open_store(folder, mode="write")
    store.upsert([shop.records["p007"]])
    store.close()
    assert found(folder) == []
    rebuilt_lying(folder, monkeypatch, lie)
    seen = found(folder)
    assert {each.kind for each in seen} <= {"derived", "search"}
    assert [each for each in seen if each.kind == "derived" and said in each.detail]
    assert found(folder, quick=True) == []  # says only that nothing was damaged since
    store = open_store(folder, mode="write")
    done = store.repair()
    assert (done.lost, done.left, done.kept) == ((), (), None)
    query = unit(generator)[0]
    cheap = shop.nearest(query, 99, lambda record: record.product.price is not None and record.product.price < 50)
    assert_same_ranking(store.search(query, 99, where="price < 50"), cheap)
    store.close()


@pytest.mark.parametrize(
    "array, lie, said",
    [
        ("products/photos", lambda values: values[::-1], "do not belong to each other"),
        ("products/photos", lambda values: values * 0, "do not belong to each other"),
        ("products/photos", lambda values: values + 1, "has not got"),
        ("products/starts", lambda values: values - 1, "do not lie one after another"),
        ("products/starts", lambda values: values[[0, *range(len(values) - 1)]], "do not lie one after another"),
        ("slots", lambda values: np.roll(values, 1), "do not belong to each other"),
    ],
)
def test_photos_that_lie_with_another_product_are_found(folder, generator, monkeypatch, array, lie, said):
    filled(folder, generator)
    add = drafting.Draft.add
    with monkeypatch.context() as patch:
        patch.setattr(
            drafting.Draft,
            "add",
            lambda self, name, values: add(self, name, np.ascontiguousarray(lie(values)) if name == array else values),
        )
        store = open_store(folder, mode="write")
        with suppress(StoreError):
            store.rebuild()
        store.close()
    seen = [each.detail for each in found(folder) if each.kind == "derived"]
    assert any(said in each for each in seen)
    store = open_store(folder, mode="write")
    assert store.repair().left == ()
    store.close()


def test_a_damaged_row_is_named_once_and_the_base_is_not_blamed_for_it(folder, generator):
    filled(folder, generator)
    changed(
        folder,
        "UPDATE products SET price = 9, brand = 'x', category = 'y' WHERE id = 'p003'",
        "UPDATE photos SET digest = 'x' WHERE id = 'p004/0'",
    )
    assert sorted(each.subject for each in found(folder)) == ["photo p004/0", "product p003"]


def test_it_is_read_in_parts_and_tells_how_far_it_is(folder, generator, monkeypatch):
    shop = filled(folder, generator)
    for module in (truth, comparing):
        monkeypatch.setattr(module, "PART", 3)
    told = []
    assert found(folder, progress=lambda what, done, total: told.append((what, done, total))) == []
    photos = sum(len(record.photos) for record in shop.records.values())
    assert [each for each in told if each[0] == "products"] == [
        ("products", done, 20) for done in (0, 3, 6, 9, 12, 15, 18, 20)
    ]
    assert ("photos", photos, photos) in told
    assert ("vectors", photos, photos) in told


DAMAGES = {
    "a product": ("UPDATE products SET title = 'x' WHERE id = 'p003'", {"product", "photo"}),
    "a photo": ("UPDATE photos SET digest = 'x' WHERE id = 'p003/0'", {"photo"}),
    "a vector": (
        "UPDATE vectors SET data = zeroblob(64) WHERE photo = (SELECT number FROM photos WHERE id = 'p003/0')",
        {"photo"},
    ),
    "no vector": ("DELETE FROM vectors WHERE photo = (SELECT number FROM photos WHERE id = 'p003/0')", {"photo"}),
    "a thumbnail": ("UPDATE thumbnails SET data = x'00'", {"thumbnail"}),
    "beside": (
        "UPDATE beside SET data = x'00' WHERE photo = (SELECT number FROM photos WHERE id = 'p003/0')",
        {"beside"},
    ),
    "a note": ("UPDATE notes SET data = '{}'", {"note"}),
    "an orphan": ("DELETE FROM products WHERE id = 'p003'", {"photo"}),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_repair_says_what_was_lost_keeps_it_and_costs_nothing_else(folder, generator, tmp_path, name):
    statement, what = DAMAGES[name]
    shop = filled(folder, generator, 6)
    vectors = unit(generator, 2)
    beside = {"evidence": b"seen"}
    photos = [photo_record("p003/0", vectors[0], thumbnail=b"jpeg", beside=beside), photo_record("p003/1", vectors[1])]
    shop.upsert([product_record("p003", photos, title="Three")])
    store = open_store(folder, mode="write")
    store.upsert([shop.records["p003"]])
    store.write_note("calibration", {"labels": 300})
    store.close()
    changed(folder, statement)
    assert found(folder, quick=True)
    store = open_store(folder, mode="write")
    done = store.repair(keep=tmp_path / "kept")
    assert done.left == ()
    assert {each.what for each in done.lost} == what
    assert all(each.cure for each in done.lost)
    assert {each.product for each in done.lost if each.what == "photo"} <= {"p003", ""}
    kept = [json.loads(line) for line in (tmp_path / "kept" / "removed.jsonl").read_text("utf-8").splitlines()]
    assert kept
    if name == "a photo":
        assert [each["table"] for each in kept] == ["photos", "vectors", "thumbnails", "beside"]
        assert base64.b64decode(kept[1]["row"][1]["base64"]) == vectors[0].tobytes()
        assert set(store.known("p003")) == {"p003/1"}
    for ident in sorted(set(shop.records) - {"p003"}):
        assert_same_record(store.record(ident), shop.records[ident])
    store.upsert([shop.records["p003"]])  # as an index run does
    query = unit(generator)[0]
    assert_same_ranking(store.search(query, 99), shop.nearest(query, 99))
    assert store.check() == []
    store.close()


def test_a_damaged_base_is_kept_when_asked_and_nothing_is_lost(folder, generator, tmp_path):
    filled(folder, generator)
    base = next((folder / "derived").iterdir())
    raw = bytearray(base.read_bytes())
    raw[len(raw) * 2 // 3] ^= 8
    base.write_bytes(raw)
    left = folder / "derived" / "base-00000009.segment.12345.tmp"
    left.write_bytes(b"half")
    assert {each.kind for each in found(folder, quick=True)} == {"derived", "temporary"}
    before = sequence(folder)
    done = repair(folder, keep=tmp_path / "kept")
    assert {each.kind for each in done.found} == {"derived", "temporary"}
    assert (done.lost, done.left, done.kept) == ((), (), tmp_path / "kept")
    assert (tmp_path / "kept" / base.name).read_bytes() == bytes(raw)
    assert sequence(folder) == before  # the truth was left alone
    assert not left.exists()


def test_where_it_cannot_be_kept_nothing_is_removed(folder, generator, tmp_path):
    filled(folder, generator)
    changed(folder, "UPDATE photos SET digest = 'x' WHERE id = 'p003/0'")
    (tmp_path / "kept").write_text("a file")
    store = open_store(folder, mode="write")
    with pytest.raises(StoreError, match="nothing was changed"):
        store.repair(keep=tmp_path / "kept")
    assert [each.subject for each in store.check()] == ["photo p003/0"]
    assert store.repair().left == ()
    store.close()


def test_a_store_that_is_open_for_reading_is_not_repaired(folder, generator):
    filled(folder, generator)
    store = open_store(folder)
    with pytest.raises(StoreError, match="open for reading"):
        store.repair()
    store.close()


def test_what_a_restore_or_backup_left_beside_is_no_part_of_it(folder, generator):
    filled(folder, generator, 2)
    (folder.parent / f".{folder.name}.partial").mkdir()
    assert found(folder) == []

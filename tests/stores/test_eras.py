"""Eras: a number of another future of the database is never taken for one of its own."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import zlib
from contextlib import closing

import numpy as np
import pytest

from stores.animals import open_cage
from stores.oracle import DIM, HASH, Shop, assert_same_ranking, photo_record, product_record, random_product, unit
from wearabouts.stores import open_store
from wearabouts.stores.embedded.truth import eras, schema


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "store"
    open_store(folder, mode="write", encoder_hash=HASH, dim=DIM).close()
    return folder


@pytest.fixture
def generator():
    return np.random.default_rng(17)


def write(folder, generator, ident="p"):
    """One opening for writing with two writes; what something derived after each of them would name."""
    named = []
    store = open_store(folder, mode="write")
    for _ in range(2):
        store.upsert([product_record(ident, [photo_record(ident, unit(generator)[0])])])
        named.append(newest(folder))
    store.close()
    return named


def asked(folder, question, *values):
    connection = schema.connect(folder, write=False)
    try:
        return question(connection, *values)
    finally:
        connection.close()


def newest(folder):
    return asked(folder, schema.era), asked(folder, schema.read_meta, folder).sequence


def knows(folder, named):
    return asked(folder, schema.knows_era, *named)


def test_each_opening_that_writes_is_one_era_and_one_that_does_not_is_none(folder, generator):
    first = newest(folder)
    one, two = write(folder, generator), write(folder, generator)
    open_store(folder, mode="write").close()
    assert [each[0] for each in one + two] == [one[0][0]] * 2 + [two[0][0]] * 2
    assert len({first[0], one[0][0], two[0][0]}) == 3
    assert newest(folder) == two[-1]
    for named in (first, *one, *two):
        assert knows(folder, named)


def test_an_older_copy_put_back_and_written_on_knows_nothing_of_the_other_future(folder, generator, tmp_path):
    before = write(folder, generator)
    shutil.copy(folder / "store.db", tmp_path / "older.db")
    other = write(folder, generator)
    shutil.copy(tmp_path / "older.db", folder / "store.db")
    (folder / "acknowledged").unlink()  # else the numbers would go on above those that are missing
    assert not any(knows(folder, named) for named in other)  # numbers it has not given yet
    mine = write(folder, generator) + write(folder, generator)
    assert mine[1][1] == other[1][1]  # the same numbers, of other rows
    assert not any(knows(folder, named) for named in other)
    assert all(knows(folder, named) for named in before + mine)


def test_a_copy_from_the_middle_of_an_era_does_not_know_its_end(folder, generator, tmp_path):
    store = open_store(folder, mode="write")
    store.upsert([product_record("a", [photo_record("a", unit(generator)[0])])])
    early = newest(folder)
    copy = sqlite3.connect(tmp_path / "middle.db")
    source = sqlite3.connect(folder / "store.db")
    source.backup(copy)
    source.close()
    copy.close()
    store.upsert([product_record("b", [photo_record("b", unit(generator)[0])])])
    late = newest(folder)
    store.close()
    assert early[0] == late[0]
    shutil.copy(tmp_path / "middle.db", folder / "store.db")
    write(folder, generator)
    write(folder, generator)
    assert knows(folder, early)
    assert not knows(folder, late)


def test_only_the_newest_are_kept_and_what_is_forgotten_is_not_known(folder, generator, monkeypatch):
    monkeypatch.setattr(eras, "KEPT", 3)
    named = [write(folder, generator)[1] for _ in range(5)]
    assert [knows(folder, each) for each in named] == [False, False, True, True, True]


@pytest.mark.parametrize(
    "change", ["UPDATE eras SET begins = begins - 1 WHERE number = {}", "DELETE FROM eras WHERE number = {}"]
)
def test_a_damaged_era_is_found_and_neither_it_nor_the_one_before_is_known(folder, generator, change):
    named = [write(folder, generator)[1] for _ in range(4)]  # eras 2 to 5; 1 is the creation
    connection = sqlite3.connect(folder / "store.db")
    connection.execute(change.format(4))
    connection.commit()
    connection.close()
    assert [knows(folder, each) for each in named] == [True, False, False, True]
    store = open_store(folder, mode="write")
    assert {finding.kind for finding in store.check(repair=True)} == {"era"}
    assert store.check() == []
    store.close()
    assert not any(knows(folder, each) for each in named)
    assert knows(folder, newest(folder))


@pytest.mark.parametrize("form", [1, 2])
def test_a_store_of_an_older_format_has_none_until_it_is_written(form, tmp_path):
    folder = open_cage(form, tmp_path / "old")
    named = newest(folder)
    assert named[0] == ""
    assert not knows(folder, named)
    open_store(folder, mode="write").close()
    assert newest(folder)[0] != ""
    assert knows(folder, newest(folder))


def test_lost_writes_are_remembered_until_a_repair_whatever_is_written_afterwards(tmp_path):
    """A log that was cut short takes acknowledged writes with it: the numbers must not catch up unnoticed."""
    generator = np.random.default_rng(3)
    folder = tmp_path / "store"
    with closing(open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)) as store:
        store.upsert([random_product(generator, "kept")])
        store.upsert([random_product(generator, "also")])
        kept = store.describe()["sequence"]
    (folder / "acknowledged").write_bytes(_note_of(kept + 40))
    with closing(open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)) as store:
        store.upsert([random_product(generator, f"new{i}") for i in range(30)])
        assert store.describe()["sequence"] > kept + 40
        assert [each.kind for each in store.check()] == ["lost"]
    with closing(open_store(folder)) as reader:
        (found,) = reader.check()
        assert str(kept) in found.detail
        assert str(kept + 40) in found.detail
    with closing(open_store(folder, mode="write")) as store:
        store.check(repair=True)
        assert store.check() == []
        assert sorted(store.products()) == sorted(["kept", "also", *(f"new{i}" for i in range(30))])
        assert store.note("lost-writes") is None


def _note_of(number):
    raw = struct.pack("<q", number)
    return raw + struct.pack("<I", zlib.crc32(raw))


def test_an_older_copy_beside_a_newer_derived_folder_is_refused_its_base(folder, generator, tmp_path):
    write(folder, generator, "a")
    shutil.copy(folder / "store.db", tmp_path / "older.db")
    store = open_store(folder, mode="write")
    for ident in "bc":
        store.upsert([product_record(ident, [photo_record(ident, unit(generator)[0])])])
    store.rebuild()
    store.close()
    shutil.copytree(folder / "derived", tmp_path / "newer")
    shutil.copy(tmp_path / "older.db", folder / "store.db")
    (folder / "acknowledged").unlink()
    shop = Shop()
    store = open_store(folder, mode="write")
    shop.upsert([store.record("a")])
    for ident in "xyz":
        shop.upsert([product_record(ident, [photo_record(ident, unit(generator)[0])])])
        store.upsert([shop.records[ident]])
    store.close()
    shutil.rmtree(folder / "derived")
    shutil.copytree(tmp_path / "newer", folder / "derived")
    reader = open_store(folder)
    assert reader.describe()["index"]["base"] == 0
    query = unit(generator)[0]
    assert_same_ranking(reader.search(query, 9), shop.nearest(query, 9))
    assert ["belongs to another store" in each.detail for each in reader.check()] == [True]
    reader.close()
    store = open_store(folder, mode="write")
    assert store.repair().left == ()
    assert store.describe()["index"]["base"] == 4
    assert_same_ranking(store.search(query, 9), shop.nearest(query, 9))
    store.close()

"""A store of format 1 in the hands of this release: read as it is, migrated whole or not at all when it is written."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3

import numpy as np
import pytest

from stores.oracle import DIM, HASH, Shop, assert_same_ranking, assert_same_record, photo_record, product_record, unit
from wearabouts.errors import StoreError
from wearabouts.stores import open_store

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["wearabouts.stores.embedded"])

# To the letter what releases of format 1 laid out: never to be changed.
FORMAT_1 = (
    """CREATE TABLE meta (only INTEGER PRIMARY KEY CHECK (only = 1), encoder_hash TEXT NOT NULL,
        dim INTEGER NOT NULL, sequence INTEGER NOT NULL, replay_from INTEGER NOT NULL, created TEXT NOT NULL,
        checksum BLOB NOT NULL) STRICT""",
    """CREATE TABLE products (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
        category TEXT NOT NULL, garment TEXT NOT NULL, brand TEXT NOT NULL, price REAL, currency TEXT NOT NULL,
        availability TEXT NOT NULL, "group" TEXT NOT NULL, attributes TEXT NOT NULL, rest TEXT NOT NULL,
        checksum BLOB NOT NULL) STRICT""",
    """CREATE TABLE photos (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
        product INTEGER NOT NULL REFERENCES products(number) ON DELETE CASCADE, digest TEXT NOT NULL,
        data TEXT NOT NULL, vector_sum INTEGER NOT NULL, checksum BLOB NOT NULL) STRICT""",
    "CREATE INDEX photos_by_product ON photos(product)",
    "CREATE INDEX photos_by_digest ON photos(digest)",
    """CREATE TABLE vectors (photo INTEGER PRIMARY KEY REFERENCES photos(number) ON DELETE CASCADE,
        data BLOB NOT NULL) STRICT""",
    """CREATE TABLE thumbnails (photo INTEGER PRIMARY KEY REFERENCES photos(number) ON DELETE CASCADE,
        data BLOB NOT NULL, checksum BLOB NOT NULL) STRICT""",
    "CREATE TABLE removals (number INTEGER PRIMARY KEY, id TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
)
TABLES = ("meta", "products", "photos", "vectors", "thumbnails", "removals")


def old_shop():
    generator = np.random.default_rng(4)
    shop = Shop()
    for number in range(12):
        photos = [
            photo_record(f"{number}/{view}", unit(generator)[0], garment="dress", thumbnail=generator.bytes(900))
            for view in range(2)
        ]
        shop.upsert([product_record(f"p{number:02}", photos, title=f"Number {number}", price=float(number))])
    return shop


@pytest.fixture
def folder(tmp_path):
    """A store of format 1: the rows of a new store, whose layout is the same in both, in tables made by the old DDL."""
    new, old = tmp_path / "new", tmp_path / "old"
    store = open_store(new, mode="write", encoder_hash=HASH, dim=DIM)
    store.upsert(old_shop().records.values())
    store.upsert([product_record("gone", [photo_record("gone", unit(np.random.default_rng(8))[0])])])
    store.delete(["gone"])
    store.close()
    old.mkdir()
    shutil.copytree(new / "derived", old / "derived")
    shutil.copy(new / "acknowledged", old / "acknowledged")
    connection = sqlite3.connect(old / "store.db", isolation_level=None)
    connection.execute("PRAGMA page_size=8192")
    connection.execute("PRAGMA journal_mode=WAL")
    for statement in FORMAT_1:
        connection.execute(statement)
    connection.execute("ATTACH ? AS new", (str(new / "store.db"),))
    for table in TABLES:
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM new.{table}")
    connection.execute(f"PRAGMA main.application_id={0x57454152}")
    connection.execute("PRAGMA main.user_version=1")
    connection.close()
    return old


def layout_of(folder):
    connection = sqlite3.connect(folder / "store.db")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE sql IS NOT NULL")}
    connection.close()
    return version, names & {"beside", "beside_by_photo", "notes", "eras"}


OLD, NEW = (1, set()), (3, {"beside", "beside_by_photo", "notes", "eras"})


def assert_whole(store, shop):
    assert list(store.products()) == sorted(shop.records)
    for ident, record in shop.records.items():
        assert_same_record(store.record(ident), record)
    query = unit(np.random.default_rng(6))[0]
    assert_same_ranking(store.search(query, 99), shop.nearest(query, 99))
    assert store.check() == []


def test_reading_leaves_it_and_finds_nothing_beside(folder):
    before = (folder / "store.db").read_bytes()
    store = open_store(folder, encoder_hash=HASH, dim=DIM)
    assert_whole(store, old_shop())
    assert store.beside(["0/0", "never was"], "evidence") == [None, None]
    assert store.note("calibration") is None
    assert store.digest_record("digest-0/0").beside == {}
    told = store.describe()
    assert (told["format"], told["beside"], told["notes"], told["index"]["base"]) == (1, {}, [], 24)
    with pytest.raises(StoreError, match="open for reading"):
        store.write_note("calibration", {})
    store.close()
    assert (folder / "store.db").read_bytes() == before
    assert layout_of(folder) == OLD


def test_writing_migrates_it_and_everything_stays(folder):
    store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
    assert layout_of(folder) == NEW
    shop = old_shop()
    assert_whole(store, shop)
    told = store.describe()
    assert (told["format"], told["index"]["base"]) == (3, 24)
    record = shop.records["p03"]
    photos = [photo_record("3/0", record.photos[0].vector, thumbnail=b"jpeg", beside={"evidence": b"seen"})]
    shop.upsert([product_record("p03", photos, title="Number 3")])
    store.upsert([shop.records["p03"]])
    store.write_note("calibration", {"labels": 300})
    store.close()
    store = open_store(folder)
    assert_whole(store, shop)
    assert store.beside(["0/0", "3/0"], "evidence") == [None, b"seen"]
    assert store.note("calibration") == {"labels": 300}
    store.close()


def test_a_reader_from_before_the_migration_sees_what_comes_after(folder):
    reader = open_store(folder)
    assert reader.beside(["0/0"], "evidence") == [None]
    store = open_store(folder, mode="write")
    vector = unit(np.random.default_rng(1))[0]
    store.upsert([product_record("p00", [photo_record("0/0", vector, beside={"evidence": b"seen"})])])
    store.write_note("calibration", {"labels": 300})
    assert reader.beside(["0/0", "1/0"], "evidence") == [b"seen", None]
    assert (reader.note("calibration"), reader.describe()["format"]) == ({"labels": 300}, 3)
    assert reader.check() == []
    reader.close()
    store.close()


def opened_until(folder, count):
    """Open for writing, and die by SIGKILL before statement `count` of the transaction, or 1 beyond: after its end."""
    seen = []

    def traced(statement):
        if seen or statement.startswith("BEGIN IMMEDIATE"):
            seen.append(statement)
        if len(seen) > count:
            os.kill(os.getpid(), signal.SIGKILL)

    connect = sqlite3.connect

    def watched(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(traced)
        return connection

    sqlite3.connect = watched
    open_store(folder, mode="write")
    os.kill(os.getpid(), signal.SIGKILL)


def test_kill_9_at_any_statement_leaves_one_format_or_the_other(folder, tmp_path):
    shop, found = old_shop(), []
    for count in range(2, 15):  # within: before the tables, between them, before the commit, after it
        copy = tmp_path / f"copy {count}"
        shutil.copytree(folder, copy)
        process = PROCESSES.Process(target=opened_until, args=(copy, count), daemon=True)
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        store = open_store(copy)
        assert_whole(store, shop)
        store.close()
        found.append(layout_of(copy))
        store = open_store(copy, mode="write")
        assert_whole(store, shop)
        store.close()
        assert layout_of(copy) == NEW
    assert OLD in found
    assert found == [OLD] * found.count(OLD) + [NEW] * found.count(NEW)
    assert found[-1] == NEW


def test_another_encoders_store_is_refused_before_anything_is_changed(folder):
    before = (folder / "store.db").read_bytes()
    with pytest.raises(StoreError, match="was filled by encoder"):
        open_store(folder, mode="write", encoder_hash="sha256:other", dim=DIM)
    assert (folder / "store.db").read_bytes() == before


def test_rebuilding_empties_it_in_the_new_format(folder):
    store = open_store(folder, mode="write", encoder_hash="sha256:other", dim=8, rebuild=True)
    assert (list(store.products()), store.describe()["format"]) == ([], 3)
    store.close()
    assert layout_of(folder) == NEW


@pytest.mark.parametrize(
    "change, said",
    [
        ("CREATE TABLE notes (name TEXT)", r"unexpected schema \(notes\)"),
        ("DROP INDEX photos_by_digest", "unexpected schema"),
        ("PRAGMA user_version = 0", "has format 0, this release reads formats 1 to 3"),
        ("PRAGMA user_version = 2", "unexpected schema"),
        ("PRAGMA user_version = 4", "has format 4, this release reads formats 1 to 3"),
    ],
)
def test_what_is_neither_format_is_refused_and_left_alone(folder, change, said):
    connection = sqlite3.connect(folder / "store.db")
    connection.execute(change)
    connection.commit()
    connection.close()
    before = (folder / "store.db").read_bytes()
    for mode in ("read", "write"):
        with pytest.raises(StoreError, match=said):
            open_store(folder, mode=mode)
    assert (folder / "store.db").read_bytes() == before


def test_damage_of_an_old_store_is_found_and_repaired_in_the_new_format(folder):
    connection = sqlite3.connect(folder / "store.db")
    connection.execute("UPDATE photos SET digest = 'other' WHERE id = '0/0'")
    connection.commit()
    connection.close()
    reader = open_store(folder)
    assert [finding.kind for finding in reader.check()] == ["row"]
    reader.close()
    store = open_store(folder, mode="write")
    assert [finding.kind for finding in store.check(repair=True)] == ["row"]
    assert store.check() == []
    assert set(store.known("p00")) == {"0/1"}
    store.close()

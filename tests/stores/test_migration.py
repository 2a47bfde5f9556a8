"""The format zoo in the hands of this release: read as it is, migrated whole or not at all when it is written."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3

import pytest

from stores.animals import FORMATS, NOTE, WITH_MORE, open_cage, shop, vector_of
from stores.oracle import DIM, HASH, assert_same_ranking, assert_same_record, photo_record, product_record
from wearabouts.errors import StoreError
from wearabouts.stores import open_store

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["wearabouts.stores.embedded"])
NEWEST = FORMATS[-1]
ADDED = {1: set(), 2: {"beside", "beside_by_photo", "notes"}, 3: {"beside", "beside_by_photo", "notes", "eras"}}


@pytest.fixture(params=FORMATS)
def form(request):
    return request.param


@pytest.fixture(params=FORMATS[:-1])
def old(request):
    return request.param


def caged(form, tmp_path):
    return open_cage(form, tmp_path / "store")


def layout_of(folder):
    connection = sqlite3.connect(folder / "store.db")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE sql IS NOT NULL")}
    connection.close()
    return version, names & ADDED[NEWEST]


def assert_answers(store, expected):
    """The same answers from every format: products, rankings with and without a filter, small copies."""
    assert list(store.products()) == sorted(expected.records)
    for ident, record in expected.records.items():
        assert_same_record(store.record(ident), record)
    for name in ("3/0", "a photo of the street", "another"):
        query = vector_of(name)
        assert_same_ranking(store.search(query, 99), expected.nearest(query, 99))
        cheap = expected.nearest(query, 99, lambda record: record.product.price < 5)
        assert_same_ranking(store.search(query, 99, where="price < 5"), cheap)
    assert store.thumbnail("3/1") == b"jpeg3/1"
    assert store.check() == []


def test_reading_leaves_every_format_as_it_is(form, tmp_path):
    folder = caged(form, tmp_path)
    before = (folder / "store.db").read_bytes()
    store = open_store(folder, encoder_hash=HASH, dim=DIM)
    assert_answers(store, shop(form))
    more = form >= WITH_MORE
    assert store.beside(["0/1", "never was"], "evidence") == [b"0/10/10/1" if more else None, None]
    assert store.note("calibration") == (NOTE if more else None)
    assert store.describe()["format"] == form
    with pytest.raises(StoreError, match="open for reading"):
        store.write_note("calibration", {})
    store.close()
    assert (folder / "store.db").read_bytes() == before
    assert layout_of(folder) == (form, ADDED[form])


def test_writing_migrates_every_format_and_everything_stays(form, tmp_path):
    folder, expected = caged(form, tmp_path), shop(form)
    store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
    assert layout_of(folder) == (NEWEST, ADDED[NEWEST])
    assert_answers(store, expected)
    photos = [photo_record("3/0", vector_of("new"), thumbnail=b"jpeg", beside={"evidence": b"seen"})]
    photos.append(photo_record("3/1", vector_of("newer"), thumbnail=b"jpeg3/1"))
    expected.upsert([product_record("p03", photos, title="Number 3", price=3.0)])
    store.upsert([expected.records["p03"]])
    store.write_note("calibration", {"labels": 301})
    store.close()
    store = open_store(folder)
    assert_answers(store, expected)
    assert store.beside(["3/0"], "evidence") == [b"seen"]
    assert (store.note("calibration"), store.describe()["format"]) == ({"labels": 301}, NEWEST)
    store.close()


def test_a_reader_from_before_the_migration_sees_what_comes_after(old, tmp_path):
    folder = caged(old, tmp_path)
    reader = open_store(folder)
    store = open_store(folder, mode="write")
    store.upsert([product_record("p00", [photo_record("0/0", vector_of("new"), beside={"evidence": b"seen"})])])
    store.write_note("calibration", {"labels": 301})
    store.close()
    reader.close()
    reader = open_store(folder)
    assert reader.beside(["0/0", "12/0"], "evidence") == [b"seen", None]
    assert (reader.note("calibration"), reader.describe()["format"]) == ({"labels": 301}, NEWEST)
    assert reader.check() == []
    reader.close()


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


def test_kill_9_at_any_statement_leaves_one_format_or_the_other(old, tmp_path):
    folder, expected, found = caged(old, tmp_path), shop(old), []
    while found[-2:] != [NEWEST] * 2:
        copy = tmp_path / f"copy {len(found)}"
        shutil.copytree(folder, copy)
        process = PROCESSES.Process(target=opened_until, args=(copy, 1 + len(found)), daemon=True)
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        found.append(layout_of(copy)[0])
        assert layout_of(copy) == (found[-1], ADDED[found[-1]])
        store = open_store(copy)
        assert list(store.products()) == sorted(expected.records)
        store.close()
        store = open_store(copy, mode="write")
        assert_answers(store, expected)
        store.close()
        assert layout_of(copy)[0] == NEWEST
    assert len(found) > 5
    assert set(found) == {old, NEWEST}
    assert found == sorted(found)


def test_another_encoders_store_is_refused_before_anything_is_changed(old, tmp_path):
    folder = caged(old, tmp_path)
    before = (folder / "store.db").read_bytes()
    with pytest.raises(StoreError, match="was filled by encoder"):
        open_store(folder, mode="write", encoder_hash="sha256:other", dim=DIM)
    assert (folder / "store.db").read_bytes() == before


def test_rebuilding_empties_it_in_the_newest_format(old, tmp_path):
    folder = caged(old, tmp_path)
    store = open_store(folder, mode="write", encoder_hash="sha256:other", dim=8, rebuild=True)
    assert (list(store.products()), store.describe()["format"]) == ([], NEWEST)
    store.close()
    assert layout_of(folder) == (NEWEST, ADDED[NEWEST])


@pytest.mark.parametrize(
    "change, said",
    [
        ("CREATE TABLE notes (name TEXT)", r"unexpected schema \(notes\)"),
        ("DROP INDEX photos_by_digest", "unexpected schema"),
        ("PRAGMA user_version = 0", f"has format 0, this release reads formats 1 to {NEWEST}"),
        ("PRAGMA user_version = 2", "unexpected schema"),
        (f"PRAGMA user_version = {NEWEST + 1}", f"has format {NEWEST + 1}, this release reads formats 1 to {NEWEST}"),
    ],
)
def test_what_is_of_no_format_is_refused_and_left_alone(tmp_path, change, said):
    folder = caged(1, tmp_path)
    connection = sqlite3.connect(folder / "store.db")
    connection.execute(change)
    connection.commit()
    connection.close()
    before = (folder / "store.db").read_bytes()
    for mode in ("read", "write"):
        with pytest.raises(StoreError, match=said):
            open_store(folder, mode=mode)
    assert (folder / "store.db").read_bytes() == before


def test_damage_of_an_old_store_is_found_and_repaired_in_the_newest_format(old, tmp_path):
    folder = caged(old, tmp_path)
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

"""What lies beside photos in the embedded store: found by number, checked on reading, damaged at its own cost only."""

from __future__ import annotations

import sqlite3
import threading

import numpy as np
import pytest

from stores.oracle import DIM, HASH, photo_record, product_record, unit
from wearabouts.errors import StoreError
from wearabouts.stores import open_store


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


def make(folder, **options):
    return open_store(folder, mode="write", encoder_hash=HASH, dim=DIM, **options)


def filled(store, count, version=0):
    """Products of one photo each, whose evidence names the photo and the version of the write."""
    vectors = unit(np.random.default_rng(version), count)
    records = []
    for number, vector in enumerate(vectors):
        photo = photo_record(f"a{number}", vector, beside={"evidence": f"a{number} of {version}".encode()})
        records.append(product_record(f"p{number}", [photo]))
    store.upsert(records)


def harm(folder, statement):
    with sqlite3.connect(folder / "store.db") as connection:
        connection.execute(statement)
    connection.close()


def test_photos_of_base_and_delta_are_found_by_their_numbers(folder):
    store = make(folder)
    filled(store, 40)
    store.close()
    store = make(folder)
    assert store.describe()["index"]["base"] == 40
    store.upsert(
        [product_record("new", [photo_record("new", unit(np.random.default_rng(9))[0], beside={"evidence": b"n"})])]
    )
    store.delete(["p3"])
    assert store.beside(["new", "a39", "a3", "a0"], "evidence") == [b"n", b"a39 of 0", None, b"a0 of 0"]
    store.close()


def test_a_write_between_view_and_database_gives_what_the_database_has(folder, monkeypatch):
    store = make(folder)
    filled(store, 5)
    stale = store._tracker.found(["a1", "a2", "a4"])
    filled(store, 3, version=1)
    store.delete(["p4"])
    monkeypatch.setattr(store._tracker, "found", lambda ids: stale)
    assert store.beside(["a1", "a2", "a4"], "evidence") == [b"a1 of 1", b"a2 of 1", None]
    store.close()


def test_readers_see_one_version_of_all_photos_while_they_are_rewritten(folder):
    store = make(folder)
    filled(store, 20)
    reader = open_store(folder)
    ids = [f"a{number}" for number in range(20)]
    done, wrong, asked = threading.Event(), [], []

    def ask(each):
        while not done.is_set():
            found = each.beside(ids, "evidence")
            versions = {value and value.split(b" of ")[1] for value in found}
            if len(versions) != 1 or [value.split(b" ")[0].decode() for value in found] != ids:
                wrong.append(found)
            asked.append(1)

    threads = [threading.Thread(target=ask, args=(each,)) for each in (store, reader, reader)]
    for thread in threads:
        thread.start()
    for version in range(1, 25):
        filled(store, 20, version)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(asked) > 10
    reader.close()
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "SET data = x'00'",
        "SET checksum = checksum + 1",
        "SET size = 3",
        "SET photo = 4",
        "SET data = zeroblob(length(data))",
    ],
)
def test_a_damaged_value_is_as_if_it_were_not_there_until_it_is_made_anew(folder, change):
    store = make(folder)
    filled(store, 3)
    store.close()
    harm(folder, f"UPDATE beside {change} WHERE photo = 2")
    store = make(folder)
    assert store.beside(["a0", "a1"], "evidence") == [None, b"a1 of 0"]
    assert store.record("p0").photos[0].beside == {}
    assert [finding.kind for finding in store.check(repair=True)] == ["beside"]
    assert store.check() == []
    assert len(list(store.products())) == 3
    assert store.describe()["beside"]["evidence"]["photos"] == 2
    filled(store, 1)
    assert store.beside(["a0", "a1"], "evidence") == [b"a0 of 0", b"a1 of 0"]
    store.close()


def test_a_damaged_note_is_an_error_until_it_is_repaired_away(folder):
    store = make(folder)
    store.write_note("calibration", {"labels": 300})
    store.write_note("kept", {"n": 1})
    store.close()
    harm(folder, "UPDATE notes SET data = '{\"labels\":301}' WHERE name = 'calibration'")
    store = make(folder)
    with pytest.raises(StoreError, match=r"note 'calibration' is damaged.*check --repair"):
        store.note("calibration")
    assert [(finding.kind, finding.subject) for finding in store.check(repair=True)] == [("note", "note calibration")]
    assert (store.note("calibration"), store.note("kept"), store.check()) == (None, {"n": 1}, [])
    store.close()


def test_readers_write_no_notes_and_there_is_an_end_to_them(folder):
    store = make(folder)
    for number in range(64):
        store.write_note(f"note-{number}", {"n": number})
    with pytest.raises(StoreError, match="64 notes already"):
        store.write_note("one-more", {})
    store.write_note("note-7", {"n": "replaced"})
    assert (store.note("note-7"), store.note("one-more")) == ({"n": "replaced"}, None)
    assert store.describe()["notes"] == sorted(f"note-{number}" for number in range(64))
    reader = open_store(folder)
    with pytest.raises(StoreError, match="open for reading"):
        reader.write_note("note-1", None)
    assert reader.note("note-1") == {"n": 1}
    reader.close()
    store.close()


def test_a_lost_note_is_noticed(folder):
    make(folder).close()
    before = (folder / "store.db").read_bytes()
    store = make(folder)
    store.write_note("calibration", {"labels": 300})
    store.close()
    (folder / "store.db").write_bytes(before)
    reader = open_store(folder)
    assert [finding.kind for finding in reader.check()] == ["lost"]
    reader.close()


def test_rebuilding_for_another_encoder_empties_both(folder):
    store = make(folder)
    filled(store, 4)
    store.write_note("calibration", {"labels": 300})
    store.close()
    store = make(folder, rebuild=True)
    assert (store.note("calibration"), store.describe()["beside"]) == (None, {})
    filled(store, 2, version=1)
    assert store.beside(["a1", "a3"], "evidence") == [b"a1 of 1", None]
    store.close()


def test_describe_counts_photos_and_bytes_of_each_kind(folder):
    store = make(folder)
    a, b = unit(np.random.default_rng(1), 2)
    first = photo_record("a", a, beside={"evidence": bytes(100), "half-00": bytes(30)})
    store.upsert([product_record("p", [first, photo_record("b", b, beside={"evidence": bytes(120)})])])
    counted = {"evidence": {"photos": 2, "bytes": 220}, "half-00": {"photos": 1, "bytes": 30}}
    assert store.describe()["beside"] == counted
    store.delete(["p"])
    assert store.describe()["beside"] == {}
    store.close()

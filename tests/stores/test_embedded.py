"""What only the embedded store promises: its folder, its lock, its encoder, its readers, its derived base."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from stores.oracle import (
    DIM,
    HASH,
    Shop,
    assert_same_ranking,
    photo_record,
    product_record,
    random_product,
    unit,
)
from wearabouts.errors import StoreError
from wearabouts.stores import Store, open_store
from wearabouts.stores.embedded import EmbeddedStore
from wearabouts.stores.embedded.truth import schema, writing


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def make(folder, **options):
    return open_store(folder, mode="write", encoder_hash=HASH, dim=DIM, **options)


def filled(folder, generator, count=30):
    shop = Shop()
    shop.upsert(random_product(generator, f"p{i}") for i in range(count))
    store = make(folder)
    store.upsert(shop.records.values())
    store.close()
    return shop


def bases(folder):
    return sorted(path.name for path in (folder / "derived").iterdir())


def test_it_is_a_store_to_the_type_checker(folder):
    store: Store = EmbeddedStore.open(folder, mode="write", encoder_hash=HASH, dim=DIM)
    assert (store.encoder_hash, store.dim) == (HASH, DIM)
    store.close()


class TestOpening:
    def test_no_store_there(self, folder):
        for mode in ("read", "write"):
            with pytest.raises(StoreError, match=r"there is no store at .*wearabouts index SOURCE --store"):
                open_store(folder, mode=mode)
        assert not folder.exists()
        folder.write_text("a file")
        with pytest.raises(StoreError, match="not a folder"):
            open_store(folder)

    def test_another_encoder_is_refused_with_both_hashes_and_the_cure(self, folder, generator):
        filled(folder, generator)
        wanted = rf"{HASH}.*sha256:other.*wearabouts index SOURCE --store {re.escape(str(folder))} --rebuild"
        for mode in ("read", "write"):
            with pytest.raises(StoreError, match=wanted):
                open_store(folder, mode=mode, encoder_hash="sha256:other")
            with pytest.raises(StoreError, match=r"16 floats.*gives 8.*--rebuild"):
                open_store(folder, mode=mode, encoder_hash=HASH, dim=8)
        open_store(folder, encoder_hash=HASH, dim=DIM).close()

    def test_rebuild_empties_the_store_for_another_encoder(self, folder, generator):
        filled(folder, generator)
        reader = open_store(folder)
        with pytest.raises(StoreError, match="give encoder_hash and dim"):
            open_store(folder, mode="write", rebuild=True)
        store = open_store(folder, mode="write", encoder_hash="new", dim=8, rebuild=True)
        assert (store.encoder_hash, store.dim, list(store.products())) == ("new", 8, [])
        vector = unit(generator, 1, 8)[0]
        store.upsert([product_record("p", [photo_record("a", vector)])])
        assert store.search(vector, 3).photo_ids == ("a",)
        for ask in (reader.refresh, lambda: reader.search(unit(generator)[0], 3)):
            with pytest.raises(StoreError, match=rf"refilled with encoder new while open for\s+{HASH}"):
                ask()
        reader.close()
        store.close()
        again = open_store(folder, encoder_hash="new", dim=8)
        assert again.search(vector, 3).photo_ids == ("a",)
        assert again.check() == []
        again.close()

    def test_rebuild_replaces_a_database_beyond_reading_but_nobody_else_s(self, folder, generator):
        filled(folder, generator)
        path = folder / "store.db"
        raw = bytearray(path.read_bytes())
        raw[100:8192] = os.urandom(8092)
        path.write_bytes(raw)
        with pytest.raises(StoreError, match=r"damaged|malformed"):
            open_store(folder)
        store = make(folder, rebuild=True)
        assert list(store.products()) == []
        store.close()
        path.write_bytes(b"my diary")
        with pytest.raises(StoreError):
            make(folder, rebuild=True)
        assert path.read_bytes() == b"my diary"

    def test_what_a_rebuild_gives_up_is_not_missed_later(self, folder, generator):
        filled(folder, generator)
        path = folder / "store.db"
        raw = bytearray(path.read_bytes())
        raw[100:8192] = os.urandom(8092)
        path.write_bytes(raw)
        make(folder, rebuild=True).close()
        for mode in ("read", "write"):
            store = open_store(folder, mode=mode)
            assert [each for each in store.check() if each.kind == "lost"] == []
            store.close()

    def test_a_stranger_s_database_is_refused_and_left_alone(self, folder):
        folder.mkdir()
        with sqlite3.connect(folder / "store.db") as stranger:
            stranger.execute("CREATE TABLE diary (text)")
        stranger.close()
        before = (folder / "store.db").read_bytes()
        for mode in ("read", "write"):
            with pytest.raises(StoreError, match="no Wearabouts store"):
                open_store(folder, mode=mode, encoder_hash=HASH, dim=DIM)
        assert (folder / "store.db").read_bytes() == before

    @pytest.mark.parametrize(
        "change, said",
        [
            ("PRAGMA user_version = 99", "has format 99, this release reads formats 1 to 3"),
            ("CREATE TRIGGER t AFTER INSERT ON products BEGIN DELETE FROM photos; END", r"unexpected schema \(t\)"),
            ("CREATE VIEW v AS SELECT 1", r"unexpected schema \(v\)"),
            ("DROP INDEX photos_by_digest", "unexpected schema"),
            ("ALTER TABLE photos ADD COLUMN more TEXT", "changed definition"),
            ("PRAGMA journal_mode = DELETE", "not in WAL mode"),
            ("UPDATE meta SET dim = 17", "own row is damaged"),
        ],
    )
    def test_a_changed_database_is_refused(self, folder, generator, change, said):
        filled(folder, generator, 3)
        with sqlite3.connect(folder / "store.db") as connection:
            connection.execute(change)
        connection.close()
        with pytest.raises(StoreError, match=said):
            open_store(folder)

    @pytest.mark.parametrize("name", ["store.db", "store.db-wal", "writer.lock"])
    def test_links_are_refused(self, folder, generator, tmp_path, name):
        filled(folder, generator, 3)
        elsewhere = tmp_path / "elsewhere"
        if (folder / name).exists():
            (folder / name).rename(elsewhere)
        else:
            elsewhere.write_bytes(b"")
        (folder / name).symlink_to(elsewhere)
        before = elsewhere.read_bytes()
        with pytest.raises(StoreError, match="plain file"):
            open_store(folder, mode="write")
        assert elsewhere.read_bytes() == before

    def test_a_creation_that_was_killed_is_done_again(self, folder):
        folder.mkdir()
        (folder / "store.db").write_bytes(b"")
        with pytest.raises(StoreError, match="there is no store"):
            open_store(folder)
        store = make(folder)
        assert list(store.products()) == []
        store.close()

    def test_a_disk_that_fails_while_creating_leaves_nothing_in_the_way(self, folder, monkeypatch):
        class WithoutLog(sqlite3.Connection):
            def execute(self, sql, *values):
                return super().execute(sql.replace("journal_mode=WAL", "journal_mode"), *values)

        def failing(folder):
            raise OSError(5, "Input/output error")

        connect = sqlite3.connect
        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **more | {"factory": WithoutLog}))
            with pytest.raises(StoreError, match="write-ahead log could not be switched on"):
                make(folder)
        with monkeypatch.context() as patch:
            patch.setattr("wearabouts.stores.embedded.opening.sync_folder", failing)
            with pytest.raises(StoreError, match=r"opening the store failed \(Input/output error\); the disk failed"):
                make(folder)
        make(folder).close()

    def test_a_forked_child_may_not_use_it(self, folder, generator):
        filled(folder, generator, 3)
        store = open_store(folder)
        store._process = -1  # as a child would see it
        with pytest.raises(StoreError, match="another process"):
            store.search(unit(generator)[0], 1)
        store._process = os.getpid()
        store.close()


class TestLock:
    def test_the_message_says_who_writes(self, folder):
        store = make(folder)
        with pytest.raises(StoreError, match=rf"being written by .*process {os.getpid()} on .*, since 20\d\d-.*wait"):
            make(folder)
        open_store(folder).close()
        assert store.describe()["writer"]["pid"] == os.getpid()
        store.close()
        make(folder).close()

    def test_a_dead_process_s_lock_is_taken_over(self, folder, generator):
        filled(folder, generator, 3)
        (folder / "writer.lock").write_text(json.dumps({"pid": 1, "host": "elsewhere", "command": "x", "since": "y"}))
        store = make(folder)
        assert store.describe()["writer"]["pid"] == os.getpid()
        store.close()

    def test_a_failed_opening_gives_the_lock_back(self, folder, generator):
        filled(folder, generator, 3)
        with pytest.raises(StoreError, match="sha256:other"):
            open_store(folder, mode="write", encoder_hash="sha256:other")
        make(folder).close()

    def test_readers_may_not_write(self, folder, generator):
        shop = filled(folder, generator, 3)
        store = open_store(folder)
        for act in (lambda: store.upsert(shop.records.values()), lambda: store.delete(["p1"]), store.rebuild):
            with pytest.raises(StoreError, match="open for reading"):
                act()
        (folder / "derived" / "x.tmp").write_bytes(b"")
        with pytest.raises(StoreError, match="open for reading"):
            store.check(repair=True)
        store.close()


READER = """
import sys
import numpy as np
from wearabouts.stores import open_store

store = open_store(sys.argv[1])
vector = np.eye(1, store.dim, dtype=np.float32)[0]
for line in sys.stdin:
    where = line.strip() or None
    store.refresh()
    print(*store.search(vector, 100, where=where).photo_ids, flush=True)
"""


def test_another_process_sees_each_write_once_it_is_refreshed(folder, generator):
    def ask(where=""):
        child.stdin.write(where + "\n")
        child.stdin.flush()
        return child.stdout.readline().split()

    store = make(folder)
    store.upsert([product_record("p0", [photo_record("p0", unit(generator)[0])], price=5.0)])
    words = [sys.executable, "-c", READER, str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert ask() == ["p0"]
            for i in range(1, 15):
                store.upsert([product_record(f"p{i}", [photo_record(f"p{i}", unit(generator)[0])], price=float(i))])
                if i % 4 == 0:
                    store.delete([f"p{i - 1}"])
                if i % 5 == 0:
                    store.rebuild()
                assert sorted(ask()) == sorted(store.products())
                assert len(ask("price >= 5")) == len(store.search(unit(generator)[0], 99, where="price >= 5"))
        finally:
            child.stdin.close()
            child.wait(20)
    store.close()


class TestDerivedBase:
    def test_closing_writes_it_and_opening_uses_it(self, folder, generator):
        shop = filled(folder, generator)
        photos = sum(len(record.photos) for record in shop.records.values())
        assert bases(folder) == ["base-00000001.segment"]
        store = open_store(folder)
        told = store.describe()["index"]
        assert (told["kind"], told["base"], told["delta"], told["generation"]) == ("exact", photos, 0, 1)
        store.close()

    @pytest.mark.parametrize("mode", ["read", "write"])
    @pytest.mark.parametrize(
        "harm", ["missing", "truncated", "flipped", "empty", "noise", "longer", "folder is a link"]
    )
    def test_whatever_happens_to_it_answers_stay_and_it_is_made_anew(self, folder, generator, tmp_path, mode, harm):
        shop = filled(folder, generator)
        path = folder / "derived" / "base-00000001.segment"
        raw = path.read_bytes()
        flipped = bytearray(raw)
        flipped[-5] ^= 4
        match harm:
            case "missing":
                path.unlink()
            case "folder is a link":
                (folder / "derived").rename(tmp_path / "elsewhere")
                (folder / "derived").symlink_to(tmp_path / "elsewhere")
            case _:
                path.write_bytes(
                    {
                        "truncated": raw[:-7],
                        "flipped": flipped,
                        "empty": b"",
                        "noise": os.urandom(9_000),
                        "longer": raw + b"x",
                    }[harm]
                )
        store = open_store(folder, mode=mode)
        query = unit(generator)[0]
        assert_same_ranking(store.search(query, 50), shop.nearest(query, 50))
        if mode == "read":  # a writer makes it anew at once, in the background
            assert store.describe()["index"]["base"] == 0
            if harm not in ("missing", "folder is a link"):
                assert [finding.kind for finding in store.check()] == ["derived"]
        store.close()
        if mode == "write" and harm != "folder is a link":
            store = open_store(folder)
            assert store.describe()["index"]["delta"] == 0
            assert_same_ranking(store.search(query, 50), shop.nearest(query, 50))
            assert store.check() == []
            store.close()

    def test_one_from_another_store_or_another_future_is_left_aside(self, folder, tmp_path, generator):
        filled(folder, generator)
        other = tmp_path / "other"
        shop = filled(other, generator)
        stolen = (folder / "derived" / "base-00000001.segment").read_bytes()
        (other / "derived" / "base-00000001.segment").write_bytes(stolen)
        store = open_store(other)
        query = unit(generator)[0]
        assert_same_ranking(store.search(query, 50), shop.nearest(query, 50))
        store.close()

    def test_a_large_delta_becomes_a_new_base_while_writing(self, folder, generator, monkeypatch):
        monkeypatch.setattr("wearabouts.stores.embedded.living.renewal.LARGE", 20)
        shop, store = Shop(), make(folder)
        reader = open_store(folder)
        for i in range(60):
            record = random_product(generator, f"p{i % 40}")
            shop.upsert([record])
            store.upsert([record])
            query = unit(generator)[0]
            assert_same_ranking(store.search(query, 9), shop.nearest(query, 9))
            reader.refresh()
            assert_same_ranking(reader.search(query, 9), shop.nearest(query, 9))
        assert store.describe()["index"]["generation"] >= 2
        assert reader.describe()["index"]["base"] > 0
        assert len(bases(folder)) == 1
        reader.close()
        store.close()

    def test_a_full_disk_costs_only_the_base(self, folder, generator, monkeypatch):
        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        shop, store = Shop(), make(folder)
        shop.upsert(random_product(generator, f"p{i}") for i in range(9))
        store.upsert(shop.records.values())
        monkeypatch.setattr("wearabouts.stores.embedded.generations.derived.os.replace", full)
        with pytest.raises(StoreError, match="nothing is lost"):
            store.rebuild()
        store.close()
        assert bases(folder) == []
        monkeypatch.undo()
        store = open_store(folder)
        query = unit(generator)[0]
        assert_same_ranking(store.search(query, 50), shop.nearest(query, 50))
        store.close()


def test_readers_far_behind_read_everything_again(folder, generator, monkeypatch):
    monkeypatch.setattr(writing, "MAX_REMOVALS", 3)
    shop = filled(folder, generator)
    reader = open_store(folder)
    for _ in range(2):
        gone = list(shop.records)[:6]
        shop.delete(gone)
        store = open_store(folder, mode="write")
        store.delete(gone)
        store.close()
    query = unit(generator)[0]
    reader.refresh()
    assert_same_ranking(reader.search(query, 99), shop.nearest(query, 99))
    reader.close()


def test_describe_counts_what_lives(folder, generator):
    store = make(folder)
    vectors = unit(generator, 4)
    for i, color in enumerate(["Red", "red", "blue", "Red"]):
        photo = photo_record(f"a{i}", vectors[i], thumbnail=b"jpeg")
        record = product_record(f"p{i}", [photo], garment="dress", price=float(i), attributes={"color": color})
        store.upsert([record])
    store.delete(["p3"])
    told = store.describe()
    assert (told["products"], told["photos"], told["thumbnails"]) == (3, 3, 3)
    assert told["garments"] == {"dress": 3}
    columns = {column["name"]: column for column in told["columns"]}
    assert columns["color"] == {"name": "color", "kind": "text", "filled": 3, "values": ["Red", "blue"]}
    assert columns["price"] == {"name": "price", "kind": "number", "filled": 3, "range": [0.0, 2.0]}
    assert columns["brand"]["filled"] == 0
    assert told["bytes"]["total"] >= os.path.getsize(folder / "store.db")
    assert told["encoder_hash"] == HASH
    assert told["format"] == schema.FORMAT
    json.dumps(told)
    store.close()


def test_a_database_replaced_under_a_reader_is_noticed(folder, generator):
    filled(folder, generator)
    reader = open_store(folder)
    (folder / "copy.db").write_bytes((folder / "store.db").read_bytes())
    os.replace(folder / "copy.db", folder / "store.db")
    for ask in (reader.refresh, lambda: reader.search(unit(generator)[0], 3)):
        with pytest.raises(StoreError, match="replaced by another file"):
            ask()
    reader.close()

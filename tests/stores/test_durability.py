"""Nothing acknowledged is lost: kill -9, a full disk, damaged rows."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from stores.oracle import (
    DIM,
    HASH,
    KINDS,
    Shop,
    assert_same_ranking,
    assert_same_record,
    photo_record,
    product_record,
    unit,
)
from torture import kills, story, victim
from torture.ground import ground
from torture.ledger import Ledger
from wearabouts.errors import StoreError
from wearabouts.stores import open_store


def step(number):
    """Write number `number` of an endless history: what is put and what is deleted, the same in every process."""
    generator = np.random.default_rng(number)
    put = []
    for place in generator.choice(20, 4, replace=False):
        vector = unit(generator)[0]
        beside = {"evidence": generator.bytes(1_500)} if number % 2 else {}
        photo = photo_record(f"photo {place}", vector, thumbnail=generator.bytes(3_000), beside=beside)
        put.append(product_record(f"p{place:02d}", [photo], title=f"by {number}"))
    marker = photo_record("marker", unit(generator)[0])
    put.append(product_record("marker", [marker], title=str(number)))
    return put, [f"p{place:02d}" for place in generator.choice(20, 3, replace=False)]


def play(shop, number):
    put, gone = step(number)
    if number % 3 == 2:
        shop.delete(gone)
    else:
        shop.upsert(put)


@pytest.mark.parametrize(("seed", "bases", "count"), [(1, "exact", 20), (1_001, "clustered", 20), (3_001, "apart", 10)])
def test_kill_9_loses_nothing_acknowledged(seed, bases, count):
    with ground() as folder:
        outcome = kills.batch(folder, count, seed)
    assert outcome.problems == []
    assert outcome.bases == {bases: count}
    assert sum(outcome.steps.values()) == count
    assert outcome.acknowledged > count
    assert len(outcome.steps) > count // 10  # several kinds of steps were hit


def test_a_ledger_sees_what_is_lost_doubled_or_mixed(tmp_path):
    """The judge itself: each of these must be seen, or fifty kills say nothing."""
    folder = tmp_path / "store"
    store, ledger = story.opened(folder), Ledger(folder)
    for number in range(8):
        for index, part in enumerate(story.parts(number)):
            ledger.read("begin", number, index, "")
            story.apply(folder, store, part, number)
            ledger.read("done", number, index, "")
    ledger.compare(store)
    (state,) = ledger.states
    ident = min(state.records)
    other = story.parts(100)[0].put[0]
    for harm in (
        lambda: store.delete([ident]),
        lambda: store.upsert([other]),
        lambda: store.upsert(
            [
                replace(
                    state.records[ident],
                    photos=state.records[ident].photos[:0]
                    + tuple(replace(each, thumbnail=b"other") for each in state.records[ident].photos),
                )
            ]
        ),
    ):
        harm()
        with pytest.raises(AssertionError):
            ledger.compare(store)
        store.delete([other.product.id])
        store.upsert(state.records.values())
        ledger.compare(store)
    store.close()


def put_until_refused(folder, limit, answers):
    store = open_store(folder, mode="write")
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    number = 0
    try:
        while number < 500:
            play(store, 3 * number)
            number += 1
    except StoreError as error:
        answers.send((number, str(error)))
    except BaseException as error:
        answers.send((number, f"untyped {error!r}"))


def test_a_disk_that_takes_no_more_is_a_typed_error_and_the_store_intact(tmp_path):
    folder = tmp_path / "store"
    open_store(folder, mode="write", encoder_hash=HASH, dim=DIM).close()
    answers, far_end = victim.PROCESSES.Pipe(duplex=False)
    process = victim.process(put_until_refused, folder, 600_000, far_end)
    far_end.close()
    assert answers.poll(60)
    written, said = answers.recv()
    process.join(20)
    assert written > 3
    assert "writing products failed" in said
    assert "untyped" not in said
    shop = Shop()
    for number in range(written):
        play(shop, 3 * number)
    store = open_store(folder, mode="write")
    assert store.check() == []
    assert list(store.products()) == sorted(shop.records)
    for ident, record in shop.records.items():
        assert_same_record(store.record(ident), record)
    play(store, 3 * written)
    store.close()


def test_a_full_database_refuses_the_write_and_goes_on(tmp_path):
    store = open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)
    play(store, 0)
    shop = Shop()
    play(shop, 0)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count={pages + 2}")
    large = [
        product_record(
            f"big {i}", [photo_record(f"big {i}", unit(np.random.default_rng(i))[0], thumbnail=bytes(50_000))]
        )
        for i in range(5)
    ]
    with pytest.raises(StoreError, match=r"disk is full.*make room"):
        store.upsert(large)
    query = unit(np.random.default_rng(1))[0]
    assert_same_ranking(store.search(query, 99), shop.nearest(query, 99))
    assert store.delete(["marker"]) == 1
    shop.delete(["marker"])
    assert_same_ranking(store.search(query, 99), shop.nearest(query, 99))
    store._connection.execute("PRAGMA max_page_count=1000000")
    assert store.upsert(large) == 5
    assert store.check() == []
    store.close()


def small_store(folder):
    store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
    generator = np.random.default_rng(9)
    for i in range(12):
        photos = [
            photo_record(
                f"{i}/{j}",
                unit(generator)[0],
                garment="dress",
                thumbnail=generator.bytes(1_500),
                beside={kind: generator.bytes(700) for kind in KINDS},
            )
            for j in range(2)
        ]
        facts = {"title": f"Number {i}", "price": float(i), "attributes": {"color": "red"}}
        store.upsert([product_record(f"p{i}", photos, **facts)])
    store.delete(["p3", "p7"])
    store.write_note("calibration", {"labels": 300, "temperature": 1.25})
    return store


def test_writes_lost_with_the_log_are_named_until_repaired_and_when_opened(tmp_path, caplog):
    store = small_store(tmp_path / "live")
    folder = tmp_path / "store"
    shutil.copytree(tmp_path / "live", folder, ignore=shutil.ignore_patterns("*-shm"))
    store.close()
    raw = (folder / "store.db-wal").read_bytes()
    (folder / "store.db-wal").write_bytes(raw[: len(raw) * 9 // 10])
    open_store(folder).close()
    assert "writes were lost" in caplog.text
    for _ in range(2):
        store = open_store(folder, mode="write")
        assert [finding.kind for finding in store.check()] == ["lost"]
        store.delete(["p1"])  # whatever is written since does not hide it
        store.close()
    store = open_store(folder, mode="write")
    store.check(repair=True)
    store.close()
    caplog.clear()
    store = open_store(folder, mode="write")
    assert store.check() == []
    assert "lost" not in caplog.text
    store.close()


@pytest.mark.parametrize(
    "harm, kind, lost",
    [
        (
            "UPDATE vectors SET data = zeroblob(64) WHERE photo = (SELECT number FROM photos WHERE id = '0/0')",
            "vector",
            {"0/0"},
        ),
        ("DELETE FROM vectors WHERE photo = (SELECT number FROM photos WHERE id = '0/0')", "vector", {"0/0"}),
        ("UPDATE photos SET digest = 'other' WHERE id = '0/0'", "row", {"0/0"}),
        ("UPDATE products SET price = 1 WHERE id = 'p0'", "row", {"0/0", "0/1"}),
        ("UPDATE products SET attributes = '[[' WHERE id = 'p0'", "row", {"0/0", "0/1"}),
        ("UPDATE photos SET id = CAST(x'ff41' AS TEXT) WHERE id = '0/0'", "row", {"0/0"}),
        ("UPDATE thumbnails SET data = x'00' WHERE photo = (SELECT number FROM photos WHERE id = '0/0')", "row", set()),
        ("DELETE FROM photos WHERE id IN ('0/0', '0/1')", "product", {"0/0", "0/1"}),
        ("DELETE FROM products WHERE id = 'p0'", "reference", {"0/0", "0/1"}),
        ("UPDATE removals SET id = 'p1'", "row", set()),
        ("UPDATE beside SET data = zeroblob(700) WHERE kind = 'evidence' AND rowid % 2", "beside", set()),
        ("UPDATE beside SET kind = 'half-fedcba9876543210' WHERE kind > 'f'", "beside", set()),
        ("UPDATE notes SET data = '{}'", "note", set()),
        ("UPDATE notes SET name = 'other'", "note", set()),
    ],
)
def test_check_finds_and_repair_removes_what_cannot_be_trusted(tmp_path, harm, kind, lost):
    folder = tmp_path / "store"
    small_store(folder).close()
    with sqlite3.connect(folder / "store.db") as connection:
        connection.execute(harm)
    connection.close()
    reader = open_store(folder)
    assert kind in {finding.kind for finding in reader.check()}
    query = unit(np.random.default_rng(0))[0]
    reader.search(query, 99)
    store = open_store(folder, mode="write")
    assert kind in {finding.kind for finding in store.check(repair=True)}
    assert store.check() == []
    kept = {f"{i}/{j}" for i in range(12) for j in range(2) if i not in (3, 7)} - lost
    for each in (store, reader):
        each.refresh()
        assert set(each.search(query, 99).photo_ids) == kept
    for ident in store.products():
        store.record(ident)
    store.close()
    assert reader.check() == []
    reader.close()


def test_repair_removes_what_a_killed_rebuild_left(tmp_path):
    store = small_store(tmp_path / "store")
    left = tmp_path / "store" / "derived" / "base-00000009.segment.1.tmp"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    assert [finding.kind for finding in store.check()] == ["temporary"]
    assert [finding.kind for finding in store.check(repair=True)] == ["temporary"]
    assert not left.exists()
    assert store.check() == []
    store.close()

"""Writes that wait together are committed together: each is kept or refused for itself, all that return are kept."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from stores.oracle import DIM, HASH, Shop, assert_same_ranking, photo_record, product_record, random_product, unit
from wearabouts.errors import StoreError
from wearabouts.stores import open_store
from wearabouts.stores.embedded.truth import committing


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)
    yield store
    store.close()


@pytest.fixture
def generator():
    return np.random.default_rng(4)


def one(ident, generator, photo=None, **facts):
    return product_record(ident, [photo_record(photo or f"{ident}/0", unit(generator)[0], **facts)])


def together(store, acts):
    """Run writes so that all but the first wait while it is held up; gives what each returned, or its error."""

    def outcome(act):
        try:
            return act()
        except StoreError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        with store._tracker.lock:  # nothing can be committed in here
            jobs = []
            for count, act in enumerate(acts):
                jobs.append(pool.submit(outcome, act))
                until(lambda count=count: waiting(store) == count)
        return [job.result(30) for job in jobs]


def waiting(store):
    """Requests behind the one that leads, which has taken itself out; -1 before there is one."""
    return len(store._commits._waiting) if store._commits._led else -1


def until(holds):
    for _ in range(5_000):
        if holds():
            return
        time.sleep(0.001)
    raise AssertionError("it never came to that")


def test_those_who_wait_share_a_commit_and_each_gets_its_own_answer(store, generator):
    store.upsert([one("old", generator), one("older", generator)])
    before = store._commits.described()
    records = [one(f"p{i}", generator) for i in range(6)]
    acts = [lambda record=record: store.upsert([record, record]) for record in records]
    acts += [lambda: store.delete(["old", "older", "never"]), lambda: store.delete(["older"])]
    acts += [lambda: store.write_note("fact", {"a": 1})]
    assert together(store, acts) == [1] * 6 + [2, 0, None]
    after = store._commits.described()
    assert after["writes"] - before["writes"] == 9
    assert after["commits"] - before["commits"] == 2
    assert list(store.products()) == [f"p{i}" for i in range(6)]
    assert store.note("fact") == {"a": 1}
    assert set(store.search(unit(generator)[0], 99).product_ids) == set(store.products())
    assert store.check() == []


def test_one_that_is_refused_costs_only_itself(store, generator):
    store.upsert([one("owner", generator, photo="shared")])
    claims = one("thief", generator, photo="shared")
    acts = [lambda i=i: store.upsert([one(f"p{i}", generator)]) for i in range(5)]
    acts.insert(3, lambda: store.upsert([one("innocent", generator), claims]))
    found = together(store, acts)
    assert isinstance(found.pop(3), StoreError)
    assert found == [1] * 5
    assert list(store.products()) == ["owner", *(f"p{i}" for i in range(5))]
    with pytest.raises(StoreError, match=r"'shared' is claimed by products 'owner' and 'thief'"):
        store.upsert([claims])
    assert store.check() == []


def test_what_is_too_much_for_the_disk_does_not_take_the_others_with_it(store, generator):
    store.upsert([one(f"p{i}", generator) for i in range(5)])
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count={pages + 6}")
    large = [
        product_record("large", [photo_record(f"{i}", unit(generator)[0], thumbnail=b"x" * 60_000) for i in range(4)])
    ]
    acts = [lambda i=i: store.delete([f"p{i}"]) for i in range(4)]
    acts.insert(2, lambda: store.upsert(large))
    found = together(store, acts)
    assert "the disk is full" in str(found.pop(2))
    assert found == [1] * 4
    assert list(store.products()) == ["p4"]
    store._connection.execute("PRAGMA max_page_count=1000000")
    assert store.upsert(large) == 4
    assert store.check() == []


def test_a_commit_that_fails_is_tried_for_each_alone(store, generator, monkeypatch):
    class FailsOnce(sqlite3.Connection):
        commits = 0

        def execute(self, sql, *values):
            if sql == "COMMIT":
                FailsOnce.commits += 1
                if FailsOnce.commits == 2:
                    raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *values)

    path = store.folder / "store.db"
    failing = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=FailsOnce)
    failing.execute("PRAGMA foreign_keys=ON")
    monkeypatch.setattr(store._commits, "_connection", failing)
    acts = [lambda i=i: store.upsert([one(f"p{i}", generator)]) for i in range(4)]
    assert together(store, acts) == [1] * 4
    assert FailsOnce.commits == 5
    assert list(store.products()) == [f"p{i}" for i in range(4)]
    failing.close()


def test_one_who_no_longer_waits_holds_nobody_up(store, generator, monkeypatch):
    class Impatient(threading.Event):
        def wait(self, timeout=None):
            raise KeyboardInterrupt

    class Request(committing._Request):
        def __init__(self, doing, act):
            super().__init__(doing, act)
            if threading.current_thread() is threading.main_thread():
                self.turn = Impatient()

    monkeypatch.setattr(committing, "_Request", Request)
    with ThreadPoolExecutor(2) as pool:
        with store._tracker.lock:
            first = pool.submit(store.upsert, [one("a", generator)])
            until(lambda: waiting(store) == 0)
            with pytest.raises(KeyboardInterrupt):
                store.upsert([one("never", generator)])
            last = pool.submit(store.upsert, [one("b", generator)])
            until(lambda: waiting(store) == 1)
        assert (first.result(10), last.result(10)) == (1, 1)
    assert list(store.products()) == ["a", "b"]


def test_closing_waits_for_what_is_under_way_and_refuses_the_rest(store, generator):
    with ThreadPoolExecutor(2) as pool:
        with store._tracker.lock:
            written = pool.submit(store.upsert, [one("a", generator)])
            until(lambda: waiting(store) == 0)
            closed = pool.submit(store.close)
            until(lambda: store._commits._closed)
            with pytest.raises(StoreError, match="closed"):
                store.upsert([one("b", generator)])
        assert written.result(10) == 1
        closed.result(10)
    again = open_store(store.folder)
    assert list(again.products()) == ["a"]
    again.close()


def test_random_histories_of_many_threads_equal_the_oracle(store):
    """Each thread owns some products, so that the outcome does not depend on who comes first."""

    def history(number):
        generator = np.random.default_rng(number)
        shop = Shop()
        for _ in range(25):
            names = [f"{number}-{place}" for place in generator.choice(8, generator.integers(1, 4), replace=False)]
            if generator.random() < 0.3:
                assert store.delete(names) == sum(name in shop.records for name in names)
                shop.delete(names)
            else:
                records = [random_product(generator, name) for name in names]
                assert store.upsert(records) == sum(len(record.photos) for record in records)
                shop.upsert(records)
            # Acknowledged is searchable.
            mine = set(store.search(unit(generator)[0], 10_000).product_ids)
            assert {ident for ident in mine if ident.startswith(f"{number}-")} == set(shop.records)
        return shop

    whole = Shop()
    with ThreadPoolExecutor(6) as pool:
        for shop in pool.map(history, range(6)):
            whole.upsert(shop.records.values())
    query = unit(np.random.default_rng(99))[0]
    assert_same_ranking(store.search(query, 99), whole.nearest(query, 99))
    assert store._commits.described()["commits"] <= 150
    assert store.check() == []

"""Readers follow in a thread: no search pays for a replay, and what was written shows within a second."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
import weakref

import numpy as np
import pytest

from stores.oracle import DIM, HASH, photo_record, product_record, unit
from wearabouts.errors import StoreError
from wearabouts.stores import open_store
from wearabouts.stores.embedded.living import following, tracking


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def writer(folder):
    store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
    yield store
    store.close()


QUERY = unit(np.random.default_rng(0))[0]


def write(store, *names):
    generator = np.random.default_rng(len(names[0]))
    store.upsert(product_record(name, [photo_record(name, unit(generator)[0])]) for name in names)


def found(store):
    return set(store.search(QUERY, 99).product_ids)


def until(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


@pytest.fixture
def alone(monkeypatch):
    """Readers whose thread never comes to look."""
    monkeypatch.setattr(following.Follower, "_follow", lambda self: None)


def test_what_was_written_shows_without_being_asked_for(folder, writer):
    write(writer, "a")
    reader = open_store(folder)
    assert found(reader) == {"a"}  # opening shows the newest
    write(writer, "b")
    begun = time.monotonic()
    until(lambda: found(reader) == {"a", "b"})
    assert time.monotonic() - begun < 5  # within a second where the machine is idle
    writer.delete(["a"])
    until(lambda: found(reader) == {"b"})
    assert reader.vitals()["sequence"] == writer.vitals()["sequence"]
    reader.close()


def test_no_search_replays_and_none_waits_for_a_replay(folder, writer, monkeypatch):
    write(writer, "a")
    reader = open_store(folder)
    held, go_on = threading.Event(), threading.Event()
    replayers = set()
    replay = tracking.replay

    def slowly(*args):
        replayers.add(threading.current_thread().name)
        held.set()
        assert go_on.wait(10)
        return replay(*args)

    monkeypatch.setattr(tracking, "STALE", 60.0)
    with monkeypatch.context() as patch:
        # The writer's own replay is not to be held up.
        patch.setattr(tracking, "replay", lambda *args: (slowly if "follow" in _name() else replay)(*args))
        write(writer, "b")
        assert held.wait(10)
        assert found(reader) == {"a"}  # while the replay runs
        go_on.set()
        until(lambda: found(reader) == {"a", "b"})
    assert replayers == {"wearabouts-follow"}
    reader.close()


def _name():
    return threading.current_thread().name


def test_a_search_looks_itself_once_the_last_look_is_too_old(folder, writer, alone, monkeypatch):
    write(writer, "a")
    reader = open_store(folder)
    write(writer, "b")
    assert found(reader) == {"a"}
    monkeypatch.setattr(tracking, "STALE", 0.0)
    assert found(reader) == {"a", "b"}
    reader.close()


def test_refresh_shows_everything_at_once(folder, writer, alone):
    reader = open_store(folder)
    for number in range(5):
        write(writer, f"p{number}")
        reader.refresh()
        assert found(reader) == {f"p{place}" for place in range(number + 1)}
    writer.rebuild()
    reader.refresh()
    assert reader.describe()["index"]["generation"] == writer.describe()["index"]["generation"]
    reader.close()


def test_the_writer_sees_its_own_writes_without_any_of_it(writer):
    write(writer, "a")
    assert found(writer) == {"a"}
    writer.refresh()
    assert writer.vitals()["age_seconds"] == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "wearabouts-follow"]


def test_a_new_generation_is_gone_over_to_and_the_old_one_stays_true(folder, writer):
    write(writer, "a", "b")
    writer.rebuild()
    reader = open_store(folder)
    before = reader._tracker.current()
    first = reader.describe()["index"]["generation"]
    write(writer, "c")
    writer.delete(["a"])
    writer.rebuild()
    until(lambda: reader.describe()["index"]["generation"] == first + 1)
    assert reader.describe()["index"]["delta"] == 0
    assert found(reader) == {"b", "c"}
    # Its file is gone by now; who still looks at it sees what was there.
    assert not before.base.path.exists()
    assert before.photo_ids(np.arange(2)) == ["a", "b"]
    reader.close()


def test_an_error_is_told_to_the_next_search_and_over_when_it_is_over(folder, writer, monkeypatch):
    write(writer, "a")
    reader = open_store(folder)
    broken = threading.Event()

    def failing(*args):
        if "MainThread" not in _name():
            broken.set()
        raise StoreError("the disk has come off")

    with monkeypatch.context() as patch:
        patch.setattr(reader._tracker, "_brought", failing)
        write(writer, "b")
        assert broken.wait(10)
        with pytest.raises(StoreError, match="has come off"):
            found(reader)
    assert found(reader) == {"a", "b"}
    reader.close()


def test_the_threads_end_with_the_store(folder, writer):
    write(writer, "a")
    before = set(threading.enumerate())
    reader = open_store(folder)
    assert {thread.name for thread in set(threading.enumerate()) - before} >= {"wearabouts-follow"}
    reader.close()
    assert set(threading.enumerate()) <= before


def test_a_store_that_nobody_closed_is_collected_and_its_threads_end(folder, writer):
    write(writer, "a")
    before = set(threading.enumerate())
    reader = open_store(folder)
    kept = weakref.ref(reader)
    connection = reader._tracker._connection
    del reader
    gc.collect()
    until(lambda: kept() is None or gc.collect() is None)
    until(lambda: set(threading.enumerate()) <= before)
    connection.close()
    assert kept() is None


def test_a_forked_child_is_refused_and_leaves_the_parent_in_peace(folder, writer):
    write(writer, "a")
    reader = open_store(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads, which is the point here
        child = os.fork()
    if not child:
        try:
            found(reader)
        except StoreError as error:
            os._exit(7 if "another process" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    write(writer, "b")
    until(lambda: found(reader) == {"a", "b"})
    reader.close()

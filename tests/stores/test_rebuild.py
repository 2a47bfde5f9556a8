"""The next generation is made while the store is in use: nobody waits, nothing is missed, damage is left behind."""

from __future__ import annotations

import errno
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from stores.oracle import DIM, HASH, Shop, assert_same_ranking, random_product, unit
from wearabouts.errors import StoreError
from wearabouts.stores import open_store
from wearabouts.stores.embedded.generations import derived, drafting, generation, layout, segment
from wearabouts.stores.embedded.living import rebuilding, renewal, scrubbing
from wearabouts.stores.embedded.living.chores import Ended, Rests


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def generator():
    return np.random.default_rng(6)


@pytest.fixture
def small(monkeypatch):
    """A base is outgrown by a few photos."""
    monkeypatch.setattr(renewal, "LARGE", 20)
    monkeypatch.setattr(renewal, "SLACK", 1_000_000)  # and closing writes none


def make(folder):
    return open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)


class Filled:
    """A store and what is in it."""

    def __init__(self, folder, generator, count):
        self.shop, self.store, self.generator = Shop(), make(folder), generator
        self.put(*(f"p{i}" for i in range(count)))

    def put(self, *names):
        records = [random_product(self.generator, name) for name in names]
        self.store.upsert(records)
        self.shop.upsert(records)

    def drop(self, *names):
        self.store.delete(names)
        self.shop.delete(names)

    def assert_true(self, store=None):
        query = unit(self.generator)[0]
        assert_same_ranking((store or self.store).search(query, 40), self.shop.nearest(query, 40))

    @property
    def index(self):
        return self.store.describe()["index"]


def until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def state(filled):
    return filled.index["rebuild"]["state"]


@pytest.fixture
def held(monkeypatch):
    """Rebuilds in the background stop where they first tell of progress, until `go` is set."""
    gate = SimpleNamespace(reached=threading.Event(), go=threading.Event(), begun=0)

    class Held:
        def __init__(self, ending, share):
            self.ending = ending
            gate.begun += 1

        def take(self):
            gate.reached.set()
            while not gate.go.wait(0.01):
                if self.ending.is_set():
                    raise Ended

    monkeypatch.setattr(rebuilding, "Rests", Held)
    return gate


def test_searches_and_writes_go_on_and_what_came_meanwhile_is_there_afterwards(folder, generator, small, held):
    filled = Filled(folder, generator, 5)
    filled.store.rebuild()
    first = filled.index["generation"]
    filled.put(*(f"q{i}" for i in range(25)))
    assert held.reached.wait(10)
    assert state(filled) == "running"
    filled.put("p0", "q1", "new")  # changed, changed, new
    filled.drop("p1", "q2", "never")
    filled.assert_true()
    assert filled.index["generation"] == first
    held.go.set()
    until(lambda: filled.index["generation"] == first + 1)
    filled.assert_true()
    assert filled.index["delta"] == sum(len(filled.shop.records[name].photos) for name in ("p0", "q1", "new"))
    assert filled.store.check() == []
    assert held.begun == 1
    filled.store.close()
    again = open_store(folder)
    filled.assert_true(again)
    again.close()


def test_one_at_a_time(folder, generator, small, held):
    filled = Filled(folder, generator, 30)
    assert held.reached.wait(10)
    for number in range(5):
        filled.put(f"more {number}")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(filled.store.rebuild)
        held.go.set()
        asked.result(20)
    assert held.begun == 1
    assert filled.index["generation"] == 2
    filled.store.close()


def test_writers_wait_for_a_rebuild_beneath_which_the_log_has_grown_large(folder, generator, small, held, monkeypatch):
    filled = Filled(folder, generator, 5)
    filled.store.rebuild()
    filled.put(*(f"q{i}" for i in range(25)))
    assert held.reached.wait(10)
    filled.put("free")  # the log is small
    monkeypatch.setattr(rebuilding, "LOG", 0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(filled.put, "late")
        time.sleep(0.2)
        assert not waiting.done()
        assert filled.store.product("late") is None
        filled.assert_true()  # searches do not
        held.go.set()
        waiting.result(20)
    filled.assert_true()
    filled.put("after")  # nothing is rebuilt: nothing is waited for
    filled.assert_true()
    filled.store.close()


def test_closing_throws_the_draft_away(folder, generator, small, held):
    filled = Filled(folder, generator, 5)
    filled.store.rebuild()
    filled.put(*(f"q{i}" for i in range(25)))
    assert held.reached.wait(10)
    assert len(list((folder / "derived").iterdir())) == 2
    filled.store.close()
    assert [path.name for path in (folder / "derived").iterdir()] == ["base-00000001.segment"]
    assert not [thread for thread in threading.enumerate() if thread.name == "wearabouts-rebuild"]
    again = open_store(folder)
    filled.assert_true(again)
    again.close()


def test_a_full_disk_leaves_everything_as_it_was_and_is_said(folder, generator, small, monkeypatch, caplog):
    filled = Filled(folder, generator, 3)
    filled.store.rebuild()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("wearabouts.stores.embedded.living.renewal.moved", full)
        filled.put(*(f"q{i}" for i in range(25)))
        until(lambda: state(filled) == "failed")
        assert "No space left on device" in filled.index["rebuild"]["why_failed"]
        filled.put("after")  # does not begin it again at once
        filled.assert_true()
        until(lambda: "No space left" in caplog.text)
        with pytest.raises(StoreError, match="nothing is lost"):
            filled.store.rebuild()
    assert caplog.text.count("No space left") == 1
    assert filled.index["generation"] == 1
    assert [path.name for path in (folder / "derived").iterdir()] == ["base-00000001.segment"]
    filled.store.rebuild()
    assert (filled.index["generation"], filled.index["delta"], state(filled)) == (2, 0, "idle")
    filled.assert_true()
    filled.store.close()


@pytest.mark.parametrize(("what", "told"), [(ValueError("unforeseen"), "failed"), (KeyboardInterrupt(), "abandoned")])
def test_whatever_ends_a_rebuild_it_is_not_said_to_be_running(folder, generator, monkeypatch, what, told):
    filled = Filled(folder, generator, 3)

    def ends(*args):
        raise what

    with monkeypatch.context() as patch:
        patch.setattr("wearabouts.stores.embedded.living.renewal.moved", ends)
        with pytest.raises(type(what)):
            filled.store.rebuild()
    assert state(filled) == told
    filled.store.rebuild()
    assert state(filled) == "idle"
    filled.store.close()


def test_when_it_is_outgrown():
    def outgrown(size, newer, buried, searched):
        alive = np.ones(size + newer, np.bool_)
        alive[:buried] = False
        view = SimpleNamespace(base=range(size), alive=alive, vectors=range(newer))
        return renewal.is_outgrown(view, searched=searched)

    assert not outgrown(0, 20_000, 0, True)
    assert outgrown(0, 20_001, 0, True)
    # One part in fifty more where anybody searches; twice as large where the store is only being filled.
    assert not outgrown(400_000, 28_000, 0, True)
    assert outgrown(400_000, 28_001, 0, True)
    assert not outgrown(400_000, 28_001, 0, False)
    assert outgrown(400_000, 420_001, 0, False)
    assert not outgrown(400_000, 0, 100_000, True)
    assert outgrown(400_000, 0, 100_001, True)


class TestDamage:
    @pytest.fixture(autouse=True)
    def unproven(self, monkeypatch):
        """Bases are proven when they are touched, however small they are."""
        monkeypatch.setattr(generation, "AT_ONCE", -1)
        for module in (layout, segment, drafting):
            monkeypatch.setattr(module, "BLOCK", 256)

    def harmed(self, folder, name):
        """Flip a bit in an array of the newest base."""
        path = derived.generations(folder / "derived")[0][1]
        spec = segment.Segment.open(path)._specs[name]
        raw = bytearray(path.read_bytes())
        raw[(spec.offset + spec.end) // 2] ^= 16
        path.write_bytes(raw)
        return path

    @pytest.mark.parametrize("mode", ["read", "write"])
    @pytest.mark.parametrize("name", ["vectors", "slots", "photos/data", "photos/hashes"])
    def test_a_base_that_turns_out_to_be_damaged_is_left(self, folder, generator, mode, name):
        filled = Filled(folder, generator, 40)
        filled.store.rebuild()
        filled.store.close()
        path = self.harmed(folder, name)
        store = open_store(folder, mode=mode)
        filled.assert_true(store)
        photo = filled.shop.records["p7"].photos[0]
        np.testing.assert_array_equal(store.vectors([photo.photo.id]), [photo.vector])
        assert store.photos(["p7"]) == [tuple(each.photo.id for each in filled.shop.records["p7"].photos)]
        told = store.describe()["index"]
        assert path.name in told["scrub"]["left"]
        assert "checksum" in told["scrub"]["left"][path.name]
        assert store.vitals()["damaged_bases"] == 1
        if mode == "write":
            until(lambda: store.describe()["index"]["base"] > 0)
            assert store.check() == []
        else:
            assert told["generation"] == 0
        filled.assert_true(store)
        store.close()

    def test_scrubbing_finds_what_nobody_has_touched(self, folder, generator):
        filled = Filled(folder, generator, 40)
        filled.store.rebuild()
        filled.store.close()
        path = self.harmed(folder, "products/hashes")
        reader = open_store(folder)
        filled.assert_true(reader)  # it is not in the way of this
        assert reader.describe()["index"]["generation"] == 1
        reader._care._scrub._after = None
        assert reader._care._scrub._scrub() == scrubbing.DAY
        told = reader.describe()["index"]
        assert (told["generation"], list(told["scrub"]["left"])) == (0, [path.name])
        filled.assert_true(reader)
        reader.close()

    def test_scrubbing_again_finds_what_was_sound_the_first_time(self, folder, generator):
        filled = Filled(folder, generator, 40)
        filled.store.rebuild()
        scrub = filled.store._care._scrub
        scrub._after = None
        scrub._scrub()
        assert filled.index["scrub"]["generation"] == 1
        assert filled.index["scrub"]["left"] == {}
        self.harmed(folder, "vectors")
        # write_bytes above changes the very file that is mapped, which nobody else does; as a failing disk would.
        scrub._scrub()
        assert list(filled.index["scrub"]["left"]) == ["base-00000001.segment"]
        filled.assert_true()
        until(lambda: filled.index["generation"] == 2)  # the writer makes another
        assert filled.store.check() == []
        filled.store.close()


def test_rests_keep_to_their_share_and_end_the_work(monkeypatch):
    rested, used = [], [0.0]
    ending = SimpleNamespace(wait=rested.append, is_set=lambda: False)
    monkeypatch.setattr("wearabouts.stores.embedded.living.chores.time.thread_time", lambda: used[0])
    rests = Rests(ending, 0.25)
    used[0] = 0.001
    rests.take()  # too little to rest from
    assert rested == []
    used[0] = 0.02
    rests.take()
    assert rested == [pytest.approx(0.06)]  # a quarter of .08 s was work
    ending.is_set = lambda: True
    with pytest.raises(Ended):
        rests.take()

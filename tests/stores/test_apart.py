"""A large base is built by a process of its own: the same base, and nothing of it is left where that process ends."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from stores.oracle import DIM, HASH, Shop, assert_same_ranking, random_product, unit
from wearabouts.errors import StoreError
from wearabouts.stores import open_store
from wearabouts.stores.embedded.generations import drafting, generation, layout, segment
from wearabouts.stores.embedded.living import apart, crossing
from wearabouts.stores.embedded.living.chores import Ended
from wearabouts.stores.embedded.truth import streaming
from wearabouts.stores.embedded.truth.schema import connect, read_meta, reading
from wearabouts.stores.embedded.views import loading

KILLED = "import os; os.write(1, b'{\"done\": 0.0}\\n'); os.kill(os.getpid(), 9)"
QUIET = apart.Pace(1.0, alone=False)


@pytest.fixture
def shop():
    generator, shop = np.random.default_rng(3), Shop()
    shop.upsert([random_product(generator, f"p{number}") for number in range(40)])
    return shop


@pytest.fixture
def store(tmp_path, shop):
    with closing(open_store(tmp_path / "store", mode="write", encoder_hash=HASH, dim=DIM)) as store:
        store.upsert(shop.records.values())
        yield store


@pytest.fixture
def begun(monkeypatch):
    """Every base is worth a process; those that were begun, and what they were given."""
    monkeypatch.setattr(apart, "WORTH", 0)
    found = []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **given):
            super().__init__(*args, **given)
            found.append((self, given["env"]))

    monkeypatch.setattr(apart.subprocess, "Popen", Popen)
    return found


def files(store):
    return sorted(path.name for path in (store.folder / "derived").iterdir())


def test_it_is_the_same_base(store, shop, begun, monkeypatch):
    done = []
    store.rebuild(done.append)
    assert len(begun) == 1
    assert done == sorted(done)
    assert files(store) == ["base-00000001.segment"]
    there = segment.Segment.open(store.folder / "derived" / files(store)[0])
    monkeypatch.setattr(apart, "WORTH", 2**60)
    store.rebuild()
    assert len(begun) == 1
    here = segment.Segment.open(store.folder / "derived" / files(store)[0])
    assert there.facts == dict(here.facts, generation=1)
    assert there.names() == here.names()
    for name in there.names():
        np.testing.assert_array_equal(there.whole(name), here.whole(name))
    query = unit(np.random.default_rng(4))[0]
    assert_same_ranking(store.search(query, 20), shop.nearest(query, 20))


def test_it_gives_way_where_somebody_searches(store, begun):
    own, nice = os.getpriority(os.PRIO_PROCESS, 0), []
    store.rebuild(lambda done: nice.append(os.getpriority(os.PRIO_PROCESS, begun[-1][0].pid)))
    assert set(nice) == {own}
    assert begun[0][1].get("OMP_NUM_THREADS") == os.environ.get("OMP_NUM_THREADS")
    store.search(unit(np.random.default_rng(4))[0], 3)
    nice.clear()
    store.rebuild(lambda done: nice.append(os.getpriority(os.PRIO_PROCESS, begun[-1][0].pid)))
    assert max(nice) == min(19, own + apart.NICE)
    assert begun[1][1]["OMP_NUM_THREADS"] == "1"


def test_what_progress_raises_ends_it(store, begun):
    def end(done):
        raise Ended

    with pytest.raises(Ended):
        store.rebuild(end)
    assert begun[0][0].returncode is not None
    assert files(store) == []


def test_one_that_is_killed_is_said_and_leaves_nothing(store, begun, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(apart, "_CODE", KILLED)
        with pytest.raises(StoreError, match=r"ended by something else \(-9\)"):
            store.rebuild()
    assert files(store) == []
    store.rebuild()
    assert files(store) == ["base-00000001.segment"]


def test_what_the_disk_says_is_told(store, begun, tmp_path):
    with pytest.raises(OSError, match="No such file") as told:
        apart.build(store.folder, tmp_path / "missing" / "draft", 1, pace=QUIET, progress=lambda done: None)
    assert told.value.errno == errno.ENOENT


def test_where_none_can_be_begun_it_is_built_here(store, begun, monkeypatch, tmp_path, caplog):
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    store.rebuild()
    assert files(store) == ["base-00000001.segment"]
    assert "it ended with 3" in caplog.text
    monkeypatch.setattr(sys, "executable", "/usr/bin/host-of-an-interpreter")
    store.rebuild()
    assert len(begun) == 1


def test_it_ends_when_nobody_listens(store, tmp_path):
    order = {"folder": str(store.folder), "draft": str(tmp_path / "draft"), "generation": 1, "path": sys.path}
    words = apart.json.dumps(order | {"pace": {"share": 1.0, "alone": True}})
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run((sys.executable, "-I", "-c", apart._CODE, words), stdout=theirs, timeout=60, check=False)
    finally:
        os.close(theirs)
    assert done.returncode == 0
    assert not (tmp_path / "draft").exists()


def test_a_base_is_proven_before_it_is_searched(store, monkeypatch):
    monkeypatch.setattr(generation, "AT_ONCE", -1)  # nothing is proven at opening
    for module in (layout, segment, drafting):
        monkeypatch.setattr(module, "BLOCK", 256)
    store.rebuild()
    assert store._tracker.current().base.segment.proven == 1


def test_a_new_base_that_is_damaged_is_not_gone_over_to(store, shop, monkeypatch):
    monkeypatch.setattr(generation, "AT_ONCE", -1)
    monkeypatch.setattr(crossing, "fault", lambda base, between: "the checksum of block 0 is wrong")
    monkeypatch.setattr(store._tracker, "on_damage", None)
    store.rebuild()
    assert store._tracker.current().base.generation == 0
    assert [path.name for path in store._tracker.left] == ["base-00000001.segment"]
    query = unit(np.random.default_rng(4))[0]
    assert_same_ranking(store.search(query, 20), shop.nearest(query, 20))


def test_replaying_pauses_after_every_part(store, monkeypatch):
    rows = []
    for name in ("_PRODUCTS", "_ADDED"):
        monkeypatch.setattr(streaming, name, getattr(streaming, name).replace(f"LIMIT {streaming.PART}", "LIMIT 7"))
    add = loading.Rows.add_products
    monkeypatch.setattr(loading.Rows, "add_products", lambda self, part: (rows.append(len(part)), add(self, part))[1])
    with closing(connect(store.folder, write=False)) as connection, reading(connection):
        meta = read_meta(connection, store.folder)
        view = loading.load(connection, meta, store.folder / "derived", between=lambda: rows.append(0))
    assert len(view.base) == 0
    assert [count for count in rows if count] == [7, 7, 7, 7, 7, 5]
    assert all(not (one and other) for one, other in pairwise(rows))


def test_a_reader_sees_what_is_written_while_it_goes_over(monkeypatch):
    now, looks = [0.0], []
    monkeypatch.setattr(crossing.time, "monotonic", lambda: now[0])
    between = crossing.looking(lambda: looks.append(now[0]))
    for tick in range(10):
        now[0] = tick / 10
        between()
    assert looks == [0.2, 0.4, 0.6, 0.8]


def test_a_process_with_thousands_of_open_files_hears_as_well():
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most not in (-1, resource.RLIM_INFINITY) and most < 2_000:
        pytest.skip(f"at most {most} files may be open here, 2,000 are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(few, 2_000), most))
    reading_end, writing_end = os.pipe()
    try:
        with open(fcntl.fcntl(reading_end, fcntl.F_DUPFD_CLOEXEC, 1_500), "rb") as high:
            os.write(writing_end, b'{"done": 0.5}\n{"finished": true}\n')
            os.close(writing_end)
            told = []
            assert apart._heard(SimpleNamespace(stdout=high), told.append) == {"finished": True}
            assert told == [0.5]
    finally:
        os.close(reading_end)
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))

"""A system call that fails is a typed error that says what to do, or nothing at all; the store stays whole."""

from __future__ import annotations

import threading

import pytest

from torture import faults, kills, limits, story, tracing
from torture.ground import ground
from torture.ledger import Ledger

FAULTS = 50


def test_failing_system_calls_lose_nothing_and_are_typed():
    if reason := tracing.reason():
        pytest.skip(reason)
    with ground() as folder:
        sites = faults.chosen(faults.sites(folder), FAULTS)
        outcome = faults.batch(folder, sites)
    assert len(sites) == FAULTS
    assert {"pwrite64", "fdatasync", "fsync", "rename", "unlink", "openat"} <= {site.call for site in sites}
    assert outcome.problems == []
    assert outcome.died >= 10
    assert outcome.refused >= 10
    for said in outcome.messages:
        assert "; " in said, f"{said!r} does not say what to do"


@pytest.mark.parametrize("files", [0, 3, 6])
def test_a_process_that_may_open_no_more_files_goes_on_searching(files):
    with ground() as folder:
        ledger = limits.lived(folder, files=files)
        assert ledger.problems == []
        assert ledger.blind == []
        assert ledger.refused
        assert all("may open no more files" in said for _, said in ledger.refused)
        kills.survived(folder / "place" / "store", ledger, write=True)


@pytest.mark.parametrize("room", [120, 300, 800])
def test_a_full_disk_refuses_what_it_must_and_goes_on_searching(room):
    if reason := limits.reason():
        pytest.skip(reason)
    with ground() as folder:
        ledger = limits.lived(folder, room=room)
        assert ledger.problems == []
        assert ledger.blind == []
        assert ledger.refused
        for step, said in ledger.refused:
            assert "disk is full" in said or "disk failed" in said, (step, said)
            assert "; " in said
        if ledger.acknowledged:  # else not even a store had room
            kills.survived(folder / "out" / "store", ledger, write=True)


def test_a_process_that_may_begin_no_more_threads_writes_and_searches(tmp_path, monkeypatch):
    def refused(thread):
        raise RuntimeError("can't start new thread")

    folder = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refused)
        ledger = Ledger(folder)
        store = story.opened(folder)
        for number in range(5):  # ends before threads of the story's own are wanted
            story.play(folder, store, number, Scribe(ledger))
        ledger.compare(store)
        store.close()
    kills.survived(folder, ledger, write=False)


class Scribe(story.Teller):
    """Takes down in this process what the story does."""

    def __init__(self, ledger):
        self.begin = lambda number, part: ledger.read("begin", number, part, "")
        self.done = lambda number, part: ledger.read("done", number, part, "")
        self.refused = lambda number, part, error: ledger.read("refused", number, part, str(error))
        self.broken = lambda number, part, error: ledger.read("broken", number, part, repr(error))

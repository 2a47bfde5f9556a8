"""The command that tortures stores: pieces of work become figures, and what is done is not done again."""

from __future__ import annotations

import json

import pytest

from torture import __main__ as command
from torture import faults, pieces, results


def test_the_work_is_cut_into_pieces_that_make_up_n():
    sites = [faults.Site("fsync", place, fault) for fault in ("EIO", "SIGKILL") for place in range(1, 400)]
    sites += [faults.Site("rename", 1, "EIO")]
    todo = list(pieces.pieces(2_000, sites))
    assert sum(what for kind, _, what in todo if kind == "kills") == 2_000
    assert sum(what for kind, _, what in todo if kind == "flips") == 2_000
    assert sum(what for kind, _, what in todo if kind == "power") >= 6_000
    chosen = [site for kind, _, what in todo if kind == "faults" for site in what]
    assert len(chosen) == len(set(chosen)) == 500
    assert sites[-1] in chosen  # the rare ones are not crowded out
    places = sorted(site.place for site in chosen if site.fault == "EIO" and site.call == "fsync")
    assert places[0] < 3
    assert places[-1] > 396
    assert len({each[:2] for each in todo}) == len(todo)
    assert not [kind for kind, _, _ in pieces.pieces(50, []) if kind in ("faults", "power")]


def test_pieces_become_figures_and_a_table_and_are_not_done_again(tmp_path, monkeypatch):
    def here(pool, function, *words):
        future = command.Future()
        future.set_result(function(*words))
        return future

    monkeypatch.setattr(command.ProcessPoolExecutor, "submit", here)
    monkeypatch.setattr(command.tracing, "reason", lambda: "not here")
    found, complete, sites = command.run(3, 0, ["kills", "flips"], tmp_path)
    assert (complete, sites) == (False, 0)
    told = json.loads(json.dumps(results.summed(found, count=3, seed=0, complete=complete, sites=sites)))
    assert (told["kills"]["count"], told["flips"]["count"], told["power"]["count"]) == (3, 3, 0)
    assert told["problems"] == []
    assert told["restart_ms"]["count"] == 3
    assert str(tmp_path) not in json.dumps(told)
    shown = results.table(told)
    assert "0 lost, 0 doubled, 0 wrong" in shown
    assert "Not complete" in shown
    monkeypatch.setattr(command, "done", lambda *_: pytest.fail("done twice"))
    again, _, _ = command.run(3, 0, ["kills", "flips"], tmp_path)
    assert again == json.loads(json.dumps(found))

"""Several processes: together they train what one alone would have trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import multiprocessing

from training.loop.tiny import TinyTask, net, recipe, train_beside, weights
from wearabouts.errors import SettingsError
from wearabouts.training.launching import free_port
from wearabouts.training.loop import fit
from wearabouts.training.processes import Processes
from wearabouts.training.run import Run

torch.set_num_threads(1)

CPU = torch.device("cpu")


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    # Seven rows a batch, so that shares differ; chance and batch statistics are left out: each share has its own.
    steps = {"count": 12, "rate": 0.05, "freeze_norm": True, "average": 0.5, "clip": 1.0, "validate_every": 5}
    alone, pair = tmp_path / "alone", tmp_path / "pair"
    for folder in (alone, pair):
        folder.mkdir()
    said = recipe(**steps)
    quiet = {"noise": False, "dropout": False}
    fit(TinyTask(net(), **quiet), said.steps, Run(alone, said))
    args = (2, free_port(), pair, steps, quiet)
    multiprocessing.start_processes(train_beside, args, nprocs=2, start_method="spawn")
    expected, got = weights(alone), weights(pair)
    start = net().state_dict()
    assert all(torch.allclose(got[name], expected[name], atol=1e-5) for name in expected)
    assert float((expected["head.weight"] - start["head.weight"]).abs().max()) > 0.05
    # Both processes hold the same net at the end, and one of them alone has written.
    ranks = [torch.load(pair / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert all(torch.equal(ranks[0][name], ranks[1][name]) for name in expected)
    logs = [(folder / "log.jsonl").read_text().count("\n") for folder in (alone, pair)]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_make_up_the_batch_and_differ_by_one(count: int) -> None:
    rows = np.arange(10, 17)
    shares = [Processes(CPU, rank, count).share(rows) for rank in range(count)]
    assert np.concatenate(shares).tolist() == rows.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_processes_than_rows_are_refused() -> None:
    with pytest.raises(SettingsError, match="a batch of 2 for 3 processes"):
        Processes(CPU, 0, 3).share(np.arange(2))


def test_alone_what_was_seen_is_given_back_in_float32() -> None:
    seen = {"a": torch.ones(3, 2, dtype=torch.bfloat16, requires_grad=True), "b": torch.arange(3)}
    whole = Processes(CPU).gathered(seen, 3)
    assert whole["a"].dtype == torch.float32
    assert whole["b"] is seen["b"]
    whole["a"].sum().backward()
    assert seen["a"].grad is not None

"""What a kill costs: nothing that could be told from the weights, the figures or the log."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import torch
from torch import multiprocessing

from training.loop.tiny import TinyTask, net, recipe, train_in_phases, weights
from wearabouts.training.loop import fit
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.run import Run

torch.set_num_threads(1)


def logged(folder: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if "seconds" not in name} for line in lines]


def timeless(told: dict[str, object]) -> object:
    return json.loads(json.dumps(told), object_hook=lambda each: {k: v for k, v in each.items() if "seconds" not in k})


def test_killed_in_each_phase_and_gone_on_it_is_the_same_to_the_bit(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    told = train_in_phases(whole)
    context = multiprocessing.get_context("spawn")
    # Between two checkpoints, so that steps, validations and lines of the log are done a second time.
    for phase, step in (("first", 18), ("second", 7)):
        process = context.Process(target=train_in_phases, args=(killed, phase, step))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    # A kill in the middle of a line leaves half of it.
    with (killed / "log.jsonl").open("a") as file:
        file.write('{"phase": "second", "st')
    again = train_in_phases(killed)
    for phase in ("first", "second"):
        expected, got = weights(whole / phase), weights(killed / phase)
        assert expected.keys() == got.keys()
        assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert all(torch.equal(value, weights(killed)[name]) for name, value in weights(whole / "second").items())
    assert logged(killed) == logged(whole)
    assert timeless(again) == timeless(told)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "adadelta"])
def test_every_optimizer_goes_on_as_it_was(tmp_path: Path, optimizer: str) -> None:
    said = recipe(count=9, optimizer=optimizer, rate=0.1, checkpoint=4, average=0.8, momentum=0.9)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    fit(TinyTask(net()), said.steps, Run(whole, said))

    def stop(what: str, done: int, total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(TinyTask(net()), said.steps, Run(stopped, said, stop))
    task = TinyTask(net(seed=99))  # whatever it begins with: the checkpoint's weights are taken
    fit(task, said.steps, Run(stopped, said))
    assert task.steps_seen == [4, 5, 6, 7, 8]
    assert all(torch.equal(value, weights(stopped)[name]) for name, value in weights(whole).items())


def test_a_finished_phase_is_loaded_not_trained(tmp_path: Path) -> None:
    said = recipe(count=3)
    told = fit(TinyTask(net()), said.steps, Run(tmp_path, said), "joint")
    task = TinyTask(net(seed=7))
    lines: list[str] = []
    assert fit(task, said.steps, Run(tmp_path, said, say=lines.append), "joint") == told
    assert task.steps_seen == []
    assert all(torch.equal(value, task.net.state_dict()[name]) for name, value in weights(tmp_path).items())
    assert "joint" in lines[0]
    assert "3 steps" in lines[0]


class Mining(TinyTask):
    """Keeps a state beside its net: what it has seen so far, which its loss depends on."""

    seen_so_far = torch.zeros(1)

    def remembered(self) -> dict[str, torch.Tensor]:
        return {"seen": self.seen_so_far}

    def remember(self, state: dict[str, torch.Tensor]) -> None:
        self.seen_so_far = state["seen"]

    def losses(self, seen, rows, step):
        self.seen_so_far = self.seen_so_far + seen["logits"].detach().mean()
        terms = super().losses(seen, rows, step)
        return {**terms, "mined": 0.01 * self.seen_so_far.abs().sum() * terms["classes"]}


def test_a_state_beside_the_net_is_in_the_checkpoints(tmp_path: Path) -> None:
    steps = Steps(count=8, rate=0.1, checkpoint=3)
    said = recipe()
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    fit(Mining(net()), steps, Run(whole, said))

    def stop(what: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Mining(net()), steps, Run(stopped, said, stop))
    fit(Mining(net()), steps, Run(stopped, said))
    assert all(torch.equal(value, weights(stopped)[name]) for name, value in weights(whole).items())

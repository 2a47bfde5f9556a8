"""The loop: what it learns, what it keeps, and where it stops."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from training.loop.tiny import TinyTask, net, recipe, weights
from wearabouts.errors import SettingsError
from wearabouts.training.loop import fit
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.run import Run

torch.set_num_threads(1)


def fitted(folder: Path, task: TinyTask | None = None, **steps: object) -> dict[str, object]:
    said = recipe(**steps)
    return fit(task or TinyTask(net()), said.steps, Run(folder, said))


def log(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_it_learns_and_says_so(tmp_path: Path) -> None:
    task = TinyTask(net(), size=40)
    made = fitted(tmp_path, task, count=120, rate=0.05, checkpoint=50)
    assert made["steps"] == 120
    assert made["validation"]["accuracy"] >= 0.8
    terms = [line for line in log(tmp_path) if "classes" in line]
    assert terms[-1]["classes"] < 0.7 * terms[0]["classes"]
    assert terms[-1]["step"] == 120
    assert {"rate", "loss", "classes", "pairs", "gradient"} <= set(terms[0])
    saved, held = weights(tmp_path), task.net.state_dict()
    assert saved.keys() == held.keys()
    assert all(torch.equal(saved[name], held[name]) for name in saved)
    assert not task.net.training
    assert not list(tmp_path.glob("[0-9]*.safetensors"))


def test_one_step_of_plain_descent_is_weights_minus_rate_times_gradient(tmp_path: Path) -> None:
    task = TinyTask(net(), noise=False, dropout=False)
    steps = {"count": 1, "rate": 0.25, "optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "freeze_norm": True}
    before = TinyTask(net(), noise=False, dropout=False)
    before.net.train()
    before.net.trunk[1].eval()
    rows = before.batch(0)
    sum(before.losses(before.see(rows, 0), rows, 0).values()).backward()
    expected = {name: each - 0.25 * each.grad for name, each in before.net.named_parameters()}
    fitted(tmp_path, task, **steps)
    assert all(torch.allclose(task.net.state_dict()[name], value, atol=1e-6) for name, value in expected.items())


def test_a_long_gradient_is_cut_to_its_clip(tmp_path: Path) -> None:
    start = {name: value.clone() for name, value in net().named_parameters()}
    task = TinyTask(net())
    fitted(tmp_path, task, count=1, rate=1.0, optimizer="sgd", momentum=0.0, schedule="constant", clip=0.01)
    moved = torch.cat([(value - start[name]).flatten() for name, value in task.net.named_parameters()])
    assert float(moved.norm().detach()) == pytest.approx(0.01, rel=1e-3)


def test_frozen_batch_statistics_stay_and_others_do_not(tmp_path: Path) -> None:
    start = net().state_dict()
    for frozen in (True, False):
        fitted(tmp_path / str(frozen), count=3, freeze_norm=frozen)
        same = torch.equal(weights(tmp_path / str(frozen))["trunk.1.running_mean"], start["trunk.1.running_mean"])
        assert same is frozen


def test_it_stops_when_validation_gets_no_better_and_keeps_the_best_weights(tmp_path: Path) -> None:
    figures = {1: 0.2, 2: 0.6, 3: 0.5, 4: 0.6, 5: 0.9}
    task = TinyTask(net(), figures=figures)
    made = fitted(tmp_path, task, count=50, validate_every=2, patience=2, average=0.9)
    assert made["steps"] == 8  # validations at 2, 4 (the best), 6 and 8 (no better)
    assert made["best_step"] == 4
    assert made["validation"] == {"accuracy": 0.6}
    # The same steps, with nothing looked at but the weights after the fourth.
    kept = TinyTask(net(), figures={1: 0.5, 2: 0.4})
    fitted(tmp_path / "kept", kept, count=50, validate_every=4, patience=1, average=0.9)
    assert all(torch.equal(value, kept.net.state_dict()[name]) for name, value in task.net.state_dict().items())


def test_without_patience_the_last_weights_are_kept(tmp_path: Path) -> None:
    made = fitted(tmp_path, TinyTask(net(), figures={1: 0.9, 2: 0.1}), count=4, validate_every=2)
    assert made["steps"] == 4
    assert made["validation"] == {"accuracy": 0.1}


def test_patience_without_anything_held_out_is_refused(tmp_path: Path) -> None:
    class Unheld(TinyTask):
        def validate(self) -> dict[str, float]:
            return {}

    with pytest.raises(SettingsError, match="patience needs held-out photos"):
        fitted(tmp_path, Unheld(net()), count=2, patience=1)
    assert fitted(tmp_path / "plain", Unheld(net()), count=2)["validation"] == {}


class Broken(TinyTask):
    """Goes wrong at a step in a way of its own."""

    wrong: float = math.nan

    def losses(self, seen, rows, step) -> dict[str, Tensor]:
        terms = super().losses(seen, rows, step)
        return {**terms, "pairs": terms["pairs"] * self.wrong} if step == 5 else terms


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_it_before_anything_is_spoiled(tmp_path: Path, wrong: float) -> None:
    task = Broken(net())
    task.wrong = wrong
    with pytest.raises(
        SettingsError, match=r"the loss at step 5 .*pairs (nan|inf).*rate \(0.01\).*warm_up.*clip"
    ) as told:
        fitted(tmp_path, task, count=10, rate=0.01, checkpoint=2)
    assert "\n" not in str(told.value)
    checkpoint = Run(tmp_path, recipe(count=10, rate=0.01, checkpoint=2)).resume()
    assert checkpoint is not None
    assert checkpoint.step == 4
    assert all(bool(value.isfinite().all()) for value in checkpoint.weights.values())
    assert all(bool(value.isfinite().all()) for value in task.net.state_dict().values())


def test_a_gradient_that_is_no_number_is_told_apart(tmp_path: Path) -> None:
    class Steep(TinyTask):
        def losses(self, seen, rows, step) -> dict[str, Tensor]:
            # The root's slope at nothing is infinite, the root is not.
            return {"root": (seen["logits"] * 0).square().sum().sqrt()}

    with pytest.raises(SettingsError, match="the gradient at step 0"):
        fitted(tmp_path, Steep(net()), count=2)


def test_a_batch_with_nothing_to_learn_moves_nothing(tmp_path: Path) -> None:
    class Idle(TinyTask):
        def losses(self, seen, rows, step) -> dict[str, Tensor]:
            return {"none": torch.zeros(())}

    start = net().state_dict()
    task = Idle(net())
    fitted(tmp_path, task, count=3, freeze_norm=True, weight_decay=0.5)
    assert all(torch.equal(value, start[name]) for name, value in task.net.state_dict().items())


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
    ],
)
def test_too_little_memory_gives_advice_with_the_present_values(tmp_path: Path, error: Exception) -> None:
    class Large(TinyTask):
        def see(self, rows, step) -> dict[str, Tensor]:
            raise error

    with pytest.raises(SettingsError, match=r"too small for 7 photos a batch in fp32; give smaller batches.*bf16"):
        fitted(tmp_path, Large(net()), count=2)


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    class Wrong(TinyTask):
        def see(self, rows, step) -> dict[str, Tensor]:
            raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        fitted(tmp_path, Wrong(net()), count=2)


def test_half_precision_is_the_forward_passes_alone(tmp_path: Path) -> None:
    seen: list[tuple[torch.dtype, torch.dtype]] = []

    class Looking(TinyTask):
        def see(self, rows, step) -> dict[str, Tensor]:
            made = super().see(rows, step)
            self.kind = made["logits"].dtype
            return made

        def losses(self, seen_, rows, step) -> dict[str, Tensor]:
            seen.append((self.kind, seen_["logits"].dtype))
            return super().losses(seen_, rows, step)

    fitted(tmp_path, Looking(net()), count=2, precision="bf16")
    assert seen == [(torch.bfloat16, torch.float32)] * 2
    assert weights(tmp_path)["head.weight"].dtype == torch.float32
    with pytest.raises(SettingsError, match='precision = "fp16" needs a graphics card'):
        fitted(tmp_path / "fp16", count=2, precision="fp16")


def test_phases_go_on_from_each_other_and_have_chance_of_their_own(tmp_path: Path) -> None:
    said = recipe()
    run, task, steps = Run(tmp_path, said), TinyTask(net()), Steps(count=2, rate=0.05)
    draws: list[float] = []
    see = task.see
    task.see = lambda rows, step: (draws.append(float(torch.rand(()))), see(rows, step))[1]
    fit(task, steps, run, "one")
    middle = {name: value.clone() for name, value in task.net.state_dict().items()}
    fit(task, steps, run, "two")
    assert len(set(draws)) == 4
    assert all(torch.equal(value, weights(tmp_path / "one")[name]) for name, value in middle.items())
    assert all(torch.equal(value, weights(tmp_path)[name]) for name, value in weights(tmp_path / "two").items())
    assert not torch.equal(middle["head.weight"], weights(tmp_path)["head.weight"])
    assert {line["phase"] for line in log(tmp_path)} == {"one", "two"}


def test_a_net_without_batch_norm_needs_no_frozen_one(tmp_path: Path) -> None:
    made = nn.Sequential()
    made.add_module("trunk", nn.Sequential(nn.Identity(), nn.Identity(), nn.Identity(), nn.Dropout(0.1)))
    made.add_module("head", nn.Linear(2, 3))
    assert fitted(tmp_path, TinyTask(made), count=2, freeze_norm=True)["steps"] == 2


def halved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a CPU do what a graphics card does with "fp16"."""
    module = sys.modules["wearabouts.training.loop.fit"]
    monkeypatch.setattr(module, "precise", lambda precision, device: lambda: torch.autocast("cpu", torch.float16))


def test_half_precision_with_a_scale_learns_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halved(monkeypatch)
    steps = {"count": 8, "rate": 0.05, "precision": "fp16", "checkpoint": 3, "clip": 1.0}
    fitted(tmp_path / "whole", **steps)

    def stop(what: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    said = recipe(**steps)
    with pytest.raises(KeyboardInterrupt):
        fit(TinyTask(net()), said.steps, Run(tmp_path / "stopped", said, stop))
    checkpoint = Run(tmp_path / "stopped", said).resume()
    assert checkpoint is not None
    assert json.loads(checkpoint.noted["scaler"])["_growth_tracker"] == 3
    fit(TinyTask(net()), said.steps, Run(tmp_path / "stopped", said))
    assert all(
        torch.equal(value, weights(tmp_path / "stopped")[name]) for name, value in weights(tmp_path / "whole").items()
    )
    assert not torch.equal(weights(tmp_path / "whole")["head.weight"], net().state_dict()["head.weight"])


def test_a_scale_that_is_too_large_is_halved_and_the_step_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    halved(monkeypatch)

    class Steep(TinyTask):
        def losses(self, seen, rows, step) -> dict[str, Tensor]:
            return {"steep": 1e35 * seen["logits"].square().sum()}

    task = Steep(net())
    fitted(tmp_path, task, count=1, precision="fp16", freeze_norm=True)
    assert all(torch.equal(value, net().state_dict()[name]) for name, value in task.net.state_dict().items())
    assert "gradient" not in log(tmp_path)[0]

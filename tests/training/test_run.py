"""A run's folder: whose it is, what a kill leaves of it, and what it has cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from wearabouts.errors import SettingsError
from wearabouts.training.mini.recipe import MiniRecipe
from wearabouts.training.run import Run


@pytest.fixture
def recipe() -> MiniRecipe:
    return MiniRecipe(name="x")


def stepped(steps: int) -> tuple[nn.Linear, torch.optim.AdamW]:
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    for _ in range(steps):
        step(net, optimizer)
    return net, optimizer


def step(net: nn.Linear, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    net(torch.ones(1, 3)).square().sum().backward()
    optimizer.step()


def test_what_is_saved_comes_back_and_goes_on_alike(tmp_path: Path, recipe: MiniRecipe) -> None:
    whole, _ = stepped(5)
    half, half_optimizer = stepped(3)
    Run(tmp_path, recipe).save(3, half.state_dict(), half_optimizer)
    checkpoint = Run(tmp_path, recipe).resume()
    assert checkpoint is not None
    assert checkpoint.step == 3
    again, new_optimizer = stepped(0)
    again.load_state_dict(checkpoint.weights)
    checkpoint.restore(new_optimizer)
    for _ in range(2):
        step(again, new_optimizer)
    assert torch.equal(again.weight, whole.weight)
    assert torch.equal(again.bias, whole.bias)


def test_nothing_saved_is_nothing_to_go_on_from(tmp_path: Path, recipe: MiniRecipe) -> None:
    assert Run(tmp_path, recipe).resume() is None


def test_the_newest_checkpoint_alone_is_kept(tmp_path: Path, recipe: MiniRecipe) -> None:
    net, optimizer = stepped(1)
    run = Run(tmp_path, recipe)
    for at in (1, 9, 10):
        run.save(at, net.state_dict(), optimizer)
    names = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert names == ["000010.model.safetensors", "000010.optimizer.safetensors"]


def test_a_kill_between_the_two_files_costs_one_checkpoint(tmp_path: Path, recipe: MiniRecipe) -> None:
    net, optimizer = stepped(1)
    run = Run(tmp_path, recipe)
    run.save(4, net.state_dict(), optimizer)
    # Killed while step 8 was written: the optimizer's file is whole, the model's half done.
    (tmp_path / "000008.optimizer.safetensors").write_bytes((tmp_path / "000004.optimizer.safetensors").read_bytes())
    (tmp_path / ".model.safetensors.part").write_bytes(b"half")
    checkpoint = Run(tmp_path, recipe).resume()
    assert checkpoint is not None
    assert checkpoint.step == 4


def test_another_recipes_folder_is_refused_and_left(tmp_path: Path, recipe: MiniRecipe) -> None:
    Run(tmp_path, recipe)
    before = (tmp_path / "recipe.json").read_text()
    with pytest.raises(SettingsError, match="another recipe"):
        Run(tmp_path, recipe.model_copy(update={"seed": 5}))
    assert (tmp_path / "recipe.json").read_text() == before


def test_costs_add_up_over_starts(tmp_path: Path, recipe: MiniRecipe) -> None:
    net, optimizer = stepped(1)
    first = Run(tmp_path, recipe)
    first.clock.before = (100.0, 50.0)  # as if it had been at work for so long
    first.save(2, net.state_dict(), optimizer)
    second = Run(tmp_path, recipe)
    second.resume()
    assert second.spent()["seconds"] >= 100
    assert 50 <= second.spent()["cpu_seconds"] < 100
    second.log(2, {"loss": 0.5})
    line = json.loads((tmp_path / "log.jsonl").read_text())
    assert line["step"] == 2
    assert line["loss"] == 0.5
    assert line["seconds"] >= 100

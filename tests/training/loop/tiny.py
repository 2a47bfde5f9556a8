"""A task small enough to train in a test: points on a plane, told apart by a net with two layers."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.training.launching import surroundings
from wearabouts.training.loop import Rows, fit
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.processes import Processes
from wearabouts.training.recipe import Recipe
from wearabouts.training.run import Run


class TinyRecipe(Recipe):
    model: Literal["tiny"] = "tiny"
    steps: Steps = Steps()


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    made = nn.Sequential()
    made.add_module("trunk", nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1)))
    made.add_module("head", nn.Linear(8, 3))
    return made


@dataclass
class TinyTask:
    """Classes by side of the plane, and a term over pairs of the batch, which needs all of it."""

    net: nn.Module
    watched: str = "accuracy"
    size: int = 7
    kill_at: int = -1
    noise: bool = True
    dropout: bool = True
    figures: Mapping[int, float] | None = None
    steps_seen: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(5)
        self.points = torch.randn(60, 2, generator=generator)
        self.classes = (self.points[:, 0] > 0).long() + (self.points[:, 1] > 0).long()
        self.validations = 0
        if not self.dropout:
            self.net.trunk[3].p = 0.0

    def batch(self, step: int) -> Rows:
        self.steps_seen.append(step)
        if step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.random.default_rng((3, step)).integers(0, 50, self.size)

    def see(self, rows: Rows, step: int) -> dict[str, Tensor]:
        points = self.points[rows]
        if self.noise:
            points = points + 0.05 * torch.randn_like(points)
        return {"logits": self.net(points), "row": torch.from_numpy(rows)}

    def losses(self, seen: Mapping[str, Tensor], rows: Rows, step: int) -> dict[str, Tensor]:
        assert seen["row"].tolist() == rows.tolist()
        labels = self.classes[rows]
        unit = F.normalize(seen["logits"], dim=1)
        same = labels[:, None] == labels[None]
        return {
            "classes": F.cross_entropy(seen["logits"], labels),
            "pairs": 0.3 * ((unit @ unit.T - same.float()) ** 2).mean(),
        }

    def validate(self) -> dict[str, float]:
        assert not self.net.training
        self.validations += 1
        if self.figures is not None:
            return {"accuracy": self.figures[self.validations]}
        right = self.net(self.points[50:]).argmax(1) == self.classes[50:]
        return {"accuracy": float(right.float().mean())}


def recipe(**steps: object) -> TinyRecipe:
    return TinyRecipe(name="tiny", seed=4, steps=Steps(**steps))  # type: ignore[arg-type] # the test's own words


def weights(folder: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "weights.safetensors")


def train_beside(
    rank: int, count: int, port: int, folder: Path, steps: dict[str, object], task: dict[str, object]
) -> None:
    """What each of several processes does in a test."""
    os.environ |= surroundings(rank, count, port)
    torch.set_num_threads(1)
    joined = Processes.joined()
    said = recipe(**steps)
    made = TinyTask(net(), **task)  # type: ignore[arg-type] # the test's own words
    fit(made, said.steps, Run(folder, said, processes=joined))
    torch.save(made.net.state_dict(), folder / f"rank{rank}.pt")
    joined.left()


PHASES = {
    "first": {"count": 23, "rate": 0.05, "average": 0.9, "checkpoint": 5, "validate_every": 4, "patience": 4},
    "second": {
        "count": 17, "rate": 0.1, "optimizer": "sgd", "clip": 1.0, "checkpoint": 4, "schedule": "step",
        "drop_every": 6, "validate_every": 3,
    },
}  # fmt: skip


def train_in_phases(folder: Path, kill_in: str = "", kill_at: int = -1) -> dict[str, object]:
    """Two phases over one net, killed for good where asked."""
    torch.set_num_threads(1)
    run, made = Run(folder, recipe()), net()
    return {
        phase: fit(TinyTask(made, kill_at=kill_at if phase == kill_in else -1), Steps(**steps), run, phase)
        for phase, steps in PHASES.items()
    }

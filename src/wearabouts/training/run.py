"""A run's folder: whose it is, checkpoints that survive a kill, the log, and what the run has cost so far.

Shared by every model: a training only says what its weights are and when to write them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from wearabouts.errors import SettingsError
from wearabouts.training.recipe import Recipe

RECIPE, LOG = "recipe.json", "log.jsonl"
MODEL, STATE = "model.safetensors", "optimizer.safetensors"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stood: steps done, weights by name, and the optimizer's state by parameter."""

    step: int
    weights: dict[str, Tensor]
    optimizer: dict[int, dict[str, Tensor]]

    def restore(self, optimizer: torch.optim.Optimizer) -> None:
        """Give an optimizer over the same parameters its state back."""
        optimizer.load_state_dict({"state": self.optimizer, "param_groups": optimizer.state_dict()["param_groups"]})


class Run:
    """The folder of one run, claimed for one recipe.

    Args:
        folder: Made where it is not there.
        recipe: Whose run it is.
        progress: Called with what is being done, how much is done, and of how much.

    Attributes:
        device: Where to train: the graphics card where there is one.

    Raises:
        SettingsError: The folder holds another recipe's run.
    """

    def __init__(self, folder: Path, recipe: Recipe, progress: Progress | None = None) -> None:
        self.folder = folder
        self.progress = progress or (lambda what, done, total: None)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._began = (time.monotonic(), time.process_time())
        self._before = (0.0, 0.0)
        text = recipe.model_dump_json(indent=1) + "\n"
        path = folder / RECIPE
        if path.is_file() and path.read_text("utf-8") != text:
            raise SettingsError(
                f"{folder} holds a run of another recipe (see {path.name}); "
                "give --out another folder, or delete that one"
            )
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def resume(self) -> Checkpoint | None:
        """The newest whole checkpoint, or None where there is none."""
        newest = max(self.folder.glob(f"[0-9]*.{MODEL}"), default=None)
        if newest is None or not (self.folder / f"{newest.name[:6]}.{STATE}").is_file():
            return None
        with safe_open(newest, "pt") as file:
            noted = file.metadata() or {}
        self._before = (float(noted.get("seconds", 0)), float(noted.get("cpu_seconds", 0)))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in load_file(self.folder / f"{newest.name[:6]}.{STATE}").items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        return Checkpoint(int(newest.name[:6]), load_file(newest), state)

    def save(self, step: int, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
        """Write a checkpoint and drop the older ones.

        The optimizer goes first and the model last: a model file names the step that both belong to.
        """
        state = {
            f"{number}.{name}": value if isinstance(value, Tensor) else torch.tensor(float(value))
            for number, values in optimizer.state_dict()["state"].items()
            for name, value in values.items()
            if value is not None
        }
        noted = {"step": str(step), **{name: str(value) for name, value in self.spent().items()}}
        for name, content in ((STATE, state), (MODEL, weights)):
            temporary = self.folder / f".{name}.part"
            plain = {key: value.detach().cpu().contiguous() for key, value in content.items()}
            save_file(plain, temporary, noted)
            temporary.replace(self.folder / f"{step:06d}.{name}")
        for old in self.folder.glob("[0-9]*.safetensors"):
            if int(old.name[:6]) < step:
                old.unlink()

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """Add a line to the log."""
        with (self.folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **self.spent(), **values}) + "\n")

    def spent(self) -> dict[str, float]:
        """Wall and processor time of all starts of this run: what was lost to a kill is not in it."""
        now = (time.monotonic(), time.process_time())
        wall, cpu = (before + end - start for before, start, end in zip(self._before, self._began, now, strict=True))
        return {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1)}

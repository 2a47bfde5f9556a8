"""A run's folder: whose it is, checkpoints that survive a kill, the log, and what the run has cost so far.

Shared by every model: a training only says what its weights are and when to write them.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from wearabouts.errors import SettingsError
from wearabouts.training.processes import Processes
from wearabouts.training.recipe import Recipe

RECIPE, LOG = "recipe.json", "log.jsonl"
MODEL, STATE = "model.safetensors", "optimizer.safetensors"
WEIGHTS = "weights.safetensors"  # of a finished training: what is served

Progress = Callable[[str, int, int], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stood: steps done, weights by name, the optimizer's state by parameter, and what was noted."""

    step: int
    weights: dict[str, Tensor]
    optimizer: dict[int, dict[str, Tensor]]
    noted: dict[str, str] = field(default_factory=dict)

    def restore(self, optimizer: torch.optim.Optimizer) -> None:
        """Give an optimizer over the same parameters its state back."""
        optimizer.load_state_dict({"state": self.optimizer, "param_groups": optimizer.state_dict()["param_groups"]})


class Run:
    """The folder of one run, claimed for one recipe.

    Args:
        folder: Made where it is not there.
        recipe: Whose run it is.
        progress: Called with what is being done, how much is done, and of how much.
        processes: Those that train this run together; only their first one writes.
        say: Called with a line now and then: what begins, what has ended and how well.

    Attributes:
        device: Where to train: the graphics card where there is one.
        phase: The part of the training that the folder is for; empty for all of it.
        top: The folder of the whole run.
        clock: What it has cost so far.

    Raises:
        SettingsError: The folder holds another recipe's run.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        progress: Progress | None = None,
        processes: Processes | None = None,
        say: Say | None = None,
    ) -> None:
        self.folder, self.recipe, self.phase = folder, recipe, ""
        self.processes = processes or Processes()
        self.progress: Progress = progress if progress and self.first else lambda what, done, total: None
        self.say: Say = say if say and self.first else lambda text: None
        self.device = self.processes.device
        self.top = folder
        self.clock = Clock()
        text = recipe.model_dump_json(indent=1) + "\n"
        path = folder / RECIPE
        if path.is_file() and path.read_text("utf-8") != text:
            raise SettingsError(
                f"{folder} holds a run of another recipe (see {path.name}); "
                "give --out another folder, or delete that one"
            )
        if self.first:
            folder.mkdir(parents=True, exist_ok=True)
            replace(path, text)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.processes.rank == 0

    @property
    def title(self) -> str:
        """What people are told is being done."""
        return self.phase or "training"

    def part(self, phase: str) -> Run:
        """The run of one phase: checkpoints in a folder of its own; log, clock and processes are shared."""
        if not phase:
            return self
        part = copy.copy(self)
        part.phase, part.folder = phase, self.folder / phase
        if self.first:
            part.folder.mkdir(exist_ok=True)
        return part

    def resume(self) -> Checkpoint | None:
        """The newest whole checkpoint, or None where there is none."""
        newest = max(self.folder.glob(f"[0-9]*.{MODEL}"), default=None)
        if newest is None or not (self.folder / f"{newest.name[:6]}.{STATE}").is_file():
            return None
        with safe_open(newest, "pt") as file:
            noted = file.metadata() or {}
        self.clock.before = (float(noted.get("seconds", 0)), float(noted.get("cpu_seconds", 0)))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in load_file(self.folder / f"{newest.name[:6]}.{STATE}").items():
            number, name = key.split(".", 1)
            state.setdefault(int(number), {})[name] = value
        return Checkpoint(int(newest.name[:6]), load_file(newest), state, noted)

    def save(
        self,
        step: int,
        weights: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer,
        noted: Mapping[str, str] | None = None,
    ) -> None:
        """Write a checkpoint and drop the older ones.

        The optimizer goes first and the model last: a model file names the step that both belong to.
        """
        if not self.first:
            return
        state = {
            f"{number}.{name}": value if isinstance(value, Tensor) else torch.tensor(float(value))
            for number, values in optimizer.state_dict()["state"].items()
            for name, value in values.items()
            if value is not None
        }
        told = {"step": str(step), **(noted or {}), **{name: str(value) for name, value in self.spent().items()}}
        for name, content in ((STATE, state), (MODEL, weights)):
            write_tensors(self.folder / f"{step:06d}.{name}", content, told)
        for old in self.folder.glob("[0-9]*.safetensors"):
            if int(old.name[:6]) < step:
                old.unlink()

    def forget(self) -> None:
        """Remove the checkpoints of a training that has ended."""
        for old in self.folder.glob("[0-9]*.safetensors"):
            old.unlink()

    def cut(self, step: int) -> None:
        """Drop the lines of the log that a kill left behind the last checkpoint: those steps are done again."""
        if not self.first:
            return
        lines = whole_lines(self.top / LOG)
        kept = [line for line in lines if line.get("phase", "") != self.phase or line["step"] <= step]
        replace(self.top / LOG, "".join(f"{json.dumps(line)}\n" for line in kept))

    def went(self, told: Mapping[str, Any]) -> None:
        """Take over what a phase that ended in an earlier start had spent by then."""
        self.clock.before = max(self.clock.before, (float(told["seconds"]), float(told["cpu_seconds"])))

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """Add a line to the log, which all phases share."""
        if not self.first:
            return
        named = {"phase": self.phase} if self.phase else {}
        with (self.top / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**named, "step": step, **self.spent(), **values}) + "\n")

    def spent(self) -> dict[str, float]:
        """Wall and processor time of all starts of this run: what was lost to a kill is not in it."""
        now = (time.monotonic(), time.process_time())
        clock = self.clock
        wall, cpu = (before + end - start for before, start, end in zip(clock.before, clock.began, now, strict=True))
        return {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1)}


@dataclass
class Clock:
    """When this start of a run began, and what the starts before it took: wall and processor time."""

    began: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.process_time()))
    before: tuple[float, float] = (0.0, 0.0)
    shown: float = field(default_factory=time.monotonic)

    def since_shown(self) -> float:
        """Seconds since people were shown anything."""
        return time.monotonic() - self.shown


def write_tensors(path: Path, content: Mapping[str, Tensor], noted: Mapping[str, str] | None = None) -> None:
    """Write tensors by name; the file is either the old one or the whole new one."""
    temporary = path.with_name(f".{path.name}.part")
    # Tensors that share memory, such as tied weights, are written as what they are: each for itself.
    plain = {key: value.detach().cpu().clone().contiguous() for key, value in content.items()}
    save_file(plain, temporary, dict(noted or {}))
    temporary.replace(path)


def whole_lines(log: Path) -> list[dict[str, Any]]:
    """The lines of a log; one that was being written when the run was killed is left out."""
    lines = []
    for line in log.read_text("utf-8").splitlines() if log.is_file() else ():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return lines


def replace(path: Path, text: str) -> None:
    """Write a text; the file is either the old one or the whole new one."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)

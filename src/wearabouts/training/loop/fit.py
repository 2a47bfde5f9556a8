"""The shared training loop: one phase of a task, from its first step or its last checkpoint to its finished weights."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from wearabouts.training.loop.advice import not_a_number, out_of_memory, precise
from wearabouts.training.loop.averaging import Average
from wearabouts.training.loop.optimizers import optimizer
from wearabouts.training.loop.recipe import Steps
from wearabouts.training.loop.schedules import share
from wearabouts.training.loop.task import Remembering, Task
from wearabouts.training.loop.watching import Watch, summed_up
from wearabouts.training.reporting import FINISHED, renew_page
from wearabouts.training.run import WEIGHTS, Run, replace, write_tensors

BEST = "best.safetensors"


def fit(task: Task, steps: Steps, run: Run, phase: str = "") -> dict[str, Any]:
    """Train one phase; a phase that was stopped goes on from its last checkpoint, a finished one is loaded.

    What happens at a step depends on the seed, the phase and the step alone, so it goes on as if it had not stopped.
    Afterwards the net is at rest and holds the weights to serve (averaged, or the best ones where `steps.patience`
    asks for them), and ``weights.safetensors`` in the run's folder has them by name.

    Args:
        task: What to learn; its net may have been trained in earlier phases.
        steps: How long, how fast, how carefully.
        run: The whole run's.
        phase: Name of the part of the training, such as ``joint``; checkpoints are in a folder of that name. Empty
            where the training has one phase only.

    Returns:
        What `run.json` should say of the phase: steps, last loss terms, validation.

    Raises:
        SettingsError: The loss is not a number any more, the memory is too small, or the steps cannot be done on this
            machine; says what to change.
    """
    place = run.part(phase)
    ended = place.folder / FINISHED
    if ended.is_file():
        told: dict[str, Any] = json.loads(ended.read_text("utf-8"))
        run.went(told)
        run.say(f"{place.title} had ended before: {summed_up(told)}")
    else:
        told = run.processes.told(_Phase(task, steps, place).told())
        run.say(f"{place.title} has ended: {summed_up(told)}")
        if run.first:
            if place is not run:
                write_tensors(run.folder / WEIGHTS, load_file(place.folder / WEIGHTS))
            replace(ended, json.dumps(told, indent=1) + "\n")
            place.forget()
            renew_page(place)
        run.processes.wait()
    task.net.load_state_dict(load_file(place.folder / WEIGHTS))
    task.net.eval()
    return told


class _Phase:
    """One phase under way."""

    def __init__(self, task: Task, steps: Steps, run: Run) -> None:
        self.task, self.steps, self.run = task, steps, run
        self.precision = precise(steps.precision, run.device)
        self.optimizer = optimizer(task.net, steps)
        self.parameters = [each for group in self.optimizer.param_groups for each in group["params"]]
        self.average = Average(task.net, steps.average)
        self.scaler = torch.amp.GradScaler(run.device.type, enabled=steps.precision == "fp16")
        self.watch = Watch(run, steps.count, task.watched, steps.patience)
        self.terms: dict[str, float] = {}

    def told(self) -> dict[str, Any]:
        """Do all steps that are left; write the weights to serve."""
        done, steps, run = self._resume(), self.steps, self.run
        run.say(self._begins(done))
        while done < steps.count and not self.watch.over:
            self._step(done)
            done += 1
            self.average.follow(done - 1)
            run.progress(run.title, done, steps.count)
            last = done == steps.count
            if last or (steps.validate_every and done % steps.validate_every == 0):
                self._validate(done)
            if last or self.watch.over or done % steps.checkpoint == 0:
                self._save(done)
        self.watch.end()
        weights = self.average.served()
        if steps.patience:
            run.processes.wait()
            weights = load_file(run.folder / BEST)
        if run.first:
            write_tensors(run.folder / WEIGHTS, weights)
        best = self.watch.best
        figures = best.figures if steps.patience else self.watch.validation
        stopped = {"best_step": best.step} if steps.patience else {}
        return {"steps": done, **stopped, "loss": self.terms, "validation": figures, **run.spent()}

    def _begins(self, done: int) -> str:
        steps, run = self.steps, self.run
        learned = sum(each.numel() for each in self.parameters)
        shared = f", {run.processes.count} processes" if run.processes.count > 1 else ""
        gone_on = f"; goes on from step {done:,}" if done else ""
        return (
            f"{run.title} begins: {steps.count:,} steps of {steps.optimizer} at rate {steps.rate:g}, {learned:,} "
            f"parameters in {steps.precision} on {run.device.type}{shared}{gone_on}"
        )

    def _step(self, step: int) -> None:
        task, processes = self.task, self.run.processes
        rows = task.batch(step)
        self._train_mode()
        try:
            self._seed(step, str(processes.rank))
            with self.precision():
                seen = task.see(processes.share(rows), step)
            self._seed(step, "losses")
            terms = task.losses(processes.gathered(seen, len(rows)), rows, step)
            loss = torch.stack([term.float() for term in terms.values()]).sum()
            self.terms = {name: round(float(term.detach()), 6) for name, term in terms.items()}
            if not math.isfinite(float(loss.detach())):
                raise not_a_number("loss", step, self.terms, self.steps)
            self.optimizer.zero_grad(set_to_none=True)
            if loss.requires_grad:
                self.scaler.scale(loss).backward()
        except (RuntimeError, MemoryError) as error:
            advice = out_of_memory(error, self.run, self.steps, len(rows))
            if advice is None:
                raise
            raise advice from error
        self._update(step, float(loss.detach()))

    def _update(self, step: int, loss: float) -> None:
        """Average the gradients, check them, and go one step."""
        steps, rate = self.steps, share(step, self.steps)
        self.run.processes.average(self.parameters, self._statistics())
        gradient = 0.0
        if any(each.grad is not None for each in self.parameters):
            self.scaler.unscale_(self.optimizer)
            gradient = float(nn.utils.clip_grad_norm_(self.parameters, steps.clip or math.inf))
            # Half precision overflows now and then: the scaler leaves such a step out and scales less from then on.
            if not math.isfinite(gradient) and not self.scaler.is_enabled():
                raise not_a_number("gradient", step, self.terms, steps)
            for group in self.optimizer.param_groups:
                group["lr"] = group["rate"] * rate
            self.scaler.step(self.optimizer)
            self.scaler.update()
        write = (step + 1) % steps.checkpoint == 0 or step + 1 == steps.count
        values = {"loss": loss, **self.terms} | ({"gradient": gradient} if math.isfinite(gradient) else {})
        self.watch.step(step, values, steps.rate * rate, write=write)

    def _validate(self, done: int) -> None:
        task, run = self.task, self.run
        figures: Mapping[str, float] = {}
        if run.first:
            task.net.eval()
            with self.average.in_place(), torch.no_grad():
                figures = {name: float(value) for name, value in task.validate().items()}
        figures = run.processes.told(figures)
        if self.watch.validated(done, figures) and self.steps.patience and run.first:
            write_tensors(run.folder / BEST, self.average.served())

    def _train_mode(self) -> None:
        self.task.net.train()
        if self.steps.freeze_norm:
            for module in self.task.net.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def _statistics(self) -> list[Tensor]:
        """What batch normalisation remembers, which each process learns from its own share."""
        if self.steps.freeze_norm:
            return []
        norms = [module for module in self.task.net.modules() if isinstance(module, _BatchNorm)]
        return [each for norm in norms for each in (norm.running_mean, norm.running_var) if each is not None]

    def _seed(self, step: int, what: str) -> None:
        text = f"{self.run.recipe.seed}/{self.run.phase}/{step}/{what}"
        torch.manual_seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big"))

    def _save(self, done: int) -> None:
        state = {f"net.{name}": value for name, value in self.task.net.state_dict().items()}
        state |= {f"average.{name}": value for name, value in self.average.weights.items()}
        if isinstance(self.task, Remembering):
            state |= {f"task.{name}": value for name, value in self.task.remembered().items()}
        if not all(bool(torch.isfinite(value).all()) for value in state.values()):
            raise not_a_number("weights", done - 1, self.terms, self.steps)
        noted = {
            "watch": self.watch.noted(),
            "scaler": json.dumps(self.scaler.state_dict()),
            "terms": json.dumps(self.terms),
        }
        self.run.save(done, state, self.optimizer, noted)
        self.watch.checkpoint()

    def _resume(self) -> int:
        """Load the newest whole checkpoint; 0 where there is none."""
        checkpoint = self.run.resume()
        if checkpoint is None:
            self.watch.begin(0)
            return 0
        self.watch.begin(checkpoint.step)
        parts: dict[str, dict[str, Tensor]] = {"net": {}, "average": {}, "task": {}}
        for key, value in checkpoint.weights.items():
            part, name = key.split(".", 1)
            parts[part][name] = value.to(self.run.device)
        self.task.net.load_state_dict(parts["net"])
        self.average.weights = parts["average"]
        if isinstance(self.task, Remembering):
            self.task.remember(parts["task"])
        checkpoint.restore(self.optimizer)
        self.watch.restore(checkpoint.noted["watch"])
        self.scaler.load_state_dict(json.loads(checkpoint.noted["scaler"]))
        self.terms = json.loads(checkpoint.noted["terms"])
        return checkpoint.step

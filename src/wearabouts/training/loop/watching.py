"""What is known of a training while it goes on: the log of its terms, its validations, and the best of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from wearabouts.errors import SettingsError, unknown
from wearabouts.training.loop.events import Events
from wearabouts.training.reporting import renew_page
from wearabouts.training.run import Run

LINES = 200  # of a phase's terms in the log, at most, beside those that checkpoints write


def summed_up(told: Mapping[str, Any]) -> str:
    """What `wearabouts.training.loop.fit` gives, in a line for people."""
    figures = "".join(f", {name} {value:.3f}" for name, value in told["validation"].items())
    best = f" (best after {told['best_step']:,})" if told.get("best_step") else ""
    return f"{told['steps']:,} steps{best}, loss {sum(told['loss'].values()):.3g}{figures}"


@dataclass
class Best:
    """The best validation so far, and how many since were no better."""

    value: float = -math.inf
    step: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    waited: int = 0

    def better(self, step: int, figures: Mapping[str, float], watched: str) -> bool:
        """Take a validation in; whether it is the best so far."""
        if figures[watched] > self.value:
            self.value, self.step, self.figures, self.waited = figures[watched], step, dict(figures), 0
            return True
        self.waited += 1
        return False


class Watch:
    """Keeps the log of one phase.

    Args:
        run: Of the phase.
        count: Steps it may have.
        watched: The figure that tells whether the net got better.
        patience: Validations without gain after which the phase ends; 0 for none.
    """

    _events: Events  # from `begin` on

    def __init__(self, run: Run, count: int, watched: str, patience: int) -> None:
        self._run, self._watched, self._patience = run, watched, patience
        self._every = max(1, count // LINES)
        self._sums: dict[str, float] = {}
        self._steps = 0
        self.best = Best()
        self.validation: dict[str, float] = {}

    def begin(self, done: int) -> None:
        """Go on after so many steps; what the log says of later ones is dropped."""
        self._run.cut(done)
        self._events = Events(self._run, done)

    def checkpoint(self) -> None:
        """Let people see what there is so far, once in a while."""
        self._events.flush()
        renew_page(self._run)

    def end(self) -> None:
        """Nothing more will come."""
        self._events.close()

    def step(self, step: int, values: Mapping[str, float], rate: float, *, write: bool) -> None:
        """Take in a step's terms; every so often, or when told to, their mean since the last line is logged."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1
        if write or (step + 1) % self._every == 0:
            terms = {name: round(value / self._steps, 6) for name, value in self._sums.items()}
            self._run.log(step + 1, {"rate": rate, **terms})
            self._events.add(step + 1, {"rate": rate, **{f"training/{name}": value for name, value in terms.items()}})
            self._sums, self._steps = {}, 0

    def validated(self, step: int, figures: Mapping[str, float]) -> bool:
        """Take in the validation after so many steps; whether it is the best so far.

        Raises:
            SettingsError: The watched figure is not among them and early stopping needs it.
        """
        self.validation = dict(figures)
        if self._watched not in figures:
            if self._patience:
                raise SettingsError(
                    f"[steps] patience needs held-out photos: {unknown('figure', self._watched, figures)}; "
                    "hold some out, or set patience to 0"
                )
            better = False
        else:
            better = self.best.better(step, figures, self._watched)
        if figures:
            self._run.log(step, {"validation": dict(figures)})
            self._events.add(step, {f"validation/{name}": value for name, value in figures.items()})
        return better

    @property
    def over(self) -> bool:
        """Whether patience has run out."""
        return 0 < self._patience <= self.best.waited

    def noted(self) -> str:
        """The state for a checkpoint."""
        best = asdict(self.best) | {"value": self.best.value if math.isfinite(self.best.value) else None}
        return json.dumps({"best": best, "validation": self.validation})

    def restore(self, noted: str) -> None:
        """Take back what `noted` gave."""
        state = json.loads(noted)
        best = state["best"]
        self.best = Best(**best | {"value": -math.inf if best["value"] is None else best["value"]})
        self.validation = state["validation"]

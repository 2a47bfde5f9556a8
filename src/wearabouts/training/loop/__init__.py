"""The loop that every trained model shares: a model brings a `Task`, a recipe its `Steps`, and `fit` does the rest."""

from __future__ import annotations

from wearabouts.training.loop.fit import fit
from wearabouts.training.loop.task import Remembering, Task
from wearabouts.training.processes import Rows

__all__ = ["Remembering", "Rows", "Task", "fit"]

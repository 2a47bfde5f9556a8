"""A run's figures as TensorBoard reads them, where TensorBoard is installed; nothing where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wearabouts.training.run import Run

FOLDER = "tensorboard"


class Events:
    """Writes one phase's figures below ``tensorboard`` in the run's folder.

    Args:
        run: Of the phase; only its first process writes.
        done: Steps done before: later ones that an earlier start wrote are taken back.
    """

    def __init__(self, run: Run, done: int) -> None:
        self._writer: Any = None
        if not run.first:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(str(run.top / FOLDER / run.title), purge_step=done + 1 if done else None)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add figures of a step; names with a slash are drawn in groups."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        """Have all of it on disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Write no more."""
        if self._writer is not None:
            self._writer.close()

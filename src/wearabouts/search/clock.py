"""How long each stage of a search took."""

from __future__ import annotations

import time


class Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}
        self._start = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Close a stage; a stage closed twice is summed."""
        now = time.perf_counter()
        self.timings[stage] = self.timings.get(stage, 0.0) + (now - self._last) * 1000
        self._last = now

    def total(self) -> dict[str, float]:
        """All stages and their total."""
        return {**self.timings, "total": (self._last - self._start) * 1000}

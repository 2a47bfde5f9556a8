"""Proving a mapped base while it is in use: once after opening and then daily, slowly, in a thread of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from wearabouts.stores.embedded.generations.segment import Damaged
from wearabouts.stores.embedded.living.chores import Chore, Ended, Rests
from wearabouts.stores.embedded.living.tracking import Tracker

SHARE: Final = 0.05  # of one core
AFTER: Final = 10.0  # seconds after opening
DAY: Final = 86_400.0  # seconds


class Scrub:
    """Goes through the base that is searched; where a block is not what was written, the store goes on without it."""

    def __init__(self, tracker: Tracker, *, after: float = AFTER) -> None:
        """Begin.

        Args:
            tracker: Whose view is proven.
            after: Seconds until the first time.
        """
        self._tracker = tracker
        self._after: float | None = after
        self._last: dict[str, Any] = {}
        self._chore = Chore("wearabouts-scrub", self._scrub)
        self._chore.wake()

    def described(self) -> dict[str, Any]:
        """When the last one ended, and which bases have been left because they are damaged."""
        return self._last | {"left": {path.name: reason for path, reason in self._tracker.left.items()}}

    def close(self) -> None:
        """Stop where it is."""
        self._chore.end()

    def _scrub(self) -> float | None:
        if self._after is not None:
            wait, self._after = self._after, None
            return wait
        base = self._tracker.current().base
        if base.path is None:
            return DAY
        rests = Rests(self._chore.ending, SHARE)
        try:
            if base.segment.proven < 1:
                base.segment.scrub(rests.take)
            else:
                for reason in base.segment.faults(rests.take):
                    raise Damaged(base.path, reason)
        except Ended:
            return None
        except (Damaged, OSError) as damage:
            self._tracker.leave(base.path, damage.reason if isinstance(damage, Damaged) else str(damage))
        self._last = {"generation": base.generation, "ended": datetime.now(UTC).isoformat(timespec="seconds")}
        return DAY

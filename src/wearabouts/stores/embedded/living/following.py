"""A reader's thread that looks what other processes have written, so that no search pays for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wearabouts.stores.embedded.living.chores import Chore

if TYPE_CHECKING:
    from wearabouts.stores.embedded.living.tracking import Tracker

EVERY: Final = 0.15  # seconds; asking costs microseconds


class Follower:
    """Keeps a tracker's view near the newest write: replays what came, and goes over to newer generations."""

    def __init__(self, tracker: Tracker) -> None:
        """Begin to follow.

        Args:
            tracker: Whose view it is; not kept alive by this.
        """
        self._tracker = tracker
        self._chore = Chore("wearabouts-follow", self._follow)
        self._chore.wake()

    def _follow(self) -> float | None:
        try:
            self._tracker.follow()
        except Exception:
            # The next search looks itself, and is told what is wrong.
            self._tracker.distrust()
        return EVERY

    def close(self) -> None:
        """Stop following."""
        self._chore.end()

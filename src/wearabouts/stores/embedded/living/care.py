"""Everything that looks after an open store, and what it has to tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wearabouts.stores.embedded.living.following import Follower
from wearabouts.stores.embedded.living.probe import GOAL, Probe, Question
from wearabouts.stores.embedded.living.rebuilding import Rebuilder
from wearabouts.stores.embedded.living.scrubbing import Scrub
from wearabouts.stores.embedded.living.tracking import Tracker
from wearabouts.stores.embedded.truth.committing import Commits
from wearabouts.stores.embedded.views import searching
from wearabouts.stores.embedded.views.view import View
from wearabouts.types import Floats, Ranking


class Care:
    """The threads of one open store: a reader follows, a writer rebuilds, both probe and scrub."""

    def __init__(self, folder: Path, tracker: Tracker, *, writes: bool) -> None:
        """Begin to look after a store.

        Args:
            folder: The store's folder.
            tracker: Its view.
            writes: Whether it is open for writing.
        """
        self.rebuilder = Rebuilder(folder, tracker) if writes else None
        self._tracker = tracker
        self._follower = None if writes else Follower(tracker)
        self._probe = Probe(_exactly)
        self._scrub = Scrub(tracker)
        if self.rebuilder is not None:
            tracker.on_damage = self.rebuilder.want
            if tracker.left:
                self.rebuilder.want()

    def search(
        self, view: View, query: Floats, count: int, where: str | None, garments: Sequence[str], *, exact: bool
    ) -> Ranking:
        """Search a view, as far as the probe has found that one must look, and let the probe have a look at it."""
        effort = self._probe.effort
        answer = searching.search(view, query, count, where, garments, exact=exact, effort=effort)
        if not exact and view.base.index.kind != "exact":
            self._probe.consider(view, query, count, where, garments, answer)
        if self.rebuilder is not None:
            self.rebuilder.searched = True
        return answer

    def make_way(self) -> None:
        """Before each write."""
        if self.rebuilder is not None:
            self.rebuilder.make_way()

    def written(self, view: View) -> None:
        """After each write: is another base worth it?"""
        if self.rebuilder is not None:
            self.rebuilder.consider(view)

    def described(self) -> dict[str, Any]:
        """What to say of the index beside its sizes: rebuilds, recall, scrubbing."""
        view = self._tracker.current()
        told: dict[str, Any] = {"recall": self._recall(view), "scrub": self._scrub.described()}
        if self.rebuilder is not None:
            told["rebuild"] = self.rebuilder.described()
        return told

    def vitals(self, commits: Commits | None) -> dict[str, float]:
        """What changes from one minute to the next, as figures."""
        view = self._tracker.current()
        found: dict[str, float] = {
            "photos": int(view.alive.sum()),
            "delta": len(view.vectors),
            "buried": len(view.alive) - int(view.alive.sum()),
            "generation": view.base.generation,
            "sequence": view.sequence,
            "age_seconds": self._tracker.age,
            "damaged_bases": len(self._tracker.left),
        }
        recall = self._recall(view)
        names = {"recall": "recall", "low": "recall_low", "high": "recall_high", "queries": "recall_queries"}
        found |= {names[name]: recall[name] for name in names if name in recall} | {"effort": recall["effort"]}
        if self.rebuilder is not None:
            found["rebuilding"] = float(self.rebuilder.is_running)
        if commits is not None:
            found |= commits.described()
        return found

    def stop_building(self) -> None:
        """Throw away what is being built in the background."""
        if self.rebuilder is not None:
            self.rebuilder.close()

    def close(self) -> None:
        """End every thread."""
        self.stop_building()
        for each in (self._follower, self._probe, self._scrub):
            if each is not None:
                each.close()

    def _recall(self, view: View) -> dict[str, Any]:
        if view.base.index.kind != "exact":
            return self._probe.described()
        told = {"recall": 1.0, "low": 1.0, "high": 1.0, "queries": 0, "effort": 1.0, "goal": GOAL}
        return told | {"why": "every photo is compared"}


def _exactly(question: Question) -> Ranking:
    asked = (question.view, question.vector, question.count, question.where, question.garments)
    return searching.search(*asked, exact=True)

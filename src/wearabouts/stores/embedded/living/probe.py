"""Is what an approximate index answers what exact search would have answered? Asked all the time, of real queries.

One search in `SAMPLED` is asked once more, exactly, over the same view, by a thread that uses a few hundredths of one
core. What is kept of a query is how many of its nearest photos were found: never the photo, its vector or its answer.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from wearabouts.stores.embedded.living.chores import Chore
from wearabouts.stores.embedded.views.view import View
from wearabouts.types import Floats, Ranking

log = logging.getLogger("wearabouts.stores")

SAMPLED: Final = 8  # searches to one that is asked again
AT: Final = 20  # nearest photos of a query that are looked for in its answer
KEPT: Final = 400  # queries the figure is of, the newest
ENOUGH: Final = 50  # queries before it is acted on
SHARE: Final = 0.03  # of one core
WIDER: Final = 1.5  # how much further searches look once recall is under the goal
WIDEST: Final = 16.0
GOAL: Final = 0.99  # where the index says none
_Z: Final = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True)
class Question:
    """One search as it was asked and answered; lives until it has been asked again."""

    view: View
    vector: Floats
    count: int
    where: str | None
    garments: tuple[str, ...]
    answer: Ranking


Exactly = Callable[[Question], Ranking]


class Probe:
    """Counts how much of the truth searches find, and makes them look further when it is too little."""

    def __init__(self, exactly: Exactly, goal: float = GOAL) -> None:
        """Begin without a thread: the first question starts it.

        Args:
            exactly: Answers a question by comparing everything.
            goal: The recall wanted, in [0, 1].
        """
        self.effort = 1.0
        self._exactly = exactly
        self._goal = goal
        self._asked = 0
        self._busy = False
        self._waiting: Question | None = None
        self._seen: deque[tuple[int, int]] = deque(maxlen=KEPT)
        self._gate = threading.Lock()
        self._generation = -1
        self._chore = Chore("wearabouts-probe", self._ask_again)

    def consider(
        self, view: View, vector: Floats, count: int, where: str | None, garments: Sequence[str], answer: Ranking
    ) -> None:
        """Take a search as a sample, or not; costs next to nothing.

        Args:
            view: What was searched.
            vector: (D,) float32, the query.
            count: How many photos were asked for.
            where: The filter.
            garments: The garments.
            answer: What was found.
        """
        self._asked += 1
        if self._busy or self._asked % SAMPLED or not len(answer):
            return
        self._busy = True
        self._waiting = Question(view, vector, count, where, tuple(garments), answer)
        self._chore.wake()

    def described(self) -> dict[str, Any]:
        """Recall with its interval, the goal, and how far searches look."""
        with self._gate:
            seen = list(self._seen)
        told: dict[str, Any] = {"at": AT, "queries": len(seen), "goal": self._goal, "effort": round(self.effort, 3)}
        if seen:
            share, low, high = interval(seen)
            told |= {"recall": round(share, 5), "low": round(low, 5), "high": round(high, 5)}
        return told

    def close(self) -> None:
        """Ask no more, and forget what waits."""
        self._chore.end()
        self._waiting = None

    def _ask_again(self) -> float | None:
        question, self._waiting = self._waiting, None
        if question is None:
            return None
        started = time.thread_time()
        try:
            self._count(question, self._exactly(question))
            del question
            self._chore.ending.wait((time.thread_time() - started) * (1 / SHARE - 1))
        finally:
            self._busy = False
        return None

    def _count(self, question: Question, truth: Ranking) -> None:
        wanted = min(AT, question.count, len(truth))
        if not wanted:
            return
        # By similarity, so that one of several equal photos counts as well as another.
        edge = truth.similarity[wanted - 1]
        found = min(wanted, int(np.count_nonzero(question.answer.similarity[:wanted] >= edge)))
        with self._gate:
            generation = question.view.base.generation
            if generation != self._generation:  # made and tuned anew
                self._generation, self.effort = generation, 1.0
                self._seen.clear()
            self._seen.append((found, wanted))
            if len(self._seen) < ENOUGH or interval(self._seen)[2] >= self._goal or self.effort >= WIDEST:
                return
            share = interval(self._seen)[0]
            self.effort = min(WIDEST, self.effort * WIDER)
            self._seen.clear()
        log.warning(
            "recall at %d is %.4f, under the goal of %.4f: searches look %.2f times as far from now on",
            AT, share, self._goal, self.effort,
        )  # fmt: skip


def interval(seen: Sequence[tuple[int, int]] | deque[tuple[int, int]]) -> tuple[float, float, float]:
    """Share found and its 95 % interval, after Wilson (1927), for as many trials as the queries are worth.

    The neighbours of one query are missed together or not at all, so they count for less than as many of different
    queries: by the design effect (Kish, 1965), at most down to one trial a query.

    Args:
        seen: Found and wanted of each query, at least one.
    """
    found, wanted = np.asarray(seen, np.float64).T
    share, trials, queries = float(found.sum() / wanted.sum()), float(wanted.sum()), len(found)
    if 0 < share < 1 and queries > 1:
        spread = float(((found - share * wanted) ** 2).sum() / (trials * share * (1 - share)))
        trials = max(float(queries), trials / max(1.0, spread))
    middle = (share + _Z * _Z / (2 * trials)) / (1 + _Z * _Z / trials)
    half = _Z / (1 + _Z * _Z / trials) * math.sqrt(share * (1 - share) / trials + _Z * _Z / (4 * trials * trials))
    return share, max(0.0, middle - half), min(1.0, middle + half)

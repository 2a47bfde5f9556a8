"""A searcher whose second stage is a table: what it says of the shop's pieces is written down by the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from fakes import TinyJudge, tiny_calibration
from wearabouts.calibration import Calibration
from wearabouts.search import Searcher
from wearabouts.search.curves import Chosen
from wearabouts.settings import SearchSettings
from wearabouts.types import Answer, Comparison, Level, Match

FIELDS = ("precision", "threshold", "verdict", "reason")


@dataclass(frozen=True, slots=True)
class Script:
    """What the second stage says: probabilities in the order of the answer, `carried`, and a level for each precision.

    Attributes:
        levels: Precision, threshold, verdict, reason; from the lowest precision on.
    """

    probabilities: Sequence[float]
    carried: float
    levels: Sequence[tuple[float, float | None, str, str]]


# At 80 % and below it is said to be the same; above, it is only similar.
DOUBTED = Script(
    (0.81, 0.08, 0.05, 0.006, 0.0004, 0.0003, 0.0001),
    0.95,
    (
        (0.5, 0.4, "same", "sure"),
        (0.8, 0.7, "same", "sure"),
        (0.95, 0.9, "similar", "doubtful"),
        (0.99, None, "similar", "doubtful"),
    ),
)
AWAY = Script((0.02, 0.01, 0.004, 0.001), 0.06, ((0.5, 0.4, "not_carried", "unlike"),))
SURE = Script((0.998, 0.001, 0.0005), 0.999, ((0.5, 0.4, "same", "sure"), (0.99, 0.97, "same", "sure")))


class Scripted:
    """A `Searcher` whose verdicts come from a script; everything else is the real one's."""

    def __init__(self, searcher: Searcher, script: Script) -> None:
        self.encoder, self.store, self.settings = searcher.encoder, searcher.store, SearchSettings()
        self.calibration: Calibration = tiny_calibration()
        curves = SimpleNamespace(current=lambda: Chosen(self.calibration))
        self.stage_two = SimpleNamespace(verifier=TinyJudge(), curves=curves)
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self._searcher = searcher

    def search(
        self, photo: bytes, k: int = 10, *, precision: float | None = None, tail: bool = False, **options: Any
    ) -> Answer:
        """The real answer, judged by the script; the tail is what is under a fiftieth of the first."""
        self.asked.append({"precision": precision, "tail": tail, **options})
        answer = self._searcher.search(photo, k, **options)
        script, precision = self.script, precision or 0.95
        judged = [
            replace(match, probability=share)
            for match, share in zip(answer.matches, (*script.probabilities, *[0.0] * k), strict=False)
        ]
        levels = tuple(Level(*level) for level in script.levels)  # type: ignore[arg-type]  # words of a test
        now = next((level for level in levels if level.precision >= precision), levels[-1])
        kept = [match for match in judged if _likely(match, judged[0]) and now.verdict != "not_carried"]
        return replace(
            answer,
            matches=tuple(judged if tail else kept),
            timings={**answer.timings, "verify": 3.0},
            verdict=now.verdict,
            reason=now.reason,
            carried=script.carried,
            precision=precision,
            threshold=now.threshold,
            hidden=0 if tail else len(judged) - len(kept),
            calibrated_on=self.calibration.calibrated_on,
            own_labels=self.calibration.own_labels,
            levels=levels,
        )

    def similar(self, *arguments: Any, **options: Any) -> Answer:
        """As without a verifier."""
        return self._searcher.similar(*arguments, **options)

    def compare(self, *arguments: Any, **options: Any) -> Comparison:
        """The real comparison with a probability."""
        comparison = self._searcher.compare(*arguments, **options)
        return replace(comparison, probability=0.75, calibrated_on=self.calibration.calibrated_on)


def _likely(match: Match, first: Match) -> bool:
    return (match.probability or 0) >= (first.probability or 0) / 50

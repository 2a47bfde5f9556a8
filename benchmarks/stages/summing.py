"""All seeds summed up: every figure with an interval over items and seeds, every row's difference to stage one.

Intervals: each resample draws items anew, with replacement, and seeds anew, with replacement, and takes the figure's
mean over the seeds drawn; the ends hold 95 % of the resamples. Three seeds tell little of how trainings scatter, which
is why every seed's own value is kept beside the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from weighing import CURVE, ONE, ROWS, Figures
from worlds import PHOTOGRAPHS, REAL

from wearabouts import metrics
from wearabouts.metrics.resampling import draws, interval
from wearabouts.metrics.verification import BINS, reliability_bins

RANKED = ("R@1", "R@10", "mAP")
LEVEL = 0.95
BETTER, WORSE, OPEN = "better", "worse", "open"
Doubles = npt.NDArray[np.float64]
Found = Mapping[str, Mapping[str, Figures]]  # world → row → figures
Seeds = Sequence[Figures]  # of one row


@dataclass(frozen=True)
class Draws:
    """What each resample draws.

    Attributes:
        owner: (Q,) the item of each query.
        times: (R, I) how often each item comes up.
        seeds: (R, S) how often each seed does, as a share.
    """

    owner: npt.NDArray[np.int64]
    times: Doubles
    seeds: Doubles

    @classmethod
    def of(cls, items: Sequence[str], seeds: int, resamples: int) -> Draws:
        """Draw; the same for the same items and number of seeds."""
        names, owner = np.unique(np.asarray(items), return_inverse=True)
        times = np.concatenate(list(draws(np.zeros(len(names), np.int64), resamples, 0)))
        chosen = np.random.default_rng(1).integers(0, seeds, (resamples, seeds))
        return cls(owner, times, np.stack([(chosen == seed).mean(axis=1) for seed in range(seeds)], axis=1))

    def summed(self, values: Doubles | None) -> Doubles:
        """(R,) sums over the queries drawn of one value a query; without values, how many."""
        return self.times @ np.bincount(self.owner, values, self.times.shape[1])

    def error(self, probability: Doubles, hit: Doubles) -> Doubles:
        """(R,) calibration errors, in the bins of all queries, turned round about the figure itself.

        A resample has its pairs' noise twice; see `wearabouts.metrics.calibration_error_interval`.
        """
        which, items = reliability_bins(probability), self.times.shape[1]
        off = np.bincount(self.owner * BINS + which, hit - probability, items * BINS)
        errors = np.abs(self.times @ off.reshape(items, -1)).sum(axis=1) / self.summed(None)
        return np.maximum(0.0, 2 * metrics.calibration_error(probability, hit) - errors)

    def skill(self, probability: Doubles, hit: Doubles) -> Doubles:
        """(R,) Brier skills over each resample's own base rate; nan where all of it is alike."""
        count = self.summed(None)
        rate = self.summed(hit) / count
        spread = rate * (1 - rate)
        known = spread > 0
        brier = self.summed((probability - hit) ** 2) / count
        return np.where(known, 1 - brier / np.where(known, spread, 1), np.nan)

    def told(self, values: Sequence[float], resampled: Sequence[Doubles]) -> dict[str, Any]:
        """Mean over the seeds, interval over items and seeds, and every seed's own value.

        Args:
            values: One a seed.
            resampled: (R,) a seed.
        """
        means = (self.seeds * np.stack(resampled, axis=1)).sum(axis=1)
        known = means[np.isfinite(means)]
        low, high = interval(known, LEVEL) if len(known) and self.times.shape[1] > 1 else (np.nan, np.nan)
        return {
            "value": _short(float(np.mean(values))),
            "low": _short(low),
            "high": _short(high),
            "seeds": [_short(value) for value in values],
        }


def summed(found: Sequence[Found], groups: Mapping[str, Sequence[str]], resamples: int) -> list[dict[str, Any]]:
    """Every world's rows.

    Args:
        found: One a seed.
        groups: World → the item of each query.
        resamples: Of the intervals.
    """
    worlds = [(name, found, groups[name]) for name in found[0]]
    real = [name for name in PHOTOGRAPHS if name in found[0]]
    if real:
        together: Sequence[Found] = [{REAL: _together(one, real)} for one in found]
        worlds.append((REAL, together, [f"{name} {item}" for name in real for item in groups[name]]))
    told = []
    for name, seeds, items in worlds:
        drawn = Draws.of(items, len(seeds), resamples)
        rows = [_row(row, [one[name] for one in seeds], items, drawn) for row in ROWS if row in seeds[0][name]]
        told.append({"name": name, "queries": len(items), "items": len(set(items)), "rows": rows})
    return told


def _together(one: Mapping[str, Mapping[str, Figures]], names: Sequence[str]) -> dict[str, Figures]:
    """Several worlds' queries as one: each still asks its own gallery."""
    return {
        row: {key: np.concatenate([one[name][row][key] for name in names]) for key in one[names[0]][row]}
        for row in one[names[0]]
    }


def _row(row: str, seeds: Sequence[Mapping[str, Figures]], items: Sequence[str], drawn: Draws) -> dict[str, Any]:
    ours = [one[row] for one in seeds]
    figures = {name: _mean([one[name] for one in ours], drawn) for name in RANKED}
    figures |= {"ECE": _error(ours, "probability", drawn), "skill": _skill(ours, drawn)}
    floors = [metrics.calibration_floor(one["probability"]) for one in ours]
    told: dict[str, Any] = {
        "name": row,
        "figures": figures,
        "floor": {
            "value": _short(float(np.mean([floor.value for floor in floors]))),
            "high": _short(float(np.mean([floor.high for floor in floors]))),
        },
    }
    if "shipped" in ours[0]:
        told["shipped ECE"] = _error(ours, "shipped", drawn)
    if row not in (ONE, CURVE):
        theirs = [one[ONE] for one in seeds]
        told["ahead"] = {name: _ahead(ours, theirs, name, items, drawn) for name in RANKED}
    if row != CURVE:
        told["skill ahead"] = _skill_ahead(ours, [one[CURVE] for one in seeds], drawn)
    return told


def _mean(values: Sequence[Doubles], drawn: Draws) -> dict[str, Any]:
    return drawn.told([float(one.mean()) for one in values], [drawn.summed(one) / drawn.summed(None) for one in values])


def _error(seeds: Seeds, name: str, drawn: Draws) -> dict[str, Any]:
    values = [metrics.calibration_error(one[name], one["hit"]) for one in seeds]
    told = drawn.told(values, [drawn.error(one[name], one["hit"]) for one in seeds])
    if told["low"] is not None:  # turned round, an interval may end below its figure
        told |= {"low": min(told["low"], told["value"]), "high": max(told["high"], told["value"])}
    return told


def _skill(seeds: Seeds, drawn: Draws) -> dict[str, Any]:
    values = [metrics.brier_skill(one["probability"], one["hit"]) for one in seeds]
    return drawn.told(values, [drawn.skill(one["probability"], one["hit"]) for one in seeds])


def _skill_ahead(ours: Seeds, curves: Seeds, drawn: Draws) -> dict[str, Any]:
    """Skill over the base rate less that of the curve; each of its own first candidates."""
    values, resampled = [], []
    for one, other in zip(ours, curves, strict=True):
        pairs = (one["probability"], one["hit"]), (other["probability"], other["hit"])
        values.append(metrics.brier_skill(*pairs[0]) - metrics.brier_skill(*pairs[1]))
        resampled.append(drawn.skill(*pairs[0]) - drawn.skill(*pairs[1]))
    told = drawn.told(values, resampled)
    return {**told, "outcome": outcome(told, 0.0)}


def _ahead(ours: Seeds, theirs: Seeds, name: str, items: Sequence[str], drawn: Draws) -> dict[str, Any]:
    """The paired difference of a figure to stage one's, and what it comes to.

    Better: the interval over items and seeds lies above 0, a sign-flip test over items, on the mean over seeds, gives
    p < .05, and no seed says otherwise. Worse: the same below 0. Else open. Gained and lost: shares of the queries
    for which the row's figure is above, or below, stage one's.
    """
    rows = [one[name] - other[name] for one, other in zip(ours, theirs, strict=True)]
    mean = np.mean(rows, axis=0)
    p = metrics.paired_difference(mean, np.zeros_like(mean), list(items)).p
    told = _mean(rows, drawn)
    gained, lost = (_short(float(np.mean([np.mean(sign * row > 0) for row in rows]))) for sign in (1, -1))
    return {**told, "p": _short(p), "outcome": outcome(told, p), "gained": gained, "lost": lost}


def outcome(told: Mapping[str, Any], p: float) -> str:
    """One word for a difference; see `_ahead`."""
    if p < metrics.SIGNIFICANT and told["low"] is not None:
        if told["low"] > 0 and all(value > 0 for value in told["seeds"]):
            return BETTER
        if told["high"] < 0 and all(value < 0 for value in told["seeds"]):
            return WORSE
    return OPEN


def _short(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None

"""Shops whose truth is known: shortlists drawn so that fitting has something to find."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wearabouts.calibration import Shortlist


@dataclass(frozen=True)
class World:
    """Wrong candidates score N(0, spread²), the right one N(strength, spread²); it is beyond the shortlist in `beyond`.

    By Bayes' rule the right answer is then exactly the curve of `wearabouts.calibration.curve` with `truth`.
    """

    strength: float = 5.0
    spread: float = 2.5
    beyond: float = 0.1
    candidates: int = 30

    @property
    def truth(self) -> tuple[float, float, float]:
        """Temperature, absent, beyond."""
        absent = math.log(self.candidates / (1 - self.beyond)) + self.strength**2 / (2 * self.spread**2)
        return self.spread**2 / self.strength, absent, absent + math.log(self.beyond)

    def query(self, rng: np.random.Generator, item: str, category: str, *, carried: bool = True) -> Shortlist:
        """One query, in a random order of candidates."""
        logits = rng.normal(0, self.spread, self.candidates)
        same = None
        if carried and rng.random() >= self.beyond:
            same = int(rng.integers(self.candidates))
            logits[same] += self.strength
        return Shortlist(logits.astype(np.float32), same, item, category, carried=carried)


def queries(count: int, world: World, seed: int = 0, own: Mapping[str, World] | None = None) -> list[Shortlist]:
    """Queries whose item is in the shop, two photos an item; items take turns among the categories of `own`."""
    rng = np.random.default_rng(seed)
    kinds = [*(own or {"dress": world}).items()]
    picked = [kinds[place // 2 % len(kinds)] for place in range(count)]
    return [one.query(rng, f"item-{place // 2}", kind) for place, (kind, one) in enumerate(picked)]

"""From a verifier's log-odds to probabilities that can be believed."""

from __future__ import annotations

from wearabouts.calibration.curve import Calibration, Cut, Own, Probabilities
from wearabouts.calibration.cuts import Answered, answered, cross_fitted
from wearabouts.calibration.fitting import POPULATION, fit, pair_curve
from wearabouts.calibration.shortlists import Shortlist

__all__ = [
    "POPULATION",
    "Answered",
    "Calibration",
    "Cut",
    "Own",
    "Probabilities",
    "Shortlist",
    "answered",
    "cross_fitted",
    "fit",
    "pair_curve",
]

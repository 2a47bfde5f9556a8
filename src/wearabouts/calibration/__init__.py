"""From a verifier's log-odds to probabilities that can be believed."""

from __future__ import annotations

from wearabouts.calibration.curve import Calibration, Cut, Own, Probabilities

__all__ = ["Calibration", "Cut", "Own", "Probabilities"]

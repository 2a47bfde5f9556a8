"""What the second stage adds, measured: order, probability, and whether it notices that an item is not there.

Everything goes through the parts that serve: the judge weighs the pairs, the calibration turns log-odds into
probabilities. A shortlist is weighed once; what is asked of it (in which shop, with or without the item) costs nothing
more.
"""

from __future__ import annotations

from wearabouts.evaluation.verified.candidates import Asked, Candidates, Shelved, reach, weighed
from wearabouts.evaluation.verified.outcomes import Verified, verified

__all__ = ["Asked", "Candidates", "Shelved", "Verified", "reach", "verified", "weighed"]

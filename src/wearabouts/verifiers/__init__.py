"""The second stage: is it the very same item? Pairs of photos to log-odds, all from the bundle, without torch.

The first stage compares every vector by cosine; the second looks at the first's shortlist only, pair by pair. Three
judges may speak (`pairs`, `regions`, and the attributes both photos show); `judge` weighs what they say, and
`wearabouts.calibration` turns that into a probability.
"""

from __future__ import annotations

from typing import Protocol

from wearabouts.types import Floats
from wearabouts.verifiers.evidence import Evidence, Layout
from wearabouts.verifiers.judge import SIGNALS, Judge, layout_of, open_judge
from wearabouts.verifiers.pairs import PairVerifier, Pairwise, half_kind, rerank
from wearabouts.verifiers.regions import RegionVerifier

__all__ = [
    "SIGNALS",
    "Evidence",
    "Judge",
    "Layout",
    "PairVerifier",
    "Pairwise",
    "RegionVerifier",
    "Verifier",
    "half_kind",
    "layout_of",
    "open_judge",
    "rerank",
]


class Verifier(Protocol):
    """Anything that judges a query and candidates of its shortlist.

    Attributes:
        name: For people.
        hash: Changes whenever log-odds would; a calibration names it.
        encoder_hash: The encoder whose vectors it compares; others' are refused.
        layout: What it wants kept of a photo beside its vector.
        signals: Names of the columns that `weigh` gives.
        shortlist: Products to judge unless asked otherwise.
    """

    name: str
    hash: str
    encoder_hash: str
    layout: Layout
    signals: tuple[str, ...]
    shortlist: int

    def weigh(self, query: Evidence, shop: Evidence, category: str | None = None) -> Floats:
        """What speaks for each pair.

        Args:
            query: Of one photo, the street side.
            shop: Of n photos, the shop side.
            category: Whose own network is asked beside the one for all; None, or one without its own: the one for all.

        Returns:
            (n, F) float32, a column for each of `signals`, larger is likelier the same.

        Raises:
            QueryError: Evidence of other shapes than the model's.
        """
        ...

    def logits(self, signals: Floats) -> Floats:
        """(n, F) signals to (n,) float32 log-odds."""
        ...

    def pooled(self, logits: Floats, products: list[int]) -> Floats:
        """Photos' log-odds to products'.

        Args:
            logits: (n,) of photos.
            products: n numbers 0 to P - 1: whose photo each is.

        Returns:
            (P,) float32.
        """
        ...

"""Two photos compared region by region: where on the garment they agree, which one vector a photo cannot say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wearabouts.bundles import Bundle
from wearabouts.errors import BundleError, QueryError
from wearabouts.types import Floats
from wearabouts.verifiers.graphs import Graph

BATCH = 512  # candidates per run of the graph: every region meets every other one

Regions = npt.NDArray[np.int8]


class RegionVerifier:
    """A bundle's comparison of regions at work in ONNX Runtime, on the CPU; safe to call from several threads.

    Attributes:
        name: Of the bundle.
        shape: R and C, regions a photo and numbers a region.

    Args:
        bundle: A loaded bundle.
        threads: Threads of one call; 0 leaves the choice to the runtime (one per core).

    Raises:
        BundleError: The bundle has none, it cannot be run, or does not take or give what the card says.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        card = bundle.card
        if card.local is None or card.regions is None or bundle.local is None:
            raise BundleError(f"{card.name!r} compares no regions; export a model with a local verifier, or do without")
        self.name = card.name
        self.shape = (card.regions.count, card.regions.dim)
        self._graph = Graph(bundle.local, f"the local verifier of {card.name!r}", ("street", "shop"), "logit", threads)
        blank = np.zeros((2, *self.shape), np.int8)
        takes = f"the regions of one photo and of two, {self.shape} int8 each"
        self._graph.tried((2,), takes, street=blank[:1], shop=blank)

    def logit(self, street: Regions, shop: Regions) -> Floats:
        """Log-odds that each candidate shows what the query shows.

        Args:
            street: (R, C) int8, of the query.
            shop: (n, R, C) int8, of n candidates.

        Returns:
            (n,) float32.

        Raises:
            QueryError: Shapes or types that are not the model's.
        """
        if street.shape != self.shape or shop.shape[1:] != self.shape or shop.ndim != 3:
            raise QueryError(
                f"regions are {street.shape} and {shop.shape}; {self.name!r} compares {self.shape} a photo"
            )
        if street.dtype != np.int8 or shop.dtype != np.int8:
            raise QueryError(f"regions are {street.dtype} and {shop.dtype}; give int8, as the encoder does")
        parts = [
            self._graph.run(street=street[None], shop=shop[start : start + BATCH])
            for start in range(0, len(shop), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

"""Two photos compared with one another, with no store."""

from __future__ import annotations

import numpy as np

from wearabouts.encoders import Encoder
from wearabouts.looks import Viewer, shared
from wearabouts.search.clock import Clock
from wearabouts.settings import SearchSettings
from wearabouts.types import Box, Comparison


def compare_photos(
    encoder: Encoder,
    first: tuple[bytes, Box | None],
    second: tuple[bytes, Box | None],
    *,
    settings: SearchSettings | None = None,
) -> Comparison:
    """The same as `Searcher.compare`, without a store: two photos, each with the part of it that counts or None."""
    return compared(Viewer(encoder, settings or SearchSettings()), first, second)


def compared(viewer: Viewer, first: tuple[bytes, Box | None], second: tuple[bytes, Box | None]) -> Comparison:
    """Compare two photos as a viewer sees them."""
    clock = Clock()
    opened = viewer.open(*first), viewer.open(*second)
    clock.lap("decode")
    one, other = viewer.pair(*opened)
    clock.lap("encode")
    agrees, differs = shared(one.attributes, other.attributes)
    return Comparison(
        similarity=float(np.clip(one.vector @ other.vector, -1, 1)),
        garments=(one.garment, other.garment),
        agrees=agrees,
        differs=differs,
        timings=clock.total(),
    )

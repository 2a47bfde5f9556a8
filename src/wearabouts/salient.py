"""The part of a photo that stands out: a box for those who drew none.

Two sources, in this order: where the model looked (`Encoding.saliency`), and, where a model does not say, what differs
from the colour of the photo's border. Both are guesses; a search tries the whole photo beside them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wearabouts.types import Box, Floats, Pixels

MAP_SIDE = 96  # cells along the longer side; finer gains nothing that the margin below does not give away again
MARGIN = 0.06  # of the photo, added on each side, so that a hem or a collar at the edge is kept
OUTLIERS = 0.01  # share of the standing-out weight that may be left out on each side of the box
LEAST = 0.02  # of the photo; a smaller box is a speck, not a garment


def salient_box(pixels: Pixels, saliency: Floats | None = None, *, cover: float = 0.85) -> Box | None:
    """Box around what stands out.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        saliency: (h, w) float32 in [0, 1], where the model looked, at any resolution; None to go by colour.
        cover: A box that would cover this part of the photo or more is not worth a second look, in (0, 1].

    Returns:
        A box in pixels of `pixels`, or None where nothing stands out or nearly everything does.
    """
    weight = _from_saliency(saliency) if saliency is not None else _from_border(pixels)
    if not weight.any():
        return None
    rows, columns = weight.sum(axis=1), weight.sum(axis=0)
    top, bottom = _span(rows)
    left, right = _span(columns)
    if (bottom - top) * (right - left) < LEAST:
        return None
    top, left = max(top - MARGIN, 0.0), max(left - MARGIN, 0.0)
    bottom, right = min(bottom + MARGIN, 1.0), min(right + MARGIN, 1.0)
    if (bottom - top) * (right - left) >= cover:
        return None
    height, width = pixels.shape[:2]
    return Box(left * width, top * height, (right - left) * width, (bottom - top) * height).clipped(width, height)


def _from_saliency(saliency: Floats) -> Floats:
    """Weight above the middle between the least and the most looked-at cell: (h, w) float32."""
    low, high = float(saliency.min()), float(saliency.max())
    if not np.isfinite(low + high) or high - low < 1e-3:
        return np.zeros_like(saliency)
    weight = np.maximum(saliency - (low + high) / 2, 0)
    return np.asarray(weight, np.float32)


def _from_border(pixels: Pixels) -> Floats:
    """1 where the colour is not that of the border, else 0: (h, w) float32 of at most `MAP_SIDE` cells a side."""
    step = max(1, -(-max(pixels.shape[:2]) // MAP_SIDE))
    small = pixels[::step, ::step].astype(np.int16)
    ring = max(1, round(0.04 * max(small.shape[:2])))
    if min(small.shape[:2]) <= 2 * ring:
        return np.zeros(small.shape[:2], np.float32)
    border = np.concatenate(
        [part.reshape(-1, 3) for part in (small[:ring], small[-ring:], small[:, :ring], small[:, -ring:])]
    )
    middle = np.median(border, axis=0)
    # A quiet border makes small differences count; a lively one hides them.
    spread = float(np.median(np.abs(border - middle).max(axis=1)))
    return np.asarray(np.abs(small - middle).max(axis=2) > max(24.0, 4.0 * spread), np.float32)


def _span(weights: npt.NDArray[np.floating]) -> tuple[float, float]:
    """First and last place, in [0, 1], between which all but the outliers of the weight lie."""
    shares = np.cumsum(weights) / weights.sum()
    first = int(np.searchsorted(shares, OUTLIERS, side="right"))
    last = int(np.searchsorted(shares, 1 - OUTLIERS, side="left"))
    return first / len(weights), (last + 1) / len(weights)

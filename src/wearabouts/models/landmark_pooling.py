"""Landmark pooling: what the map of features holds around each landmark, stacked in the landmarks' fixed order.

For landmark l at (x_l, y_l) with gate v_l in {0, 1}, and a map F of C channels,

    P_l[c, i, j] = v_l * max over cell (i, j) of a square window around (x_l, y_l) of F[c],    i, j = 0 … pooled - 1,

and the result is P_1 … P_8 one after another along the channels. Unlike the regions of Fast R-CNN, which become
samples of their own, the regions of *one* photo stay together, each at its own place: the layer above learns how collar
and hem go together. A landmark that cannot be seen gives exactly zero, and its block no gradient.

Follows FashionNet (Liu et al., CVPR 2016): the gate, the concatenation, and the gradient of RoI max pooling, which goes
to the largest value and not to the coordinates. Not published is the window: 8 cells (64 px of 224) is our choice, as
is where exactly it lies: its middle is the border or middle of a cell nearest to the landmark, so a mirrored photo
gives mirrored windows.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def landmark_pool(conv4: Tensor, places: Tensor, gate: Tensor, *, window: int = 8, pooled: int = 4) -> Tensor:
    """Pool a map around landmarks.

    Nothing but indexing and a maximum, so it exports as such, with any number of photos.

    Args:
        conv4: (B, C, H, W), at least 0: outside of the map counts as 0.
        places: (B, L, 2) x and y as fractions of the map's width and height; those outside count as at its border,
            NaN as 0.
        gate: (B, L) 1 where the landmark can be seen, else 0.
        window: Side of the square in cells, a multiple of `pooled`.
        pooled: Side of what is kept of it.

    Returns:
        (B, L * C, pooled, pooled).

    Raises:
        ValueError: The window does not part into as many cells.
    """
    if window % pooled or window < 1:
        raise ValueError(f"a window of {window} cells does not part into {pooled} x {pooled}; give a multiple")
    batch, channels, height, width = conv4.shape
    marks = places.shape[1]
    border = window // 2
    patches = _windows(F.pad(conv4, (border,) * 4), corners(places, (height, width), window), window)
    largest = F.max_pool2d(patches.reshape(batch * marks, channels, window, window), window // pooled)
    gated = largest.reshape(batch, marks, channels, pooled, pooled) * gate[:, :, None, None, None].to(largest.dtype)
    return gated.reshape(batch, marks * channels, pooled, pooled)


def corners(places: Tensor, sides: tuple[int, int], window: int) -> Tensor:
    """First column and row of each window, counted from half a window left of and above the map.

    Args:
        places: (B, L, 2) fractions.
        sides: Height and width of the map.
        window: Side of the square in cells.

    Returns:
        (B, L, 2) int64.
    """
    height, width = sides
    cells = torch.tensor([width, height], dtype=torch.float32, device=places.device)
    inside = places.detach().float().nan_to_num(0.0, 0.0, 0.0).clamp(0, 1) * cells
    last = cells - window % 2  # a window of odd side is centred on a cell, of even side on a border
    return torch.minimum((inside - window / 2 + 0.5).floor() + window // 2, last).long()


def _windows(padded: Tensor, corner: Tensor, window: int) -> Tensor:
    """(B, C, H, W) and (B, L, 2) → (B, L, C, window, window); a gather of whole cells, all channels at once."""
    batch, channels, height, width = padded.shape
    steps = torch.arange(window, device=padded.device)
    rows = corner[:, :, 1, None] + steps  # (B, L, window)
    columns = corner[:, :, 0, None] + steps
    photo = torch.arange(batch, device=padded.device)[:, None, None, None]
    at = (photo * height + rows[:, :, :, None]) * width + columns[:, :, None, :]
    cells = padded.permute(0, 2, 3, 1).reshape(batch * height * width, channels)
    return cells[at].permute(0, 1, 4, 2, 3)

"""Colours for `mini`: histograms that forgive a little light, of a garment and of a whole photo.

Sources: CIELAB after CIE 15 (D65); the hexcone model of Smith, *Color gamut transform pairs*, SIGGRAPH 1978; the root
of a histogram follows Arandjelović and Zisserman, *Three things everyone should know to improve object retrieval*, CVPR
2012.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HUES, SATURATIONS, VALUES = 24, 6, 8  # cells of the whole photo's histogram: finest in hue, which light changes least
PALETTE = HUES * SATURATIONS * VALUES


def lab(rgb: Tensor) -> Tensor:
    """SRGB in [0, 1], (..., 3) → CIELAB (D65), each channel divided by 100."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
    matrix = linear.new_tensor(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ) / linear.new_tensor([[0.9505], [1.0], [1.089]])
    xyz = linear @ matrix.T
    root = torch.where(xyz > 0.008856, xyz.clamp(min=0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = root.unbind(-1)
    return torch.stack((1.16 * y - 0.16, 5 * (x - y), 2 * (y - z)), -1)


def soft_histogram(rgb: Tensor, weight: Tensor, centres: Tensor, sharpness: Tensor | float) -> Tensor:
    """How much of the weight lies near each centre.

    Args:
        rgb: (B, N, 3) in [0, 1].
        weight: (B, N), not negative, sum 1.
        centres: (K, 3) as `lab` gives them.
        sharpness: 1 / width² of a soft cell.

    Returns:
        (B, K), sum 1.
    """
    colours = lab(rgb)
    distance = colours.square().sum(-1, keepdim=True) - 2 * colours @ centres.T + centres.square().sum(-1)
    return (weight.unsqueeze(1) @ torch.softmax(-distance * sharpness, -1)).squeeze(1)


def hsv_cell(rgb: Tensor) -> Tensor:
    """The cell of the photo's histogram that a colour falls into: (..., 3) in [0, 1] → (...) int64 below `PALETTE`.

    Source: the hexcone model of Smith, *Color gamut transform pairs*, SIGGRAPH 1978, in whole cells.
    """
    red, green, blue = rgb.unbind(-1)
    value, low = rgb.amax(-1), rgb.amin(-1)
    chroma = value - low
    safe = chroma.clamp(min=1e-6)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = torch.where(hue < 0, hue + 6, hue) / 6
    saturation = chroma / value.clamp(min=1e-6)
    parts = [
        (share * cells).long().clamp(0, cells - 1)
        for share, cells in ((hue, HUES), (saturation, SATURATIONS), (value, VALUES))
    ]
    return (parts[0] * SATURATIONS + parts[1]) * VALUES + parts[2]


def palette(rgb: Tensor) -> Tensor:
    """Root of the histogram of all that is not white: (B, N, 3) in [0, 1] → (B, `PALETTE`) of length 1."""
    weight = torch.sigmoid((0.9 - rgb.amin(-1)) * 60) + 1e-4  # paper white counts for nothing
    cell = hsv_cell(rgb).unsqueeze(-1)
    tones = SATURATIONS * VALUES
    # A cell is a hue and a tone: two short rows of marks and one product take less than a long row of marks.
    hue, tone = (
        (place == torch.arange(count, device=rgb.device)).to(rgb.dtype)
        for place, count in ((cell // tones, HUES), (cell % tones, tones))
    )
    histogram = ((hue * weight.unsqueeze(-1)).transpose(1, 2) @ tone).flatten(1) / weight.sum(1, keepdim=True)
    return F.normalize((histogram + 1e-9).sqrt(), dim=-1)


def spread(count: int) -> Tensor:
    """(count, 3) CIELAB colours, spread evenly over what a screen can show (Sobol points over sRGB)."""
    return lab(torch.quasirandom.SobolEngine(3, scramble=False).draw(count + 1)[1:])


class GarmentColour(nn.Module):
    """A soft CIELAB histogram of the salient part, rooted and projected to a unit vector; its centres are learned."""

    def __init__(self, dim: int, centres: int = 96) -> None:
        super().__init__()
        self.centres = nn.Parameter(spread(centres))
        self.sharpness = nn.Parameter(torch.tensor(5.0))  # logarithm; width .08 to begin with
        self.project = nn.Linear(centres, dim)

    def root(self, rgb: Tensor, weight: Tensor) -> Tensor:
        """(B, N, 3), (B, N) → (B, K) of length 1."""
        return (soft_histogram(rgb, weight, self.centres, self.sharpness.exp()) + 1e-6).sqrt()

    def forward(self, rgb: Tensor, weight: Tensor) -> Tensor:
        """(B, N, 3), (B, N) → (B, dim) of length 1."""
        return F.normalize(self.project(self.root(rgb, weight)), dim=-1)

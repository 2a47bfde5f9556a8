"""`mini`, the shipped encoder: two small ImageNet trunks whose one vector knows shape, texture and colour.

A generic network ignores colour and a colour histogram ignores everything else; which of the two is right depends on
the photo. On a studio picture colour is nearly the identity of a garment, on a phone photo of a crowded shelf it is
noise. So the vector is three blocks of length one, joined with weights that depend on how the photo was taken:

    vector = [ sqrt(w1) * identity ; sqrt(w2) * colour of the garment ; sqrt(w3) * colours of the photo ],

with w1 + w2 + w3 = 1, and the cosine of two photos is the sum of the blocks' cosines, each weighted by sqrt(w w'): a
block counts where both photos show it well. The colour blocks are projected histograms: a soft CIELAB one of the place
where the network sees the garment, an HSV one of all that is not white. That place, the saliency map, is learned from
the drawn shop's masks and serves as the automatic crop as well.

MobileNetV1 stays as it was published: it remembers the particular photo better than any other small network tried. The
upper third of MobileNetV2 is trained: it learns garments and where they are. The projections start as whitenings of the
generic features and of the garment's histogram and are moved from there, so that what ImageNet knows of things never
seen in training is kept; the photo's histogram keeps its principal components. Garment kind is a head of its own: an
embedding trained on kind alone forgets the item.

Sources: the trunks are `wearabouts.models.mobilenet`; soft histograms and the Hellinger root follow Arandjelović and
Zisserman, *Three things everyone should know to improve object retrieval*, CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.models.mobilenet import MobileNetV1, MobileNetV2

CUT = 13  # MobileNetV2 blocks below are frozen: 96 channels at 1/16 of the input size
COLOUR_CELL = 4  # colours are taken from the photo averaged over cells of 4 x 4 pixels
HUES, SATURATIONS, VALUES = 16, 4, 4  # cells of the whole photo's histogram: fine in hue, coarse in what light changes
PALETTE = HUES * SATURATIONS * VALUES
HEAD_SCALE = 16.0  # pooled features have length 1 a trunk; the heads take them at a scale where weights of order 1 do

# Weights of identity, colour of the garment, colours of the photo. Left to the training they follow the drawn shop,
# whose views share less colour than a real studio's; so they are set: for a photo from the street, for one on white.
STREET_WEIGHTS = (0.88, 0.10, 0.02)
STUDIO_WEIGHTS = (0.35, 0.10, 0.55)


class Frozen(NamedTuple):
    """What the frozen layers say of a batch; kept once, an epoch costs seconds.

    Attributes:
        maps: (B, 1024, S/32, S/32) of MobileNetV1.
        mid: (B, 96, S/16, S/16) of MobileNetV2.
        small: (B, 3, S/4, S/4) in [0, 1], the photo averaged over cells of `COLOUR_CELL` pixels.
        palette: (B, `PALETTE`) root of the HSV histogram of all that is not white, length 1.
    """

    maps: Tensor
    mid: Tensor
    small: Tensor
    palette: Tensor


class Seen(NamedTuple):
    """What the network says of a batch.

    Attributes:
        vector: (B, D) unit length.
        identity: (B, D1) unit length, the first block before it is weighted.
        garment: (B, G) logits.
        attributes: name → (B, V) logits.
        saliency: (B, S/16, S/16) logits.
        weights: (B, 3) of the blocks, sum 1.
    """

    vector: Tensor
    identity: Tensor
    garment: Tensor
    attributes: Mapping[str, Tensor]
    saliency: Tensor
    weights: Tensor


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


class Mini(nn.Module):
    """The shipped encoder; see the module's docstring."""

    street_weights: Tensor
    studio_weights: Tensor

    def __init__(
        self,
        garments: int,
        attributes: Mapping[str, int],
        identity_dim: int = 160,
        garment_dim: int = 32,
        photo_dim: int = 64,
    ) -> None:
        super().__init__()
        self.v1, self.v2 = MobileNetV1(), MobileNetV2()
        pooled = MobileNetV1.channels + MobileNetV2.channels
        self.focus = nn.Sequential(nn.Conv2d(MobileNetV2.channels + 96, 64, 1), nn.ReLU(), nn.Conv2d(64, 1, 1))
        self.identity = nn.Linear(pooled, identity_dim)
        self.garment_colour = GarmentColour(garment_dim)
        self.photo_colour = nn.Linear(PALETTE, photo_dim)
        self.register_buffer("street_weights", torch.tensor(STREET_WEIGHTS), persistent=False)
        self.register_buffer("studio_weights", torch.tensor(STUDIO_WEIGHTS), persistent=False)
        self.garment = nn.Linear(pooled, garments)
        both = pooled + garment_dim
        self.attribute_heads = nn.ModuleDict({name: nn.Linear(both, n) for name, n in attributes.items()})

    def trained(self) -> list[nn.Parameter]:
        """Parameters of the trunks that training moves; the others stay as published."""
        return [*self.v2.blocks[CUT:].parameters(), *self.v2.last.parameters()]

    def frozen(self, pixels: Tensor) -> Frozen:
        """(B, 3, S, S) in [0, 1] → `Frozen`; S a multiple of 32."""
        x = pixels * 2 - 1
        small = F.avg_pool2d(pixels, COLOUR_CELL)
        return Frozen(self.v1(x), self.v2.blocks[:CUT](self.v2.stem(x)), small, self.palette(small))

    def palette(self, small: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1] → (B, `PALETTE`) of length 1."""
        rgb = small.flatten(2).transpose(1, 2)
        weight = torch.sigmoid((0.9 - rgb.amin(-1)) * 60) + 1e-4  # paper white counts for nothing
        cells = (hsv_cell(rgb).unsqueeze(-1) == torch.arange(PALETTE, device=small.device)).to(small.dtype)
        histogram = (weight.unsqueeze(1) @ cells).squeeze(1) / weight.sum(1, keepdim=True)
        return F.normalize((histogram + 1e-9).sqrt(), dim=-1)

    def pool(self, frozen: Frozen) -> tuple[Tensor, Tensor]:
        """Where the garment is and what is there: logits (B, 1, h, w); features (B, P), a trunk's part of length 1."""
        top = self.v2.last(self.v2.blocks[CUT:](frozen.mid))
        wide = F.interpolate(top, scale_factor=2.0, mode="nearest")
        saliency = self.focus(torch.cat((wide, frozen.mid), 1))
        mask = torch.sigmoid(saliency)
        coarse = F.avg_pool2d(mask, 2)
        # V1 sees the whole photo, V2 the garment. Rooted: a few strong channels would else drown the many weak ones.
        parts = [F.normalize(_rooted(part), dim=1) for part in (frozen.maps.mean((2, 3)), _mean(top, coarse))]
        return saliency, torch.cat(parts, 1)

    def upper(self, frozen: Frozen) -> Seen:
        """The trained part."""
        saliency, pooled = self.pool(frozen)
        identity = F.normalize(self.identity(pooled), dim=-1)
        mask = torch.sigmoid(saliency)
        fine = F.interpolate(mask, size=frozen.small.shape[-2:], mode="bilinear", align_corners=False).flatten(1) + 1e-4
        rgb = frozen.small.flatten(2).transpose(1, 2)
        colour = self.garment_colour(rgb, fine / fine.sum(1, keepdim=True))
        photo = F.normalize(self.photo_colour(frozen.palette), dim=-1)
        studio = studio_share(frozen.small).unsqueeze(1)
        weights = studio * self.studio_weights + (1 - studio) * self.street_weights
        root = weights.sqrt().unsqueeze(-1)
        vector = torch.cat((root[:, 0] * identity, root[:, 1] * colour, root[:, 2] * photo), 1)
        features = pooled * HEAD_SCALE
        both = torch.cat((features, colour * HEAD_SCALE), 1)
        attributes = {name: head(both) for name, head in self.attribute_heads.items()}
        return Seen(vector, identity, self.garment(features), attributes, saliency.squeeze(1), weights)

    def forward(self, pixels: Tensor) -> Seen:
        """(B, 3, S, S) in [0, 1], the photo fitted into a white square → `Seen`."""
        return self.upper(self.frozen(pixels))


def studio_share(small: Tensor) -> Tensor:
    """How much a photo looks taken on white, (B, 3, h, w) in [0, 1] → (B,) in [0, 1].

    The share of white along the middle halves of each pair of opposite edges, the smaller: the white that fits a tall
    or wide photo into the square lies along one pair only, and beside the middle of the other.
    """
    white = torch.sigmoid((small.amin(1) - 0.85) * 40)
    quarter = white.shape[-1] // 4
    upright = white[:, [0, -1], quarter:-quarter].mean((1, 2))
    across = white[:, quarter:-quarter, [0, -1]].mean((1, 2))
    return torch.minimum(upright, across)


def _rooted(features: Tensor) -> Tensor:
    return (features.clamp(min=0) + 1e-6).sqrt()


def _mean(features: Tensor, mask: Tensor) -> Tensor:
    """Mean of (B, C, h, w) weighted by (B, 1, h, w) in (0, 1)."""
    return (features * mask).sum((2, 3)) / (mask.sum((2, 3)) + 1e-4)

"""`mini`, the shipped encoder: two small ImageNet trunks whose one vector knows shape, texture and colour.

A generic network ignores colour and a colour histogram ignores everything else; which of the two is right depends on
the photo. On a studio picture colour is nearly the identity of a garment, on a phone photo of a crowded shelf it is
noise. So the vector is three blocks of length one, joined with weights that depend on how the photo was taken:

    vector = [ sqrt(w1) * identity ; sqrt(w2) * colour of the garment ; sqrt(w3) * colours of the photo ],

with w1 + w2 + w3 = 1, and the cosine of two photos is the sum of the blocks' cosines, each weighted by sqrt(w w'): a
block counts where both photos show it well. The colour blocks are projected histograms: a soft CIELAB one of the place
where the network sees the garment, an HSV one of all that is not white. That place, the saliency map, is learned from
the drawn shop's masks and serves as the automatic crop as well.

How it was taken shows in its ground: a studio's is white all around, and the closest detail still has some printed
white, a phone photo next to none (`studio_share`).

MobileNetV1 stays as it was published: it remembers the particular photo better than any other small network tried. The
upper third of MobileNetV2 is trained: it learns garments and where they are. The projections start as whitenings of the
generic features and of the garment's histogram and are moved from there, so that what ImageNet knows of things never
seen in training is kept. The photo's histogram is not trained: its principal components stand beside what is, and as
it is served it is flattened and whitened, for rare colours tell more of an item than skin, denim and black do. Garment
kind is a head of its own: an embedding trained on kind alone forgets the item.

What is served has a fourth, light block: the probabilities of garment and attributes, as DARN's and FashionNet's labels
help their search. A seventh of identity's weight goes to it. Photos of one kind then come before all others where
identity is in doubt, and an item is hardly ever lost by it. All blocks are cut to their main directions, 256 floats in
all: `wearabouts.training.mini.narrowing`.

Sources: the trunks are `wearabouts.models.mobilenet`, the histograms `wearabouts.models.colour`; Huang et al., *DARN*,
ICCV 2015, and Liu et al., *DeepFashion*, CVPR 2016, for labels beside identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.models.colour import PALETTE, GarmentColour, palette
from wearabouts.models.mobilenet import MobileNetV1, MobileNetV2
from wearabouts.models.verifying import MID_FOLD, RegionHead, cells

CUT = 13  # MobileNetV2 blocks below are frozen: 96 channels at 1/16 of the input size
COLOUR_CELL = 4  # colours are taken from the photo averaged over cells of 4 x 4 pixels
MAPS = (MobileNetV1.channels, MobileNetV2.channels, 96 * MID_FOLD**2)  # floats of a region in each of its maps
CELL = sum(MAPS)
HEAD_SCALE = 16.0  # pooled features have length 1 a trunk; the heads take them at a scale where weights of order 1 do

# Weights of identity, colour of the garment, colours of the photo. Left to the training they follow the drawn shop,
# whose views share less colour than a real studio's; so they are set: for a photo from the street, for one on white.
STREET_WEIGHTS = (0.88, 0.10, 0.02)
STUDIO_WEIGHTS = (0.50, 0.08, 0.42)
PAPER_WHITE = 0.96  # of the darkest channel: a studio's ground, printed white; a lit wall or a window rarely is
WHITE_STEEPNESS = 50.0  # from not white at .95 to white at .97
STUDIO_GROUND = 0.08  # share of the photo that shows such ground where it is surely from a studio
FLATTENING = 0.6  # in what is served: with the root, the power .3 of a colour's share
LABELS_SHARE = 0.14  # of identity's weight, in what is served
ATTRIBUTE_LENGTH = 0.5  # of one attribute's probabilities among the labels, where the garment's have length 1


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
        top: (B, 1280, S/32, S/32) of MobileNetV2.
        cells: (B, R, `CELL`) of the joined maps, see `wearabouts.models.verifying.cells`; only in what is served.
    """

    vector: Tensor
    identity: Tensor
    garment: Tensor
    attributes: Mapping[str, Tensor]
    saliency: Tensor
    weights: Tensor
    top: Tensor
    cells: Tensor | None = None


class Mini(nn.Module):
    """The shipped encoder; see the module's docstring.

    Args:
        garments: How many kinds there are.
        attributes: Attribute → how many values it has.
        identity_dim, garment_dim, photo_dim: Floats of the three blocks that are trained.
        labels_dim: Floats of the block of labels, in what is served; 0 leaves it out.
        flattening: Power of the photo's colours before they are projected.

    Attributes:
        dim: Floats of the served vector.
        regions: What makes descriptors of the served cells for the second stage, once it has been trained; else None.
    """

    street_weights: Tensor
    studio_weights: Tensor
    label_directions: Tensor

    def __init__(
        self,
        garments: int,
        attributes: Mapping[str, int],
        identity_dim: int = 160,
        garment_dim: int = 32,
        photo_dim: int = 128,
        labels_dim: int = 0,
        flattening: float = 1.0,
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
        self.regions: RegionHead | None = None
        self.flattening = flattening
        self.dim = labels_dim + identity_dim + garment_dim + photo_dim
        self.register_buffer("label_directions", torch.eye(garments + sum(attributes.values()))[:, :labels_dim])

    def trained(self) -> list[nn.Parameter]:
        """Parameters of the trunks that training moves; the others stay as published."""
        return [*self.v2.blocks[CUT:].parameters(), *self.v2.last.parameters()]

    def frozen(self, pixels: Tensor) -> Frozen:
        """(B, 3, S, S) in [0, 1] → `Frozen`; S a multiple of 32."""
        x = pixels * 2 - 1
        small = F.avg_pool2d(pixels, COLOUR_CELL)
        return Frozen(
            self.v1(x), self.v2.blocks[:CUT](self.v2.stem(x)), small, palette(small.flatten(2).transpose(1, 2))
        )

    def pool(self, frozen: Frozen) -> tuple[Tensor, Tensor, Tensor]:
        """Where the garment is, what is there and the map it is read from.

        Logits (B, 1, h, w); features (B, P), a trunk's part of length 1; MobileNetV2's last map.
        """
        top = self.v2.last(self.v2.blocks[CUT:](frozen.mid))
        wide = F.interpolate(top, scale_factor=2.0, mode="nearest")
        saliency = self.focus(torch.cat((wide, frozen.mid), 1))
        mask = torch.sigmoid(saliency)
        coarse = F.avg_pool2d(mask, 2)
        # V1 sees the whole photo, V2 the garment. Rooted: a few strong channels would else drown the many weak ones.
        parts = [F.normalize(_rooted(part), dim=1) for part in (frozen.maps.mean((2, 3)), _mean(top, coarse))]
        return saliency, torch.cat(parts, 1), top

    def upper(self, frozen: Frozen) -> Seen:
        """The trained part."""
        saliency, pooled, top = self.pool(frozen)
        identity = F.normalize(self.identity(pooled), dim=-1)
        mask = torch.sigmoid(saliency)
        fine = F.interpolate(mask, size=frozen.small.shape[-2:], mode="bilinear", align_corners=False).flatten(1) + 1e-4
        rgb = frozen.small.flatten(2).transpose(1, 2)
        colour = self.garment_colour(rgb, fine / fine.sum(1, keepdim=True))
        photo = self.photo(frozen.palette)
        studio = studio_share(frozen.small).unsqueeze(1)
        weights = studio * self.studio_weights + (1 - studio) * self.street_weights
        root = weights.sqrt().unsqueeze(-1)
        vector = torch.cat((root[:, 0] * identity, root[:, 1] * colour, root[:, 2] * photo), 1)
        features = pooled * HEAD_SCALE
        both = torch.cat((features, colour * HEAD_SCALE), 1)
        attributes = {name: head(both) for name, head in self.attribute_heads.items()}
        return Seen(vector, identity, self.garment(features), attributes, saliency.squeeze(1), weights, top)

    def photo(self, palette: Tensor) -> Tensor:
        """Colours of the photo: (B, `PALETTE`) roots of histograms → (B, D3) of length 1."""
        return F.normalize(self.photo_colour(F.normalize(palette**self.flattening, dim=-1)), dim=-1)

    def forward(self, pixels: Tensor) -> Seen:
        """(B, 3, S, S) in [0, 1], the photo fitted into a white square → `Seen`."""
        return self.upper(self.frozen(pixels))

    def labels(self, seen: Seen) -> Tensor:
        """What the heads call the photos: (B, G + V1 + V2 + …) of length 1."""
        attributes = [ATTRIBUTE_LENGTH * _likely(logits) for logits in seen.attributes.values()]
        return F.normalize(torch.cat([_likely(seen.garment), *attributes], 1), dim=1)

    def serve(self, pixels: Tensor) -> Seen:
        """What is exported: as `forward`, with the cells, and the block of labels before the vector's others."""
        frozen = self.frozen(pixels)
        seen = self.upper(frozen)
        seen = seen._replace(cells=cells(frozen.maps, seen.top, frozen.mid))
        if not self.label_directions.shape[1]:
            return seen
        labels = F.normalize(self.labels(seen) @ self.label_directions, dim=1)
        identity, rest = seen.vector.tensor_split([seen.identity.shape[1]], 1)
        named = (LABELS_SHARE * seen.weights[:, :1]).sqrt() * labels
        return seen._replace(vector=torch.cat((named, (1 - LABELS_SHARE) ** 0.5 * identity, rest), 1))


def studio_share(small: Tensor) -> Tensor:
    """How surely a photo was taken on a studio's white ground, (B, 3, h, w) in [0, 1] → (B,) in [0, 1].

    The surer of two signs. White on both pairs of opposite edges: a thing on white. Paper white anywhere inside: the
    closest detail has some, a photo from the street next to none.
    """
    return torch.maximum(_white_edges(small), _paper_white(small))


def _white_edges(small: Tensor) -> Tensor:
    """The share of white along the middle halves of each pair of opposite edges, the smaller of the two.

    The white that fits a tall or wide photo into the square lies along one pair only, and beside the other's middle.
    """
    white = torch.sigmoid((small.amin(1) - 0.85) * 40)
    quarter = white.shape[-1] // 4
    upright = white[:, [0, -1], quarter:-quarter].mean((1, 2))
    across = white[:, quarter:-quarter, [0, -1]].mean((1, 2))
    return torch.minimum(upright, across)


def _paper_white(small: Tensor) -> Tensor:
    """The share of paper white, 1 from `STUDIO_GROUND` on.

    Rows and columns that are white from end to end are left out, for such white fits a tall or wide photo into the
    square.
    """
    white = ((small.amin(1) - PAPER_WHITE) * WHITE_STEEPNESS + 0.5).clamp(0, 1)
    inside = (1 - white.amin(2, keepdim=True)) * (1 - white.amin(1, keepdim=True))
    share = (white * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)
    return (share / STUDIO_GROUND).clamp(max=1)


def _likely(logits: Tensor) -> Tensor:
    return F.normalize(logits.softmax(-1), dim=-1)


def _rooted(features: Tensor) -> Tensor:
    return (features.clamp(min=0) + 1e-6).sqrt()


def _mean(features: Tensor, mask: Tensor) -> Tensor:
    """Mean of (B, C, h, w) weighted by (B, 1, h, w) in (0, 1)."""
    return (features * mask).sum((2, 3)) / (mask.sum((2, 3)) + 1e-4)

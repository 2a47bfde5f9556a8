"""StyleNet: what people wear as 128 floats, learned from the words they wrote beside their photos.

Simo-Serra & Ishikawa, *Fashion Style in 128 Floats: Joint Ranking and Classification using Weak Data for Feature
Extraction*, CVPR 2016. The network is seven convolutions and one linear layer, 1,572,544 numbers in all:

    384 x 256 x 3    [3x3 64, ReLU] twice,  dropout .25, max pooling 4, batch normalisation
     96 x  64 x 64   [3x3 128, ReLU] twice, dropout .25, max pooling 4, batch normalisation
     24 x  16 x 128  [3x3 256, ReLU] twice, dropout .25, max pooling 4, batch normalisation
      6 x   4 x 256  1x1 128, ReLU
      6 x   4 x 128  linear → 128

Beside it, while it is trained, stands a head that reads tags from the 128 floats: batch normalisation, ReLU, linear to
128, linear to two scores a tag (`TagHead`).

From the paper (by the authors' published network, read in conversions of it): every layer, the order of pooling and
normalisation, the means and deviations of colours. The paper leaves open, or we could not read: which numbers dropout
leaves out (here single ones, not whole channels), how weights begin (here as He et al. 2015 advise), whether anything
stands between the head's two linear layers (here nothing).

Differs from the paper: there every photo is stretched to 384 x 256. Here it is fitted into a white square of 384 in its
own proportions, as every photo of this house, and the network looks at the middle 256 columns of it. The usual photo
of an outfit, of 2 to 3, fills them exactly, and both see the same; a narrower one has white beside it instead of being
stretched; of a wider one the sides are cut off instead of being squeezed. Colours are normalised after the photo has
been resized, not before, which differs by rounding alone. The paper compares photos by the Euclidean distance of the
128 floats as they are; what is served is their direction (`StyleNet.serve`), because similarities in this house are
cosines. The training measures both.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.models.trunks import Plan, Trunk, trunk

PAPER = "stylenet"  # the name of the paper's own convolutions among the trunks
COLUMNS = (2, 3)  # width over height of what they look at
STEP = 64  # pixels a cell of their last map
SIZE = 384
MEAN = (0.5657, 0.5382, 0.4972)  # of Fashion144k's photos, red, green, blue
DEVIATION = (0.2902, 0.2875, 0.2934)


class Seen(NamedTuple):
    """What the network serves of a batch.

    Attributes:
        vector: (B, D) of length 1.
        tags: (B, T) probability of each tag.
    """

    vector: Tensor
    tags: Tensor


def paper() -> Plan:
    """The paper's convolutions as a trunk; the lower half ends where the third pair begins."""
    lower = nn.Sequential(*_pair(3, 64), *_pair(64, 128))
    upper = nn.Sequential(*_pair(128, 256), *_convolved(256, 128, 1))
    return Plan(lower, upper, (128, 128), 16, SIZE, MEAN, DEVIATION)


class StyleNet(nn.Module):
    """Photos to a few floats.

    Args:
        name: `PAPER`, or a name in `wearabouts.models.trunks.TRUNKS`.
        size: Side of the white square in pixels; for the paper's convolutions a multiple of 192.
        dim: Floats that come out.
        tags: How many tags the head reads.

    Attributes:
        trunk: Convolutions.
        project: (B, features) → (B, D): of the whole last map with the paper's convolutions, of its mean over all
            places otherwise.
        head: Reads the tags; replaced by a new one before the joint training.
    """

    def __init__(self, name: str = PAPER, size: int = SIZE, dim: int = 128, tags: int = 123) -> None:
        super().__init__()
        self.paper, self.size, self.dim, self.tags = name == PAPER, size, dim, tags
        self.trunk = Trunk(paper()) if self.paper else trunk(name)
        cells = (size // STEP) * (columns(size) // STEP) if self.paper else 1
        self.project = nn.Linear(cells * self.trunk.channels[1], dim)
        self.head = TagHead(dim, tags)

    def forward(self, photos: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] → (B, D), of any length."""
        if self.paper:
            return self.embed(middle(photos))
        seen: Tensor = self.project(self.trunk(photos).mean((2, 3)))
        return seen

    def embed(self, photos: Tensor) -> Tensor:
        """(B, 3, S, 2/3 S) in [0, 1] → (B, D), of any length: the network as the paper has it."""
        seen: Tensor = self.project(self.trunk(photos).flatten(1))
        return seen

    def serve(self, photos: Tensor) -> Seen:
        """(B, 3, S, S) in [0, 1] → what is exported."""
        features = self(photos)
        return Seen(F.normalize(features, dim=1), self.head(features).softmax(2)[:, :, 1])

    def new_head(self) -> None:
        """Forget what the head has learned: the joint training begins with a new one."""
        self.head = TagHead(self.dim, self.tags).to(self.project.weight.device)


class TagHead(nn.Module):
    """Reads tags from the floats: two scores a tag, for no and for yes.

    Args:
        dim: Floats that go in, and of the layer between.
        tags: How many tags.
    """

    def __init__(self, dim: int, tags: int) -> None:
        super().__init__()
        self.tags = tags
        self.layers = nn.Sequential(nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, dim), nn.Linear(dim, 2 * tags))

    def forward(self, features: Tensor) -> Tensor:
        """(B, D) → (B, T, 2)."""
        scores: Tensor = self.layers(features)
        return scores.unflatten(1, (self.tags, 2))


def columns(size: int) -> int:
    """Columns of a square of `size` pixels that the paper's convolutions look at."""
    return size * COLUMNS[0] // COLUMNS[1]


def middle(photos: Tensor) -> Tensor:
    """(B, 3, S, S) → (B, 3, S, 2/3 S), the columns in the middle."""
    size = photos.shape[3]
    left = (size - columns(size)) // 2
    return photos[:, :, :, left : left + columns(size)]


def _pair(inputs: int, outputs: int) -> list[nn.Module]:
    """Two convolutions of 3 x 3, then a sixteenth of the places."""
    convolutions = [*_convolved(inputs, outputs, 3), *_convolved(outputs, outputs, 3)]
    return [*convolutions, nn.Dropout(0.25), nn.MaxPool2d(4), nn.BatchNorm2d(outputs)]


def _convolved(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return [layer, nn.ReLU()]

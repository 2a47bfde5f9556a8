"""What looks at two photos region by region, and what it looks at: descriptors of one byte a number.

`mini`'s vector sums a photo up; a collar, a print's place or a button row are gone from it. So the frozen and the
trained maps, joined, are cut into the cells of the coarsest one, and each cell is projected to a short descriptor,
rounded to int8: small enough to be kept beside the vector. A network then lets the cells of two photos look for each
other (*late interaction*) and says how likely both show one item.

    d = round(127 · clamp(0.4 · sqrt(C) · x / |x|)),   x = W cell + b

The rounding is straight through in training: forwards it rounds, backwards it is not there.

Source: late interaction after Khattab & Zaharia, *ColBERT*, SIGIR 2020; align and compare after Parikh et al., *A
decomposable attention model*, EMNLP 2016; straight-through rounding after Bengio et al., 2013 (arXiv 1308.3432).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LARGEST = 127  # of a descriptor's numbers
SPREAD = 0.4  # of 1, the root mean square of a descriptor's numbers: larger ones are cut off at 1
MATCHED = 5.0  # products of two unit vectors' floats are small beside the floats
WEIGHED = 4.0  # sharpens which cells count
MID_FOLD = 2  # cells of the finer map along one side of a cell


def cells(maps: Tensor, top: Tensor, mid: Tensor) -> Tensor:
    """Three maps of a photo, joined cell by cell.

    Args:
        maps: (B, C1, h, w), at least 0.
        top: (B, C2, h, w), at least 0.
        mid: (B, C3, 2 h, 2 w).

    Returns:
        (B, h · w, C1 + C2 + 4 C3), row by row. The first two are rooted: a few strong channels would drown the others.
    """
    fine = F.pixel_unshuffle(mid, MID_FOLD)
    return torch.cat((_rooted(maps), _rooted(top), fine), 1).flatten(2).transpose(1, 2)


class RegionHead(nn.Module):
    """Cells to descriptors.

    Args:
        inputs: Floats of a cell.
        dim: C, numbers of a descriptor.
        count: R, cells of a photo.
    """

    def __init__(self, inputs: int, dim: int, count: int) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, dim)
        self.count = count

    def start_from_components(self) -> None:
        """Begin as the first `dim` inputs, which for principal components are the ones that matter most."""
        with torch.no_grad():
            self.project.weight.copy_(torch.eye(*self.project.weight.shape) + 0.02 * self.project.weight)
            self.project.bias.zero_()

    @property
    def dim(self) -> int:
        """C."""
        return self.project.out_features

    def forward(self, found: Tensor) -> Tensor:
        """(B, R, inputs) → (B, R, C) float32, whole numbers from -127 to 127."""
        free = F.normalize(self.project(found), dim=-1) * (SPREAD * math.sqrt(self.dim))
        return _whole(free.clamp(-1, 1) * LARGEST)


def folded(head: RegionHead, mean: Tensor, weight: Tensor) -> RegionHead:
    """One head in place of a linear reduction and a head over it: the same function up to rounding.

    Args:
        head: Takes reduced cells.
        mean: (F,) taken off a cell first.
        weight: (P, F): what the rest is multiplied with.
    """
    whole = RegionHead(weight.shape[1], head.dim, head.count)
    with torch.no_grad():
        joined = head.project.weight.double() @ weight.double()
        whole.project.weight.copy_(joined)
        whole.project.bias.copy_(head.project.bias - joined @ mean.double())
    return whole


class LocalNetwork(nn.Module):
    """Descriptors of two photos to the log-odds that both show one item.

    Each cell looks for its like in the other photo: its counterpart is the mean of the other's cells, weighted by a
    softmax over similarity. Cell and counterpart are compared by a small network; what
    it finds is averaged over the cells, by weights that the cells themselves ask for, and the strongest of each finding
    is taken; both directions are joined.

    Args:
        dim: C, numbers of a descriptor.
        width: Findings of a cell.
        hidden: Of the last layers.
        dropout: Of findings, in training.
    """

    def __init__(self, dim: int, width: int = 64, hidden: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.heat = nn.Parameter(torch.tensor(2.5))
        self.weigh = nn.Linear(dim, 1)
        self.compare = nn.Sequential(
            nn.Linear(4 * dim, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU()
        )
        self.last = nn.Sequential(nn.Linear(4 * width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1))

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        """(N, R, C) and (N, R, C) float32, whole numbers from -127 to 127 → (N,) float32."""
        a, b = (F.normalize(side, dim=-1) for side in (street, shop))
        taste = a @ b.transpose(1, 2) * self.heat.exp()
        parts = [self._found(a, taste.softmax(2) @ b), self._found(b, taste.softmax(1).transpose(1, 2) @ a)]
        logit: Tensor = self.last(torch.cat(parts, 1))
        return logit.squeeze(1)

    def _found(self, ours: Tensor, like: Tensor) -> Tensor:
        """What one photo's cells find beside their counterparts: (N, R, C) twice → (N, 2 · width)."""
        told = torch.cat((ours, like, ours * like * MATCHED, (ours - like).abs()), -1)
        said = self.compare(told)
        weight = (self.weigh(ours) * WEIGHED).softmax(1)
        return torch.cat(((said * weight).sum(1), said.amax(1)), 1)


class ServedLocal(nn.Module):
    """`LocalNetwork` as it is exported: int8 in, log-odds out."""

    def __init__(self, net: LocalNetwork) -> None:
        super().__init__()
        self.net = net

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        """(N, R, C) int8 each → (N,) float32."""
        return self.net(street.float(), shop.float())


def _whole(x: Tensor) -> Tensor:
    """Rounded forwards, as it is backwards."""
    return x + (x.round() - x).detach() if x.requires_grad else x.round()


def _rooted(features: Tensor) -> Tensor:
    return (features.clamp(min=0) + 1e-6).sqrt()

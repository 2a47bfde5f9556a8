"""What looks at two photos region by region, and what it looks at: descriptors of one byte a number.

`mini`'s vector sums a photo up; a collar, a print's place or a button row are gone from it. So the frozen and the
trained maps, joined, are cut into the cells of the coarsest one, and each cell is projected to a short descriptor,
rounded to int8: small enough to be kept beside the vector. A network then lets the cells of two photos look for each
other (*late interaction*) and says how likely both show one item.

    d = round(127 · clamp(0.4 · sqrt(C) · x / |x|)),   x = W cell + p(place)

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
        self.place = nn.Parameter(torch.zeros(count, dim))

    @property
    def dim(self) -> int:
        """C."""
        return self.project.out_features

    @property
    def count(self) -> int:
        """R."""
        return len(self.place)

    def forward(self, found: Tensor) -> Tensor:
        """(B, R, inputs) → (B, R, C) float32, whole numbers from -127 to 127."""
        free = F.normalize(self.project(found) + self.place, dim=-1) * (SPREAD * math.sqrt(self.dim))
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
        whole.place.copy_(head.place)
    return whole


class LocalNetwork(nn.Module):
    """Descriptors of two photos to the log-odds that both show one item.

    Each cell looks for its like in the other photo: its counterpart is the mean of the other's cells weighted by a
    softmax over similarity and a learned taste for places. Cell and counterpart are compared by a small network, the
    cells' findings are averaged with weights that the cells themselves ask for, in both directions, and joined with
    how similar the best counterparts are.

    Args:
        count: R, cells of a photo.
        dim: C, numbers of a descriptor.
        width: Findings of a cell.
        hidden: Of the last layers.
    """

    def __init__(self, count: int, dim: int, width: int = 32, hidden: int = 64) -> None:
        super().__init__()
        self.heat = nn.Parameter(torch.tensor(math.log(10.0)))
        self.places = nn.Parameter(torch.zeros(count, count))
        self.weigh = nn.ModuleList([nn.Linear(dim, 1), nn.Linear(dim, 1)])
        self.compare = nn.ModuleList([nn.Linear(2 * dim, width), nn.Linear(2 * dim, width)])
        self.last = nn.Sequential(nn.Linear(2 * width + 6, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        """(N, R, C) and (N, R, C), whole numbers from -127 to 127 in any float or integer type → (N,) float32."""
        a, b = (F.normalize(side.float() / LARGEST, dim=-1) for side in (street, shop))
        alike = a @ b.transpose(1, 2)
        taste = alike * self.heat.exp() + self.places
        parts = [
            self._found(0, a, b, alike, taste),
            self._found(1, b, a, alike.transpose(1, 2), taste.transpose(1, 2)),
        ]
        return self.last(torch.cat(parts, 1)).squeeze(1)

    def _found(self, way: int, ours: Tensor, theirs: Tensor, alike: Tensor, taste: Tensor) -> Tensor:
        """What one photo's cells find in the other's: (N, width + 3)."""
        attended = taste.softmax(-1)
        like = attended @ theirs
        pair = torch.cat((ours * like * math.sqrt(ours.shape[-1]), (ours - like).abs()), -1)
        said = F.relu(self.compare[way](pair))
        weight = self.weigh[way](ours * math.sqrt(ours.shape[-1])).softmax(1)
        similar = (attended * alike).sum(-1, keepdim=True)
        best = alike.amax(-1, keepdim=True)
        told = torch.cat((said, similar, best), -1)
        return torch.cat(((told * weight).sum(1), best.mean(1)), 1)


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

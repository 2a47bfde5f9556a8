"""DARN, the dual attribute-aware ranking network: one tower for street photos, one for the shop's, and what each wears.

Street photos and shop photos look different, so each side has a network of its own, of the same shape with separate
weights. What keeps the two comparable is that both must name the same attributes (sleeve length, collar, colour…), and
that a street photo must lie nearer to a shop photo of its item than to one of another.

A tower, in the order of its code: convolutions (Conv4, Conv5) → FC1 → FC2 → for each attribute a branch: a fully
connected layer of its own and a softmax over the attribute's values. That is a *tree*: nine single choices (`PAPER`),
not 179 yes-or-no questions. What is compared is

    feature = [ FC1 ; Conv4 max-pooled to 3 x 3 ; Conv5 max-pooled to 3 x 3 ],
    vector  = P (feature - mean of its side's features), of length 1, P the principal components.

FC1 is global, the maps keep where in the photo a pattern was.

Source: Huang, Feris, Chen and Yan, *Cross-domain Image Retrieval with a Dual Attribute-aware Ranking Network*, ICCV
2015 (arXiv 1505.07922).

Follows the paper, as its abstract and others' accounts have it: two towers of one shape and separate weights,
convolutions after *Network in Network*, two fully connected layers, the tree with 12, 20, 56, 6, 27, 10, 25, 7 and 16
values, features of FC1 with Conv4 and Conv5. From memory and not verified: pooling to 3 x 3, PCA, the order of phases.

The paper leaves open, or nobody here could read it; we chose: the widths of FC1 and FC2 (4,096), of a branch (512) and
of the fourth block (512, see `wearabouts.models.trunks`); FC1 sees Conv5 pooled to 3 x 3 (9,216 numbers, as many as
AlexNet's); each part of the feature is divided by its length, so that no part outweighs the others by its scale, and
all of them together have length 1; both towers begin with the same weights, as they would from one pretrained file;
before PCA each side's own mean is taken off. What all street photos have in common says nothing of the item, and with
one mean for both sides it would say something wrong once lengths are made 1: on a drawn shop that lost more than PCA
itself, where the sides' own means won. One tower has no mean taken off: it does not know whose photo it sees.
`towers=1` (one network for both sides) and `local=False` (FC1 alone) are there to see what each idea is worth.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.models.trunks import trunk as made
from wearabouts.types import SIDES, Side

GRID = 3  # cells a side that a map is pooled to

# Branches of the paper and how many values each has, 179 in all; the lists of values were never published.
PAPER: dict[str, int] = {
    "button": 12,
    "category": 20,
    "color": 56,
    "length": 6,
    "pattern": 27,
    "shape": 10,
    "collar": 25,
    "sleeve_length": 7,
    "sleeve_shape": 16,
}


class Seen(NamedTuple):
    """What a tower says of a batch.

    Attributes:
        vector: (B, F) features of length 1, or (B, D) what `Darn.serve` makes of them.
        attributes: name → (B, V) logits of its values.
    """

    vector: Tensor
    attributes: dict[str, Tensor]


class Tower(nn.Module):
    """One side's network.

    Args:
        heads: Attribute → how many values it has.
        trunk: A name of `wearabouts.models.trunks.TRUNKS`.
        size: Side of the photos in pixels.
        fc: Width of FC1 and FC2.
        branch: Width of each branch's own layer.
        local: Whether the pooled maps are part of the feature.
        dropout: Share of FC1 and of FC2 that is left out in training.

    Attributes:
        dim: Floats of the feature.
        names: The attributes, in the order of `branches`.
    """

    def __init__(
        self, heads: Mapping[str, int], trunk: str, size: int, fc: int, branch: int, local: bool, dropout: float
    ) -> None:
        super().__init__()
        self.trunk = made(trunk)
        self.local = local
        with torch.no_grad():
            conv4 = self.trunk.eval().lower(torch.zeros(1, 3, size, size))
            pooled = [pool(each).shape[1] for each in (conv4, self.trunk.upper(conv4))]
        self.trunk.train()
        self.fc1, self.fc2 = nn.Linear(pooled[1], fc), nn.Linear(fc, fc)
        self.drop = nn.Dropout(dropout)
        # A list: a dict of modules would refuse an attribute called "type" or one with a dot in its name
        self.names = tuple(heads)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Linear(fc, branch), nn.ReLU(), nn.Linear(branch, values)) for values in heads.values()
        )
        self.dim = fc + (sum(pooled) if local else 0)

    def forward(self, photos: Tensor) -> Seen:
        """(B, 3, S, S) in [0, 1] → what the tower says."""
        conv4 = self.trunk.lower(photos)
        maps = [pool(conv4), pool(self.trunk.upper(conv4))]
        first = F.relu(self.fc1(maps[1]))
        second = self.drop(F.relu(self.fc2(self.drop(first))))
        parts = [first, *maps] if self.local else [first]
        feature = torch.cat([F.normalize(part, dim=1) for part in parts], 1) / len(parts) ** 0.5
        logits = {name: branch(second) for name, branch in zip(self.names, self.branches, strict=True)}
        return Seen(feature, logits)


class Darn(nn.Module):
    """Both towers; weights as they come.

    Args:
        heads: Attribute → how many values it has, as `PAPER`; empty for a network without attributes.
        trunk: A name of `wearabouts.models.trunks.TRUNKS`; the paper's is ``nin``.
        size: Side of the photos in pixels.
        towers: 2, or 1 for one network that sees both sides.
        fc: Width of FC1 and FC2.
        branch: Width of each branch's own layer.
        local: Whether the pooled maps Conv4 and Conv5 are part of the feature.
        dropout: Share of FC1 and FC2 left out in training.
        pca: Floats that `serve` reduces the feature to, once `fit_pca` has run, all where it has fewer; 0 serves the
            feature itself.

    Attributes:
        dim: Floats of the feature.
        served_dim: Floats of the served vector.
    """

    mean: Tensor
    basis: Tensor

    def __init__(
        self,
        heads: Mapping[str, int],
        *,
        trunk: str = "nin",
        size: int = 224,
        towers: int = 2,
        fc: int = 4096,
        branch: int = 512,
        local: bool = True,
        dropout: float = 0.5,
        pca: int = 0,
    ) -> None:
        super().__init__()
        shop = Tower(heads, trunk, size, fc, branch, local, dropout)
        self.towers = nn.ModuleDict({"shop": shop})
        if towers == 2:
            self.towers["street"] = copy.deepcopy(shop)
        pca = min(pca, shop.dim)
        self.dim, self.served_dim = shop.dim, pca or shop.dim
        self.register_buffer("mean", torch.zeros(len(SIDES), shop.dim))
        self.register_buffer("basis", torch.zeros(pca, shop.dim))

    def tower(self, side: Side) -> Tower:
        """The network of a side; with one tower, the same for both."""
        found = self.towers[side if side in self.towers else "shop"]
        assert isinstance(found, Tower)
        return found

    def forward(self, photos: Tensor, street: Tensor) -> Seen:
        """Each photo through its own side's tower.

        Args:
            photos: (B, 3, S, S) in [0, 1].
            street: (B,) bool, which of them are street photos.
        """
        if len(self.towers) == 1:
            both: Seen = self.tower("shop")(photos)
            return both
        sides: dict[Side, Tensor] = {"street": street.nonzero()[:, 0], "shop": (~street).nonzero()[:, 0]}
        seen = [self.tower(side)(photos[rows]) for side, rows in sides.items() if len(rows)]
        back = torch.cat(list(sides.values())).argsort()
        attributes = {name: torch.cat([each.attributes[name] for each in seen])[back] for name in seen[0].attributes}
        return Seen(torch.cat([each.vector for each in seen])[back], attributes)

    def serve(self, photos: Tensor, side: Side) -> Seen:
        """What is exported: the vector of one side, reduced and of length 1, and the attributes."""
        feature, attributes = self.tower(side)(photos)
        return Seen(self.reduce(feature, self.mean[SIDES.index(side)]), attributes)

    def reduce(self, features: Tensor, mean: Tensor) -> Tensor:
        """Features (N, F) with the mean (F,), or a row's own (N, F) → (N, D) of length 1; without PCA as they are."""
        if len(self.basis):
            features = (features - mean) @ self.basis.T
        return F.normalize(features, dim=1)

    def means(self, street: Tensor) -> Tensor:
        """(N,) bool, which are street photos → (N, F) the mean of each one's side."""
        return self.mean[(~street).long()]

    def fit_pca(self, features: Tensor, street: Tensor) -> None:
        """Take over the mean of each side and the principal components of what is left.

        Args:
            features: (N, F), N at least as many as are to be kept.
            street: (N,) bool, which are of street photos.
        """
        if len(self.towers) == 2:
            for place, rows in enumerate((street, ~street)):
                self.mean[place] = features[rows].mean(0)
        self.basis.copy_(principal(features - self.means(street), len(self.basis)))


def pool(conv: Tensor) -> Tensor:
    """Max-pool a map to 3 x 3 and flatten it: (B, C, H, W) → (B, 9 C), H and W at least 3; a smaller map stays whole.

    All windows are of one size, so that they overlap where 3 does not divide the side.
    """
    stride = [max(side // GRID, 1) for side in conv.shape[2:]]
    window = [max(side - (GRID - 1) * step, 1) for side, step in zip(conv.shape[2:], stride, strict=True)]
    return F.max_pool2d(conv, window, stride).flatten(1)


def principal(features: Tensor, count: int) -> Tensor:
    """Leading principal components about the origin.

    Where there are fewer rows than floats they come from the rows' inner products, the same ones for less work (Turk &
    Pentland, *Eigenfaces*, 1991). A component's sign is such that its largest entry is positive.

    Args:
        features: (N, F), the mean taken off or not.
        count: D, at most N and at most F.

    Returns:
        (D, F), rows orthonormal, by falling share of the squares.
    """
    features = features.double()
    if len(features) > features.shape[1]:
        basis = torch.linalg.eigh(features.T @ features)[1].T.flip(0)[:count]
    else:
        basis = F.normalize(torch.linalg.eigh(features @ features.T)[1].T.flip(0)[:count] @ features, dim=1)
    largest = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    return (basis * largest.sign()).float()

"""FashionNet: where the garment's landmarks are, what is seen around them, and the whole, in one vector.

::

                          ┌ conv5_pose ─ fc6_pose ─ fc7_pose ─┬ loc  16 coordinates
                          │                                   └ vis  8 x {hidden, visible}
    photo ─ conv1 … conv4 ┤                                      │ where, and whether
                          ├ landmark pooling of conv4 ◀──────────┘
                          │        └ fc6_local ─┐
                          └ conv5_global ─ fc6_global ─┴ fc7_fusion ─┬ attributes, category
                                                                     └ vector (triplet, search)

Follows Liu, Luo, Qiu, Wang, Tang, *DeepFashion*, CVPR 2016, and the layer table of its supplement: the branches and
their sizes (`PAPER` with trunk vgg16), which branch feeds which, the losses' places. The published ImageNet weights of
VGG-16 come with nobody: `[network] start` takes a file.

Left open by the paper, chosen here: 16 coordinates and 8 visibilities (the table says 8 and 4, but its pooled map has
eight blocks; ``landmarks=4`` gives the table's); ReLU after every hidden layer (the table names it at the last ones);
how weights begin (hidden layers as He et al. 2015 advise, `loc` and `vis` near nothing); coordinates are fractions of
the square; a landmark is pooled if it is likelier visible than not; the window
(`wearabouts.models.landmark_pooling`); the vector is fc7_fusion at length 1, through a linear map to `dim` floats where
one is asked for. Ours are also the single-choice attributes beside the tags: datasets such as the drawn shop have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.models.landmark_pooling import landmark_pool
from wearabouts.models.trunks import Trunk

SLOTS = 8
BEGUN = 1e-3  # deviation of the weights of `loc` and `vis` before training
MAP_SIDE = 7  # cells: conv5 is halved until it is no larger, so 14 x 14 becomes the paper's 7 x 7


class Sizes(NamedTuple):
    """Widths of the layers above the trunk; the defaults are the paper's.

    Attributes:
        pose: fc6_pose and fc7_pose.
        whole: fc6_global.
        local: fc6_local.
        fused: fc7_fusion.
        window: Side of a landmark's window in cells of conv4.
        pooled: Side of what is kept of it.
        dim: Floats of the vector; 0 for fc7_fusion itself.
        dropout: Share of hidden values left out in training, after every hidden layer.
    """

    pose: int = 1024
    whole: int = 4096
    local: int = 1024
    fused: int = 4096
    window: int = 8
    pooled: int = 4
    dim: int = 0
    dropout: float = 0.0


PAPER = Sizes()


class Seen(NamedTuple):
    """What the network says of a batch.

    Attributes:
        vector: (B, D) unit length.
        category: (B, K) logits; None without categories.
        attributes: name → (B, V) logits of single-choice attributes.
        tags: (B, T) logits, one two-sided question each; None without tags.
        places: (B, L, 2) predicted x and y, fractions of the square; None without a pose branch.
        visible: (B, L, 2) logits of hidden and visible; None without a pose branch.
    """

    vector: Tensor
    category: Tensor | None
    attributes: Mapping[str, Tensor]
    tags: Tensor | None
    places: Tensor | None
    visible: Tensor | None

    def landmarks(self) -> Tensor | None:
        """(B, L, 3): predicted x, y, and the probability of being visible."""
        if self.places is None or self.visible is None:
            return None
        return torch.cat([self.places, self.visible.softmax(-1)[..., 1:]], -1)


class Pose(nn.Module):
    """The blue branch: conv5_pose, fc6_pose, fc7_pose, then `loc` and `vis`."""

    def __init__(self, conv5: nn.Module, flat: int, sizes: Sizes, landmarks: int) -> None:
        super().__init__()
        self.conv5 = conv5
        self.fc6 = _hidden(flat, sizes.pose, sizes.dropout)
        self.fc7 = _hidden(sizes.pose, sizes.pose, sizes.dropout)
        self.loc = nn.Linear(sizes.pose, 2 * landmarks)
        self.vis = nn.Linear(sizes.pose, 2 * landmarks)
        # They begin by saying next to nothing: the middle of the photo, and visible as likely as not. Features as they
        # come are large, and so would be the first errors, which an optimizer with a memory does not soon forget.
        for layer, begun in ((self.loc, 0.5), (self.vis, 0.0)):
            nn.init.normal_(layer.weight, std=BEGUN)
            nn.init.constant_(layer.bias, begun)

    def forward(self, conv4: Tensor) -> tuple[Tensor, Tensor]:
        """conv4 → places (B, L, 2) and visibility logits (B, L, 2)."""
        features = self.fc7(self.fc6(_shrunk(self.conv5(conv4)).flatten(1)))
        return self.loc(features).unflatten(1, (-1, 2)), self.vis(features).unflatten(1, (-1, 2))


class FashionNet(nn.Module):
    """The network.

    Args:
        trunk: Shared convolutions; its upper half becomes conv5_global, a copy of it conv5_pose.
        size: Side of the photos in pixels.
        sizes: Widths above the trunk.
        categories: Classes of the category; 0 for none.
        attributes: Single-choice attribute → number of values.
        tags: Two-sided questions; 0 for none.
        pooling: ``landmarks`` (predicted ones unless others are handed in), or ``none``: no local branch.
        pose: Whether there is a pose branch; pooling needs one.
        landmarks: 8, or 4 as in the printed layer table.

    Attributes:
        dim: Floats of the vector.
        tag_lead: (T,) by how much training lifts each tag's logit above the truth, see
            `wearabouts.training.losses.tags`; taken off again by whoever needs probabilities.
    """

    tag_lead: Tensor

    def __init__(
        self,
        trunk: Trunk,
        size: int,
        sizes: Sizes = PAPER,
        *,
        categories: int = 0,
        attributes: Mapping[str, int] | None = None,
        tags: int = 0,
        pooling: str = "landmarks",
        pose: bool = True,
        landmarks: int = SLOTS,
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.trunk = trunk
        flat = _flat(trunk, size)
        self.pose = Pose(trunk.branch(), flat, sizes, landmarks) if pose else None
        self.fc6_global = _hidden(flat, sizes.whole, sizes.dropout)
        self.fc6_local: nn.Module | None = None
        if pooling == "landmarks":
            if self.pose is None:
                raise ValueError("landmark pooling needs the pose branch, which says where to pool")
            pooled = trunk.channels[0] * landmarks * sizes.pooled**2
            self.fc6_local = _hidden(pooled, sizes.local, sizes.dropout)
        joined = sizes.whole + (sizes.local if self.fc6_local is not None else 0)
        self.fc7_fusion = _hidden(joined, sizes.fused, sizes.dropout)
        self.project = nn.Linear(sizes.fused, sizes.dim, bias=False) if sizes.dim else None
        self.dim = sizes.dim or sizes.fused
        self.category = nn.Linear(sizes.fused, categories) if categories else None
        self.attributes = nn.ModuleList([nn.Linear(sizes.fused, count) for count in (attributes or {}).values()])
        self.attribute_names = tuple(attributes or {})
        self.tags = nn.Linear(sizes.fused, tags) if tags else None
        self.register_buffer("tag_lead", torch.zeros(tags))

    def forward(self, photos: Tensor, truth: Tensor | None = None) -> Seen:
        """See photos.

        Args:
            photos: (B, 3, S, S) in [0, 1].
            truth: (B, L, 3) x, y, visible: pooled from in place of the predicted landmarks; a photo with a NaN among
                its own is pooled from the predicted ones.
        """
        conv4 = self.trunk.lower(photos)
        places, visible = self.pose(conv4) if self.pose is not None else (None, None)
        parts = [self.fc6_global(_shrunk(self.trunk.upper(conv4)).flatten(1))]
        if self.fc6_local is not None and places is not None and visible is not None:
            parts.append(self.fc6_local(self.pooled(conv4, places, visible, truth).flatten(1)))
        return self._said(self.fc7_fusion(torch.cat(parts, 1)), places, visible)

    def pooled(self, conv4: Tensor, places: Tensor, visible: Tensor, truth: Tensor | None = None) -> Tensor:
        """Pool conv4 around the landmarks: (B, L * C4, pooled, pooled); arguments as in `Seen` and `forward`."""
        where, gate = places.detach(), (visible[..., 1] >= visible[..., 0]).to(conv4.dtype)
        if truth is not None:
            known = ~truth.flatten(1).isnan().any(1)
            where = torch.where(known[:, None, None], truth[..., :2], where)
            gate = torch.where(known[:, None], truth[..., 2], gate)
        return landmark_pool(conv4, where, gate, window=self.sizes.window, pooled=self.sizes.pooled)

    def _said(self, fused: Tensor, places: Tensor | None, visible: Tensor | None) -> Seen:
        vector = F.normalize((fused if self.project is None else self.project(fused)).float(), dim=1)
        category = self.category(fused) if self.category is not None else None
        heads = zip(self.attribute_names, self.attributes, strict=True)
        tags = self.tags(fused) if self.tags is not None else None
        return Seen(vector, category, {name: head(fused) for name, head in heads}, tags, places, visible)


def _hidden(inputs: int, outputs: int, dropout: float) -> nn.Module:
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return nn.Sequential(layer, nn.ReLU(), *([nn.Dropout(dropout)] if dropout else []))


def _shrunk(conv5: Tensor) -> Tensor:
    """Halved until it is no larger than `MAP_SIDE`."""
    while conv5.shape[-1] > MAP_SIDE:
        conv5 = F.max_pool2d(conv5, 2)
    return conv5


@torch.no_grad()
def _flat(trunk: Trunk, size: int) -> int:
    """Values of the shrunk conv5 for photos of a size, found by asking the trunk at rest."""
    training = trunk.training
    flat = _shrunk(trunk.eval()(torch.zeros(1, 3, size, size))).numel()
    trunk.train(training)
    return flat

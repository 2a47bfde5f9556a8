"""WTBI, *Where to Buy It* (Hadi Kiapour, Han, Lazebnik, Berg, Berg: ICCV 2015): is this the very same item?

Frozen features of a street crop and of a shop photo, and a small network over the pair that says how likely both show
one product. Ranking is *in category*: the street photo comes with the kind of garment it asks for.

What follows the paper: AlexNet's first fully connected layer as the feature (4,096 floats at full size), the pair
network's sizes (both features joined, 512, 512, 2, softmax), and the two stages: one network for all categories, then
a copy of it tuned for each.

What the paper leaves open, or could not be checked: whether the feature is taken before or after the ReLU (here:
after), how features are scaled before the pair network (here: to length sqrt(D), so that a float is about 1), and how
the weights start.

What we chose: no ImageNet weights of AlexNet are at hand, so the features are those of a classifier of garment
categories and attributes, trained first; the layers above the feature (`fc7`, heads) exist for that alone. Any trunk of
`wearabouts.models.trunks` can stand below. A copy for a category may share the independent network's first layer
(`fine_tune` = "last"): a shop then keeps one half a photo, not one a category.

**Split first layer.** W [a; b] + c = W_a a + (W_b b + c): the same function, but the shop's half can be computed once.
Of the paper's 4.46 million multiplications a pair, 0.26 million are left (`PairNetwork.shop_half` and
`PairNetwork.finish`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.models.trunks import Trunk

FineTune = Literal["last", "all"]
Start = Literal["random", "difference"]


class Seen(NamedTuple):
    """What the classifier says of a batch.

    Attributes:
        vector: (B, D) unit vectors: the features, scaled.
        category: (B, C) logits.
        attributes: One (B, V) of logits an attribute.
    """

    vector: Tensor
    category: Tensor
    attributes: tuple[Tensor, ...]


class Wtbi(nn.Module):
    """The classifier whose features are compared, and the network that compares them.

    Args:
        trunk: Photos to a map, see `wearabouts.models.trunks.trunk`; `size` is the side of the photos it will be given.
        categories: How many there are.
        attributes: How many values each attribute has.
        dim: Floats of the feature; 4,096 in the paper.
        size: Side of a photo in pixels.
        dropout: Of the classifier's two hidden layers, as in AlexNet.
        verifier: Compares two features; None for plain cosine.
    """

    def __init__(
        self,
        trunk: Trunk,
        categories: int,
        attributes: Sequence[int] = (),
        *,
        dim: int = 4096,
        size: int = 227,
        dropout: float = 0.5,
        verifier: Verifier | None = None,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)  # of 13 x 13, as AlexNet: 6 x 6; of fewer, no border is lost
        self.fc6 = nn.Linear(_floats(trunk, self.pool, size), dim)
        self.drop = nn.Dropout(dropout)
        self.fc7 = nn.Linear(dim, dim)
        self.category = nn.Linear(dim, categories)
        self.attributes = nn.ModuleList(nn.Linear(dim, values) for values in attributes)
        self.verifier = verifier

    def features(self, photos: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] → (B, D), at least 0: the fc6 activations."""
        return F.relu(self.fc6(self.pool(self.trunk(photos)).flatten(1)))

    def embed(self, photos: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] → (B, D) unit vectors, what is stored and compared."""
        return F.normalize(self.features(photos), dim=1)

    def forward(self, photos: Tensor) -> Seen:
        """(B, 3, S, S) in [0, 1] → what the classifier says."""
        features = self.features(photos)
        hidden = self.drop(F.relu(self.fc7(self.drop(features))))
        attributes = tuple(head(hidden) for head in self.attributes)
        return Seen(F.normalize(features, dim=1), self.category(hidden), attributes)


class PairNetwork(nn.Module):
    """How likely a street photo and a shop photo show one product: 2 D → h → h' → 2.

    Args:
        dim: D, floats of a feature.
        hidden: h and h'; 512 and 512 in the paper.
    """

    splits = True  # its first layer is one for all: a shop keeps one half a photo

    def __init__(self, dim: int, hidden: tuple[int, int] = (512, 512)) -> None:
        super().__init__()
        self.dim = dim
        joined = nn.Linear(2 * dim, hidden[0])  # drawn whole, so that a half starts as it would in the joined layer
        self.street = nn.Linear(dim, hidden[0], bias=False)
        self.shop = nn.Linear(dim, hidden[0])
        with torch.no_grad():
            self.street.weight.copy_(joined.weight[:, :dim])
            self.shop.weight.copy_(joined.weight[:, dim:])
            self.shop.bias.copy_(joined.bias)
        self.tail = Tail(hidden)

    def start_from_differences(self) -> None:
        """Let the first layer begin as |w · (b - a)|: each unit has a twin of the opposite sign, and no offset.

        A start only: every weight is trained. From random weights a network over joined features must first find out
        that the two halves mean the same, which takes more pairs than a small shop has.
        """
        with torch.no_grad():
            half = len(self.shop.weight) // 2
            self.shop.weight[half : 2 * half] = -self.shop.weight[:half]
            self.street.weight.copy_(-self.shop.weight)
            self.shop.bias.zero_()

    def joined(self) -> nn.Linear:
        """The first layer as the paper draws it: (N, 2 D) → (N, h)."""
        whole = nn.Linear(2 * self.dim, self.shop.out_features)
        with torch.no_grad():
            whole.weight.copy_(torch.cat([self.street.weight, self.shop.weight], 1))
            whole.bias.copy_(self.shop.bias)
        return whole

    def shop_half(self, shop: Tensor) -> Tensor:
        """A shop photo's half of the first layer, W_b b + c: (M, D) unit vectors → (M, h), to be computed once."""
        return self.shop(shop * self.dim**0.5)

    def meet(self, street: Tensor, half: Tensor) -> Tensor:
        """The first layer before its ReLU: (N, D) or (1, D) unit vectors and (N, h) → (N, h)."""
        return self.street(street * self.dim**0.5) + half

    def finish(self, street: Tensor, half: Tensor) -> Tensor:
        """Probability of one product, from kept halves: (N, D) or (1, D) and (N, h) → (N,) in [0, 1]."""
        return self.tail(self.meet(street, half)).softmax(-1)[:, 1]

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        """(N, D) and (N, D) unit vectors → (N, 2) logits: another product, the same product."""
        return self.tail(self.meet(street, self.shop_half(shop)))


class Tail(nn.Sequential):
    """What follows the first layer: (N, h) → (N, 2) logits."""

    def __init__(self, hidden: tuple[int, int]) -> None:
        super().__init__(nn.ReLU(), nn.Linear(*hidden), nn.ReLU(), nn.Linear(hidden[1], 2))


class Verifier(nn.Module):
    """The category-independent network, and a tuned copy for each category that had enough pairs.

    Args:
        dim: D, floats of a feature.
        hidden: Sizes of the hidden layers.
        categories: How many there are.
        own: Those with a copy of their own; every other one is judged by the independent network.
        fine_tune: What a copy consists of: ``all`` layers, as in the paper, or the ``last`` two, on a shared first one.
    """

    def __init__(
        self,
        dim: int,
        hidden: tuple[int, int] = (512, 512),
        categories: int = 0,
        own: Sequence[int] = (),
        fine_tune: FineTune = "all",
    ) -> None:
        super().__init__()
        self.categories, self.own, self.fine_tune = categories, tuple(sorted(own)), fine_tune
        self.independent = PairNetwork(dim, hidden)
        self.copies = nn.ModuleDict(
            {str(n): PairNetwork(dim, hidden) if fine_tune == "all" else Tail(hidden) for n in self.own}
        )

    @property
    def splits(self) -> bool:
        """Whether one half a photo serves every network: copies of all layers have first layers of their own."""
        return self.fine_tune == "last" or not self.own

    def begin_copies(self) -> None:
        """Let every copy start from the independent network's weights as they are now."""
        source = self.independent if self.fine_tune == "all" else self.independent.tail
        for copy in self.copies.values():
            copy.load_state_dict(source.state_dict())

    def logits(self, street: Tensor, shop: Tensor, category: int | None = None) -> Tensor:
        """Of pairs of one category; None asks the independent network.

        Args:
            street: (N, D) unit vectors.
            shop: (N, D) unit vectors.
            category: A number below `categories`.
        """
        copy = self.copies[str(category)] if category in self.own else self.independent
        if isinstance(copy, PairNetwork):
            return copy(street, shop)
        first = self.independent
        return copy(first.meet(street, first.shop_half(shop)))

    def shop_half(self, shop: Tensor) -> Tensor:
        """A shop photo's half of the first layer that all share: (M, D) unit vectors → (M, h); see `splits`."""
        return self.independent.shop_half(shop)

    def finish(self, street: Tensor, half: Tensor) -> Tensor:
        """From kept halves: (N, D) or (1, D) and (N, h) → (N, C + 1) probabilities, as `forward`; see `splits`."""
        met = self.independent.meet(street, half)
        every = self.independent.tail(met).softmax(-1)[:, 1]
        own = {n: self.copies[str(n)](met).softmax(-1)[:, 1] for n in self.own}
        return torch.stack([every, *(own.get(n, every) for n in range(self.categories))], 1)

    def forward(self, street: Tensor, shop: Tensor) -> Tensor:
        """(N, D) and (N, D) unit vectors → (N, C + 1) probabilities: the independent network's, one a category."""
        if self.splits:
            return self.finish(street, self.shop_half(shop))
        every = self.independent(street, shop).softmax(-1)[:, 1]
        own = {n: self.copies[str(n)](street, shop).softmax(-1)[:, 1] for n in self.own}
        return torch.stack([every, *(own.get(n, every) for n in range(self.categories))], 1)


@torch.no_grad()
def _floats(trunk: Trunk, pool: nn.Module, size: int) -> int:
    """How many floats the pooled map of a photo has."""
    training = trunk.training
    trunk.eval()  # batch statistics must not see the blank photo
    count = pool(trunk(torch.zeros(1, 3, size, size))).numel()
    trunk.train(training)
    return count

"""A small residual network for classes: its vector ranks photos of one class before all others.

Made for pictures of 32 x 32 (CIFAR-10, Fashion-MNIST) and for hours on a few cores, so most of the arithmetic is done
where the picture is small: a fixed first layer looks at 4 x 4 pixels at a time, two pixels apart, and writes them as
decorrelated numbers (the principal components of training patches, all of them: nothing is lost, and the layers above
need not learn them). Above it are three stages of one residual block, each of half the side and twice the channels.

The classifier compares directions only: the cosine of the features to one direction a class, over a temperature. What
is trained as the classifier's input is then what a search compares, and a class becomes a narrow cone.

What is searched with joins two blocks of length one, as `mini` does:

    vector = [ sqrt(w) * class probabilities ; sqrt(1 - w) * features ].

The first puts photos in the order in which they are likely of the query's class, two photos that may be cats or dogs
included; the second, lighter one decides among photos of one class: what looks alike comes first.

Sources: He et al., *Deep Residual Learning*, CVPR 2016 (the block; here batch normalisation and ReLU also end the
branch, and nothing follows the sum); Wang et al., *NormFace*, ACM MM 2017 (cosine classifier); the fixed whitening
layer follows Page, *How to train your ResNet*, 2019, and Jordan, *94% on CIFAR-10 in 3.29 seconds*, 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 4  # pixels a side that the first layer sees
WHITENED = 3 * PATCH * PATCH  # its outputs
SHARPENED = 1.5  # the class block's logits: two sure photos of one class are told apart by their features alone
NOISE = 2e-3  # added to a component's variance: below it, differences are noise of the camera and the JPEG


class Seen(NamedTuple):
    """What the network says of a batch.

    Attributes:
        vector: (B, D) unit length: features, or what `Residual.serve` makes of them.
        logits: (B, V) of the classes, cosines over the temperature.
    """

    vector: Tensor
    logits: Tensor


class Cell(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H / stride, W / stride), at least 0."""
        return F.relu(self.norm(self.conv(x)))


class Block(nn.Module):
    """x + f(x), f two cells of as many channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = Cell(channels, channels), Cell(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return x + self.second(self.first(x))


class Residual(nn.Module):
    """The network; weights as they come, the first layer still to be filled by `whiten`.

    Args:
        classes: How many there are.
        widths: Channels of each stage; the first works at half the picture's side, each further one at half of that.
        dim: Floats of the features.
        temperature: Cosines are divided by it.
        class_weight: w of the served vector, in [0, 1]; 0 leaves the class block out.
        both_ways: Whether `serve` looks at the mirrored photo as well.

    Attributes:
        served_dim: Floats of the served vector.
    """

    def __init__(
        self,
        classes: int,
        widths: Sequence[int] = (64, 128, 256),
        dim: int = 64,
        temperature: float = 0.1,
        *,
        class_weight: float = 0.9,
        both_ways: bool = True,
    ) -> None:
        super().__init__()
        self.temperature, self.class_weight, self.both_ways = temperature, class_weight, both_ways
        self.served_dim = dim + (classes if class_weight else 0)
        self.patches = nn.Conv2d(3, WHITENED, PATCH, 2, 1).requires_grad_(False)
        stages: list[nn.Module] = [Cell(WHITENED, widths[0], kernel=1), Block(widths[0])]
        for inputs, outputs in pairwise(widths):
            stages += [Cell(inputs, outputs, stride=2), Block(outputs)]
        self.stages = nn.Sequential(*stages)
        self.project = nn.Linear(widths[-1], dim, bias=False)
        self.centre = nn.BatchNorm1d(dim)
        self.directions = nn.Parameter(torch.randn(classes, dim) / dim**0.5)

    def whiten(self, photos: Tensor) -> None:
        """Fill the first layer with the principal components of patches, each of variance one.

        Args:
            photos: (N, 3, S, S) float32 in [0, 1]; some thousands are enough.
        """
        patches = F.unfold(photos, PATCH, stride=PATCH).transpose(1, 2).reshape(-1, WHITENED)
        mean = patches.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov((patches - mean).T))
        weight = (vectors / (values + NOISE).sqrt()).T
        with torch.no_grad():
            self.patches.weight.copy_(weight.reshape(-1, 3, PATCH, PATCH))
            if self.patches.bias is not None:
                self.patches.bias.copy_(-weight @ mean)

    def embed(self, photos: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1], S a multiple of 8 → (B, D), each of length 1."""
        pooled = self.stages(self.patches(photos)).mean((2, 3))
        return F.normalize(self.centre(self.project(pooled)), dim=1)

    def classify(self, vector: Tensor) -> Tensor:
        """(B, D) unit vectors → (B, V) logits."""
        return vector @ F.normalize(self.directions, dim=1).T / self.temperature

    def forward(self, photos: Tensor) -> Seen:
        """(B, 3, S, S) in [0, 1] → what the network says."""
        vector = self.embed(photos)
        return Seen(vector, self.classify(vector))

    def serve(self, photos: Tensor) -> Seen:
        """What is exported: the vector of both blocks, and the classes.

        Features and logits are the means of the photo's and its mirror image's: twice the work, fewer errors, and both
        get one vector.
        """
        features, logits = self(photos)
        if self.both_ways:
            other = self(photos.flip(3))
            features, logits = F.normalize(features + other.vector, dim=1), (logits + other.logits) / 2
        if not self.class_weight:
            return Seen(features, logits)
        likely = F.normalize((SHARPENED * logits).softmax(1), dim=1)
        blocks = (self.class_weight**0.5 * likely, (1 - self.class_weight) ** 0.5 * features)
        return Seen(torch.cat(blocks, 1), logits)

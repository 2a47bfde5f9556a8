"""The convolutions under every paper's heads: what the papers used, and a small one for hours on a few cores.

A trunk has two halves, because all four papers part there: *lower* ends in the map FashionNet pools landmarks from and
DARN calls Conv4, *upper* makes Conv5 of it. Both maps are never negative.

Sources: Krizhevsky et al., *ImageNet Classification with Deep Convolutional Neural Networks*, NIPS 2012 (alexnet);
Lin et al., *Network in Network*, ICLR 2014 (nin); Simonyan & Zisserman, *Very Deep Convolutional Networks*, ICLR 2015,
configuration D (vgg16); Howard et al., *MobileNets*, 2017 (mobilenet); `small` is the residual network of
`wearabouts.models.residual` without its fixed first layer.

Differs from the papers: `alexnet` has no local response normalisation (which VGG's authors found to gain nothing).
`nin` has five blocks as DARN draws it, where the published network has four: DARN's widths are not published, so the
fourth, of 512, is our choice. The published weights of alexnet, nin and vgg16 come with nobody: they start from noise
unless a file is given.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wearabouts.errors import SettingsError, unknown
from wearabouts.models.mobilenet import MobileNetV1
from wearabouts.models.residual import Block, Cell


class Plan(NamedTuple):
    """What a trunk is made of.

    Attributes:
        lower: (B, 3, S, S), normalised → (B, C4, H, W).
        upper: (B, C4, H, W) → (B, C5, H', W').
        channels: C4 and C5.
        stride: Pixels of the photo that one cell of the lower map stands for.
        size: Usual side of the photo in pixels.
        mean, deviation: Of the colours in [0, 1]: taken off, divided by.
    """

    lower: nn.Module
    upper: nn.Module
    channels: tuple[int, int]
    stride: int
    size: int
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)  # of ImageNet's photos, red, green, blue
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)


class Trunk(nn.Module):
    """Convolutions in two halves.

    Attributes:
        channels: Of the lower and of the upper map.
        stride: Pixels a cell of the lower map, along each axis.
        size: Usual side of the photo in pixels.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.channels, self.stride, self.size = plan.channels, plan.stride, plan.size
        self.below, self.above = plan.lower, plan.upper
        self.register_buffer("mean", torch.tensor(plan.mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(plan.deviation)[:, None, None], persistent=False)

    def lower(self, photos: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] → the map Conv4, (B, C4, H, W), at least 0."""
        seen: Tensor = self.below((photos - self.mean) / self.deviation)
        return seen

    def upper(self, conv4: Tensor) -> Tensor:
        """Conv4 → the map Conv5, (B, C5, H', W'), at least 0."""
        seen: Tensor = self.above(conv4)
        return seen

    def branch(self) -> nn.Module:
        """Another upper half that begins with the same weights and goes its own way."""
        return copy.deepcopy(self.above)

    def forward(self, photos: Tensor) -> Tensor:
        """(B, 3, S, S) in [0, 1] → Conv5."""
        return self.upper(self.lower(photos))


def trunk(name: str, **options: int) -> Trunk:
    """A trunk by name, weights as they come.

    Args:
        name: A key of `TRUNKS`.
        options: What its function takes.

    Raises:
        SettingsError: No such trunk.
    """
    if name not in TRUNKS:
        raise SettingsError(unknown("trunk", name, TRUNKS))
    return Trunk(TRUNKS[name](**options))


def small(width: int = 32) -> Plan:
    """Three stages of one residual block; for photos of 32 px and more, 19 million multiplications at 64 px.

    Args:
        width: Channels of the lower map; the upper one has five times as many.
    """
    last = 5 * width
    lower = nn.Sequential(Cell(3, width // 2, stride=2), Cell(width // 2, width, stride=2), Block(width))
    upper = nn.Sequential(
        Cell(width, 2 * width, stride=2), Block(2 * width), Cell(2 * width, last, stride=2), Block(last)
    )
    return Plan(lower, upper, (width, last), 4, 64, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def mobilenet() -> Plan:
    """MobileNetV1, parted where its maps have 256 channels at an eighth of the side."""
    layers = MobileNetV1().layers
    return Plan(layers[:11], layers[11:], (256, 1024), 8, 128, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def alexnet() -> Plan:
    """Five convolutions; at 227 px the lower map is 13 x 13, as is the upper, which the model pools to 6 x 6."""
    lower = nn.Sequential(
        *_convolved(3, 96, 11, stride=4, padding=0),
        nn.MaxPool2d(3, 2),
        *_convolved(96, 256, 5, groups=2),
        nn.MaxPool2d(3, 2),
        *_convolved(256, 384, 3),
        *_convolved(384, 384, 3, groups=2),
    )
    return Plan(lower, nn.Sequential(*_convolved(384, 256, 3, groups=2)), (384, 256), 16, 227)


def nin() -> Plan:
    """Convolutions each followed by one of 1 x 1, the fourth by two; at 224 px both maps are 6 x 6."""
    lower = nn.Sequential(
        *_convolved(3, 96, 11, stride=4, padding=0),
        *_convolved(96, 96, 1),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *_convolved(96, 256, 5),
        *_convolved(256, 256, 1),
        nn.MaxPool2d(3, 2),
        *_convolved(256, 384, 3),
        *_convolved(384, 384, 1),
        nn.MaxPool2d(3, 2),
        *_convolved(384, 512, 3),
        *_convolved(512, 512, 1),
        *_convolved(512, 512, 1),
    )
    upper = nn.Sequential(*_convolved(512, 1024, 3), *_convolved(1024, 1024, 1))
    return Plan(lower, upper, (512, 1024), 32, 224)


def vgg16() -> Plan:
    """Thirteen convolutions of 3 x 3; at 224 px the lower map is 28 x 28, the upper one 14 x 14."""
    lower: list[nn.Module] = []
    inputs = 3
    for outputs, count in ((64, 2), (128, 2), (256, 3)):
        lower += [*_stacked(inputs, outputs, count), nn.MaxPool2d(2)]
        inputs = outputs
    lower += _stacked(256, 512, 3)
    return Plan(nn.Sequential(*lower), nn.Sequential(nn.MaxPool2d(2), *_stacked(512, 512, 3)), (512, 512), 8, 224)


def _stacked(inputs: int, outputs: int, count: int) -> Sequence[nn.Module]:
    return [layer for n in range(count) for layer in _convolved(outputs if n else inputs, outputs, 3)]


def _convolved(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int | None = None, groups: int = 1
) -> Sequence[nn.Module]:
    """A convolution that keeps the side (unless told otherwise) and ReLU, begun as He et al. 2015 advise."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if padding is None else padding, groups=groups)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return [layer, nn.ReLU()]


TRUNKS: dict[str, Callable[..., Plan]] = {
    "small": small,
    "mobilenet": mobilenet,
    "alexnet": alexnet,
    "nin": nin,
    "vgg16": vgg16,
}

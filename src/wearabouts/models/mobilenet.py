"""MobileNet V1 and V2 trunks, started from the openly licensed quantised weights of the Coral test data.

The published files are TensorFlow Lite models with int8 or uint8 weights and batch normalisation already folded into
the convolutions. They are read here, dequantised to float32 and continued in PyTorch: there is no batch statistic left
to keep, so a trunk behaves the same in training and at rest, and for a batch of one.

Sources: Howard et al., *MobileNets*, 2017 (arXiv 1704.04861); Sandler et al., *MobileNetV2*, CVPR 2018 (arXiv
    1801.04381).
Weights: google-coral/test_data, Apache-2.0. Differs from the papers: no batch normalisation (folded), TensorFlow's
    padding (at stride 2 only right and below), which the weights were trained with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts.errors import BundleError
from wearabouts.types import Floats

# (expansion, channels, repeats, stride of the first) of MobileNetV2, table 2 of the paper
V2_BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
# (channels, stride) of MobileNetV1's depthwise separable blocks, table 1 of the paper
V1_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
MAX_WEIGHT_FILE = 64 * 2**20  # bytes; the largest of the published files is 5 MB


class Convolution(nn.Module):
    """Convolution with TensorFlow's SAME padding and, unless linear, ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, 0, groups=groups)
        self.pad = (kernel - 1) // 2
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H', W'); H and W even where the stride is 2."""
        if self.pad:
            x = F.pad(x, (0, 1, 0, 1) if self.conv.stride[0] == 2 else (1, 1, 1, 1))
        x = self.conv(x)
        return x if self.linear else F.relu6(x)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; added to the input where shapes allow (MobileNetV2, figure 4)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        expand = [] if expansion == 1 else [Convolution(inputs, hidden, 1)]
        self.layers = nn.Sequential(
            *expand,
            Convolution(hidden, hidden, 3, stride, groups=hidden),
            Convolution(hidden, outputs, 1, linear=True),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """The trunk up to the last convolution: 1,280 channels at 1/32 of the input size."""

    channels = 1280

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        inputs = 32
        for expansion, outputs, repeats, stride in V2_BLOCKS:
            for i in range(repeats):
                blocks.append(InvertedResidual(inputs, outputs, stride if i == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = Convolution(320, 1280, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] → (B, 1280, H/32, W/32), not negative."""
        out: Tensor = self.last(self.blocks(self.stem(x)))
        return out


class MobileNetV1(nn.Module):
    """The trunk up to the last convolution: 1,024 channels at 1/32 of the input size."""

    channels = 1024

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [Convolution(3, 32, 3, 2)]
        inputs = 32
        for outputs, stride in V1_BLOCKS:
            layers += [Convolution(inputs, inputs, 3, stride, groups=inputs), Convolution(inputs, outputs, 1)]
            inputs = outputs
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] → (B, 1024, H/32, W/32), not negative."""
        out: Tensor = self.layers(x)
        return out


def load_tflite(trunk: nn.Module, path: Path) -> None:
    """Fill a trunk with the convolutions of a TensorFlow Lite file, in the order in which the file runs them.

    Args:
        trunk: A `MobileNetV1` or `MobileNetV2`; its convolutions must have the shapes of the file's first ones.
        path: The ``.tflite`` file.

    Raises:
        BundleError: The file cannot be read, or its layers are not those of the trunk.
    """
    convolutions = [module for module in trunk.modules() if isinstance(module, nn.Conv2d)]
    stored = _read_convolutions(path)
    if len(stored) < len(convolutions):
        raise BundleError(
            f"{path.name} has {len(stored)} convolutions, {type(trunk).__name__} needs {len(convolutions)}"
        )
    for i, (conv, (weight, bias)) in enumerate(zip(convolutions, stored, strict=False)):
        if conv.weight.shape != weight.shape:
            raise BundleError(
                f"convolution {i} of {path.name} is {tuple(weight.shape)}, "
                f"{type(trunk).__name__} needs {tuple(conv.weight.shape)}; give the weights of the same network"
            )
        with torch.no_grad():
            conv.weight.copy_(weight)
            assert conv.bias is not None
            conv.bias.copy_(bias)


def _read_convolutions(path: Path) -> list[tuple[Tensor, Tensor]]:
    """The file's convolutions as (weight in PyTorch's layout, bias), float32."""
    import tflite  # a parser of the file's schema: reads, never runs, what is in it

    if not path.is_file():
        raise BundleError(f"no weights at {path}; give the folder that holds the published .tflite files")
    if path.stat().st_size > MAX_WEIGHT_FILE:
        raise BundleError(f"{path.name} has {path.stat().st_size:,} bytes; at most {MAX_WEIGHT_FILE:,} are read")
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        raise BundleError(f"{path.name} is not a TensorFlow Lite file (no TFL3 mark)")
    try:
        model = tflite.Model.GetRootAsModel(data, 0)
        return _walk(model, tflite)
    except (IndexError, ValueError, TypeError, AttributeError) as error:
        raise BundleError(f"{path.name} is damaged: {error}") from error


def _walk(model: Any, tflite: Any) -> list[tuple[Tensor, Tensor]]:
    kinds = {tflite.BuiltinOperator.CONV_2D: False, tflite.BuiltinOperator.DEPTHWISE_CONV_2D: True}
    graph = model.Subgraphs(0)
    found = []
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind not in kinds:
            continue
        depthwise = kinds[kind]
        weight = _dequantised(model, graph.Tensors(operator.Inputs(1)), axis=3 if depthwise else 0)
        bias = _dequantised(model, graph.Tensors(operator.Inputs(2)), axis=0)
        # depthwise: (1, h, w, C) → (C, 1, h, w); otherwise (out, h, w, in) → (out, in, h, w)
        order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
        found.append((torch.from_numpy(weight.transpose(order).copy()), torch.from_numpy(bias)))
    return found


def _dequantised(model: Any, tensor: Any, axis: int) -> Floats:
    """A tensor's values as float32: scale x (stored - zero), by channel along `axis` where each has one."""
    types: dict[int, Any] = {2: np.int32, 3: np.uint8, 9: np.int8, 0: np.float32}
    shape = tensor.ShapeAsNumpy()
    raw = model.Buffers(tensor.Buffer()).DataAsNumpy()
    values = np.frombuffer(raw.tobytes(), types[tensor.Type()]).reshape(shape).astype(np.float32)
    quantisation = tensor.Quantization()
    if quantisation is None or quantisation.ScaleLength() == 0:
        return values
    scale = quantisation.ScaleAsNumpy().astype(np.float32)
    zero = quantisation.ZeroPointAsNumpy().astype(np.float32)
    shape_of_scale = [1] * values.ndim
    if scale.size > 1:
        shape_of_scale[axis] = scale.size
    return np.asarray((values - zero.reshape(shape_of_scale)) * scale.reshape(shape_of_scale), np.float32)

"""The untrained baseline of the model table as a bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wearabouts import bundles
from wearabouts.export.bundle import write_bundle
from wearabouts.models.mobilenet import MobileNetV1, MobileNetV2, load_tflite


class ServedGeneric(nn.Module):
    """ImageNet features of MobileNetV1 and V2, each of length 1, joined: what one gets without training anything."""

    def __init__(self, v1: MobileNetV1, v2: MobileNetV2) -> None:
        super().__init__()
        self.v1, self.v2 = v1, v2

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """(N, S, S, 3) uint8 → vector (N, 2304)."""
        x = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        parts = [F.normalize(trunk(x).mean((2, 3)), dim=-1) for trunk in (self.v1, self.v2)]
        return (torch.cat(parts, 1) * 0.5**0.5,)


def generic(weights: Path, folder: Path, size: int = 224) -> Path:
    """Export the untrained baseline of the model table: both MobileNets' ImageNet features, joined.

    Args:
        weights: Folder with the published ``.tflite`` files.
        folder: Where the bundle goes.
        size: Input size in pixels; the networks were trained at 224.
    """
    v1, v2 = MobileNetV1(), MobileNetV2()
    load_tflite(v1, weights / "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite")
    load_tflite(v2, weights / "tf2_mobilenet_v2_1.0_224_ptq.tflite")
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(4)]
    write_bundle(
        folder,
        ServedGeneric(v1, v2),
        photos,
        name="generic",
        description="ImageNet features of MobileNetV1 and MobileNetV2, joined; not trained on garments",
        preprocessing=bundles.Preprocessing(size=size),
        dim=v1.channels + v2.channels,
        licence="Apache-2.0",
        notices=("Weights: google-coral/test_data, Apache-2.0, trained on ImageNet by their publishers",),
    )
    return folder

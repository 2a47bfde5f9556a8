"""The trunks: shapes, TensorFlow's padding, and the published weights read right."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wearabouts.errors import BundleError
from wearabouts.models.mobilenet import Convolution, MobileNetV1, MobileNetV2, load_tflite

V1 = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"
V2 = "tf2_mobilenet_v2_1.0_224_ptq.tflite"


def test_parameter_counts_are_those_of_the_papers() -> None:
    widths = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]  # table 1 of the first paper
    expected = 27 * 32 + sum(9 * a + a * b for a, b in itertools.pairwise(widths))
    assert sum(p.numel() for p in MobileNetV1().parameters() if p.ndim == 4) == expected
    for trunk, channels in ((MobileNetV1(), 1024), (MobileNetV2(), 1280)):
        assert trunk(torch.zeros(1, 3, 64, 96)).shape == (1, channels, 2, 3)
    weights = sum(p.numel() for p in MobileNetV2().parameters() if p.ndim == 4)
    assert weights == 2_189_760  # 3.5 million of the paper less the classifier and what normalisation keeps


def test_stride_two_pads_right_and_below_only() -> None:
    layer = Convolution(1, 1, 3, 2, linear=True)
    with torch.no_grad():
        layer.conv.weight.zero_()
        layer.conv.weight[0, 0, 0, 0] = 1  # copies the upper left neighbour of the window
        layer.conv.bias.zero_()
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(layer(x)[0, 0], torch.tensor([[0.0, 2.0], [8.0, 10.0]]))


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0TFL3", b"\0\0\0\0TFL3" + bytes(range(256)) * 8, b"GIF89a" * 100])
def test_damaged_weights_are_one_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.tflite"
    path.write_bytes(content)
    with pytest.raises(BundleError):
        load_tflite(MobileNetV2(), path)


def test_missing_weights_say_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no weights at .*tflite"):
        load_tflite(MobileNetV1(), tmp_path / "none.tflite")


@pytest.mark.data
def test_another_networks_weights_are_refused(data_folder: Path) -> None:
    with pytest.raises(BundleError, match="needs"):
        load_tflite(MobileNetV2(), data_folder / "weights/coral" / V1)


@pytest.mark.data
def test_the_published_weights_see_what_photos_have_in_common(data_folder: Path) -> None:
    """Photos of one grocery item are nearer each other than others: wrong padding or scale would break that."""
    natural = data_folder / "grocery/natural"
    folders = sorted(path for path in natural.iterdir() if path.is_dir())[:4]
    photos = [sorted(folder.glob("*.jpg"))[:3] for folder in folders]
    for trunk, name in ((MobileNetV1(), V1), (MobileNetV2(), V2)):
        load_tflite(trunk, data_folder / "weights/coral" / name)
        pixels = [np.asarray(Image.open(path).convert("RGB").resize((160, 160))) for group in photos for path in group]
        x = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode():
            features = torch.nn.functional.normalize(trunk.eval()(x).mean((2, 3)), dim=1)
        cosine = (features @ features.T).numpy()
        label = np.repeat(np.arange(4), 3)
        same = label[:, None] == label[None]
        off = ~np.eye(12, dtype=bool)
        assert cosine[same & off].mean() > cosine[~same].mean() + 0.05

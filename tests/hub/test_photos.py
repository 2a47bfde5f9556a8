"""The settings of image processors: what of them is followed, and that nothing else passes unseen."""

from __future__ import annotations

import pytest

from wearabouts.errors import BundleError
from wearabouts.hub.photos import HALF, IMAGENET, read_rule

CLIP = {"image_processor_type": "CLIPImageProcessor"}


@pytest.mark.parametrize(
    ("said", "size", "fit", "resample", "share"),
    [
        (CLIP, 224, "centre_crop", "bicubic", 1.0),
        (
            {"feature_extractor_type": "CLIPFeatureExtractor", "size": 336, "crop_size": 336},
            336,
            "centre_crop",
            "bicubic",
            1.0,
        ),
        (
            {"image_processor_type": "CLIPImageProcessorFast", "size": {"shortest_edge": 224}},
            224,
            "centre_crop",
            "bicubic",
            1.0,
        ),
        (
            {"image_processor_type": "SiglipImageProcessor", "size": {"height": 384, "width": 384}},
            384,
            "stretch",
            "bicubic",
            1.0,
        ),
        (
            {
                "image_processor_type": "BitImageProcessor",
                "size": {"shortest_edge": 256},
                "crop_size": {"height": 224, "width": 224},
            },
            224,
            "centre_crop",
            "bicubic",
            0.875,
        ),
        (
            {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0.875},
            224,
            "centre_crop",
            "bicubic",
            0.875,
        ),
        (
            {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}},
            384,
            "stretch",
            "bicubic",
            1.0,
        ),
        ({"image_processor_type": "ViTImageProcessor", "size": 224}, 224, "stretch", "bilinear", 1.0),
        ({"image_processor_type": "DINOv3ViTImageProcessorFast"}, 224, "stretch", "bilinear", 1.0),
        ({"size": {"height": 96, "width": 96}, "resample": 2, **HALF}, 96, "stretch", "bilinear", 1.0),
        (
            {**CLIP, "crop_size": None, "do_pad": None, "do_center_crop": False, "size": {"height": 64, "width": 64}},
            64,
            "stretch",
            "bicubic",
            1.0,
        ),
    ],
)
def test_what_is_followed(said: dict, size: int, fit: str, resample: str, share: float) -> None:
    found = read_rule(said).preprocessing
    assert (found.size, found.fit, found.resample) == (size, fit, resample)
    assert found.share == pytest.approx(share)


def test_numbers_become_one_factor_and_one_summand_a_channel() -> None:
    rule = read_rule({"image_processor_type": "BitImageProcessor", "crop_size": 64, "size": 64, **IMAGENET})
    for byte in (0, 100, 255):
        for channel in range(3):
            wanted = (byte / 255 - IMAGENET["image_mean"][channel]) / IMAGENET["image_std"][channel]
            assert byte * rule.scale[channel] + rule.shift[channel] == pytest.approx(wanted)


@pytest.mark.parametrize(
    "change",
    [
        {"image_processor_type": "Siglip2ImageProcessor"},
        {"image_processor_type": "MyOwnProcessor"},
        {"image_processor_type": ["CLIPImageProcessor"]},
        {"image_processor_type": None},
        {"do_resize": False},
        {"do_rescale": False},
        {"do_normalize": False},
        {"do_normalize": "yes"},
        {"do_pad": True},
        {"max_num_patches": 256},
        {"resample": 0},
        {"resample": [3]},
        {"resample": "bicubic"},
        {"size": {"longest_edge": 224}},
        {"size": {"shortest_edge": -1}},
        {"size": {"shortest_edge": 10**9}},
        {"size": "224"},
        {"size": {"height": 224, "width": 112}, "do_center_crop": False},
        {"size": {"height": 300, "width": 300}},
        {"do_center_crop": False},
        {"crop_size": {"height": 224, "width": 200}},
        {"crop_size": 4},
        {"size": 224, "crop_size": 20},
        {"image_mean": [0.5]},
        {"image_mean": 0.5},
        {"image_mean": [0.5, 0.5, "x"]},
        {"image_mean": [0.5, 0.5, float("nan")]},
        {"image_std": [0.5, 0.5, 0.0]},
        {"rescale_factor": 0},
        {"rescale_factor": True},
        {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0},
        {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 7},
    ],
)
def test_what_cannot_be_followed_is_refused(change: dict) -> None:
    with pytest.raises(BundleError) as caught:
        read_rule({**CLIP, **change})
    assert "\n" not in str(caught.value)

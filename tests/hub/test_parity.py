"""A pulled bundle says of a photo, and of a text, what transformers says with its own preparation and its own model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hub.towers import CONTEXT
from wearabouts import bundles, hub
from wearabouts.encoders import OnnxEncoder

TEXTS = [
    "a red dress",
    "blue striped cotton shirt with two pockets",
    "the photo of a green jacket and long sleeves " * 4,
]


def photos() -> list[np.ndarray]:
    """Upright, lying and square ones, smooth as photographs are, larger and smaller than the towers' input."""
    from PIL import Image

    rng = np.random.default_rng(1)
    small = [Image.fromarray(rng.integers(0, 256, (7, 7, 3), np.uint8)) for _ in range(5)]
    sizes = [(90, 140), (150, 60), (64, 64), (20, 31), (401, 307)]
    return [np.asarray(each.resize(size, Image.Resampling.BICUBIC)) for each, size in zip(small, sizes, strict=True)]


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    theirs = theirs / np.linalg.norm(theirs, axis=1, keepdims=True)
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-5)
    return (ours * theirs).sum(1)


def prepared(folder: Path, processor: str) -> torch.Tensor:
    """What transformers makes of the photos, by the settings in the folder."""
    import transformers.models as models

    family, name = processor.split(".")
    module = getattr(models, family)
    made = getattr(module, f"image_processing_pil_{family}", None) or __import__(
        f"transformers.models.{family}.image_processing_pil_{family}", fromlist=["x"]
    )
    return getattr(made, name).from_pretrained(folder)(photos(), return_tensors="pt")["pixel_values"]


def seen(name: str, model: Any, values: torch.Tensor) -> torch.Tensor:
    if name == "clip":
        return model.visual_projection(model.vision_model(values).pooler_output)
    return (model.vision_model if name == "siglip" else model)(values).pooler_output


@pytest.mark.parametrize(
    ("name", "processor"),
    [
        ("clip", "clip.CLIPImageProcessorPil"),
        ("siglip", "siglip.SiglipImageProcessorPil"),
        ("dinov2", "bit.BitImageProcessorPil"),
        ("convnext", "convnext.ConvNextImageProcessorPil"),
    ],
)
def test_photos_get_the_vectors_that_transformers_gives_them(made, tmp_path: Path, name: str, processor: str) -> None:
    hub.pull(str(made[name]), tmp_path)
    ours = OnnxEncoder(bundles.load(tmp_path), threads=1).encode(photos()).vectors
    with torch.inference_mode():
        theirs = seen(name, made.models[name], prepared(made[name], processor)).numpy()
    assert cosines(ours, theirs).min() > 0.99999
    # and they are told apart: a parity of vectors that are all alike would show nothing
    assert (ours @ ours.T - np.eye(5)).max() < 0.9999


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_texts_get_the_vectors_that_transformers_gives_them(made, tmp_path: Path, name: str) -> None:
    from transformers import PreTrainedTokenizerFast

    hub.pull(str(made[name]), tmp_path)
    ours = OnnxEncoder(bundles.load(tmp_path), threads=1).encode_text(TEXTS)
    model = made.models[name]
    words = PreTrainedTokenizerFast(tokenizer_file=str(made[name] / "tokenizer.json"), pad_token="<pad>")
    if name == "siglip":
        words.pad_token = "</s>"
    padding = "max_length" if name == "siglip" else True
    given = words(TEXTS, padding=padding, truncation=True, max_length=CONTEXT, return_tensors="pt")
    with torch.inference_mode():
        if name == "clip":
            pooled = model.text_model(input_ids=given["input_ids"], attention_mask=given["attention_mask"])
            theirs = model.text_projection(pooled.pooler_output)
        else:
            theirs = model.text_model(input_ids=given["input_ids"]).pooler_output
    assert cosines(ours, theirs.numpy()).min() > 0.99999
    assert (ours @ ours.T - np.eye(3)).max() < 0.9999


def test_capitals_and_punctuation_mean_nothing_to_siglip_and_something_to_clip(made, tmp_path: Path) -> None:
    for name, alike in (("siglip", True), ("clip", False)):
        hub.pull(str(made[name]), tmp_path / name)
        plain, loud = OnnxEncoder(bundles.load(tmp_path / name), threads=1).encode_text(
            ["a red dress", "A RED, dress!"]
        )
        assert np.allclose(plain, loud, atol=1e-5) is alike


def test_one_file_with_both_towers_is_cut_in_two(made, tmp_path: Path) -> None:
    hub.pull(str(made["clip"]), tmp_path / "two")
    hub.pull(str(made["clip"]), tmp_path / "one", variant="both/model.onnx")
    two, one = (OnnxEncoder(bundles.load(tmp_path / name), threads=1) for name in ("two", "one"))
    assert one.reads_text
    np.testing.assert_allclose(two.encode(photos()).vectors, one.encode(photos()).vectors, atol=1e-5)
    np.testing.assert_allclose(two.encode_text(TEXTS), one.encode_text(TEXTS), atol=1e-5)


def test_a_state_a_place_is_pooled_as_the_family_does(made, tmp_path: Path) -> None:
    model = made.models["convnext"]
    hub.pull(str(made["convnext"]), tmp_path, output="last_hidden_state")
    ours = OnnxEncoder(bundles.load(tmp_path), threads=1).encode(photos()).vectors
    with torch.inference_mode():
        state = model(prepared(made["convnext"], "convnext.ConvNextImageProcessorPil")).last_hidden_state
    assert cosines(ours, state.mean((2, 3)).numpy()).min() > 0.99999

"""Repositories like those of a model hub, with tiny random weights: the layouts are real, the models know nothing.

Each is a folder as its publisher would upload it: `config.json`, `preprocessor_config.json`, a model card, graphs in
`onnx/` as exported by PyTorch's tracing exporter, which most published ones were made with, and a tokenizer.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

SIZE, DIM, CONTEXT = 32, 24, 16
CARD = "---\nlicense: {licence}\ntags:\n- fashion\n---\n# A tiny model\n"
WORDS = (
    "a",
    "the",
    "red",
    "blue",
    "green",
    "striped",
    "cotton",
    "dress",
    "jacket",
    "shirt",
    "with",
    "two",
    "pockets",
    "and",
    "long",
    "sleeves",
    "photo",
    "of",
)
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}

MARKS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}


class Named(nn.Module):
    """A model of transformers whose outputs come as a tuple, in the order of the names."""

    def __init__(self, net: nn.Module, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        super().__init__()
        self.net, self.inputs, self.outputs = net, inputs, outputs

    def forward(self, *given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = self.net(**dict(zip(self.inputs, given, strict=True)))
        return tuple(found[name] for name in self.outputs)


def to_graph(net: nn.Module, given: Mapping[str, torch.Tensor], outputs: Sequence[str], path: Path) -> None:
    """Export with free batch and sequence axes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {name: {0: "batch"} for name in (*given, *outputs)}
    for name in ("input_ids", "attention_mask"):
        if name in given:
            axes[name] = {0: "batch", 1: "sequence"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated, and graphs in the world are made by it
        torch.onnx.export(
            Named(net, list(given), list(outputs)).eval(),
            tuple(given.values()),
            str(path),
            input_names=list(given),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def write(folder: Path, **files: Any) -> None:
    """JSON files by name, and the model card."""
    folder.mkdir(parents=True, exist_ok=True)
    licence = files.pop("licence", "apache-2.0")
    (folder / "README.md").write_text(CARD.format(licence=licence))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def processed(processor: Any) -> dict[str, Any]:
    """What an image processor writes of itself, under the name that hub files have."""
    said = processor.to_dict()
    said["image_processor_type"] = said["image_processor_type"].removesuffix("Pil")
    return said


def pixels(count: int = 2) -> dict[str, torch.Tensor]:
    return {"pixel_values": torch.rand(count, 3, SIZE, SIZE)}


def words(count: int = 2, *, mask: bool) -> dict[str, torch.Tensor]:
    ids = torch.randint(4, 20, (count, CONTEXT))
    return {"input_ids": ids} | ({"attention_mask": torch.ones_like(ids)} if mask else {})


def tokenizer(folder: Path, *, pad: str, end: str, start: str = "") -> None:
    """A word a token, an end token, and what tokenizer_config.json says of them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = [*dict.fromkeys(["<pad>", "<unk>", "<s>", "</s>", pad, end]), *WORDS]
    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate(vocabulary)}, unk_token="<unk>"))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    single = f"{start} $A {end}".strip()
    marks = [(word, vocabulary.index(word)) for word in (start, end) if word]
    made.post_processor = processors.TemplateProcessing(single, special_tokens=marks)
    made.save(str(folder / "tokenizer.json"))
    said = {"pad_token": pad, "padding_side": "right", "model_max_length": CONTEXT}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))


def clip(folder: Path) -> nn.Module:
    """Two graphs with projections, as of CLIP and FashionCLIP; a third with both towers."""
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    config = CLIPConfig(
        text_config={**TOWER, **MARKS, "vocab_size": 32, "max_position_embeddings": CONTEXT},
        vision_config={**TOWER, "image_size": SIZE, "patch_size": 8},
        projection_dim=DIM,
        attn_implementation="eager",
    )
    model = CLIPModel(config).eval()
    write(
        folder,
        config=config.to_dict(),
        preprocessor_config=processed(
            CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})
        ),
        licence="mit",
    )
    tokenizer(folder, pad="<pad>", end="</s>", start="<s>")
    to_graph(Photos(model), pixels(), ["image_embeds", "pooler_output"], folder / "onnx/vision_model.onnx")
    to_graph(Texts(model), words(mask=True), ["text_embeds"], folder / "onnx/text_model.onnx")
    both = {**words(mask=True), **pixels()}
    names = ["logits_per_image", "text_embeds", "image_embeds"]
    to_graph(model, both, names, folder / "both/model.onnx")
    return model


class Photos(nn.Module):
    """The photo tower of a CLIP with its projection."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.tower, self.projection = model.vision_model, model.visual_projection

    def forward(self, pixel_values: torch.Tensor) -> dict[str, torch.Tensor]:
        pooled = self.tower(pixel_values).pooler_output
        return {"image_embeds": self.projection(pooled), "pooler_output": pooled}


class Texts(nn.Module):
    """The text tower of a CLIP with its projection."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.tower, self.projection = model.text_model, model.text_projection

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        pooled = self.tower(input_ids=input_ids, attention_mask=attention_mask).pooler_output
        return {"text_embeds": self.projection(pooled)}


def siglip_weights(folder: Path) -> nn.Module:
    """A SigLIP as transformers writes it: settings, and both towers in one file of safetensors."""
    from transformers import SiglipConfig, SiglipModel
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    config = SiglipConfig(
        text_config={
            **TOWER,
            **MARKS,
            "vocab_size": 32,
            "max_position_embeddings": CONTEXT,
            "projection_size": 32,
        },
        vision_config={**TOWER, "image_size": SIZE, "patch_size": 8},
        attn_implementation="eager",
        **MARKS,
    )
    model = SiglipModel(config).eval()
    model.save_pretrained(folder)
    processor = SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE})
    write(folder, config=model.config.to_dict(), preprocessor_config=processed(processor))
    return model


def siglip(folder: Path) -> nn.Module:
    """Two graphs that end in their poolers, as of SigLIP, SigLIP2 and FashionSigLIP, and the weights beside them."""
    model: Any = siglip_weights(folder)
    tokenizer(folder, pad="</s>", end="</s>")
    outputs = ["last_hidden_state", "pooler_output"]
    to_graph(model.vision_model, pixels(), outputs, folder / "onnx/vision_model.onnx")
    to_graph(model.text_model, words(mask=False), outputs, folder / "onnx/text_model.onnx")
    return model


def dinov2(folder: Path) -> nn.Module:
    """One graph that gives a state a place, as of DINOv2."""
    from transformers import Dinov2Config, Dinov2Model
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

    config = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=SIZE,
        patch_size=8,
        attn_implementation="eager",
    )
    model = Dinov2Model(config).eval()
    processor = BitImageProcessorPil(
        size={"shortest_edge": 36},
        crop_size={"height": SIZE, "width": SIZE},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    write(folder, config=config.to_dict(), preprocessor_config=processed(processor))
    to_graph(model, pixels(), ["last_hidden_state"], folder / "onnx/model.onnx")
    return model


def convnext(folder: Path) -> nn.Module:
    """One graph that gives a map and its pooled vector, as of ConvNeXt; weights in a file beside it."""
    import onnx
    from transformers import ConvNextConfig, ConvNextModel
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    config = ConvNextConfig(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 1, 1], image_size=SIZE)
    model = ConvNextModel(config).eval()
    processor = ConvNextImageProcessorPil(size={"shortest_edge": SIZE}, crop_pct=0.875, resample=3)
    write(folder, config=config.to_dict(), preprocessor_config=processed(processor))
    path = folder / "onnx/model.onnx"
    to_graph(model, pixels(), ["last_hidden_state", "pooler_output"], path)
    onnx.save_model(
        onnx.load(str(path)),
        str(path),
        save_as_external_data=True,
        location="model.onnx_data",
        size_threshold=256,
        convert_attribute=True,
    )
    return model

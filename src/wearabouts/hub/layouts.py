"""Where repositories keep their graphs, and which of a graph's outputs is the vector: a table, not code.

    onnx/vision_model.onnx, onnx/text_model.onnx    CLIP, SigLIP, SigLIP2 and what was made from them, in two files
    onnx/model.onnx                                 DINOv2, ConvNeXt, ViT; or both towers of a CLIP in one file
    *_fp16.onnx, *_int8.onnx, *_quantized.onnx      the same, smaller

The same names are looked for beside `config.json`. What `config.json` calls `model_type` says which family's row holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wearabouts.errors import BundleError
from wearabouts.hub.repository import Repository, listed

FOLDERS = ("onnx/", "")
ENDINGS: dict[str, tuple[str, ...]] = {"fp32": ("",), "fp16": ("_fp16",), "int8": ("_int8", "_quantized")}
PHOTO_STEMS, TEXT_STEMS = ("vision_model", "model"), ("text_model", "model")
PHOTO_INPUTS = ("pixel_values",)
TEXT_INPUTS = ("input_ids", "attention_mask")


@dataclass(frozen=True)
class Family:
    """What one kind of model calls things.

    Attributes:
        types: Its `model_type`; a word of the class name counts too, where a repository brought its own class.
        photo: Outputs that may be a photo's vector, the first that is there.
        alone: Further ones that are good for photos, but are not comparable with text.
        text: Likewise for a text's vector; empty where there is no text tower.
        pooled: How an output of a vector a place becomes one: ``first`` place, ``mean``, or not at all.
        fixed: Whether texts are padded to the full context, as the tower was trained.
        lower: Whether texts are put in lower case before the tokenizer.
        bare: Whether punctuation is taken out before the tokenizer.
        reads: Which token's state becomes the text's vector, in words.
    """

    types: tuple[str, ...]
    photo: tuple[str, ...]
    alone: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    pooled: str = ""
    fixed: bool = False
    lower: bool = False
    bare: bool = False
    reads: str = ""


FAMILIES = (
    # SigLIP shows its text tower 64 tokens with the padding among them, and reads the last one (Zhai et al. 2023;
    # big_vision). Its first version was trained without capitals and punctuation, its second without capitals.
    Family(
        ("siglip2", "siglip2_vision_model"),
        ("image_embeds", "pooler_output"),
        text=("text_embeds", "pooler_output"),
        fixed=True,
        lower=True,
        reads="the last of the context, padding included",
    ),
    Family(
        ("siglip", "siglip_vision_model"),
        ("image_embeds", "pooler_output"),
        text=("text_embeds", "pooler_output"),
        fixed=True,
        lower=True,
        bare=True,
        reads="the last of the context, padding included",
    ),
    # Before the projections, CLIP's two towers are not comparable.
    Family(
        ("clip", "clip_vision_model"),
        ("image_embeds",),
        alone=("pooler_output",),
        text=("text_embeds",),
        reads="the first end token",
    ),
    Family(("dinov2", "dinov2_with_registers", "dinov3_vit"), ("pooler_output", "last_hidden_state"), pooled="first"),
    # Its pooler is an extra layer for a classifier.
    Family(("vit", "vit_msn", "ijepa", "deit"), ("last_hidden_state",), pooled="first"),
    Family(("convnext", "convnextv2", "dinov3_convnext", "resnet", "regnet"), ("pooler_output", "last_hidden_state")),
    Family(("swin", "swinv2"), ("pooler_output", "last_hidden_state"), pooled="mean"),
)
# A model of no known family: only names that leave no doubt.
UNKNOWN = Family((), ("image_embeds",), text=("text_embeds",), pooled="first")


def family(config: Mapping[str, Any]) -> Family:
    """The row of the table that a `config.json` belongs to; `UNKNOWN` where none does."""
    said = config.get("model_type")
    for each in FAMILIES:
        if said in each.types:
            return each
    names = config.get("architectures")
    words = " ".join(str(name) for name in names[:4]).lower() if isinstance(names, list) else ""
    for each in FAMILIES:
        if each.text and each.types[0] in words:
            return each
    return UNKNOWN


def photo_file(repository: Repository, variant: str) -> str:
    """The graph of the photo tower.

    Args:
        repository: Where to look.
        variant: ``fp32``, ``fp16``, ``int8``, or the path of a file.

    Raises:
        BundleError: There is none.
    """
    found = (
        variant
        if variant.endswith(".onnx") and variant in repository.files
        else _first(repository, PHOTO_STEMS, variant)
    )
    if found is None:
        raise BundleError(
            f"{repository.name} has no photo tower as {variant!r}; it has these graphs: "
            f"{listed(repository.files, '.onnx')}; name one with --variant, or pull a repository with an onnx folder"
        )
    return found


def text_file(repository: Repository, photo: str, variant: str) -> str | None:
    """The graph of the text tower that belongs to a photo tower, or None where there is none."""
    folder, _, name = photo.rpartition("/")
    twin = f"{folder}/{name}".lstrip("/").replace("vision_model", "text_model")
    if twin in repository.files:  # of one file, when it holds both towers
        return twin
    return _first(repository, TEXT_STEMS[:1], variant if variant in ENDINGS else "fp32")


def choose(wanted: Iterable[str], given: Iterable[str]) -> str | None:
    """The first wanted name that is given."""
    there = set(given)
    return next((name for name in wanted if name in there), None)


def _first(repository: Repository, stems: Iterable[str], variant: str) -> str | None:
    names = [
        f"{folder}{stem}{ending}.onnx" for folder in FOLDERS for stem in stems for ending in ENDINGS.get(variant, ())
    ]
    return choose(names, repository.files)

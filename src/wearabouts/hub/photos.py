"""What a repository's image processor does to a photo, as our `Preprocessing` and two numbers a channel.

`preprocessor_config.json` (or the `image_processor` of `processor_config.json`) names a processor and its settings;
settings left out are the processor's own, which are listed here. What cannot be done the same way is refused: a vector
of a photo prepared otherwise looks like one and is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from wearabouts.errors import BundleError
from wearabouts.fitting import Preprocessing
from wearabouts.hub.repository import Repository, read_json

CLIP = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
BILINEAR, BICUBIC = 2, 3  # as Pillow numbers them
RESAMPLING = {BILINEAR: "bilinear", BICUBIC: "bicubic"}

# What a processor does where its settings say nothing. "square": whether one number means a square or the shorter side.
PROCESSORS: dict[str, dict[str, Any]] = {
    "CLIP": {"size": 224, "crop_size": 224, "do_center_crop": True, "resample": BICUBIC, **CLIP},
    "Bit": {"size": 224, "crop_size": 224, "do_center_crop": True, "resample": BICUBIC, **CLIP},
    "Siglip": {"size": 224, "square": True, "resample": BICUBIC, **HALF},
    "ViT": {"size": 224, "square": True, "resample": BILINEAR, **HALF},
    "DINOv3ViT": {"size": 224, "square": True, "resample": BILINEAR, **IMAGENET},
    "ConvNext": {"size": 384, "crop_pct": 224 / 256, "resample": BICUBIC, **IMAGENET},
}
WARPED = 384  # px: from here on ConvNext's processor stretches instead of cropping
ALWAYS = {"do_resize": True, "do_rescale": True, "do_normalize": True}
NEVER = ("do_pad", "do_thumbnail", "do_align_long_axis", "do_image_splitting", "max_num_patches", "max_pixels")


@dataclass(frozen=True)
class PhotoRule:
    """How bytes become what a tower sees: fitted, then value * scale + shift a channel.

    Attributes:
        preprocessing: The fit.
        scale: Three numbers, red, green, blue; of bytes from 0 to 255.
        shift: Likewise.
    """

    preprocessing: Preprocessing
    scale: tuple[float, ...]
    shift: tuple[float, ...]


def photo_rule(repository: Repository) -> PhotoRule:
    """The rule of a repository.

    Raises:
        BundleError: It names no processor, one that is not known here, or settings that cannot be followed.
    """
    said = read_json(repository, "preprocessor_config.json")
    if not said:
        inner = read_json(repository, "processor_config.json").get("image_processor")
        said = inner if isinstance(inner, dict) else {}
    if not said:
        raise BundleError(
            f"{repository.name} has no preprocessor_config.json, so how its photos are prepared is not known; "
            "pull a repository that says so"
        )
    try:
        return read_rule(said)
    except BundleError as error:
        raise BundleError(f"{repository.name}, preprocessor_config.json: {error}") from error


def read_rule(said: Mapping[str, Any]) -> PhotoRule:
    """The rule that the settings of an image processor stand for.

    Raises:
        BundleError: See `photo_rule`.
    """
    settings = _completed(said)
    for name in NEVER:
        if settings.get(name):
            raise BundleError(f"{name} is set, which is not followed here")
    for name in ALWAYS:
        if settings[name] is not True:
            raise BundleError(f"{name} is {settings[name]!r}; only true is followed here")
    if not isinstance(settings.get("resample"), int) or settings["resample"] not in RESAMPLING:
        raise BundleError(f"resample is {settings.get('resample')!r}; 2 (bilinear) or 3 (bicubic) are followed here")
    fit = _fit(settings)
    try:
        preprocessing = Preprocessing.model_validate({**fit, "resample": RESAMPLING[settings["resample"]]})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BundleError(f"{first['loc'][0]} of the photo: {first['msg']}") from error
    rescale = _number(settings.get("rescale_factor", 1 / 255), "rescale_factor")
    mean, deviation = (_channels(settings.get(name), name) for name in ("image_mean", "image_std"))
    if min(deviation) <= 0 or rescale <= 0:
        raise BundleError("image_std and rescale_factor must be above 0")
    scale = tuple(rescale / each for each in deviation)
    return PhotoRule(preprocessing, scale, tuple(-m / d for m, d in zip(mean, deviation, strict=True)))


def _completed(said: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with those of their processor where they say nothing."""
    name = str(said.get("image_processor_type") or said.get("feature_extractor_type") or "")
    kind = re.sub(r"(ImageProcessor(Fast|Pil)?|FeatureExtractor)$", "", name)
    if not name and {"size", "resample", "image_mean", "image_std"} <= said.keys():
        return {**ALWAYS, **said}
    if kind not in PROCESSORS:
        known = ", ".join(f"{each}ImageProcessor" for each in PROCESSORS)
        raise BundleError(f"image processor {name!r} is not known here; known: {known}")
    return {**ALWAYS, **PROCESSORS[kind], **{key: value for key, value in said.items() if value is not None}}


def _fit(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Size, fit and share."""
    height, width, shortest = _size(settings, "size")
    if "crop_pct" in settings and shortest:
        share = _number(settings["crop_pct"], "crop_pct")
        if shortest >= WARPED:
            return {"size": shortest, "fit": "stretch"}
        if not 0 < share <= 1:
            raise BundleError(f"crop_pct is {share}; above 0 to 1 is followed here")
        return {"size": shortest, "fit": "centre_crop", "share": shortest / int(shortest / share)}
    if settings.get("do_center_crop"):
        crop = _size({**settings, "square": True}, "crop_size")
        if crop[0] != crop[1]:
            raise BundleError(f"crop_size {settings.get('crop_size')!r} is no square, which is not followed here")
        if shortest:
            return {"size": crop[0], "fit": "centre_crop", "share": crop[0] / shortest}
        if (height, width) != crop[:2]:
            raise BundleError("a crop out of a photo stretched to another size is not followed here")
    elif shortest:
        raise BundleError(
            "photos are resized but neither cropped nor stretched to a square, which is not followed here"
        )
    if height != width:
        raise BundleError(f"size {settings.get('size')!r} is no square, which is not followed here")
    return {"size": height, "fit": "stretch"}


def _size(settings: Mapping[str, Any], name: str) -> tuple[int, int, int]:
    """Height, width and shorter side in pixels, 0 where not said."""
    said = settings.get(name)
    if isinstance(said, int):
        return (said, said, 0) if settings.get("square") else (0, 0, said)
    if isinstance(said, Mapping):
        given = {key: value for key, value in said.items() if value is not None}
        if all(isinstance(value, int) and 0 < value <= 4096 for value in given.values()):
            if set(given) == {"height", "width"}:
                return given["height"], given["width"], 0
            if set(given) == {"shortest_edge"}:
                return 0, 0, given["shortest_edge"]
    raise BundleError(f"{name} is {str(said)[:80]!r}; a number, height and width, or shortest_edge are followed here")


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BundleError(f"{name} is {str(value)[:40]!r}, not a number")
    return float(value)


def _channels(value: object, name: str) -> list[float]:
    if not isinstance(value, list) or len(value) != 3:
        raise BundleError(f"{name} is {str(value)[:60]!r}; three numbers are wanted")
    return [_number(each, name) for each in value]

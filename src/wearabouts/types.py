"""The small nouns that flow through the house, each checked once, when it is made.

Coordinates are pixels of the upright photo (EXIF orientation applied), x to the right, y down. A `similarity` is a
cosine in [-1, 1], larger is closer; a `probability` lies in [0, 1]. They are never one field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Side = Literal["street", "shop"]
Restriction = Literal["hard", "soft", "off"]
Verdict = Literal["same", "similar", "not_carried"]
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

SIDES: tuple[Side, ...] = ("street", "shop")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright photo: left, top, width, height."""

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        values = (self.left, self.top, self.width, self.height)
        if not all(np.isfinite(value) for value in values) or self.width <= 0 or self.height <= 0:
            raise ValueError(f"box {values} is not left,top,width,height with positive width and height")

    def clipped(self, width: float, height: float) -> Box | None:
        """The part inside a photo of that size, or None where less than one pixel is left."""
        left, top = max(self.left, 0.0), max(self.top, 0.0)
        right, bottom = min(self.left + self.width, width), min(self.top + self.height, height)
        return Box(left, top, right - left, bottom - top) if right - left >= 1 and bottom - top >= 1 else None

    def scaled(self, factor: float) -> Box:
        """The same rectangle in a photo drawn `factor` times as large."""
        return Box(self.left * factor, self.top * factor, self.width * factor, self.height * factor)


@dataclass(frozen=True, slots=True)
class Landmark:
    """One of the eight DeepFashion slots: position in pixels of the upright photo, and whether it can be seen."""

    x: float
    y: float
    visible: bool


# Slot order of DeepFashion, seen from the wearer's picture: left is the left of the image.
LANDMARK_SLOTS = (
    "left_collar",
    "right_collar",
    "left_sleeve",
    "right_sleeve",
    "left_waist",
    "right_waist",
    "left_hem",
    "right_hem",
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """What an encoder says of N photos.

    Attributes:
        vectors: (N, D) float32, each row of length 1.
        garments: (N, G) float32 probabilities in the order of the card's garments; None where there is no such head.
        attributes: name → (N, V) float32 probabilities, V values in the card's order.
        saliency: (N, h, w) float32 in [0, 1], where the model looked, over the square in whose middle each
            photo is fitted by its longer side; or None.
        landmarks: (N, 8, 3) float32 in the order of `LANDMARK_SLOTS`: x and y as fractions of the photo's width and
            height, and the probability that the landmark can be seen; or None.
        codes: (N, bits / 8) uint8, the first bit the highest of the first byte; near photos differ in few bits. None
            where the model has no hash head.
        regions: (N, R, C) int8, one descriptor for each of R regions of the square, row by row from its top left
            corner: what a verifier compares in detail. None where the model gives none.
    """

    vectors: Floats
    garments: Floats | None = None
    attributes: Mapping[str, Floats] = field(default_factory=dict)
    saliency: Floats | None = None
    landmarks: Floats | None = None
    codes: npt.NDArray[np.uint8] | None = None
    regions: npt.NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.dtype != np.float32:
            raise ValueError(f"vectors must be (N, D) float32, not {self.vectors.shape} {self.vectors.dtype}")
        wanted = (len(self.vectors), len(LANDMARK_SLOTS), 3)
        if self.landmarks is not None and self.landmarks.shape != wanted:
            raise ValueError(f"landmarks must be {wanted}: x, y and visibility a slot, not {self.landmarks.shape}")

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Photos in order, best first: by similarity, or once a verifier has spoken by what it says of their products.

    Equal ones stand by photo id, so that every engine gives the same order. A verifier judges a shortlist; the photos
    beyond it follow in the order they had, and what it would say of them is not a number (NaN): it has not been asked.

    Attributes:
        photo_ids: n photo ids.
        product_ids: n product ids, the product of each photo (repeats where a product has several photos).
        similarity: (n,) float32 in [-1, 1], never rising before a verifier has spoken, and never changed by one.
        probability: (n,) float32 in [0, 1] once a verifier has spoken, else None: of each photo's product being the
            very same item; equal for all photos of a product, never rising, NaN where it was not judged.
        logit: (n,) float32, the verifier's own log-odds behind the probability, before any calibration, one a product
            as well; None before a verifier has spoken, NaN as above.
        carried: Probability in [0, 1] that the item is in the shop at all; None without a verifier.
    """

    photo_ids: tuple[str, ...]
    product_ids: tuple[str, ...]
    similarity: Floats
    probability: Floats | None = None
    logit: Floats | None = None
    carried: float | None = None

    def __post_init__(self) -> None:
        if not len(self.photo_ids) == len(self.product_ids) == len(self.similarity):
            raise ValueError("photo_ids, product_ids and similarity must be of one length")
        said = {"probability": self.probability, "logit": self.logit}
        for name, values in said.items():
            if values is None:
                continue
            if len(values) != len(self.photo_ids):
                raise ValueError(f"{name} must be as long as photo_ids")
            asked = int(np.count_nonzero(~np.isnan(values)))
            if np.isnan(values[:asked]).any() or np.any(np.diff(values[:asked]) > 1e-6):
                raise ValueError(f"{name} must not rise along a ranking, and what was not judged must come last")
        if self.probability is self.logit is None and np.any(np.diff(self.similarity) > 1e-6):
            raise ValueError("similarity must not rise along a ranking")

    def __len__(self) -> int:
        return len(self.photo_ids)

    def distinct(self) -> int:
        """How many different products the ranking holds."""
        return len(set(self.product_ids))


@dataclass(frozen=True, slots=True)
class Match:
    """One product of an answer, with the photo of it that matched best.

    Attributes:
        product: The product as the store holds it.
        photo_id: Of the photo that matched best.
        photo_uri: Where it came from.
        similarity: Cosine of the query and that photo, in [-1, 1].
        agrees: Attributes seen alike, such as ``color: black``.
        differs: Attributes seen differently, the query's value first, such as ``color: black → navy``.
        probability: That the product is the very same item, in [0, 1]; None where no verifier has spoken.
    """

    product: Mapping[str, Any]
    photo_id: str
    photo_uri: str
    similarity: float
    agrees: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """What an answer would say at another precision; see `Answer`, whose fields these are.

    A page has them all at once, so that its slider asks nothing anew and the rule stays in one place.
    """

    precision: float
    threshold: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person gets back for one photo.

    Attributes:
        matches: Products, best first, each once.
        garment: The garment kind searched for, or None where the model knows none.
        garment_probability: How sure the model is of it, in [0, 1].
        attributes: What the model sees in the query: name → value.
        box: The part of the photo that was searched; None for the whole photo.
        box_origin: ``given``, ``salient`` (found automatically) or ``whole``.
        size: Width and height of the upright query photo in pixels.
        timings: Milliseconds by stage: decode, encode, search, fetch, total.
        exact: Whether every stored vector was compared.
        notes: Sentences for the person, such as that no garment vocabulary exists.
        verdict: ``same``: the first match is the very same item, at the precision asked for. ``similar``: products that
            may be, or that look alike. ``not_carried``: the item is not in the shop. None where no verifier has spoken.
        reason: Why, as a code: one of `REASONS`; empty without a verdict.
        carried: Probability in [0, 1] that the item is in the shop at all.
        precision: Of those answers that say ``same``, the share that is to be right, as asked for.
        threshold: Probability from which the first match is called the same at that precision; None where no
            probability is enough.
        hidden: Products left out because they are far less likely than the first; ask for the tail to get them.
        calibrated_on: What the probabilities were fitted on, in words.
        own_labels: Whether that was this shop's own labels; without them a probability is an estimate.
        levels: The same at every precision the calibration tells apart, from the lowest on; what lies between two of
            them has the verdict of the next higher.
    """

    matches: tuple[Match, ...]
    garment: str | None
    garment_probability: float | None
    attributes: Mapping[str, str]
    box: Box | None
    box_origin: Literal["given", "salient", "whole"]
    size: tuple[int, int]
    timings: Mapping[str, float]
    exact: bool = False
    notes: tuple[str, ...] = ()
    verdict: Verdict | None = None
    reason: str = ""
    carried: float | None = None
    precision: float | None = None
    threshold: float | None = None
    hidden: int = 0
    calibrated_on: str = ""
    own_labels: bool = False
    levels: tuple[Level, ...] = ()


# Why an answer has its verdict: code → what to tell a person.
REASONS: Mapping[str, str] = {
    "sure": "the first match is likely enough to be the same item",
    "doubtful": "the first match may be the same item, but is not likely enough for the precision asked for",
    "alike": "several products are too much alike to tell which of them it is",
    "unlike": "nothing in the shop looks enough like the item",
    "other_kind": "the shop has nothing of this kind that could be it",
    "empty": "there is no product to compare with",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two photos are.

    Attributes:
        similarity: Cosine of the two vectors, in [-1, 1].
        garments: The kind seen in each photo, or None where the model knows none.
        agrees: Attributes seen alike in both, such as ``color: black``.
        differs: Attributes seen differently, such as ``color: black → navy``.
        timings: Milliseconds by stage: decode, encode, total.
        probability: That both show the very same item, in [0, 1], of pairs as `calibrated_on` says; None without a
            verifier.
        calibrated_on: What the probability was fitted on, in words.
    """

    similarity: float
    garments: tuple[str | None, str | None]
    agrees: tuple[str, ...]
    differs: tuple[str, ...]
    timings: Mapping[str, float]
    probability: float | None = None
    calibrated_on: str = ""


def as_dict(value: Any) -> Any:
    """Turn an `Answer`, or any value of this module, into what JSON can hold; the command line and the server share it.

    Dataclasses and mappings become dicts, sequences and arrays lists, numbers plain numbers of at most six decimals;
    a number JSON has no word for (NaN, infinity) becomes None, and anything else its text.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: as_dict(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_dict(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return as_dict(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [as_dict(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)

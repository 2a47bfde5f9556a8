"""A query photo as the encoder sees it: whole, cropped to a given box, or to what stands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wearabouts.encoders import Encoder
from wearabouts.errors import QueryError
from wearabouts.images import Picture, decode
from wearabouts.salient import salient_box
from wearabouts.settings import SearchSettings
from wearabouts.types import Box, Encoding, Floats
from wearabouts.verifiers.evidence import Evidence, seen

Origin = Literal["given", "salient", "whole"]
# A crop is looked at too, so decode finer than the encoder needs: a crop of half the photo still fills its input.
FINER = 2
# Photos are indexed at this resolution or finer; the same file as a query gives the same pixels, and so the vector.
SIDE = 512
# A map of 8 by 8 cells is refined before the padding is cut off, so that the cut is exact to a percent of the photo.
FINER_MAP = 8


@dataclass(frozen=True, slots=True)
class Look:
    """One way to see a query photo.

    Attributes:
        box: The part looked at, in pixels of the upright photo; None for the whole.
        origin: Where the box is from.
        vector: (D,) float32 of length 1.
        garments: Kind → probability in [0, 1], likeliest first; empty where the model knows none.
        attributes: Name → value, only what the model is certain enough of.
        evidence: Of this one photo, what the second stage compares; None where there is no photo.
    """

    box: Box | None
    origin: Origin
    vector: Floats
    garments: Mapping[str, float]
    attributes: Mapping[str, str]
    evidence: Evidence | None = None

    @property
    def garment(self) -> str | None:
        """The likeliest kind, or None."""
        return next(iter(self.garments), None)

    def likely(self, mass: float) -> tuple[str, ...]:
        """The fewest kinds that together hold a probability of `mass` in [0, 1], likeliest first."""
        kinds, held = [], 0.0
        for kind, share in self.garments.items():
            kinds.append(kind)
            held += share
            if held >= mass:
                break
        return tuple(kinds)


class Viewer:
    """Looks at query photos with one encoder.

    Args:
        encoder: The encoder.
        settings: What counts as certain, and which automatic crops are worth a look.
    """

    def __init__(self, encoder: Encoder, settings: SearchSettings) -> None:
        self.encoder = encoder
        self.settings = settings
        # One blank photo tells whether the model says where it looks, and warms it up before the first person waits.
        blank = np.full((encoder.input_size, encoder.input_size, 3), 255, np.uint8)
        self._tells_saliency = encoder.encode([blank], "street").saliency is not None
        self._one_tower = False

    def open(self, photo: bytes | Picture, box: Box | None = None) -> tuple[Picture, Box | None]:
        """Decode a photo no finer than needed, and clip the box to it.

        Raises:
            ImageError: Bytes that are not a picture we accept.
            QueryError: The box lies outside the photo.
        """
        if isinstance(photo, Picture):
            picture = photo
        else:
            # How much of the photo a box leaves is not known before decoding, so a given box gets full resolution.
            picture = decode(photo, target=max(SIDE, self.encoder.input_size * FINER) if box is None else 0)
        return picture, _inside(box, picture)

    def looks(self, picture: Picture, box: Box | None) -> list[Look]:
        """The given box alone, or the whole photo and, where something stands out, a crop around it."""
        if box is not None:
            return [self._look(self._encode(picture, box), 0, box, "given")]
        if not self._tells_saliency:
            crop = self._salient(picture)
            both = self._encode(picture, *([None, crop] if crop else [None]))
            looks = [self._look(both, 0, None, "whole")]
            return [*looks, self._look(both, 1, crop, "salient")] if crop else looks
        whole = self._encode(picture, None)
        crop = self._salient(picture, whole.saliency[0] if whole.saliency is not None else None)
        looks = [self._look(whole, 0, None, "whole")]
        return [*looks, self._look(self._encode(picture, crop), 0, crop, "salient")] if crop else looks

    def pair(self, first: tuple[Picture, Box | None], second: tuple[Picture, Box | None]) -> tuple[Look, Look]:
        """Two photos, each as given, both as a customer might have taken them."""
        encoding = self.encoder.encode([picture.crop(box) for picture, box in (first, second)], "street")
        looks = [
            self._look(encoding, row, box, "given" if box else "whole") for row, (_, box) in enumerate((first, second))
        ]
        return looks[0], looks[1]

    def as_shop(self, picture: Picture, box: Box | None, look: Look) -> Evidence:
        """What the second stage compares a query with, of a photo already looked at as a customer's.

        A model with one tower sees the same from both sides: found out at the first call, the photo is encoded once.
        """
        if self._one_tower and look.evidence is not None:
            return look.evidence
        encoding = self.encoder.encode([picture.crop(box)], "shop")
        # A photo's vector may differ in its last bits by what else is in the batch.
        self._one_tower = bool(np.allclose(encoding.vectors[0], look.vector, atol=1e-4))
        return seen(encoding)

    def _encode(self, picture: Picture, *boxes: Box | None) -> Encoding:
        return self.encoder.encode([picture.crop(box) for box in boxes], "street")

    def _salient(self, picture: Picture, saliency: Floats | None = None) -> Box | None:
        # A crop is a closer look; a photo of no more pixels than the encoder takes has nothing closer to show.
        if max(picture.size) <= self.encoder.input_size:
            return None
        height, width = picture.pixels.shape[:2]
        seen = _unpadded(saliency, height, width) if saliency is not None else None
        found = salient_box(picture.pixels, seen, cover=self.settings.salient_cover)
        if found is None:
            return None
        return found.scaled(picture.size[0] / width).clipped(*picture.size)

    def _look(self, encoding: Encoding, row: int, box: Box | None, origin: Origin) -> Look:
        garments: dict[str, float] = {}
        if encoding.garments is not None:
            shares = encoding.garments[row]
            order = np.argsort(-shares, kind="stable")
            garments = {self.encoder.garments[i]: float(shares[i]) for i in order}
        attributes = {}
        for name, probabilities in encoding.attributes.items():
            best = int(probabilities[row].argmax())
            if probabilities[row][best] >= self.settings.certain:
                attributes[name] = self.encoder.attributes[name][best]
        return Look(box, origin, encoding.vectors[row], garments, attributes, _only(seen(encoding), row))


def _only(evidence: Evidence, row: int) -> Evidence:
    """The evidence of one of several photos."""
    one = slice(row, row + 1)
    regions = None if evidence.regions is None else evidence.regions[one]
    labels = None if evidence.labels is None else evidence.labels[one]
    return Evidence(evidence.vectors[one], regions, labels)


def _unpadded(saliency: Floats, height: int, width: int) -> Floats:
    """The part of a map over the padded square that lies over the photo itself, for a photo of that shape."""
    fine: Floats = np.kron(saliency, np.ones((FINER_MAP, FINER_MAP), np.float32))
    rows, columns = fine.shape
    top = round(rows * (1 - height / max(height, width)) / 2)
    left = round(columns * (1 - width / max(height, width)) / 2)
    # A photo so narrow that it lies between two lines of the map keeps the nearest.
    top, left = min(top, (rows - 1) // 2), min(left, (columns - 1) // 2)
    return fine[top : rows - top, left : columns - left]


def _inside(box: Box | None, picture: Picture) -> Box | None:
    """The box clipped to the photo."""
    if box is None:
        return None
    width, height = picture.size
    clipped = box.clipped(width, height)
    if clipped is None:
        raise QueryError(
            f"box {box.left:g},{box.top:g},{box.width:g},{box.height:g} lies outside the photo of {width} x {height} "
            "pixels; give left,top,width,height in pixels of the upright photo"
        )
    return clipped


def shared(query: Mapping[str, str], other: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Compare what is seen in a query with what is known of something else.

    Returns:
        What both tell alike, as ``color: black``, and what they tell differently, as ``color: black → navy``, the
        query's value first. What only one of them tells is in neither.
    """
    both = [(name, value, other[name]) for name, value in query.items() if name in other]
    agrees = tuple(f"{name}: {value}" for name, value, theirs in both if value == theirs)
    return agrees, tuple(f"{name}: {value} → {theirs}" for name, value, theirs in both if value != theirs)

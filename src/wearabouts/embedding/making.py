"""What is made of a photo's bytes: pixels, a small copy, and what the encoder sees. The same wherever it is done.

A maker holds nothing but its encoder, so any thread, process or machine may have one, and the same bytes give the same
rows, bit for bit, however photos are grouped into batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from wearabouts.catalog import Photo
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.errors import ImageError
from wearabouts.images import decode
from wearabouts.stores import MAX_BESIDE, PhotoRecord
from wearabouts.types import Box, Encoding, Floats, Pixels
from wearabouts.verifiers import evidence
from wearabouts.verifiers.evidence import KIND

THUMBNAIL_SIDE = 512
CERTAIN = 0.5  # an attribute's value counts as seen from this probability on
SHOWN_URI = 200  # characters of an address in a fault


@dataclass(frozen=True, slots=True)
class Order:
    """Work on one photo.

    Attributes:
        uri: The photo's address, for people.
        data: Its bytes.
        crop: The part to encode, in pixels of the upright photo; None for all of it.
        whole: Whether it may be decoded at a reduced scale: not where a box counts pixels.
        thumbnail: Whether a small copy is wanted.
        encode: Whether the encoder is to see it.
        made: The answer, where it was made elsewhere; then there need be no bytes.
    """

    uri: str
    data: bytes
    crop: Box | None
    whole: bool
    thumbnail: bool
    encode: bool = True
    made: Made | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the encoder says of one photo, as a store keeps it.

    Attributes:
        vector: (D,) float32 of length 1.
        garment: The predicted garment, or empty.
        seen: Attribute → value, where one is certain.
        evidence: For the second stage, packed; empty for none.
    """

    vector: Floats
    garment: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    evidence: bytes = b""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of an order.

    Attributes:
        problem: Why nothing could be made, or empty.
        thumbnail: The small copy, or empty.
        seen: What the encoder says, where it was asked.
    """

    problem: str = ""
    thumbnail: bytes = b""
    seen: Seen | None = None

    def record(self, photo: Photo, digest: str, validators: Mapping[str, str]) -> PhotoRecord:
        """The photo as it is written."""
        if self.seen is None:
            raise AssertionError("a photo was to be written that no encoder has seen")
        told = self.seen
        beside = {KIND: told.evidence} if told.evidence else {}
        return PhotoRecord(
            photo, digest, told.vector, told.garment, told.seen, self.thumbnail, dict(validators), beside
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """An order on its way: pixels and small copy, or a problem."""

    pixels: Pixels | None = None
    thumbnail: bytes = b""
    problem: str = ""


def view(photo: Photo) -> Box | None:
    """The part of a photo that is embedded.

    A shop photo is embedded whole, box or not: the query is compared with the picture that the shop shows. On a street
    photo the box says which of several people or garments is meant, so only that part is embedded.
    """
    return photo.box if photo.side == "street" else None


def decode_side(encoder: Encoder) -> int:
    """Longer side, in pixels, that photos are decoded for: twice what the encoder sees, and enough for a thumbnail.

    It is the same whether thumbnails are made or not, so that vectors do not depend on them.
    """
    return max(THUMBNAIL_SIDE, 2 * encoder.input_size)


class Maker:
    """Decodes and encodes.

    Args:
        encoder: Makes the vectors.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.side = encoder, decode_side(encoder)

    def make(self, orders: Sequence[Order]) -> list[Made]:
        """All of a batch; a photo that cannot be decoded is a problem of its own."""
        return self.encoded(orders, [self.decoded(order) for order in orders])

    def decoded(self, order: Order) -> Decoded:
        """Bytes to pixels and small copy. Problems are told, not raised."""
        try:
            picture = decode(order.data, target=self.side if order.whole else 0)
            pixels = picture.crop(order.crop)
            thumbnail = picture.thumbnail(THUMBNAIL_SIDE) if order.thumbnail else b""
        except ImageError as error:
            return Decoded(problem=f"{order.uri[:SHOWN_URI]}: {error}")
        return Decoded(pixels if order.encode else None, thumbnail)

    def encoded(self, orders: Sequence[Order], decoded: Sequence[Decoded]) -> list[Made]:
        """Pixels to what is kept, in one batch."""
        made = [Made(each.problem, each.thumbnail) for each in decoded]
        places = [place for place, each in enumerate(decoded) if each.pixels is not None]
        if places:
            # The gallery lies on the shop's side, whoever took the photo: queries come from the street side to it.
            photos = [cast(Pixels, decoded[place].pixels) for place in places]
            for place, seen in zip(places, self._seen(self._encoded(photos)), strict=False):
                made[place] = Made("", decoded[place].thumbnail, seen)
        return made

    def _encoded(self, photos: list[Pixels]) -> Encoding:
        # The runtime multiplies a matrix of one row by another kernel than one of several, which shows in the last
        # bits; so a lone photo goes twice, and its vector is the one it has in any company.
        lone = len(photos) == 1 and isinstance(self.encoder, OnnxEncoder)
        return self.encoder.encode(photos * 2 if lone else photos, "shop")

    def _seen(self, encoding: Encoding) -> list[Seen]:
        packed = evidence.packed(evidence.seen(encoding))
        return [self._row(encoding, row, value) for row, value in enumerate(packed)]

    def _row(self, encoding: Encoding, row: int, packed: bytes) -> Seen:
        garment, seen = "", {}
        if encoding.garments is not None and self.encoder.garments:
            garment = self.encoder.garments[int(encoding.garments[row].argmax())]
        for name, probabilities in encoding.attributes.items():
            best = int(probabilities[row].argmax())
            if probabilities[row, best] >= CERTAIN:
                seen[name] = self.encoder.attributes[name][best]
        # A store would refuse evidence that is too long; the photo is worth more than its evidence.
        return Seen(encoding.vectors[row].copy(), garment, seen, packed if len(packed) <= MAX_BESIDE else b"")

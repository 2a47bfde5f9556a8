"""One photo on its way into the store: fetched, compared with what is stored of it, decoded where it is new."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from wearabouts.catalog import Photo, Product
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.errors import FetchError, ImageError
from wearabouts.fetch import Fetched
from wearabouts.images import decode
from wearabouts.stores import MAX_BESIDE, PhotoRecord
from wearabouts.types import Encoding, Pixels
from wearabouts.verifiers import evidence, layout_of
from wearabouts.verifiers.evidence import KIND

THUMBNAIL_SIDE = 512
CERTAIN = 0.5  # an attribute's value counts as seen from this probability on
SHOWN_URI = 200  # characters of an address in a fault


class Fetches(Protocol):
    """What the line asks of a fetcher."""

    def fetch(self, uri: str, *, root: None = None, validators: Mapping[str, str] = ...) -> Fetched:
        """The bytes of a photo, or none where the validators say that they have not changed."""
        ...


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder said of a batch, and what of it the second stage wants kept: a value a photo, empty for none."""

    encoding: Encoding
    evidence: Sequence[bytes]

    @classmethod
    def of(cls, encoding: Encoding) -> Encoded:
        """Pack a batch; evidence too long to be kept is none."""
        return cls(
            encoding, [value if len(value) <= MAX_BESIDE else b"" for value in evidence.packed(evidence.seen(encoding))]
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """A photo after fetching.

    Attributes:
        record: Complete where nothing has to be embedded.
        problem: What went wrong with it, or empty.
        photo: The catalog's row.
        digest: SHA-256 of the bytes, hex.
        validators: For the next conditional request.
        pixels: What the encoder is to see, where it has to.
        thumbnail: The small copy to store.
    """

    photo: Photo
    record: PhotoRecord | None = None
    problem: str = ""
    digest: str = ""
    validators: Mapping[str, str] = field(default_factory=dict)
    pixels: Pixels | None = None
    thumbnail: bytes = b""

    def embedded(self, encoded: Encoded, row: int, encoder: Encoder) -> PhotoRecord:
        """The record with row `row` of what the encoder said."""
        encoding, garment = encoded.encoding, ""
        if encoding.garments is not None and encoder.garments:
            garment = encoder.garments[int(encoding.garments[row].argmax())]
        seen = {}
        for name, probabilities in encoding.attributes.items():
            best = int(probabilities[row].argmax())
            if probabilities[row, best] >= CERTAIN:
                seen[name] = encoder.attributes[name][best]
        vector = encoding.vectors[row].copy()
        beside = {KIND: encoded.evidence[row]} if encoded.evidence[row] else {}
        return PhotoRecord(self.photo, self.digest, vector, garment, seen, self.thumbnail, self.validators, beside)

    def reusing(self, other: PhotoRecord) -> PhotoRecord:
        """The record with the vector of another photo of the same bytes."""
        thumbnail = self.thumbnail or other.thumbnail
        return replace(
            other, photo=self.photo, digest=self.digest, thumbnail=thumbnail, validators=dict(self.validators)
        )


def decode_side(encoder: Encoder) -> int:
    """Longer side, in pixels, that photos are decoded for: twice what the encoder sees, and enough for a thumbnail.

    It is the same whether thumbnails are made or not, so that vectors do not depend on them.
    """
    return max(THUMBNAIL_SIDE, 2 * encoder.input_size)


def gives_evidence(encoder: Encoder) -> bool:
    """Whether an encoder says more of a photo than a vector, so that a stored photo without evidence is incomplete."""
    if isinstance(encoder, OnnxEncoder):
        size = layout_of(encoder.card).size
    else:
        size = len(encoder.garments) + sum(len(values) for values in encoder.attributes.values())
    return 0 < size <= MAX_BESIDE


def wanted(product: Product, all_photos: bool) -> tuple[Photo, ...]:
    """The photos of a product that belong into the gallery: the shop's own, and never those kept as queries."""
    if all_photos:
        return product.photos
    return tuple(photo for photo in product.photos if photo.side == "shop" and photo.split != "query")


def same_view(one: Photo, other: Photo) -> bool:
    """Whether the encoder would see the same part of two photos of the same bytes.

    A shop photo is embedded whole, box or not: the query is compared with the picture that the shop shows. On a street
    photo the box says which of several people or garments is meant, so only that part is embedded.
    """
    return one.side == other.side and (one.side == "shop" or one.box == other.box)


@dataclass(frozen=True, slots=True)
class Loader:
    """Fetches and decodes photos; holds no state, so any number of threads may use it.

    Attributes:
        fetcher: The door to disk and network.
        side: Longer side that photos are decoded for, in pixels: see `decode_side`.
        thumbnails: Whether small copies are made.
        evidence: Whether a photo stored without evidence is to be embedded again: see `gives_evidence`.
    """

    fetcher: Fetches
    side: int
    thumbnails: bool
    evidence: bool = False

    def embedded(self, record: PhotoRecord) -> bool:
        """Whether what is stored of a photo is all that the encoder would say of it."""
        return not self.evidence or KIND in record.beside

    def load(self, photo: Photo, before: PhotoRecord | None) -> Loaded:
        """Fetch one photo and decode it where what is stored of it no longer holds. Problems are told, not raised.

        The fetcher says whether a photo may have changed; where it may, the digest of its bytes decides.

        Args:
            photo: The catalog's row.
            before: What is stored under this photo's id, or None.
        """
        if before is not None and (not same_view(before.photo, photo) or before.photo.uri != photo.uri):
            before = None
        embedded = before is not None and self.embedded(before)
        complete = before is not None and embedded and (bool(before.thumbnail) or not self.thumbnails)
        try:
            fetched = self.fetcher.fetch(
                photo.uri, root=None, validators=before.validators if before is not None and complete else {}
            )
        except FetchError as error:
            # A server that is down for an hour must not empty the shop: what is stored stays, and the fault is told.
            kept = replace(before, photo=photo) if before is not None else None
            return Loaded(photo, kept, str(error))
        if fetched.data is None:
            if before is None:
                return Loaded(
                    photo, None, f"{photo.uri[:SHOWN_URI]}: came without bytes though nothing of it is stored"
                )
            return Loaded(photo, replace(before, photo=photo, validators={**before.validators, **fetched.validators}))
        digest = hashlib.sha256(fetched.data).hexdigest()
        if before is not None and complete and before.digest == digest:
            return Loaded(photo, replace(before, photo=photo, validators=dict(fetched.validators)))
        try:
            picture = decode(fetched.data, target=self.side if photo.side == "shop" or photo.box is None else 0)
            pixels = picture.crop(photo.box if photo.side == "street" else None)
            thumbnail = picture.thumbnail(THUMBNAIL_SIDE) if self.thumbnails else b""
        except ImageError as error:
            return Loaded(photo, None, f"{photo.uri[:SHOWN_URI]}: {error}")
        loaded = Loaded(photo, None, "", digest, dict(fetched.validators), pixels, thumbnail)
        if before is not None and embedded and before.digest == digest:
            return replace(loaded, record=loaded.reusing(before), pixels=None)
        return loaded

"""One photo on its way into the store: reached, and compared with what is stored of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from wearabouts.catalog import Photo, Product
from wearabouts.embedding.making import SHOWN_URI, THUMBNAIL_SIDE, Made, Order, decode_side, view
from wearabouts.encoders import Encoder, OnnxEncoder
from wearabouts.errors import FetchError
from wearabouts.fetch import Fetched
from wearabouts.stores import MAX_BESIDE, PhotoRecord
from wearabouts.verifiers import layout_of
from wearabouts.verifiers.evidence import KIND

__all__ = [
    "THUMBNAIL_SIDE",
    "Direct",
    "Fetches",
    "Loaded",
    "Loader",
    "Reached",
    "Reaches",
    "decode_side",
    "gives_evidence",
    "same_view",
    "wanted",
]


class Fetches(Protocol):
    """What the line asks of a fetcher."""

    def fetch(self, uri: str, *, root: None = None, validators: Mapping[str, str] = ...) -> Fetched:
        """The bytes of a photo, or none where the validators say that they have not changed."""
        ...


@dataclass(frozen=True, slots=True)
class Reached:
    """A photo's bytes, or word of them.

    Attributes:
        digest: SHA-256 of the bytes, hex; empty where they have not changed.
        validators: For the next conditional request.
        data: The bytes; empty where they lie elsewhere.
        made: What was made of them already, elsewhere.
    """

    digest: str
    validators: Mapping[str, str]
    data: bytes = b""
    made: Made | None = None


class Reaches(Protocol):
    """Who gets at photos."""

    def reach(self, photo: Photo, validators: Mapping[str, str]) -> Reached:
        """Get one photo; called from several threads.

        Raises:
            FetchError: It cannot be had.
        """
        ...


class Direct:
    """Reaches photos itself, through a fetcher."""

    def __init__(self, fetcher: Fetches) -> None:
        self.fetcher = fetcher

    def reach(self, photo: Photo, validators: Mapping[str, str]) -> Reached:
        """See `Reaches.reach`."""
        fetched = self.fetcher.fetch(photo.uri, root=None, validators=validators)
        if fetched.data is None:
            return Reached("", fetched.validators)
        return Reached(hashlib.sha256(fetched.data).hexdigest(), fetched.validators, fetched.data)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A photo after it was reached.

    Attributes:
        photo: The catalog's row.
        record: Complete where nothing has to be made.
        problem: What went wrong with it, or empty.
        digest: SHA-256 of the bytes, hex.
        validators: For the next conditional request.
        data: The bytes, or empty where they lie elsewhere.
        made: What was made of them elsewhere.
        like: What is stored of the same bytes, where only a small copy has to be made.
    """

    photo: Photo
    record: PhotoRecord | None = None
    problem: str = ""
    digest: str = ""
    validators: Mapping[str, str] = field(default_factory=dict)
    data: bytes = b""
    made: Made | None = None
    like: PhotoRecord | None = None

    def of(self, photo: Photo) -> Loaded:
        """The same for another photo of the same address and view."""
        return replace(self, photo=photo)

    def light(self, like: PhotoRecord | None = None) -> Loaded:
        """Without the bytes, once they are ordered; with what is stored of the same bytes."""
        return replace(self, data=b"", made=None, like=like or self.like)

    def order(self, *, thumbnail: bool, encode: bool) -> Order:
        """What is to be made of it."""
        photo = self.photo
        whole = photo.side == "shop" or photo.box is None
        return Order(photo.uri, self.data, view(photo), whole, thumbnail, encode, self.made)

    def reusing(self, other: PhotoRecord, thumbnail: bytes = b"") -> PhotoRecord:
        """The record with the vector of another photo of the same bytes."""
        kept = thumbnail or other.thumbnail
        return replace(other, photo=self.photo, digest=self.digest, thumbnail=kept, validators=dict(self.validators))


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
    """Whether the encoder would see the same part of two photos of the same bytes: see `making.view`."""
    return one.side == other.side and (one.side == "shop" or one.box == other.box)


@dataclass(frozen=True, slots=True)
class Loader:
    """Reaches photos and says what is to be made of them; holds no state, so any number of threads may use it.

    Attributes:
        reaches: Who gets at the bytes.
        thumbnails: Whether small copies are made.
        evidence: Whether a photo stored without evidence is to be embedded again: see `gives_evidence`.
    """

    reaches: Reaches
    thumbnails: bool
    evidence: bool = False

    def embedded(self, record: PhotoRecord) -> bool:
        """Whether what is stored of a photo is all that the encoder would say of it."""
        return not self.evidence or KIND in record.beside

    def complete(self, record: PhotoRecord) -> bool:
        """Whether nothing is missing of a stored photo, the small copy included."""
        return self.embedded(record) and (bool(record.thumbnail) or not self.thumbnails)

    def usable(self, photo: Photo, before: PhotoRecord | None) -> PhotoRecord | None:
        """What is stored under a photo's id, where it is of the same address and view."""
        if before is None or not same_view(before.photo, photo) or before.photo.uri != photo.uri:
            return None
        return before

    def load(self, photo: Photo, before: PhotoRecord | None) -> Loaded:
        """Reach one photo and compare it with what is stored of it. Problems are told, not raised.

        Who reaches it says whether it may have changed; where it may, the digest of its bytes decides.

        Args:
            photo: The catalog's row.
            before: What is stored under this photo's id, or None.
        """
        before = self.usable(photo, before)
        complete = before is not None and self.complete(before)
        try:
            reached = self.reaches.reach(photo, before.validators if before is not None and complete else {})
        except FetchError as error:
            # A server that is down for an hour must not empty the shop: what is stored stays, and the fault is told.
            kept = replace(before, photo=photo) if before is not None else None
            return Loaded(photo, kept, str(error))
        if not reached.digest:
            if before is None:
                return Loaded(
                    photo, None, f"{photo.uri[:SHOWN_URI]}: came without bytes though nothing of it is stored"
                )
            return Loaded(photo, replace(before, photo=photo, validators={**before.validators, **reached.validators}))
        loaded = Loaded(photo, None, "", reached.digest, dict(reached.validators), reached.data, reached.made)
        if before is None or before.digest != reached.digest or not self.embedded(before):
            return loaded
        if complete:
            return Loaded(photo, replace(before, photo=photo, validators=loaded.validators))
        return replace(loaded, like=before)

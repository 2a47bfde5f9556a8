"""The rules of a record: what every engine refuses, and what it makes of the rest."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from wearabouts.catalog import Photo
from wearabouts.errors import QueryError, StoreError
from wearabouts.stores import MAX_BESIDE, PhotoRecord, ProductRecord
from wearabouts.types import Box, Floats, Landmark

MAX_ID: Final = 1_000  # characters
MAX_THUMBNAIL: Final = 4 * 2**20  # bytes
MAX_KINDS: Final = 8  # of what lies beside one photo
MAX_NOTE: Final = 2**20  # characters of JSON
UNIT: Final = 1e-3  # how far from 1 a vector's length may be

_TEXTS: Final = ("id", "title", "category", "garment", "brand", "currency", "availability", "group")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class AwayError(StoreError):
    """The engine did not answer in time; whether it did what it was asked is not known."""


class ClaimedError(StoreError):
    """A photo id belongs to another product of the store, or to two of those that are to be written."""


def checked(records: Iterable[ProductRecord], dim: int) -> list[ProductRecord]:
    """One record a product, the last given, in the order of first mention.

    Args:
        records: To be written.
        dim: Floats per vector of this store.

    Raises:
        StoreError: A record must not be written.
        ClaimedError: A photo id is claimed by two of the products.
    """
    kept = {}
    for record in records:
        kept[record.product.id] = validated(record, dim)
        for each in record.photos:
            _require_sound(each)
    owner: dict[str, str] = {}
    for product_id, record in kept.items():
        for each in record.photos:
            if owner.setdefault(each.photo.id, product_id) != product_id:
                raise ClaimedError(claimed(each.photo.id, owner[each.photo.id], product_id))
    return list(kept.values())


def validated(record: ProductRecord, dim: int) -> ProductRecord:
    """Refuse a record that must not be written.

    Args:
        record: A product and its photos.
        dim: Floats per vector of this store.

    Raises:
        StoreError: No photo, a photo twice, an id or text that cannot be kept, or a vector of another shape or length.
    """
    product = record.product
    name = f"product {product.id[:80]!r}"
    for kind, ident in [("product", product.id), *(("photo", each.photo.id) for each in record.photos)]:
        if not 1 <= len(ident) <= MAX_ID or not _sayable(ident):
            raise StoreError(
                f"{kind} id {ident[:80]!r} of {name} is not 1 to {MAX_ID} characters of Unicode text; rename it"
            )
    if not record.photos:
        raise StoreError(f"{name} has no photos to write; give at least one, or delete the product")
    twice = [ident for ident, count in Counter(each.photo.id for each in record.photos).items() if count > 1]
    if twice:
        raise StoreError(f"photo {twice[0]!r} stands twice in {name}; photo ids are unique; rename one")
    for label in _TEXTS:
        if not _sayable(getattr(product, label)):
            raise StoreError(
                f"{label} of {name} holds a NUL or a lone surrogate; allowed is Unicode text; mend the text in the feed"
            )
    for label, price in (("price", product.price), ("regular_price", product.regular_price)):
        if price is not None and not math.isfinite(price):
            raise StoreError(
                f"{label} {price} of {name} is not a number one can pay; leave it out (None) where it is unknown"
            )
    for each in record.photos:
        _require_vector(each, dim, name)
        if len(each.thumbnail) > MAX_THUMBNAIL:
            raise StoreError(
                f"the thumbnail of photo {each.photo.id!r} has {len(each.thumbnail)} bytes; "
                f"at most {MAX_THUMBNAIL} are kept; make it smaller"
            )
        if not _sayable(each.digest):
            raise StoreError(f"the digest of photo {each.photo.id!r} is not text; give the SHA-256 of its bytes in hex")
    return record


def _sayable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _require_vector(record: PhotoRecord, dim: int, name: str) -> None:
    vector = record.vector
    where = f"the vector of photo {record.photo.id!r} of {name}"
    if not isinstance(vector, np.ndarray) or vector.shape != (dim,) or vector.dtype != np.float32:
        given = f"{vector.shape} {vector.dtype}" if isinstance(vector, np.ndarray) else type(vector).__name__
        raise StoreError(f"{where} is {given}; this store holds ({dim},) float32; encode with the store's own encoder")
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not abs(length - 1) <= UNIT:
        raise StoreError(f"{where} has length {length:.4g}; allowed is 1 within {UNIT}; normalise it before writing")


def _require_sound(record: PhotoRecord) -> None:
    """Refuse what must not be kept beside a photo.

    Raises:
        StoreError: Too many kinds, a kind that is no plain name, or a value that is empty, too long or not bytes.
    """
    name = f"photo {record.photo.id!r}"
    if len(record.beside) > MAX_KINDS:
        raise StoreError(
            f"{len(record.beside)} kinds are to be kept beside {name}; at most {MAX_KINDS} are; leave some out"
        )
    for kind, value in record.beside.items():
        if not _NAME.fullmatch(kind):
            raise StoreError(
                f"the kind {kind[:80]!r} beside {name} is not 1 to 64 of a-z, 0-9, '.', '_' and '-'; rename it"
            )
        if not isinstance(value, bytes) or not 1 <= len(value) <= MAX_BESIDE:
            given = f"{len(value)} bytes" if isinstance(value, bytes) else type(value).__name__
            raise StoreError(
                f"the {kind} beside {name} is {given}; 1 to {MAX_BESIDE} bytes are kept; leave it out or shorten it"
            )


def claimed(photo: str, first: str, second: str) -> str:
    """The words for a photo that two products want."""
    return f"photo {photo!r} is claimed by products {first!r} and {second!r}; a photo has one product; rename one"


def garment_of(record: ProductRecord) -> str:
    """The garment a product counts as: its own, or else the most frequent among its photos (the first of equals)."""
    counts = Counter(each.garment for each in record.photos if each.garment)
    return record.product.garment or (counts.most_common(1)[0][0] if counts else "")


def plain_photo(photo: Photo) -> dict[str, Any]:
    """The catalog's photo as plain data."""
    box = photo.box
    return {
        "id": photo.id,
        "uri": photo.uri,
        "side": photo.side,
        "split": photo.split,
        "box": None if box is None else [float(each) for each in (box.left, box.top, box.width, box.height)],
        "landmarks": [[float(each.x), float(each.y), bool(each.visible)] for each in photo.landmarks],
        "labels": dict(photo.labels),
    }


def catalog_photo(plain: Mapping[str, Any]) -> Photo:
    """The catalog's photo from plain data."""
    box = Box(*plain["box"]) if plain["box"] else None
    return Photo(**{**plain, "box": box, "landmarks": tuple(Landmark(*each) for each in plain["landmarks"])})


def packed_note(name: str, facts: Mapping[str, Any]) -> str:
    """The text of a note.

    Raises:
        StoreError: The name is none, or the facts are not what JSON can hold, or too long.
    """
    if not _NAME.fullmatch(name):
        raise StoreError(f"the note's name {name[:80]!r} is not 1 to 64 of a-z, 0-9, '.', '_' and '-'; rename it")
    try:
        text = json.dumps(dict(facts), allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            f"the note {name!r} holds what is no plain data ({str(error)[:200]}); give texts and finite numbers"
        ) from error
    if len(text) > MAX_NOTE:
        raise StoreError(f"the note {name!r} has {len(text)} characters; at most {MAX_NOTE} are kept; make it shorter")
    return text


def checked_query(vector: Floats, dim: int, count: int) -> Floats:
    """The query in the form the scan needs.

    Raises:
        QueryError: Not (dim,) finite floats of length 1, or a count below 1.
    """
    array = np.asarray(vector)
    if array.shape != (dim,) or array.dtype.kind != "f":
        raise QueryError(
            f"the query vector is {array.shape} {array.dtype}; this store holds ({dim},) float32; use its encoder"
        )
    length = float(np.linalg.norm(array.astype(np.float64)))
    if not abs(length - 1) <= 1e-3:
        raise QueryError(f"the query vector has length {length:.4g}; allowed is 1 within 0.001; normalise it")
    if count < 1:
        raise QueryError(f"{count} results were asked for; allowed is 1 or more")
    return np.ascontiguousarray(array, np.float32)

"""Records ↔ rows: what one product and its photos look like in SQLite, and the checksum each row carries.

Rows hold everything of a record, so that `unpack_product` and `unpack_photo` give back exactly what was packed.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from wearabouts.catalog import Product
from wearabouts.errors import StoreError
from wearabouts.stores import PhotoRecord, ProductRecord
from wearabouts.stores.records import catalog_photo, garment_of, plain_photo
from wearabouts.types import Floats

MAX_DATA: Final = 2**20  # bytes of one product's or photo's facts

PRODUCT_COLUMNS: Final = (
    "number", "id", "title", "category", "garment", "brand", "price", "currency", "availability", "group", "attributes",
    "rest",
)  # fmt: skip
PHOTO_COLUMNS: Final = ("number", "id", "product", "digest", "data", "vector_sum")

Value = str | bytes | int | float | None


def checksum(*values: Value) -> bytes:
    """Eight bytes over typed values, each with its length, so that no two different rows read the same."""
    state = hashlib.blake2b(digest_size=8)
    for value in values:
        match value:
            case None:
                raw, kind = b"", b"n"
            case str():
                raw, kind = value.encode("utf-8", "surrogatepass"), b"s"
            case bytes():
                raw, kind = value, b"b"
            case int():
                raw, kind = struct.pack("<q", value), b"i"
            case _:
                raw, kind = struct.pack("<d", value), b"f"
        state.update(kind + struct.pack("<q", len(raw)))
        state.update(raw)
    return state.digest()


def vector_sum(data: bytes) -> int:
    """A signed 64-bit checksum of a vector's bytes: what a derived file compares its own vectors with."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little", signed=True)


def pack_product(record: ProductRecord, number: int) -> tuple[Value, ...]:
    """The row of `PRODUCT_COLUMNS`, and its checksum."""
    product = record.product
    written = {each.photo.id: each.photo for each in record.photos}
    # A photo of the product that was not written with it (one that could not be fetched, say) is kept in full.
    photos = [each.id if written.get(each.id) == each else plain_photo(each) for each in product.photos]
    rest = {"garment": product.garment, "regular_price": product.regular_price, "link": product.link, "photos": photos}
    row: tuple[Value, ...] = (
        number, product.id, product.title, product.category, garment_of(record), product.brand,
        None if product.price is None else float(product.price), product.currency, product.availability, product.group,
        _packed(dict(product.attributes), product.id), _packed(rest, product.id),
    )  # fmt: skip
    return (*row, checksum("product", *row))


def pack_photo(record: PhotoRecord, number: int, product: int) -> tuple[tuple[Value, ...], bytes]:
    """The row of `PHOTO_COLUMNS` with its checksum, and the vector's bytes (little-endian float32)."""
    facts = {
        "photo": plain_photo(record.photo),
        "garment": record.garment,
        "seen": dict(record.seen),
        "validators": dict(record.validators),
    }
    vector = record.vector.astype("<f4").tobytes()
    row: tuple[Value, ...] = (
        number,
        record.photo.id,
        product,
        record.digest,
        _packed(facts, record.photo.id),
        vector_sum(vector),
    )
    return (*row, checksum("photo", *row)), vector


def _packed(facts: Mapping[str, Any], subject: str) -> str:
    try:
        text = json.dumps(facts, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{subject!r} holds a fact that is neither text nor a finite number ({error}); leave it out"
        ) from error
    if len(text) > MAX_DATA:
        raise StoreError(f"{subject!r} has {len(text)} bytes of facts; at most {MAX_DATA} are kept; drop attributes")
    return text


def product_facts(row: Sequence[Any]) -> dict[str, Any]:
    """A row of `PRODUCT_COLUMNS` with its checksum → plain data by column name, `attributes` and `rest` as mappings.

    Raises:
        StoreError: The row is damaged.
    """
    if checksum("product", *row[:-1]) != row[-1]:
        raise damaged("product", row[1])
    facts = dict(zip(PRODUCT_COLUMNS, row, strict=False))
    return facts | {"attributes": json.loads(facts["attributes"]), "rest": json.loads(facts["rest"])}


def photo_facts(row: Sequence[Any]) -> dict[str, Any]:
    """A row of `PHOTO_COLUMNS` with its checksum → plain data: id, digest, photo, garment, seen, validators.

    Raises:
        StoreError: The row is damaged.
    """
    if checksum("photo", *row[:-1]) != row[-1]:
        raise damaged("photo", row[1])
    facts: dict[str, Any] = json.loads(row[4])
    return dict(zip(PHOTO_COLUMNS, row, strict=False)) | facts


def damaged(kind: str, subject: object) -> StoreError:
    """The error of a row whose checksum is wrong."""
    return StoreError(
        f"the stored {kind} {str(subject)[:80]!r} is damaged; run `wearabouts check --repair`, then index again"
    )


def unpack_product(facts: Mapping[str, Any], photos: Sequence[PhotoRecord]) -> ProductRecord:
    """The record as it was packed.

    Args:
        facts: What `product_facts` gave.
        photos: The product's photos in the order in which they were written.
    """
    rest, written = facts["rest"], {each.photo.id: each.photo for each in photos}
    own = (written.get(each) if isinstance(each, str) else catalog_photo(each) for each in rest["photos"])
    product = Product(
        id=facts["id"],
        photos=tuple(photo for photo in own if photo is not None),
        garment=rest["garment"],
        regular_price=rest["regular_price"],
        link=rest["link"],
        attributes=facts["attributes"],
        **{name: facts[name] for name in ("title", "category", "brand", "price", "currency", "availability", "group")},
    )
    return ProductRecord(product, tuple(photos))


def unpack_photo(
    facts: Mapping[str, Any], vector: Floats, thumbnail: bytes, beside: Mapping[str, bytes]
) -> PhotoRecord:
    """The photo's record as it was packed."""
    return PhotoRecord(
        photo=catalog_photo(facts["photo"]),
        digest=facts["digest"],
        vector=vector,
        garment=facts["garment"],
        seen=facts["seen"],
        thumbnail=thumbnail,
        validators=facts["validators"],
        beside=beside,
    )


def unpack_vector(data: bytes, dim: int) -> Floats | None:
    """A vector from its bytes; None where they cannot be one."""
    if len(data) != 4 * dim:
        return None
    vector = np.frombuffer(data, "<f4").astype(np.float32)
    return vector if np.isfinite(vector).all() else None

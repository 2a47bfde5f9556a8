"""What is read from the truth by name: inside one read transaction of the caller, trusting no row unchecked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from wearabouts.stores import Known, PhotoRecord, ProductRecord
from wearabouts.stores.embedded.truth import beside
from wearabouts.stores.embedded.truth.rows import (
    PHOTO_COLUMNS,
    PRODUCT_COLUMNS,
    checksum,
    damaged,
    photo_facts,
    product_facts,
    unpack_photo,
    unpack_product,
    unpack_vector,
    vector_sum,
)

_QUOTED: Final = ", ".join(f'"{name}"' for name in PRODUCT_COLUMNS)
PRODUCTS: Final = f"SELECT {_QUOTED}, checksum FROM products"  # noqa: S608 - our own names
PHOTOS: Final = "SELECT {}, checksum FROM photos".format(", ".join(PHOTO_COLUMNS))  # noqa: S608 - our own names

_SMALL: Final = "SELECT photo FROM thumbnails WHERE photo IN (SELECT number FROM photos WHERE product = ?)"


def product_ids(connection: sqlite3.Connection) -> list[str]:
    """All product ids in order."""
    return [ident for (ident,) in connection.execute("SELECT id FROM products ORDER BY id")]


def told(connection: sqlite3.Connection, product_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Products as plain data, by id, those that are there."""
    found = {ident: _told(connection, ident) for ident in product_ids}
    return {ident: product for ident, product in found.items() if product is not None}


def _told(connection: sqlite3.Connection, product_id: str) -> dict[str, Any] | None:
    facts = _product(connection, product_id)
    if facts is None:
        return None
    rest = facts["rest"]
    told = {name: facts[name] for name in ("id", "title", "category", "garment")} | {"garment_given": rest["garment"]}
    told |= {name: facts[name] for name in ("brand", "price")} | {"regular_price": rest["regular_price"]}
    told |= {name: facts[name] for name in ("currency", "availability")} | {"link": rest["link"]}
    told |= {name: facts[name] for name in ("group", "attributes")}
    photos = _photos(connection, facts["number"])
    small = {photo for (photo,) in connection.execute(_SMALL, (facts["number"],))}
    return told | {"photos": [_photo_told(each, each["number"] in small) for each in photos]}


def _photo_told(facts: dict[str, Any], thumbnail: bool) -> dict[str, Any]:
    photo = facts["photo"]
    told = {name: photo[name] for name in ("id", "uri", "side", "box", "labels")}
    return told | {"garment": facts["garment"], "seen": facts["seen"], "thumbnail": thumbnail}


def known(connection: sqlite3.Connection, product_id: str) -> dict[str, Known]:
    """Photo id → what is stored of each of a product's photos."""
    facts = _product(connection, product_id)
    photos = [] if facts is None else _photos(connection, facts["number"])
    return {each["id"]: Known(product_id, each["photo"]["uri"], each["digest"], each["validators"]) for each in photos}


def record(connection: sqlite3.Connection, product_id: str, dim: int) -> ProductRecord | None:
    """The product as it was written, or None."""
    facts = _product(connection, product_id)
    if facts is None:
        return None
    return unpack_product(facts, [_record(connection, each, dim) for each in _photos(connection, facts["number"])])


def digest_record(connection: sqlite3.Connection, digest: str, dim: int) -> PhotoRecord | None:
    """The first photo with a digest, or None."""
    row = connection.execute(PHOTOS + " WHERE digest = ? ORDER BY number LIMIT 1", (digest,)).fetchone()
    return None if row is None else _record(connection, photo_facts(row), dim)


def thumbnail(connection: sqlite3.Connection, photo_id: str) -> bytes | None:
    """The small copy of a photo, or None."""
    row = connection.execute("SELECT number FROM photos WHERE id = ?", (photo_id,)).fetchone()
    return None if row is None else _thumbnail(connection, row[0], photo_id)


def _product(connection: sqlite3.Connection, product_id: str) -> dict[str, Any] | None:
    row = connection.execute(PRODUCTS + " WHERE id = ?", (product_id,)).fetchone()
    return None if row is None else product_facts(row)


def _photos(connection: sqlite3.Connection, number: int) -> list[dict[str, Any]]:
    return [photo_facts(row) for row in connection.execute(PHOTOS + " WHERE product = ? ORDER BY number", (number,))]


def _record(connection: sqlite3.Connection, facts: dict[str, Any], dim: int) -> PhotoRecord:
    row = connection.execute("SELECT data FROM vectors WHERE photo = ?", (facts["number"],)).fetchone()
    if row is None or not isinstance(row[0], bytes) or vector_sum(row[0]) != facts["vector_sum"]:
        raise damaged("vector of photo", facts["id"])
    vector = unpack_vector(row[0], dim)
    if vector is None:
        raise damaged("vector of photo", facts["id"])
    small = _thumbnail(connection, facts["number"], facts["id"]) or b""
    return unpack_photo(facts, vector, small, beside.of_photo(connection, facts["number"]))


def _thumbnail(connection: sqlite3.Connection, number: int, photo_id: str) -> bytes | None:
    row = connection.execute("SELECT data, checksum FROM thumbnails WHERE photo = ?", (number,)).fetchone()
    if row is not None and checksum("thumbnail", number, row[0]) != row[1]:
        raise damaged("thumbnail of photo", photo_id)
    return None if row is None else bytes(row[0])

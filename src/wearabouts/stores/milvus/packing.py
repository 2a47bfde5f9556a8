"""Records ↔ rows of the three collections; `unpack` gives back exactly what `pack` was given.

A writing of a product has a version. Its photos' and pieces' keys follow from product, version and place, so whoever
knows a head can name every row that belongs to it. Pieces are numbered through a writing: first those of the facts
that did not fit into the head, then those of each photo.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from wearabouts.catalog import Product
from wearabouts.errors import StoreError
from wearabouts.stores import PhotoRecord, ProductRecord
from wearabouts.stores.milvus.keys import (
    SCALARS,
    digest_term,
    partition,
    photo_key,
    photo_term,
    piece_key,
    prefixes,
    product_key,
    scalar,
    term,
)
from wearabouts.stores.milvus.layout import MAX_TERMS, NOWHERE, VECTOR
from wearabouts.stores.records import catalog_photo, garment_of, plain_photo
from wearabouts.stores.where import COLUMNS, normal
from wearabouts.types import Floats

CHUNK: Final = 49_149  # bytes of a piece; four thirds of it are a text that fits
FACTS: Final = 60_000  # characters of JSON in a head or piece: plain ASCII, so bytes as well
HEAD: Final = ("key", "version", "product", "photos", "pieces", "more", "checksum")
FULL: Final = (*HEAD, "facts")

Row = dict[str, Any]


@dataclass
class Writing:
    """The rows of some products, ready to be sent, and the words of the vocabulary they use."""

    heads: list[Row] = field(default_factory=list)
    photos: list[Row] = field(default_factory=list)
    pieces: list[Row] = field(default_factory=list)
    words: set[tuple[str, str]] = field(default_factory=set)

    def add(self, record: ProductRecord, version: int) -> None:
        """Pack one product.

        Raises:
            StoreError: It has more facts to filter by than a row holds.
        """
        owner, garment = product_key(record.product.id), garment_of(record)
        plain = json.dumps(_facts(record, garment), separators=(",", ":"))
        parts = [plain[start : start + FACTS] for start in range(0, len(plain), FACTS)]
        pieces = _Pieces(owner, version)
        for part in parts[1:]:
            pieces.text(part)
        columns = dict(_filterable(record, garment, self.words))
        for place, each in enumerate(record.photos):
            kept = {"thumbnail": pieces.bytes(each.thumbnail)} if each.thumbnail else {}
            beside = {kind: pieces.bytes(bytes(value)) for kind, value in each.beside.items()}
            self.words |= {("beside", kind) for kind in beside}
            self.photos.append(
                {
                    "key": photo_key(owner, version, place),
                    "version": version,
                    "owner": owner,
                    "product": record.product.id,
                    "photo": each.photo.id,
                    "photo_term": photo_term(each.photo.id),
                    "digest_term": digest_term(each.digest),
                    "pieces": json.dumps({**kept, "beside": beside}, separators=(",", ":")),
                    VECTOR: each.vector.tolist(),
                    **columns,
                }
            )
        has = [term("has", name) for name in _filled(record, garment)]
        self.heads.append(
            {
                **head(owner, version, record.product.id, parts[0]),
                "terms": [*has, term("garment", normal("garment", garment))],
                "photos": len(record.photos),
                "pieces": len(pieces.rows),
                "more": len(parts) - 1,
                "checksum": zlib.crc32(plain.encode()),
            }
        )
        self.pieces += pieces.rows


class _Pieces:
    """The numbered pieces of one writing of one product or note."""

    def __init__(self, owner: str, version: int) -> None:
        self.owner, self.version = owner, version
        self.rows: list[Row] = []

    def text(self, data: str) -> None:
        key = piece_key(self.owner, self.version, len(self.rows))
        self.rows.append(
            {"key": key, "version": self.version, "owner": self.owner, "data": data, VECTOR: list(NOWHERE)}
        )

    def bytes(self, data: bytes) -> list[int]:
        """Number of the first piece, how many there are, and the checksum of all."""
        first = len(self.rows)
        for start in range(0, len(data), CHUNK):
            self.text(base64.b64encode(data[start : start + CHUNK]).decode())
        return [first, len(self.rows) - first, zlib.crc32(data)]


def head(key: str, version: int, product: str, facts: str) -> Row:
    """A row of the collection of heads, without what only a product's has."""
    counts = dict.fromkeys(("photos", "pieces", "more"), 0)
    checksum = zlib.crc32(facts.encode())
    return {"key": key, "version": version, "product": product, "facts": facts, "checksum": checksum} | {
        "terms": [],
        VECTOR: list(NOWHERE),
        **counts,
    }


def note(key: str, version: int, text: str) -> tuple[Row, list[Row]]:
    """The head and pieces of a note's JSON text."""
    parts = [text[start : start + FACTS] for start in range(0, len(text), FACTS)]
    pieces = _Pieces(key, version)
    for part in parts[1:]:
        pieces.text(part)
    more = {"pieces": len(pieces.rows), "more": len(pieces.rows), "checksum": zlib.crc32(text.encode())}
    return {**head(key, version, "", parts[0]), **more}, pieces.rows


def keys_of(row: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The keys of the photos and of the pieces that belong to a head."""
    owner, version = row["key"], row["version"]
    photos = [photo_key(owner, version, place) for place in range(row["photos"])]
    return photos, [piece_key(owner, version, place) for place in range(row["pieces"])]


def joined(pieces: Mapping[str, str], owner: str, version: int, told: Sequence[int]) -> bytes | None:
    """What `_Pieces.bytes` took apart; None where a piece is missing or damaged."""
    first, count, checksum = told
    texts = [pieces.get(piece_key(owner, version, place)) for place in range(first, first + count)]
    try:
        data = b"".join(base64.b64decode(text or "", validate=True) for text in texts)
    except ValueError:
        return None
    return data if zlib.crc32(data) == checksum else None


def facts_of(row: Mapping[str, Any], pieces: Mapping[str, str]) -> dict[str, Any]:
    """A head's facts, from its own text and those pieces that hold the rest.

    Raises:
        StoreError: They are damaged.
    """
    more = (pieces.get(piece_key(row["key"], row["version"], place), "") for place in range(row["more"]))
    text = row["facts"] + "".join(more)
    if zlib.crc32(text.encode()) != row["checksum"]:
        raise damaged(row)
    facts: dict[str, Any] = json.loads(text)
    return facts


def damaged(row: Mapping[str, Any]) -> StoreError:
    """The error of a head whose facts are not what was written."""
    return StoreError(
        f"the stored facts of {row['product'][:80]!r} are damaged; run `wearabouts check --repair`, then index again"
    )


def unpack(facts: Mapping[str, Any], photos: Sequence[PhotoRecord]) -> ProductRecord:
    """The record as it was packed."""
    own, written = dict(facts["product"]), {each.photo.id: each.photo for each in photos}
    listed = tuple(written[each] if isinstance(each, str) else catalog_photo(each) for each in own["photos"])
    return ProductRecord(Product(**{**own, "photos": listed}), tuple(photos))


def unpack_photo(plain: Mapping[str, Any], vector: Floats, thumbnail: bytes, beside: dict[str, bytes]) -> PhotoRecord:
    """One photo as it was packed, from its part of a product's facts."""
    own = {name: plain[name] for name in ("digest", "garment", "seen", "validators")}
    photo = catalog_photo(plain["photo"])
    return PhotoRecord(photo=photo, vector=vector, thumbnail=thumbnail, beside=beside, **own)


def vector_of(row: Mapping[str, Any]) -> Floats:
    """A row's vector: (D,) float32, bit for bit as it was written."""
    return np.asarray(row[VECTOR], np.float32)


def _facts(record: ProductRecord, garment: str) -> dict[str, Any]:
    """All of a product but vectors and bytes."""
    product, written = record.product, {each.photo.id: each.photo for each in record.photos}
    names = ("id", "title", "category", "garment", "brand", "price", "regular_price", "currency", "availability")
    plain = {name: getattr(product, name) for name in (*names, "link", "group")}
    plain["attributes"] = dict(product.attributes)
    plain["photos"] = [each.id if written.get(each.id) == each else plain_photo(each) for each in product.photos]
    photos = [
        {
            "photo": plain_photo(each.photo),
            "digest": each.digest,
            "garment": each.garment,
            "seen": dict(each.seen),
            "validators": dict(each.validators),
            "thumbnail": bool(each.thumbnail),
        }
        for each in record.photos
    ]
    return {"product": plain, "garment": garment, "photos": photos}


def texts_of(product: Mapping[str, Any], garment: str) -> dict[str, list[str]]:
    """Column → its texts in comparing form; attributes whose names fold together share a column."""
    told: dict[str, list[str]] = {}
    for name in COLUMNS:
        if name != "price":
            plain = normal(name, garment if name == "garment" else product[name])
            told[name] = [plain] if plain else []
    for name, text in product["attributes"].items():
        column = name.strip().casefold()
        if column not in COLUMNS and text.strip():
            told.setdefault(column, []).append(normal(column, text))
    return told


def _filled(record: ProductRecord, garment: str) -> list[str]:
    names = [name for name, texts in _texts(record, garment).items() if texts]
    return names if record.product.price is None else [*names, "price"]


def _texts(record: ProductRecord, garment: str) -> dict[str, list[str]]:
    product = record.product
    plain = {name: getattr(product, name) for name in COLUMNS}
    return texts_of({**plain, "attributes": product.attributes}, garment)


def _filterable(record: ProductRecord, garment: str, words: set[tuple[str, str]]) -> Iterator[tuple[str, Any]]:
    """The columns of a photo's row that filters ask, and the words they bring into the vocabulary."""
    product = record.product
    yield "garment", partition(garment)
    yield "price", 0.0 if product.price is None else float(product.price)
    yield from ((name, scalar(name, getattr(product, name))) for name in SCALARS)
    terms = {term("has", name) for name in _filled(record, garment)}
    for column, texts in _texts(record, garment).items():
        if column not in SCALARS:
            terms |= {term(column, text) for text in texts}
        if column not in COLUMNS:
            words.add(("column", column))
    terms |= {term("category", path) for path in prefixes(product.category)}
    words.add(("garment", normal("garment", garment)))
    if len(terms) > MAX_TERMS:
        raise StoreError(
            f"product {product.id[:80]!r} has {len(terms)} facts to filter by; at most {MAX_TERMS} are kept in Milvus; "
            "drop attributes"
        )
    yield "terms", sorted(terms)

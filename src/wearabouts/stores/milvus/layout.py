"""The three collections of a store, and how they are made.

    shop            one row a photo: its vector, and all that a filter may ask of its product
    shop_products   one row a product, its *head*: which writing of it is the present one, and all its facts; beside
                    them the store's own row, the heads of notes, and the vocabulary (columns, garments, evidence)
    shop_pieces     what does not fit into a row, in pieces: small copies, what a verifier keeps, long facts

Milvus asks for a vector in every collection; those of the companions are two zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from wearabouts.stores.milvus.address import Address
from wearabouts.stores.milvus.client import Connection
from wearabouts.stores.milvus.keys import KEY, SCALARS

FORMAT: Final = 1
TEXT: Final = 65_535  # bytes of the longest text of a field
ID: Final = 4_000  # bytes: 1,000 characters
MAX_TERMS: Final = 4_096
NOWHERE: Final = (0.0, 0.0)
VECTOR: Final = "vector"


def companions(collection: str) -> tuple[str, str, str]:
    """Photos, products, pieces."""
    return collection, f"{collection}_products", f"{collection}_pieces"


def create(connection: Connection, address: Address, dim: int) -> None:
    """Make the collections, photos last: while that one is missing, there is no store."""
    drop(connection, address)
    photos, products, pieces = companions(address.collection)
    flat = {"index_type": "FLAT", "metric_type": "IP", "params": {}}
    for name, fields in ((pieces, _pieces()), (products, _products())):
        connection.create(name, fields, flat, shards=1)
    connection.create(
        photos,
        _photos(dim),
        index_of(address),
        shards=address.shards,
        partition_key="garment",
        partitions=address.partitions,
    )


def drop(connection: Connection, address: Address) -> None:
    """Remove the collections, photos first."""
    for name in companions(address.collection):
        connection.drop(name)


def index_of(address: Address) -> dict[str, Any]:
    """The index of the vectors as Milvus calls it."""
    params = {
        "hnsw": {"M": address.m, "efConstruction": address.ef_construction},
        "ivf_flat": {"nlist": address.nlist},
        "flat": {},
    }[address.index]
    return {"index_type": address.index.upper(), "metric_type": "IP", "params": params}


Field = tuple[str, str, dict[str, Any]]


def _key() -> Iterator[Field]:
    yield "key", "VARCHAR", {"max_length": KEY, "is_primary": True}
    yield "version", "INT64", {}


def _products() -> Iterator[Field]:
    yield from _key()
    yield "product", "VARCHAR", {"max_length": ID}
    for name in ("photos", "pieces", "more", "checksum"):
        yield name, "INT64", {}
    yield "terms", "ARRAY", {"element_type": "INT64", "max_capacity": MAX_TERMS}
    yield "facts", "VARCHAR", {"max_length": TEXT}
    yield VECTOR, "FLOAT_VECTOR", {"dim": len(NOWHERE)}


def _pieces() -> Iterator[Field]:
    yield from _key()
    yield "owner", "VARCHAR", {"max_length": KEY}
    yield "data", "VARCHAR", {"max_length": TEXT}
    yield VECTOR, "FLOAT_VECTOR", {"dim": len(NOWHERE)}


def _photos(dim: int) -> Iterator[Field]:
    yield from _key()
    yield "owner", "VARCHAR", {"max_length": KEY}
    yield "product", "VARCHAR", {"max_length": ID}
    yield "photo", "VARCHAR", {"max_length": ID}
    yield "photo_term", "INT64", {}
    yield "digest_term", "INT64", {}
    yield "garment", "VARCHAR", {"max_length": 80}
    for name in SCALARS:
        yield name, "INT64", {}
    yield "price", "DOUBLE", {}
    yield "terms", "ARRAY", {"element_type": "INT64", "max_capacity": MAX_TERMS}
    yield "pieces", "VARCHAR", {"max_length": TEXT}
    yield VECTOR, "FLOAT_VECTOR", {"dim": dim}

"""The three collections of a store, and how they are made.

    shop            one row a photo: its vector, and all that a filter may ask of its product
    shop_products   one row a product, its *head*: which writing of it is the present one, and all its facts; beside
                    them the store's own row, the heads of notes, and the vocabulary (columns, garments, evidence)
    shop_pieces     what does not fit into a row, in pieces: small copies, what a verifier keeps, long facts

Milvus asks for a vector in every collection; those of the companions are two zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from wearabouts.errors import StoreError
from wearabouts.stores.milvus.address import Address
from wearabouts.stores.milvus.client import CALL, Connection, Row
from wearabouts.stores.milvus.keys import KEY, SCALARS

FORMAT: Final = 1
TEXT: Final = 65_535  # bytes of the longest text of a field
ID: Final = 4_000  # bytes: 1,000 characters
MAX_TERMS: Final = 4_096
SEALED: Final = 120.0  # seconds a flush may take
NOWHERE: Final = (0.0, 0.0)
VECTOR: Final = "vector"

Field = tuple[str, str, dict[str, Any]]  # name, type, options


def companions(collection: str) -> tuple[str, str, str]:
    """Photos, products, pieces."""
    return collection, f"{collection}_products", f"{collection}_pieces"


def is_there(connection: Connection) -> bool:
    """Whether there is a store: it is made and removed with the collection of its photos."""
    name = connection.address.collection
    return bool(connection.call("looking for the store", lambda client: client.has_collection(name, timeout=CALL)))


def require_ours(connection: Connection, *, whole: bool) -> None:
    """Refuse collections that bear a store's names and were made by somebody else: nothing of theirs is touched.

    Args:
        connection: To the server or file.
        whole: Refuse a store that lacks one of its collections, too.

    Raises:
        StoreError: One is not a store's, or missing.
    """
    text = connection.address.text
    names = companions(connection.address.collection)
    for name, fields in zip(names, (_photos(0), _products(), _pieces()), strict=True):
        found = connection.call("looking at the store", partial(_fields_of, name))
        if found is None and whole:
            raise StoreError(
                f"{text} lacks the collection {name}, so it is no whole store; restore it, or index again with "
                "--rebuild"
            )
        if found is not None and not found.issuperset(field for field, _, _ in fields):
            raise StoreError(
                f"{text}: the collection {name} was made by something else than Wearabouts; it is left as it is; give "
                "a collection of another name"
            )


def _fields_of(name: str, client: Any) -> set[str] | None:
    if not client.has_collection(name, timeout=CALL):
        return None
    return {field["name"] for field in client.describe_collection(name, timeout=CALL)["fields"]}


def create(connection: Connection, dim: int, own: Row) -> None:
    """Make the collections in place of any there are, photos last: while that one is missing, there is no store.

    Args:
        connection: To the server or file.
        dim: Floats per vector.
        own: The store's own row.
    """
    address = connection.address
    drop(connection)
    photos, products, pieces = companions(address.collection)
    flat = {"index_type": "FLAT", "metric_type": "IP", "params": {}}
    _make(connection, pieces, _pieces(), flat, {"num_shards": 1})
    _make(connection, products, _products(), flat, {"num_shards": 1})
    connection.upsert(products, [own])
    spread = {"num_shards": address.shards, "num_partitions": address.partitions}
    _make(connection, photos, _photos(dim), index_of(address), spread, partition_key_field="garment")


def drop(connection: Connection) -> None:
    """Remove the collections, photos first."""
    for name in companions(connection.address.collection):

        def dropped(client: Any, name: str = name) -> None:
            if client.has_collection(name, timeout=CALL):
                client.drop_collection(name, timeout=CALL)

        connection.call("emptying the store", dropped)


def load(connection: Connection) -> None:
    """Wait until the collections are in the server's memory.

    Raises:
        StoreError: One is not after minutes.
    """
    for name in companions(connection.address.collection):
        connection.wait("loading the store", partial(_is_loaded, connection, name))


def _is_loaded(connection: Connection, name: str, client: Any) -> bool:
    state = client.get_load_state(name, timeout=CALL)["state"].name
    if state == "NotLoad":  # just made, or released by whoever looks after the server
        # A server answers at once and goes on by itself; a file has loaded when it answers.
        later = {} if connection.address.lite else {"_async": True}
        client.load_collection(name, timeout=CALL, **later)
    return bool(state == "Loaded")


def flush(connection: Connection) -> None:
    """Seal the part of the photos' collection that still grows; only sealed parts get an index."""
    name = connection.address.collection
    connection.call("sealing what was written", lambda client: client.flush(name, timeout=SEALED))


def index_of(address: Address) -> dict[str, Any]:
    """The index of the vectors as Milvus calls it."""
    params = {
        "hnsw": {"M": address.m, "efConstruction": address.ef_construction},
        "ivf_flat": {"nlist": address.nlist},
        "flat": {},
    }[address.index]
    return {"index_type": address.index.upper(), "metric_type": "IP", "params": params}


def index_found(connection: Connection) -> dict[str, Any]:
    """The index of the vectors as the server has it."""
    name = connection.address.collection
    found = connection.call("looking at the index", lambda client: client.describe_index(name, VECTOR, timeout=CALL))
    return dict(found or {})


def _make(
    connection: Connection,
    name: str,
    fields: Iterator[Field],
    index: Mapping[str, Any],
    spread: Mapping[str, int],
    **options: Any,
) -> None:
    """Make a collection with an index on its vector, and begin to load it."""
    milvus = connection.package
    schema = milvus.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False, **options)
    for field, kind, facts in fields:
        given = {key: milvus.DataType[value] if key == "element_type" else value for key, value in facts.items()}
        schema.add_field(field, milvus.DataType[kind], **given)
    indexes = milvus.MilvusClient.prepare_index_params()
    indexes.add_index(field_name=VECTOR, index_name=VECTOR, **index)

    def made(client: Any) -> None:
        if not client.has_collection(name, timeout=CALL):
            client.create_collection(name, schema=schema, consistency_level="Session", timeout=CALL, **spread)
        client.create_index(name, indexes, sync=False, timeout=CALL)
        _is_loaded(connection, name, client)

    connection.call("making the store", made)


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

"""A store in plain data, for people and for `/readyz`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from wearabouts.stores.milvus.client import CALL
from wearabouts.stores.milvus.keys import slices, term
from wearabouts.stores.milvus.layout import FORMAT
from wearabouts.stores.milvus.packing import FULL
from wearabouts.stores.milvus.reading import Reader
from wearabouts.stores.where import COLUMNS

SAMPLED: Final = 500  # products looked into for the commonest values
COUNTED: Final = 100  # attributes that are counted
SHOWN: Final = 5  # values of a column

_WHY: Final[Mapping[str, str]] = {
    "FLAT": "as the address asks: comparing with every vector is exact",
    "HNSW": "as the address asks: a graph of neighbours, fast at millions; `exact` reads and compares everything",
    "IVF_FLAT": "as the address asks: lists of neighbours; `exact` goes through all of them",
}


def described(reader: Reader, meta: Mapping[str, Any], index: Mapping[str, Any], mode: str) -> dict[str, Any]:
    """Counts, columns, index.

    Args:
        reader: The store.
        meta: Its own row.
        index: What the server says of its index.
        mode: ``read`` or ``write``.
    """
    connection, address = reader.connection, reader.connection.address
    kind = str(index.get("index_type", "FLAT")).upper()
    words = sorted(reader.vocabulary())
    products = connection.count(reader.products, 'key like "p%"')
    garments = {name: _holding(reader, term("garment", name)) for group, name in words if group == "garment" and name}
    notes = connection.query(reader.products, 'key like "n%"', FULL)
    sample = _sample(reader, products)
    return {
        "kind": "milvus-lite" if address.lite else "milvus",
        "path": address.text,
        "mode": mode,
        "format": FORMAT,
        "encoder_hash": meta["encoder_hash"],
        "dim": meta["dim"],
        "created": meta["created"],
        "server": connection.version(),
        "consistency": address.consistency,
        "products": products,
        "photos": connection.count(reader.photos, 'key >= ""'),
        "beside": [name for group, name in words if group == "beside"],
        "notes": sorted(facts["name"] for facts in reader.facts(notes)),
        "garments": dict(sorted(((k, v) for k, v in garments.items() if v), key=lambda item: (-item[1], item[0]))),
        "columns": list(_columns(reader, [name for group, name in words if group == "column"], sample)),
        "index": {"kind": kind.lower(), "why": _WHY.get(kind, ""), "timeout": CALL},
    }


def _holding(reader: Reader, wanted: int) -> int:
    return reader.connection.count(reader.products, f"array_contains(terms, {wanted})")


def _sample(reader: Reader, products: int) -> list[dict[str, Any]]:
    """The facts of some products: keys are digests, so those of one part are as good as chosen by chance."""
    if not products:
        return []
    part = next(iter(slices(products, SAMPLED, "p")))
    return reader.facts(reader.connection.query(reader.products, part, FULL))


def _columns(reader: Reader, attributes: Sequence[str], sample: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for name in (*COLUMNS, *attributes[:COUNTED]):
        filled = _holding(reader, term("has", name))
        if name == "price":
            prices = [each["product"]["price"] for each in sample if each["product"]["price"] is not None]
            ends = [min(prices), max(prices)] if prices else []
            yield {"name": name, "kind": "number", "filled": filled, "range": ends}
            continue
        values = Counter(text for each in sample for text in _values(each, name))
        shown = [text for text, _ in values.most_common(SHOWN)]
        yield {"name": name, "kind": "path" if name == "category" else "text", "filled": filled, "values": shown}


def _values(facts: Mapping[str, Any], column: str) -> list[str]:
    product = facts["product"]
    if column in COLUMNS:
        text = facts["garment"] if column == "garment" else product[column]
        return [text] if text else []
    return [text for name, text in product["attributes"].items() if name.strip().casefold() == column and text.strip()]

"""The rows of the truth as they stream by, in order of number, a part at a time: damaged ones cost only themselves."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from wearabouts.stores.embedded.truth.rows import vector_sum
from wearabouts.stores.where import TEXT_COLUMNS

PART: Final = 512  # rows read at once: a few milliseconds, after which a rebuild in the background may rest
_FACTS: Final = ("number", "id", *(name for name in TEXT_COLUMNS if name != "id"), "price", "attributes")
_QUOTED: Final = ", ".join(f'"{name}"' for name in _FACTS)
_PRODUCTS: Final = f"SELECT {_QUOTED} FROM products WHERE number > ? ORDER BY number LIMIT {PART}"  # noqa: S608 - ours
_ADDED: Final = f"""SELECT photos.number, photos.id, photos.product, photos.vector_sum, vectors.data
    FROM photos LEFT JOIN vectors ON vectors.photo = photos.number WHERE photos.number > ?
    ORDER BY photos.number LIMIT {PART}"""  # noqa: S608 - our own number
_TYPES: Final = (str, int, bytes)  # a flipped bit may give a value another type

Added = tuple[int, str, int, int, bytes]  # number, id, number of the product, checksum, vector


def products(connection: sqlite3.Connection, after: int) -> Iterator[tuple[list[str], list[dict[str, Any]]]]:
    """All products beyond a number, a part at a time: their ids, and what one can filter by of those not damaged."""
    while found := lenient(connection, _PRODUCTS, after):
        yield [row[1] for row in found if isinstance(row[1], str)], list(_facts(found))
        after = found[-1][0]


def photos(connection: sqlite3.Connection, dim: int, after: int) -> Iterator[list[Added]]:
    """All photos beyond a number with a sound vector, a part at a time."""
    while found := lenient(connection, _ADDED, after):
        size = 4 * dim
        sound = [
            row
            for row in found
            if (type(row[1]), type(row[2]), type(row[4])) == _TYPES
            and len(row[4]) == size
            and vector_sum(row[4]) == row[3]
        ]
        finite = np.isfinite(np.frombuffer(b"".join([row[4] for row in sound]), "<f4").reshape(-1, dim)).all(axis=1)
        yield sound if finite.all() else [row for row, keep in zip(sound, finite.tolist(), strict=True) if keep]
        after = found[-1][0]


def lenient(connection: sqlite3.Connection, question: str, *values: str | int) -> list[tuple[Any, ...]]:
    """All rows of a question; text that a flipped bit has made unreadable comes back mangled, and costs only itself."""
    try:
        return connection.execute(question, values).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        return connection.execute(question, values).fetchall()
    finally:
        connection.text_factory = str


def _facts(rows: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        facts = dict(zip(_FACTS, row, strict=True))
        if set(map(type, row[1:-2])) != {str}:
            continue
        facts["attributes"] = _attributes(facts["attributes"])
        if not isinstance(facts["price"], float):
            facts["price"] = None
        yield facts


@lru_cache(maxsize=4_096)  # many products of a shop have the same few attributes
def _attributes(packed: Any) -> Mapping[str, str]:
    try:
        return {name: text for name, text in json.loads(packed).items() if isinstance(text, str)}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}

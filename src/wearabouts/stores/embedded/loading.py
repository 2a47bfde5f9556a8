"""From the truth to what is searched: a first reading, and the replay of what came since.

A damaged row costs itself alone: it is left out here and named by `check`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from wearabouts.stores.embedded.columns import TEXT_COLUMNS
from wearabouts.stores.embedded.derived import Base, Numbers, newest, no_base
from wearabouts.stores.embedded.rows import unpack_vector, vector_sum
from wearabouts.stores.embedded.schema import Meta
from wearabouts.stores.embedded.view import Rows, View

_FACTS: Final = ("number", "id", *(name for name in TEXT_COLUMNS if name != "id"), "price", "attributes")
_QUOTED: Final = ", ".join(f'"{name}"' for name in _FACTS)
_PRODUCTS: Final = f"SELECT {_QUOTED} FROM products WHERE number > ? ORDER BY number"  # noqa: S608 - our own names
_PHOTOS: Final = "SELECT number, id, product, vector_sum FROM photos WHERE number > ? ORDER BY number"
_ADDED: Final = """SELECT photos.number, photos.id, photos.product, photos.vector_sum, vectors.data
    FROM photos LEFT JOIN vectors ON vectors.photo = photos.number WHERE photos.number > ? ORDER BY photos.number"""


def load(connection: sqlite3.Connection, meta: Meta, folder: Path, *, trust_base: bool = True) -> View:
    """Read everything, inside the caller's read transaction.

    Args:
        connection: An open database.
        meta: Its own row, read in the same transaction.
        folder: The store's `derived` folder.
        trust_base: Use a derived base where there is a sound one; else all vectors come from the truth.
    """
    base = no_base(meta.dim)
    if trust_base:
        base = newest(folder, dim=meta.dim, encoder_hash=meta.encoder_hash, sequence=meta.sequence)
    rows = Rows(base)
    numbers, slots = _add_products(rows, lenient(connection, _PRODUCTS, -1))
    slot_of_number = dict(zip(numbers, slots, strict=True))
    photos = [row for row in lenient(connection, _PHOTOS, -1) if _is_photo(row) and row[2] in slot_of_number]
    taken = _base_rows(base, photos)
    ids: list[str | None] = [None] * len(base.numbers)
    places = [-1] * len(base.numbers)
    rest: list[tuple[Any, ...]] = []
    for photo, row in zip(photos, taken, strict=True):
        if row < 0:
            rest.append(photo)
        else:
            ids[row], places[row] = photo[1], slot_of_number[photo[2]]
    rows.add_photos(ids, places)
    _add_missing(rows, connection, rest, slot_of_number, meta.dim)
    alive = rows.slots.filled() >= 0
    return View.of(rows, meta.sequence, alive, np.ones(len(rows.product_ids), np.bool_))


def replay(connection: sqlite3.Connection, meta: Meta, view: View) -> View:
    """Bring a view up to date, inside the caller's read transaction; only one thread at a time may do so.

    Args:
        connection: An open database.
        meta: Its own row, read in the same transaction; `replay_from` must not be beyond the view.
        view: The newest view.
    """
    rows = view.rows
    gone = [ident for (ident,) in lenient(connection, "SELECT id FROM removals WHERE number > ?", view.sequence)]
    facts = list(_facts(lenient(connection, _PRODUCTS, view.sequence)))
    buried = [rows.drop_product(ident) for ident in [*gone, *(each["id"] for each in facts)]]
    slots = rows.add_products(facts)
    slot_of_number = {each["number"]: slot for each, slot in zip(facts, slots, strict=True)}
    added = [
        (number, ident, slot_of_number[product], vector)
        for number, ident, product, total, data in lenient(connection, _ADDED, view.sequence)
        if product in slot_of_number and (vector := _sound(data, total, meta.dim)) is not None
    ]
    _append(rows, added)
    alive = np.concatenate([view.alive, np.ones(len(rows.photo_ids) - len(view.alive), np.bool_)])
    present = np.concatenate([view.present, np.ones(len(rows.product_ids) - len(view.present), np.bool_)])
    for slot, dead in filter(None, buried):
        present[slot] = False
        alive[dead] = False
    return View.of(rows, meta.sequence, alive, present)


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


def _add_products(rows: Rows, found: Iterable[Sequence[Any]]) -> tuple[list[int], list[int]]:
    facts = list(_facts(found))
    return [each["number"] for each in facts], rows.add_products(facts)


def _is_photo(row: Sequence[Any]) -> bool:
    return isinstance(row[1], str) and isinstance(row[3], int)


def _base_rows(base: Base, photos: Sequence[Sequence[Any]]) -> list[int]:
    """The base's row of each photo, -1 where it has none: number and checksum of the vector must both agree."""
    numbers = np.fromiter((photo[0] for photo in photos), np.int64, len(photos))
    sums = np.fromiter((photo[3] for photo in photos), np.int64, len(photos))
    if not len(base.numbers):
        return [-1] * len(photos)
    at = np.minimum(np.searchsorted(base.numbers, numbers), len(base.numbers) - 1)
    same = (base.numbers[at] == numbers) & (base.sums[at] == sums)
    found: list[int] = np.where(same, at, -1).tolist()
    return found


def _add_missing(
    rows: Rows,
    connection: sqlite3.Connection,
    photos: Sequence[Sequence[Any]],
    slot_of_number: dict[int, int],
    dim: int,
) -> None:
    """Read the vectors that the base has not got: mostly the newest, so one pass from the oldest of them on."""
    if not photos:
        return
    wanted = {photo[0]: photo for photo in photos}
    added = []
    for number, data in connection.execute(
        "SELECT photo, data FROM vectors WHERE photo >= ? ORDER BY photo", (photos[0][0],)
    ):
        photo = wanted.get(number)
        if photo is not None and (vector := _sound(data, photo[3], dim)) is not None:
            added.append((number, photo[1], slot_of_number[photo[2]], vector))
    _append(rows, added)


def _sound(data: Any, total: Any, dim: int) -> Any:
    """The vector where its checksum agrees, else None."""
    return unpack_vector(data, dim) if isinstance(data, bytes) and vector_sum(data) == total else None


def _append(rows: Rows, added: Sequence[tuple[int, str, int, Any]]) -> None:
    if added:
        numbers, ids, slots, vectors = zip(*added, strict=True)
        rows.numbers.extend(numbers)
        rows.delta.extend(np.stack(vectors))
        rows.add_photos(ids, slots)


def base_rows(connection: sqlite3.Connection, dim: int) -> tuple[Numbers, Numbers, Iterator[bytes]]:
    """What the next base is made of: numbers, checksums and, one by one, the vectors of all sound photos."""
    found = [
        (number, total)
        for number, total, data in connection.execute(
            """SELECT photos.number, vector_sum, vectors.data FROM photos JOIN vectors ON photo = photos.number
            ORDER BY photos.number"""
        )
        if _sound(data, total, dim) is not None
    ]
    table = np.asarray(found, np.int64).reshape(-1, 2)
    numbers = table[:, 0].copy()
    kept = set(numbers.tolist())
    rows = connection.execute("SELECT photo, data FROM vectors ORDER BY photo")
    return numbers, table[:, 1].copy(), (data for number, data in rows if number in kept)

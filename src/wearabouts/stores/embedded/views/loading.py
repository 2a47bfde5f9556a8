"""From the truth to what is searched: the newest sound base, and the replay of what came since.

Nothing of what the base holds is read from SQLite. A damaged row costs itself alone: it is left out here and named by
`check`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from wearabouts.stores.embedded.generations.derived import newest
from wearabouts.stores.embedded.generations.filtering import Mask
from wearabouts.stores.embedded.generations.generation import Base, no_base
from wearabouts.stores.embedded.truth.schema import Meta, knows_era
from wearabouts.stores.embedded.truth.streaming import lenient, photos, products
from wearabouts.stores.embedded.views.view import Rows, View

_REMOVED: Final = "SELECT id FROM removals WHERE number > ?"


def unhindered() -> None:
    """Nobody wants a rest."""


def load(
    connection: sqlite3.Connection,
    meta: Meta,
    folder: Path,
    *,
    trust_base: bool = True,
    without: Collection[Path] = (),
    damaged: Callable[[Path, str], None] = lambda path, reason: None,
    between: Callable[[], None] = unhindered,
) -> View:
    """The view of everything, inside the caller's read transaction.

    Args:
        connection: An open database.
        meta: Its own row, read in the same transaction.
        folder: The store's `derived` folder.
        trust_base: Use a derived base where there is a sound one; else all comes from the truth.
        without: Bases known to be damaged.
        damaged: Told of each base that cannot be opened because it is, and how.
        between: Called after every few hundred rows; may sleep, or raise to stop.

    Raises:
        Damaged: The base was found to be damaged; leave it out.
        StoreError: The process has too many files open.
    """
    base = no_base(meta.dim)
    if trust_base:
        base = newest(
            folder,
            dim=meta.dim,
            encoder_hash=meta.encoder_hash,
            fits=lambda era, sequence: knows_era(connection, era, sequence),
            without=without,
            damaged=damaged,
        )
    rows = Rows(base)
    alive, present = np.ones(len(base), np.bool_), np.ones(base.products, np.bool_)
    if base.path is None:
        return _replayed(connection, meta, View.of(rows, -1, alive, present), [], between)
    if base.sequence < meta.replay_from:  # what was removed since is in no log: whatever is gone was removed
        alive, present = _living(connection, base)
    return replay(connection, meta, View.of(rows, base.sequence, alive, present), between)


def replay(connection: sqlite3.Connection, meta: Meta, view: View, between: Callable[[], None] = unhindered) -> View:
    """Bring a view up to date, inside the caller's read transaction; only one thread at a time may do so.

    Args:
        connection: An open database.
        meta: Its own row, read in the same transaction; `replay_from` must not be beyond the view.
        view: The newest view.
        between: As of `load`.

    Raises:
        Damaged: The base was found to be damaged; load anew without it.
    """
    gone = [ident for (ident,) in lenient(connection, _REMOVED, view.sequence)]
    return _replayed(connection, meta, view, gone, between)


def _replayed(
    connection: sqlite3.Connection, meta: Meta, view: View, gone: Sequence[str], between: Callable[[], None]
) -> View:
    rows = view.rows
    dead_slots, dead_rows = rows.drop_products(gone) if gone else ([], [])
    slot_of_number: dict[int, int] = {}
    for ids, part in products(connection, view.sequence):
        slots, buried = rows.drop_products(ids)
        dead_slots += slots
        dead_rows += buried
        slot_of_number.update(zip((each["number"] for each in part), rows.add_products(part), strict=True))
        between()
    for found in photos(connection, meta.dim, view.sequence):
        kept = [each for each in found if each[2] in slot_of_number]
        if kept:
            numbers, names, owners, _, data = zip(*kept, strict=True)
            vectors = np.frombuffer(b"".join(data), "<f4").reshape(len(kept), meta.dim)
            rows.add_photos(names, [slot_of_number[owner] for owner in owners], numbers, vectors)
        between()
    alive = np.concatenate([view.alive, np.ones(rows.count - len(view.alive), np.bool_)])
    present = np.concatenate([view.present, np.ones(rows.products - len(view.present), np.bool_)])
    present[dead_slots] = False
    alive[dead_rows] = False
    return View.of(rows, meta.sequence, alive, present)


def _living(connection: sqlite3.Connection, base: Base) -> tuple[Mask, Mask]:
    """Which rows and slots of a base the truth still has; numbers are never given twice, so the same number lives."""
    alive, present = np.zeros(len(base), np.bool_), np.zeros(base.products, np.bool_)
    for question, name, mask in (
        ("SELECT number FROM photos", "numbers", alive),
        ("SELECT number FROM products", "products/numbers", present),
    ):
        known = base.segment.whole(name)
        cursor = connection.execute(question)
        while len(known) and (part := cursor.fetchmany(2**16)):
            numbers = np.asarray(part, np.int64)[:, 0]
            at = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
            places = at[known[at] == numbers]
            mask[base.rows(places) if mask is alive else places] = True
    return alive, present

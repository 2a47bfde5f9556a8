"""Verifying a store against itself, and mending what can be mended without the feed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wearabouts.stores import Finding
from wearabouts.stores.embedded import beside, eras, notes
from wearabouts.stores.embedded.comparing import base_differences, view_differences
from wearabouts.stores.embedded.derived import TEMPORARY, fault, generations, newest, temporary
from wearabouts.stores.embedded.lock import acknowledged, writing
from wearabouts.stores.embedded.schema import ACKNOWLEDGED, DERIVED, LOCK, Meta, knows_era, read_meta
from wearabouts.stores.embedded.segment import Damaged
from wearabouts.stores.embedded.truth import Progress, damages, unwatched
from wearabouts.stores.embedded.view import View

MAX_LINES: Final = 100  # of SQLite's own report


def findings(
    folder: Path, connection: sqlite3.Connection, view: View, *, quick: bool = False, progress: Progress = unwatched
) -> list[Finding]:
    """Everything that is wrong with a store.

    Args:
        folder: The store's folder.
        connection: In a read transaction.
        view: What searches look at.
        quick: Verify structure and checksums, without comparing what is derived with the truth row by row.
        progress: Told how far the reading is.
    """
    meta = read_meta(connection, folder)
    found = _sound_truth(connection, meta, progress)
    noted = acknowledged(folder / ACKNOWLEDGED)
    if noted > meta.sequence:
        detail = (
            f"ends at number {meta.sequence}, but {noted} was acknowledged: writes were lost; repair, then index again"
        )
        found.append(Finding("lost", "store.db", detail, True))
    found += _collected(_derived(folder / DERIVED, connection, meta))
    if view.sequence == meta.sequence and not quick:
        found += _collected(_view(connection, view))
    return found


def of_truth(connection: sqlite3.Connection, path: Path, progress: Progress = unwatched) -> list[Finding]:
    """Everything that is wrong with a database alone, such as the one in a backup; in a read transaction."""
    return _sound_truth(connection, read_meta(connection, path), progress)


def _sound_truth(connection: sqlite3.Connection, meta: Meta, progress: Progress) -> list[Finding]:
    progress("structure", 0, None)
    found = _collected(_structure(connection))
    for step in damages(connection, meta, progress):
        found += _collected(each.finding() for each in step)
    for module in (beside, notes, eras):
        found += _collected(module.findings(connection))
    return found


def _collected(step: Iterator[Finding]) -> list[Finding]:
    """What a step finds, and the damage that stops it: as a finding too, so that the other steps go on."""
    found = []
    try:
        for each in step:
            found.append(each)
    except sqlite3.DatabaseError as error:
        detail = f"cannot be read to its end ({' '.join(str(error).split())[:200]}); restore a copy, or index again"
        found.append(Finding("database", "store.db", detail, False))
    return found


def _structure(connection: sqlite3.Connection) -> Iterator[Finding]:
    for (line,) in connection.execute(f"PRAGMA integrity_check({MAX_LINES})"):
        if line != "ok":
            yield Finding("database", "store.db", str(line), _is_index(str(line)))
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield Finding("reference", f"{table} {row}", f"belongs to a row of {parent} that is not there", True)


def _is_index(line: str) -> bool:
    return "missing from index" in line or "wrong # of entries in index" in line


def _derived(folder: Path, connection: sqlite3.Connection, meta: Meta) -> Iterator[Finding]:
    drafting = writing(folder.parent / LOCK)
    for path in temporary(folder):
        if drafting is not None and path.name.endswith(f".{drafting}{TEMPORARY}"):
            continue  # the next base, which is just being made
        yield Finding("temporary", path.name, "was left by a process that was killed; repair removes it", True)
    for _, path in generations(folder):
        reason = fault(path)
        if reason:
            yield Finding("derived", path.name, f"cannot be used: {reason}; repair makes it anew", True)
    base = newest(
        folder,
        dim=meta.dim,
        encoder_hash=meta.encoder_hash,
        fits=lambda era, sequence: knows_era(connection, era, sequence),
    )
    if base.path is None:
        if generations(folder) and not any(fault(path) for _, path in generations(folder)):
            yield Finding("derived", folder.name, "belongs to another store or encoder; repair makes it anew", True)
        return
    try:
        for number, detail in base_differences(connection, base):
            yield Finding("derived", base.path.name, f"photo number {number}: {detail}; repair makes it anew", True)
    except Damaged:
        pass  # named above


def _view(connection: sqlite3.Connection, view: View) -> Iterator[Finding]:
    """What searches look at, against the truth: ids and vectors of every living row."""
    try:
        for ident, detail in view_differences(connection, view):
            yield Finding("search", f"photo {ident}", detail, True)
    except Damaged:
        pass  # named with the other derived files

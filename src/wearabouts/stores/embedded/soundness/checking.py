"""Verifying a store against itself, and mending what can be mended without the feed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wearabouts.stores import Finding
from wearabouts.stores.embedded.generations.derived import TEMPORARY, fault, generations, newest, temporary
from wearabouts.stores.embedded.generations.generation import Base
from wearabouts.stores.embedded.generations.segment import Damaged
from wearabouts.stores.embedded.soundness.comparing import base_differences, view_differences
from wearabouts.stores.embedded.soundness.comparing_products import product_differences, table_faults
from wearabouts.stores.embedded.truth import beside, eras, notes
from wearabouts.stores.embedded.truth.lock import acknowledged, writing
from wearabouts.stores.embedded.truth.schema import ACKNOWLEDGED, DERIVED, LOCK, Meta, knows_era, read_meta
from wearabouts.stores.embedded.truth.walking import Damage, Progress, damages, unwatched
from wearabouts.stores.embedded.views.view import View

MAX_LINES: Final = 100  # of SQLite's own report
MAX_DIFFERENCES: Final = 1_000  # of a base, which is made anew as a whole


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
    doomed: set[tuple[str, int]] = set()
    found = _sound_truth(connection, meta, progress, doomed)
    noted = acknowledged(folder / ACKNOWLEDGED)
    if noted > meta.sequence:
        detail = (
            f"ends at number {meta.sequence}, but {noted} was acknowledged: writes were lost; repair, then index again"
        )
        found.append(Finding("lost", "store.db", detail, True))
    found += _collected(_derived(folder / DERIVED, connection, meta))
    if not quick:
        progress("index", 0, None)
        found += _collected(_base(folder / DERIVED, connection, meta, doomed))
    if view.sequence == meta.sequence and not quick:
        found += _collected(_view(connection, view))
    return found


def of_truth(connection: sqlite3.Connection, path: Path, progress: Progress = unwatched) -> list[Finding]:
    """Everything that is wrong with a database alone, such as the one in a backup; in a read transaction."""
    return _sound_truth(connection, read_meta(connection, path), progress, set())


def _sound_truth(
    connection: sqlite3.Connection, meta: Meta, progress: Progress, doomed: set[tuple[str, int]]
) -> list[Finding]:
    """What is wrong with the rows; `doomed` gets the table and number of each row that cannot be trusted."""
    progress("structure", 0, None)
    found = _collected(_structure(connection))
    for step in damages(connection, meta, progress):
        found += _collected(each.finding() for each in _noted(step, doomed))
    for module in (beside, notes, eras):
        found += _collected(module.findings(connection))
    return found


def _noted(step: Iterator[Damage], doomed: set[tuple[str, int]]) -> Iterator[Damage]:
    for each in step:
        doomed.add((each.table, each.key))
        yield each


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


def of_files(folder: Path) -> list[Finding]:
    """What is wrong with the files of a `derived` folder alone."""
    return list(_files(folder))


def _files(folder: Path) -> Iterator[Finding]:
    drafting = writing(folder.parent / LOCK)
    for path in temporary(folder):
        if drafting is not None and path.name.endswith(f".{drafting}{TEMPORARY}"):
            continue  # the next base, which is just being made
        yield Finding("temporary", path.name, "was left by a process that was killed; repair removes it", True)
    for _, path in generations(folder):
        reason = fault(path)
        if reason:
            yield Finding("derived", path.name, f"cannot be used: {reason}; repair makes it anew", True)


def _derived(folder: Path, connection: sqlite3.Connection, meta: Meta) -> Iterator[Finding]:
    found = of_files(folder)
    yield from found
    sound = generations(folder) and not any(each.kind == "derived" for each in found)
    if sound and _newest(folder, connection, meta).path is None:
        yield Finding("derived", folder.name, "belongs to another store or encoder; repair makes it anew", True)


def _newest(folder: Path, connection: sqlite3.Connection, meta: Meta) -> Base:
    return newest(
        folder,
        dim=meta.dim,
        encoder_hash=meta.encoder_hash,
        fits=lambda era, sequence: knows_era(connection, era, sequence),
    )


def _base(folder: Path, connection: sqlite3.Connection, meta: Meta, doomed: set[tuple[str, int]]) -> Iterator[Finding]:
    """The base in use against the truth, but for rows that the truth itself has damaged."""
    base = _newest(folder, connection, meta)
    if base.path is None:
        return
    cure = "repair makes it anew"
    try:
        for detail in table_faults(base):
            yield Finding("derived", base.path.name, f"{detail}; {cure}", True)
        told = 0
        for table, kind, differences in (
            ("products", "product", product_differences(connection, base)),
            ("photos", "photo", base_differences(connection, base)),
        ):
            for number, detail in differences:
                if (table, number) not in doomed and told < MAX_DIFFERENCES:
                    told += 1
                    yield Finding("derived", base.path.name, f"{kind} number {number}: {detail}; {cure}", True)
    except Damaged:
        pass  # named with the files


def _view(connection: sqlite3.Connection, view: View) -> Iterator[Finding]:
    """What searches look at, against the truth: ids and vectors of every living row."""
    try:
        for ident, detail in view_differences(connection, view):
            yield Finding("search", f"photo {ident}", detail, True)
    except Damaged:
        pass  # named with the other derived files

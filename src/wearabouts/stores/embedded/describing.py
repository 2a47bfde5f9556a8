"""A store in plain data, for people and for `/readyz`."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from wearabouts.stores.embedded import beside, notes
from wearabouts.stores.embedded.lock import holder
from wearabouts.stores.embedded.schema import DATABASE, DERIVED, LOCK, layout, read_meta
from wearabouts.stores.embedded.view import View


def described(folder: Path, connection: sqlite3.Connection, view: View, mode: str) -> dict[str, Any]:
    """Counts, sizes, columns, index.

    Args:
        folder: The store's folder.
        connection: In a read transaction.
        view: What searches look at.
        mode: ``read`` or ``write``.
    """
    meta = read_meta(connection, folder)
    garments, codes = view.columns.texts["garment"], view.columns.texts["garment"].codes[view.present]
    counts = np.bincount(codes, minlength=len(garments.words.texts))
    named = {garments.words.shown[code]: int(count) for code, count in enumerate(counts) if count}
    thumbnails = connection.execute("SELECT count(*) FROM thumbnails").fetchone()[0]
    return {
        "kind": "embedded",
        "path": str(folder),
        "mode": mode,
        "format": layout(connection),
        "encoder_hash": meta.encoder_hash,
        "dim": meta.dim,
        "created": meta.created,
        "sequence": meta.sequence,
        "products": int(view.present.sum()),
        "photos": int(view.alive.sum()),
        "thumbnails": thumbnails,
        "beside": beside.described(connection),
        "notes": notes.names(connection),
        "garments": dict(sorted(named.items(), key=lambda item: (-item[1], item[0]))),
        "columns": view.columns.sampled(view.present),
        "index": _index(view),
        "bytes": dict(_sizes(folder)),
        "writer": holder(folder / LOCK) or None,
    }


def _index(view: View) -> dict[str, Any]:
    base = view.rows.base
    size = len(base.numbers)
    alive = int(view.alive.sum())
    return {
        "kind": "exact",
        "why": f"{alive} photos: comparing with every one of them is exact, and fast enough at this size",
        "generation": base.generation,
        "base": size,
        "delta": len(view.vectors),
        "buried": len(view.alive) - alive,
    }


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Bytes on the disk, by file; the write-ahead log counts with the database."""
    total = 0
    for name, parts in {
        DATABASE: [DATABASE, DATABASE + "-wal", DATABASE + "-shm"],
        DERIVED: [f"{DERIVED}/{name}" for name in _listed(folder / DERIVED)],
    }.items():
        size = 0
        for part in parts:
            with suppress(OSError):
                size += os.lstat(folder / part).st_size
        total += size
        yield name, size
    yield "total", total


def _listed(folder: Path) -> list[str]:
    with suppress(OSError):
        return os.listdir(folder)
    return []

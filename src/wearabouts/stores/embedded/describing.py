"""A store in plain data, for people and for `/readyz`."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from wearabouts.stores.embedded.truth import beside, notes
from wearabouts.stores.embedded.truth.lock import holder
from wearabouts.stores.embedded.truth.schema import DATABASE, DERIVED, LOCK, layout, read_meta
from wearabouts.stores.embedded.views.view import View


def described(folder: Path, connection: sqlite3.Connection, view: View, mode: str) -> dict[str, Any]:
    """Counts, sizes, columns, index.

    Args:
        folder: The store's folder.
        connection: In a read transaction.
        view: What searches look at.
        mode: ``read`` or ``write``.
    """
    meta = read_meta(connection, folder)
    named = view.columns.counts("garment", view.present)
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
    base = view.base
    alive = int(view.alive.sum())
    why = f"{alive} photos: comparing with every one of them is exact, and fast enough at this size"
    told = base.index.describe() | {"why": base.facts["index"]["why"] or why}
    return told | {
        "generation": base.generation,
        "base": len(base),
        "delta": len(view.vectors),
        "buried": len(view.alive) - alive,
        "proven": round(base.segment.proven, 4),
        "bytes": _held(view),
    }


def _held(view: View) -> dict[str, int | float | None]:
    """What searching takes: bytes mapped, of those in memory just now, and bytes of this process alone; by vector."""
    mapped = 0
    if view.base.path is not None:
        with suppress(OSError):
            mapped = os.stat(view.base.path).st_size
    own = view.vectors.nbytes + view.numbers.nbytes + view.slots.nbytes + view.alive.nbytes + view.present.nbytes
    resident = None if view.base.path is None else _resident(str(view.base.path.absolute()))
    count = max(1, len(view.alive))
    held: dict[str, int | float | None] = {"mapped": mapped, "resident": resident, "own": own}
    held["mapped_per_vector"] = round(mapped / count, 1)
    held["resident_per_vector"] = None if resident is None else round((resident + own) / count, 1)
    return held


def _resident(path: str) -> int | None:
    """Bytes of a mapped file that lie in memory, or None where the system does not say."""
    found, inside = 0, False
    try:
        with open("/proc/self/smaps", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line[:1] in "0123456789abcdef":
                    inside = line.rstrip("\n").endswith(path)
                elif inside and line.startswith("Rss:"):
                    found += 1024 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return found


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

"""The format zoo: one small shop as each format of the store kept it, as SQL text in `zoo/`, and what it must answer.

The files were written by releases of those formats and are never to be changed: a new format adds one. With the
release that brings it, `python -m stores.animals N` writes `zoo/format-N.sql`.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import numpy as np

from stores.oracle import DIM, HASH, Shop, photo_record, product_record

ZOO = Path(__file__).parent / "zoo"
FORMATS = (1, 2, 3)
WITH_MORE = 2  # the first format that keeps notes, and values beside photos
NOTE = {"labels": 300, "on": "own labels"}
APPLICATION = 0x57454152


def vector_of(name):
    """A unit vector that is the same on every machine and under every release of numpy."""
    raw = np.frombuffer(hashlib.shake_128(name.encode()).digest(DIM), np.uint8).astype(np.float64) - 127.5
    return (raw / np.sqrt((raw * raw).sum())).astype(np.float32)


def shop(form):
    """What stands in the store of a format: two photos a product, the last product with one."""
    found = Shop()
    for number in range(13):
        photos = []
        for view in range(2 if number < 12 else 1):
            name = f"{number}/{view}"
            more = {"beside": {"evidence": name.encode() * 3}} if form >= WITH_MORE and view else {}
            small = b"jpeg" + name.encode()
            photos.append(photo_record(name, vector_of(name), garment="dress", thumbnail=small, **more))
        facts = {"title": f"Number {number}", "price": float(number), "attributes": {"color": "blue, 蓝"}}
        found.upsert([product_record(f"p{number:02}", photos, **facts)])
    return found


def open_cage(form, folder):
    """A store of a format in a new folder, laid out from its SQL text, with the derived files of its time."""
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / "store.db", isolation_level=None)
    connection.executescript("PRAGMA page_size=8192; PRAGMA journal_mode=WAL;")
    connection.executescript((ZOO / f"format-{form}.sql").read_text("utf-8"))
    connection.close()
    (folder / "derived").mkdir()
    for each in ZOO.glob(f"format-{form}.base-*"):
        shutil.copy(each, folder / "derived" / each.name.partition(".")[2])
    return folder


def catch(form):
    """Write the zoo's file of the release in use: for the one time when a format is new."""
    from wearabouts.stores import open_store

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "store"
        store = open_store(folder, mode="write", encoder_hash=HASH, dim=DIM)
        records = list(shop(form).records.values())
        store.upsert([product_record("gone", [photo_record("gone", vector_of("gone"))]), *records[:7]])
        store.delete(["gone"])
        store.close()
        store = open_store(folder, mode="write")
        store.upsert(records[5:])
        if form >= WITH_MORE:
            store.write_note("calibration", NOTE)
        store.check(repair=True)
        store.close()
        connection = sqlite3.connect(folder / "store.db")
        lines = list(connection.iterdump())
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.close()
        assert version == form
        settings = [f"PRAGMA application_id={APPLICATION};", f"PRAGMA user_version={form};"]
        (ZOO / f"format-{form}.sql").write_text("\n".join([*lines, *settings]) + "\n", "utf-8")
        for base in (folder / "derived").glob("base-*"):
            shutil.copy(base, ZOO / f"format-{form}.{base.name}")


if __name__ == "__main__":
    catch(int(sys.argv[1]))

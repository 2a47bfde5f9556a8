"""Indexing: a folder of JPEGs on disk until it can be searched, photos a second, beside a plain loop."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

import plain
from measure import OURS, Result, Work, interleaved, rates
from stage import Stage
from wearabouts.embedding import index
from wearabouts.readers import open_catalog
from wearabouts.stores import open_store

BASELINE = "plain loop"
BARE = f"{OURS}, no thumbnails"
AGAIN = f"{OURS}, run again"


def run(stage: Stage) -> Result:
    """Measure a first run with and without thumbnails, and a second one that finds nothing new."""
    folder, files = stage.folder / "photos", stage.folder / "indexed"
    folder.mkdir()
    files.mkdir()
    photos = stage.photos.mixed()
    for number, data in enumerate(photos):
        (folder / f"{number:05d}.jpg").write_bytes(data)
    session = stage.plain_session()

    def plainly() -> None:
        plain.indexed(folder, session, stage.size, files / "plain")
        matrix = np.load(files / "plain.npy")
        plain.nearest(matrix, stage.queries[0], 10)

    work: dict[str, Work] = {
        BASELINE: plainly,
        OURS: lambda: _indexed(stage, folder, files / "ours", fresh=True, thumbnails=True),
        BARE: lambda: _indexed(stage, folder, files / "bare", fresh=True, thumbnails=False),
        AGAIN: lambda: _indexed(stage, folder, files / "again", fresh=False, thumbnails=True),
    }
    work[AGAIN]()
    runs = interleaved(work, max(stage.scale.rounds - 2, 1), warm=False)
    return Result(
        title="Index",
        method=(
            f"{len(photos)} JPEG files in one folder, half of them small and half large, until the first search is "
            f"answered; the model is loaded before. `{OURS}` is what `wearabouts index` does: read in threads, check, "
            "decode, encode in batches, 512 px thumbnails, and transactions that survive a power cut. `plain loop` "
            "takes one photo after the other: Pillow, the same graph with as many threads, `np.save`. "
            f"`{AGAIN}` is the second run over the same folder."
        ),
        baseline=BASELINE,
        figures=tuple(rates("folder of JPEGs", "photos/s", len(photos), runs, BASELINE)),
        setup={"photos": len(photos), "rounds": max(stage.scale.rounds - 2, 1)},
        checks={"share of photos that find themselves first by the plain loop's vector": _agreement(files)},
        not_shown=(
            "photos fetched over a network",
            "large catalogs: memory stays bounded, and the rate is that of decoding and encoding",
            "a cold disk: the files lie in the system's cache",
        ),
    )


def _indexed(stage: Stage, folder: Path, place: Path, *, fresh: bool, thumbnails: bool) -> None:
    if fresh:
        shutil.rmtree(place, ignore_errors=True)
    encoder = stage.encoder
    store = open_store(place, mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    try:
        index(open_catalog(folder, reader="folder", layout="files"), encoder, store, thumbnails=thumbnails)
        store.search(stage.queries[0], 10)
    finally:
        store.close()


def _agreement(files: Path) -> float:
    """Both decode and fit in their own way; a photo's plain vector must find that photo in our store all the same."""
    matrix = np.load(files / "plain.npy")
    names = json.loads((files / "plain.json").read_text("utf-8"))
    store = open_store(files / "ours", mode="read")
    try:
        first = [store.search(vector, 1).product_ids[0] for vector in matrix]
    finally:
        store.close()
    return float(np.mean([found == name for found, name in zip(first, names, strict=True)]))

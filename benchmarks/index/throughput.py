"""How much of the encoder's own rate `wearabouts index` keeps: `python benchmarks/index/throughput.py [--photos N]`.

Two yardsticks, both with as many processes as there are cores, each with one thread, in the same round:

* the encoder alone: decoded photos in memory, batches of 16, nothing else;
* whole photos: read, decoded, a small copy made, encoded; nothing compared, nothing stored. Decoding shares the cores
  with encoding, so this, and not the first, is the most that any line from files to vectors can reach here.

Writes `benchmarks/results/throughput.json`.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from PIL import Image

import measure
from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.embedding import index
from wearabouts.embedding.making import Maker, Order
from wearabouts.embedding.pool import cores
from wearabouts.encoders import OnnxEncoder
from wearabouts.readers import open_catalog
from wearabouts.stores import open_store

BATCH = 16
SIDES = (500, 1_000)  # pixels, the longer side: what feeds link to
KEPT = 48  # decoded photos that a process encodes over and over
ALONE, WHOLE = "the encoder alone", "whole photos, nothing stored"
THREADS, DEFAULT, POOL = "index --workers 0", "index", "index --workers {cores}"

_maker: Maker
_pixels: list[Any] = []


def draw(folder: Path, count: int, seed: int = 20) -> None:
    """So many different JPEGs: drawn garments of all sizes between `SIDES`, each with a grain of its own."""
    rng = np.random.default_rng(seed)
    shop = DrawnShop(seed, max(count // 20, 1))
    for number in range(count):
        if number % 20 == 0:
            pixels = shop.render(number // 20, "front", int(rng.integers(SIDES[0], SIDES[1] + 1))).pixels
        grain = rng.integers(-6, 7, pixels.shape, dtype=np.int16)
        out = io.BytesIO()
        Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=87)
        (folder / f"{number:06d}.jpg").write_bytes(out.getvalue())


def _ready(model: str, files: Sequence[Path]) -> None:
    global _maker
    _maker = Maker(OnnxEncoder(bundles.load(model), threads=1))
    _pixels[:] = [_maker.decoded(_order(file)).pixels for file in files[:KEPT]]
    _maker.encoder.encode(_pixels[:BATCH])


def _order(file: Path) -> Order:
    return Order(file.name, file.read_bytes(), None, True, True)


def _encode(start: int) -> int:
    return len(_maker.encoder.encode([_pixels[(start + place) % len(_pixels)] for place in range(BATCH)]))


def _make(files: Sequence[Path]) -> int:
    return sum(made.seen is not None for made in _maker.make([_order(file) for file in files]))


def _indexed(model: str, folder: Path, place: Path, processes: int | None) -> None:
    shutil.rmtree(place, ignore_errors=True)
    encoder = OnnxEncoder(bundles.load(model))
    store = open_store(place, mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    try:
        summary = index(open_catalog(folder, reader="folder", layout="files"), encoder, store, processes=processes)
        assert not len(summary.faults)
    finally:
        store.close()


def parts(model: str, files: Sequence[Path]) -> dict[str, float]:
    """Milliseconds of processor time a photo, one thread, of each step."""
    maker = Maker(OnnxEncoder(bundles.load(model), threads=1))
    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begin = time.process_time()
        done = work()
        spent[name] = 1_000 * (time.process_time() - begin) / len(files)
        return done

    orders = timed("read", lambda: [_order(file) for file in files])
    decoded = timed("decode and small copy", lambda: [maker.decoded(order) for order in orders])
    batches = [slice(at, at + BATCH) for at in range(0, len(files), BATCH)]
    timed("fit and encode", lambda: [maker.encoded(orders[part], decoded[part]) for part in batches])
    return spent


def run(*, model: str = "mini", photos: int = 2_000, rounds: int = 3) -> dict[str, Any]:
    """Measure; photos a second of each contender and round, and shares taken within rounds."""
    count = cores()
    with tempfile.TemporaryDirectory(prefix="wearabouts-throughput-") as temporary:
        folder, place = Path(temporary) / "photos", Path(temporary) / "store"
        folder.mkdir()
        draw(folder, photos)
        files = sorted(folder.iterdir())
        batches = [files[at : at + BATCH] for at in range(0, photos, BATCH)]
        before = measure.load()
        steps = parts(model, files[: min(160, photos)])
        rates: dict[str, list[float]] = {}
        with get_context("spawn").Pool(count, initializer=_ready, initargs=(model, files)) as pool:
            work: dict[str, Callable[[], Any]] = {
                ALONE: lambda: pool.map(_encode, range(0, photos, BATCH), chunksize=1),
                WHOLE: lambda: pool.map(_make, batches, chunksize=1),
                DEFAULT: partial(_indexed, model, folder, place, None),
                POOL.format(cores=count): partial(_indexed, model, folder, place, count),
                THREADS: partial(_indexed, model, folder, place, 0),
            }
            work[WHOLE]()  # both processes are there, and all files are in the system's cache
            for _ in range(rounds):
                for name, each in work.items():
                    begin = time.perf_counter()
                    each()
                    rates.setdefault(name, []).append(photos / (time.perf_counter() - begin))
    return {
        "date": measure.today(),
        "machine": measure.machine(),
        "versions": measure.versions(),
        "load": {"before": before, "after": measure.load()},
        "model": model,
        "photos": photos,
        "sides": SIDES,
        "processes": count,
        "milliseconds_a_photo": steps,
        "photos_per_second": {name: {"median": median(each), "rounds": each} for name, each in rates.items()},
        "share_of": {
            yard: {name: _share(rates[name], rates[yard]) for name in list(work)[2:]} for yard in (ALONE, WHOLE)
        },
    }


def _share(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="How much of the encoder's own rate indexing keeps.")
    parser.add_argument("--model", default="mini", help="name or folder of a bundle")
    parser.add_argument("--photos", type=int, default=2_000, help="how many (2000); starting counts, so few look worse")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=measure.REPOSITORY / "benchmarks" / "results" / "throughput.json")
    given = parser.parse_args()
    found = measure.rounded(run(model=given.model, photos=given.photos, rounds=given.rounds))
    given.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps({name: found[name] for name in ("photos_per_second", "share_of")}, indent=1))


if __name__ == "__main__":
    main()

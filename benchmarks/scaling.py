"""Measure what one photo and one query cost, and simulate shards: `python benchmarks/scaling.py`, or `make scaling`.

Writes the constants that `wearabouts plan` reckons with (`src/wearabouts/capacity/constants.json`), and what
`docs/scaling.md` shows (`benchmarks/results/scaling.json`). How searching grows is read from `make bench-search` where
that has been run. Without a Milvus server (`make milvus`) its constants stay.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import measure
from shelves import Shelf, filled
from stage import FULL, QUICK, Stage
from wearabouts import capacity
from wearabouts.capacity.fanout import Z95, Z99, fewest
from wearabouts.catalog import Photo, Product
from wearabouts.embedding import index
from wearabouts.encoders import OnnxEncoder
from wearabouts.readers import open_catalog
from wearabouts.search import open_searcher
from wearabouts.stores import PhotoRecord, ProductRecord, Store, open_store
from wearabouts.types import Floats

CONSTANTS = measure.REPOSITORY / "src" / "wearabouts" / "capacity" / "constants.json"
SIZES = (20_000, 100_000)
SMALL = (300, 600)
ROUNDS = 400  # searches of one size
WARM = 50
LINKS, FIELDS = 2 * 16 * 4, 400  # bytes in an HNSW graph of m = 16, and of the facts beside a vector, by arithmetic
FOUND = 60  # photos asked for, as a search for ten products does
GROUP = 50  # products of one acknowledged write
QPS = 400
RARE, STALL = 0.001, 100  # an assumption, not a measurement: one answer of a shard in a thousand is 100 ms late
PLANS = (
    "--photos 400k --qps 10 --p95 100ms",
    "--photos 10M --qps 100 --p95 100ms",
    "--photos 100M --qps 500 --p95 50ms",
    "--photos 1B --qps 2k --p95 100ms --cores 32 --memory 256GB",
)


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="Measure what a photo and a query cost.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works; constants stay as they are")
    parser.add_argument(
        "--simulate", action="store_true", help="measure nothing: simulate with the constants there are"
    )
    parser.add_argument("--out", type=Path, default=measure.REPOSITORY / "benchmarks" / "results")
    parser.add_argument("--constants", type=Path, default=CONSTANTS)
    given = parser.parse_args(words)
    if not given.simulate:
        measured = _measured(given.quick, given.out)
        if not given.quick:
            given.constants.write_text(json.dumps(measured.model_dump(), indent=1) + "\n", "utf-8")
    known = capacity.constants()
    told = {
        "format": 1,
        "quick": given.quick,
        "date": measure.today(),
        "machine": measure.machine(),
        "versions": measure.versions(),
        "constants": known.model_dump(),
        "shards": _shards(known, quick=given.quick),
        "growth": _growth(known, quick=given.quick),
        "plans": [{"command": f"wearabouts plan {plan}", "plan": _planned(plan)} for plan in PLANS],
    }
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / ("scaling-quick.json" if given.quick else "scaling.json")
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 0


def _measured(quick: bool, results: Path) -> capacity.Constants:
    with tempfile.TemporaryDirectory(prefix="wearabouts-scaling-") as folder:
        scale = dataclasses.replace(QUICK if quick else FULL, photos=10 if quick else 150)
        stage = Stage(scale, "mini", Path(folder), 20, _say)
        work = _work(stage)
        shelves = [filled(stage, size) for size in (SMALL if quick else SIZES)]
        search, resident = _search(stage, shelves, results), _process(shelves[0].store)
        work["build"] = _build(stage, shelves[-1])
        bytes_ = _bytes(stage, shelves[-1], resident)
        upserts = _upserts(stage, shelves[0])
        milvus = _milvus(stage, len(shelves[0].ids))
    commit = measure.commit()
    return capacity.Constants.model_validate(
        {
            "measured": {
                "date": measure.today()[:10],
                "commit": str(commit.get("commit", "")),
                "machine": str(measure.machine()["processor"]),
                "versions": measure.versions(),
            },
            "model": stage.bundle.card.name,
            "work": work,
            "search": search,
            "bytes": bytes_,
            "upserts": upserts,
            "milvus": milvus,
        }
    )


def _work(stage: Stage) -> dict[str, float]:
    """Processor milliseconds of indexing, seeing and judging one photo, one thread."""
    _say("indexing, seeing and judging")
    photos = stage.folder / "photos"
    photos.mkdir()
    files = stage.photos.mixed()
    for number, data in enumerate(files):
        (photos / f"{number:05d}.jpg").write_bytes(data)
    encoder = OnnxEncoder(stage.bundle, threads=1)
    store = open_store(stage.folder / "seen", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    try:
        before = _processor()
        index(open_catalog(photos, reader="folder", layout="files"), encoder, store)
        spent = 1_000 * (_processor() - before) / len(files)
        searcher = open_searcher(encoder, store)
        searcher.search(files[0])
        answers = [searcher.search(data) for data in files]
    finally:
        store.close()
    judging = [one.timings.get("verify", 0.0) for one in answers]
    seeing = [one.timings["total"] - own for one, own in zip(answers, judging, strict=True)]
    return {
        "index": spent,
        "see": float(np.median(seeing)),
        "see_p99": float(np.percentile(seeing, 99)),
        "judge": float(np.median(judging)),
    }


def _search(stage: Stage, shelves: Sequence[Shelf], results: Path) -> dict[str, Any]:
    """Searches at each size: as the benchmark of searching saw them, of held-out photos, or on our own shelves."""
    path, dim = results / "search.json", stage.bundle.card.dim
    parts = json.loads(path.read_text("utf-8"))["parts"] if path.is_file() and stage.scale != QUICK else {}
    grown = parts.get("growth", {}).get("found", []) + parts.get("large", {}).get("found", [])
    if len({row["count"] for row in grown}) >= len(SIZES):
        dim = min(row["dim"] for row in grown)
        seen = {row["count"]: (row["p50"], row["p95"]) for row in grown if row["dim"] == dim}
    else:
        seen = {}
        for shelf in shelves:
            _say(f"searching {len(shelf.ids):,} photos")
            with closing(open_store(shelf.store)) as store:
                seen[len(shelf.ids)] = tuple(np.percentile(_laps(store, stage.queries), (50, 95)).tolist())
    sizes = sorted(seen)
    p50, p95 = ([seen[size][place] for size in sizes] for place in (0, 1))
    exponent, constant = np.polyfit(np.log(np.asarray(sizes) / 1e6), np.log(p50), 1).tolist()
    return {
        "photos": sizes,
        "p50": p50,
        "p95": p95,
        "dim": dim,
        "exponent": exponent,
        "at_million": float(np.exp(constant)),
        "tail": (p95[-1] / p50[-1]) ** (Z99 / Z95),
    }


def _process(store: Path) -> float:
    """Bytes of a process that has opened everything and answered nothing, without what is mapped: that is counted."""
    done = subprocess.run((sys.executable, "-c", _PROBE, str(store)), capture_output=True, text=True, check=True)
    return float(done.stdout)


def _laps(store: Store, queries: Floats) -> list[float]:
    """Milliseconds of searches, after some that are not counted."""
    asked = np.tile(queries, (ROUNDS // len(queries) + 1, 1))[:ROUNDS]
    for query in asked[:WARM]:
        store.search(query, FOUND)
    return measure.timed(partial(store.search, query, FOUND) for query in asked)


_PROBE = """
import sys
from wearabouts import bundles
from wearabouts.encoders import OnnxEncoder
from wearabouts.search import open_searcher
from wearabouts.stores import PhotoRecord, ProductRecord, Store, open_store
from wearabouts.types import Floats
encoder = OnnxEncoder(bundles.load("mini"), threads=1)
searcher = open_searcher(encoder, open_store(sys.argv[1]))
told = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(1024 * int(told["RssAnon"].split()[0]))
"""


def _build(stage: Stage, shelf: Shelf) -> float:
    """Processor milliseconds of the index for one photo."""
    _say("building the index")
    store: Any = open_store(shelf.store, mode="write")
    try:
        before = _processor()
        store.rebuild()
        return 1_000 * (_processor() - before) / len(shelf.ids)
    finally:
        store.close()


def _bytes(stage: Stage, shelf: Shelf, process: float) -> dict[str, float]:
    """Bytes on the disk of one photo, by part."""
    dim, count = stage.bundle.card.dim, len(shelf.ids)
    bare = sum(path.stat().st_size for path in shelf.store.glob("store.db*")) / count
    base = sum(path.stat().st_size for path in (shelf.store / "derived").iterdir()) / count
    seen = open_store(stage.folder / "seen")
    try:
        records = [record for name in seen.products() if (record := seen.record(name)) is not None]
    finally:
        seen.close()
    photos = [photo for record in records for photo in record.photos]
    return {
        "row": bare - 4 * dim,
        "evidence": float(np.mean([sum(map(len, photo.beside.values())) for photo in photos])),
        "thumbnail": float(np.mean([len(photo.thumbnail) for photo in photos])),
        "base": base - 4 * dim,
        "process": process,
    }


def _upserts(stage: Stage, shelf: Shelf) -> float:
    """Photos a second that one caller has acknowledged, changed products in groups."""
    _say("writing")
    store = open_store(shelf.store, mode="write")
    try:
        names = list(shelf.ids[: 40 * GROUP])
        records = [record for name in names if (record := store.record(name)) is not None]
        start = time.perf_counter()
        for first in range(0, len(records), GROUP):
            store.upsert(records[first : first + GROUP])
        return len(records) / (time.perf_counter() - start)
    finally:
        store.close()


def _milvus(stage: Stage, count: int) -> dict[str, Any]:
    """Searching and memory of a Milvus server, where `make milvus` has set one up; else the constants there are."""
    sys.path.append(str(measure.REPOSITORY / "tests"))
    from milvus_server import MilvusServer, missing

    if missing():
        _say(missing())
        return capacity.constants().milvus.model_dump()
    server = MilvusServer(stage.folder / "milvus", {})
    server.start()
    try:
        _say(f"filling a Milvus server with {count:,} products")
        address = f"milvus://{server.address}/scaling"
        matrix, held = stage.grown(count), []
        with closing(open_store(address, mode="write", encoder_hash="0" * 64, dim=stage.bundle.card.dim)) as store:
            for part in np.array_split(np.arange(count), 2):  # what a server holds of nothing is not the photos'
                for first in range(part[0], part[-1] + 1, 1_000):
                    last = min(first + 1_000, part[-1] + 1)
                    store.upsert(_record(row, matrix[row]) for row in range(first, last))
                store.settle()
                store.search(stage.queries[0], FOUND)
                held.append(measure.resident(server.pid)["now"])
        with closing(open_store(address)) as store:
            _laps(store, stage.queries[:5])
            before = _spent(server.pid)
            laps = _laps(store, stage.queries)
            spent = 1_000 * (_spent(server.pid) - before) / (len(laps) + WARM)
    finally:
        server.kill()
    p50 = float(np.median(laps))
    return {
        "photos": count,
        "dim": stage.bundle.card.dim,
        "ms": spent,
        "wait": max(p50 - spent, 0.0),
        "tail": max(float(np.percentile(laps, 99)) / p50, 1.0),
        # A server gives memory back when it likes: no less than the vector, its links in the graph and its fields.
        "bytes": max((held[1] - held[0]) * 2**20 / (count - count // 2), 4.0 * stage.bundle.card.dim + LINKS + FIELDS),
    }


def _spent(process: int) -> float:
    """Seconds of processor time that another process has used."""
    words = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _record(row: int, vector: Floats) -> ProductRecord:
    photo = Photo(id=f"{row:07d}~front", uri=f"https://shop.example/{row}.jpg")
    product = Product(id=f"{row:07d}", photos=(photo,), title=f"Product {row}", price=float(row % 200), currency="EUR")
    return ProductRecord(product, (PhotoRecord(photo, f"{row:064x}", vector),))


def _shards(known: capacity.Constants, *, quick: bool) -> dict[str, Any]:
    """Ten million photos a shard, more and more of them: what waiting for the slowest costs, and what helps."""
    smooth = _service(known, 10_000_000)
    stalled = dataclasses.replace(smooth, rare=RARE, stall=STALL)
    again = 2 * smooth.p99
    rows: dict[str, list[dict[str, float]]] = {"smooth": [], "stalls": [], "asked again": []}
    for shards in (1, 10) if quick else (1, 3, 10, 30, 100, 300, 1_000):
        for name, service, late in (
            ("smooth", smooth, None),
            ("stalls", stalled, None),
            ("asked again", stalled, again),
        ):
            found = capacity.simulate(
                service,
                shards=shards,
                replicas=2,
                cores=8,
                qps=QPS,
                network=1,
                again=late,
                queries=1_000 if quick else 8_000,
            )
            rows[name].append({"shards": shards, **dataclasses.asdict(found)})
    return {
        "p50": smooth.p50,
        "p99": smooth.p99,
        "rare": RARE,
        "stall": STALL,
        "again": again,
        "qps": QPS,
        "rows": rows,
    }


def _growth(known: capacity.Constants, *, quick: bool) -> list[dict[str, float]]:
    """Up to a billion photos in shards of ten million, 500 queries a second, p95 within 50 ms."""
    rows = []
    for photos in (1_000_000, 10_000_000) if quick else (10**6, 10**7, 3 * 10**7, 10**8, 3 * 10**8, 10**9):
        shards = max(1, photos // 10_000_000)
        service = _service(known, photos / shards)
        (replicas,), _ = fewest(((service, shards, 1.0),), qps=500, p95=50, cores=8)
        replicas += 1  # one may fail
        found = capacity.simulate(service, shards=shards, replicas=replicas, cores=8, qps=500, network=1)
        rows.append({"photos": photos, "shards": shards, "replicas": replicas, **dataclasses.asdict(found)})
    return rows


def _service(known: capacity.Constants, photos: float) -> capacity.Service:
    ms = known.search.ms(photos, known.search.dim)
    return capacity.Service(ms, ms * known.search.tail)


def _planned(words: str) -> dict[str, Any]:
    done = subprocess.run(
        (sys.executable, "-m", "wearabouts", "plan", *words.split(), "--json"),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    plan: dict[str, Any] = json.loads(done.stdout)["plan"]
    return plan


def _processor() -> float:
    """Seconds of processor time, of this process and those it has waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

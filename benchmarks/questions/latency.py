"""What the second stage adds to a whole search of 400,000 photos: `python benchmarks/questions/latency.py`.

A real store on the disk: vectors grown from those of drawn photos (`growing`), two photos a product, each with
evidence beside it as indexing writes it. Street photos that nothing was grown from are searched for as JPEG files, end
to end: decoded, encoded, searched, judged, fetched. Stage one alone and the second stage by several K take turns photo
by photo, so that whatever else the machine does slows all of them; a ratio is of the same photo in the same round. All
give ten products, the tail too, so that all fetch as many.

Writes ``benchmarks/results/question-latency.json``.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from drawings import Drawings
from PIL import Image

import growing
import measure
from wearabouts import bundles
from wearabouts.catalog import Photo, Product
from wearabouts.drawn.shop import DrawnShop
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import SettingsError
from wearabouts.search import Searcher
from wearabouts.search.opening import second_stage
from wearabouts.settings import SearchSettings
from wearabouts.stores import PhotoRecord, ProductRecord, Store, open_store
from wearabouts.types import Floats
from wearabouts.verifiers import Evidence, Verifier
from wearabouts.verifiers.evidence import KIND, packed, seen, unpacked
from wearabouts.verifiers.judge import Judge

RESULT = "question-latency.json"
WORK = measure.REPOSITORY / "runs" / "questions"
FULL = {"photos": 400_000, "from": 4_000, "evidence": 400, "queries": 40, "rounds": 5, "judged": (10, 20, 50, 100)}
QUICK = {"photos": 400, "from": 40, "evidence": 20, "queries": 3, "rounds": 1, "judged": (2, 5)}
VIEWS = 2  # photos a product
FOUND = 10
BUDGET = 5.0  # ms, with the longest shortlist
GROUP = 2_000  # products in one transaction
SEED = 0
ALONE = "stage one alone"


def filled(folder: Path, scale: Mapping[str, Any], encoder: OnnxEncoder, drawings: Drawings) -> float:
    """Make the store, unless it is there already; returns how many seconds that took, 0 for none."""
    if folder.is_dir():
        store = open_store(folder)
        try:
            if (store.encoder_hash, store.describe()["photos"]) == (encoder.hash, scale["photos"]):
                return 0.0
        finally:
            store.close()
        shutil.rmtree(folder)
    shop = drawings.seen("test", "front", scale["from"])
    vectors, centre = growing.grown(shop.vectors, scale["photos"] // VIEWS, SEED)
    names = sorted(encoder.garments)
    garments = [names[n] if n >= 0 else "" for n in shop.kind[centre].tolist()] if names else [""] * len(centre)
    began = time.perf_counter()
    draft = folder.with_name(f"{folder.name}.{os.getpid()}.draft")
    store = open_store(draft, mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    try:
        records = _records(vectors, _beside(vectors), garments, _evidence(scale["evidence"], encoder))
        group: list[ProductRecord] = []
        for record in records:
            group.append(record)
            if len(group) == GROUP:
                store.upsert(group)
                group = []
        store.upsert(group)
    finally:
        store.close()
    os.replace(draft, folder)
    return time.perf_counter() - began


def _beside(vectors: Floats) -> Floats:
    """Another photo of each product, about as near as a second view is."""
    rng = np.random.default_rng(SEED + 1)
    moved = vectors + rng.normal(scale=0.4 / np.sqrt(vectors.shape[1]), size=vectors.shape).astype(np.float32)
    lengths: Floats = np.linalg.norm(moved, axis=1, keepdims=True)
    return (moved / lengths).astype(np.float32)


def _evidence(count: int, encoder: OnnxEncoder) -> list[bytes]:
    """What indexing keeps beside drawn photos: the values that all stored ones take in turn."""
    shop = DrawnShop(seed=SEED, products=count, part="test")
    kept: list[bytes] = []
    for start in range(0, count, 10):
        some = [shop.render(n, "front", size=208).pixels for n in range(start, min(start + 10, count))]
        kept += packed(seen(encoder.encode(some)))
    return kept


def _records(
    vectors: Floats, others: Floats, garments: Sequence[str], evidence: Sequence[bytes]
) -> Iterator[ProductRecord]:
    for row, (garment, pair) in enumerate(zip(garments, zip(vectors, others, strict=True), strict=True)):
        ident = f"p{row:06d}"
        photos, written = [], []
        for view, vector in enumerate(pair):
            photo = Photo(id=f"{ident}~{view}", uri=f"https://shop.example/{ident}/{view}.jpg")
            kept = evidence[(VIEWS * row + view) % len(evidence)]
            digest = hashlib.sha256(photo.id.encode()).hexdigest()
            photos.append(photo)
            written.append(PhotoRecord(photo, digest, vector, garment, beside={KIND: kept} if kept else {}))
        product = Product(id=ident, photos=tuple(photos), title=f"Product {ident}", price=20.0, currency="EUR",
                          availability="in_stock", garment=garment)  # fmt: skip
        yield ProductRecord(product, tuple(written))


def _asked(count: int) -> list[bytes]:
    """Street photos as a browser sends them."""
    shop = DrawnShop(seed=SEED, products=count, part="test")
    files = []
    for n in range(count):
        file = io.BytesIO()
        Image.fromarray(shop.render(n, "street-0").pixels).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def searched(store: Store, encoder: OnnxEncoder, verifier: Verifier, scale: Mapping[str, Any]) -> dict[str, Any]:
    """Milliseconds of whole searches, of stage one alone and with each K, and the ratio of both."""
    calibration = encoder.card.calibration
    searchers = {ALONE: Searcher(encoder, store)}
    asked: dict[str, dict[str, Any]] = {ALONE: {"judged": 0, "budget_ms": None}}
    most = max(scale["judged"])
    for k, budget in [*((k, None) for k in scale["judged"]), (most, BUDGET)]:
        name = f"K = {k}" if budget is None else f"K = {k}, {budget:g} ms"
        settings = SearchSettings(judged=k, budget_ms=budget)
        searchers[name] = Searcher(encoder, store, verifier=verifier, calibration=calibration, settings=settings)
        asked[name] = {"judged": k, "budget_ms": budget}
    photos = _asked(scale["queries"])
    laps: dict[str, list[dict[str, float]]] = {name: [] for name in searchers}
    for lap in range(-1, scale["rounds"]):  # the first is not counted: filters, caches and the pace are warmed up
        for number, photo in enumerate(photos):
            names = list(searchers)
            shift = (lap + number) % len(names)
            for name in names[shift:] + names[:shift]:
                took = _timed(searchers[name], photo)
                if lap >= 0:
                    laps[name].append(took)
    base = np.array([one["total"] for one in laps[ALONE]])
    rows = []
    for name, each in laps.items():
        total = np.array([one["total"] for one in each])
        stages = {stage: round(float(np.median([one[stage] for one in each])), 2) for stage in each[0]}
        row = {"way": name, **asked[name], "stages": stages} | {
            f"p{point}": round(float(np.percentile(total, point)), 2) for point in (50, 95)
        }
        row["cpu"] = round(float(np.mean([one["cpu"] for one in each])), 2)
        row["ratio"] = {
            "median": round(float(np.median(total / base)), 3),
            "p50": round(float(np.percentile(total, 50) / np.percentile(base, 50)), 3),
            "p95": round(float(np.percentile(total, 95) / np.percentile(base, 95)), 3),
        }
        rows.append(row)
    return {"rows": rows, "photo_bytes": round(float(np.mean([len(photo) for photo in photos])))}


def _timed(searcher: Searcher, photo: bytes) -> dict[str, float]:
    cpu, start = time.process_time(), time.perf_counter()
    answer = searcher.search(photo, FOUND, tail=True)
    took = {"total": 1e3 * (time.perf_counter() - start), "cpu": 1e3 * (time.process_time() - cpu)}
    parts = {stage: answer.timings.get(stage, 0.0) for stage in ("decode", "encode", "search", "verify", "fetch")}
    return parts | took


def profiled(store: Store, judge: Judge, ks: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """What judging K photos is made of, in milliseconds of the processor: what is read, each network, the rest."""
    rng = np.random.default_rng(SEED)
    ids = [f"p{row:06d}~0" for row in rng.permutation(int(store.describe()["products"]))]
    rows = []
    for k in ks:
        laps: dict[str, list[float]] = {}
        for lap in range(-1, 10 * rounds):
            parts: dict[str, float] = {}
            _judged(store, judge, [ids[(lap * k + n) % len(ids)] for n in range(k)], parts)
            if lap >= 0:
                for name, took in parts.items():
                    laps.setdefault(name, []).append(took)
        rows.append({"photos": k, "ms": {name: round(float(np.median(each)), 3) for name, each in laps.items()}})
    return rows


def _judged(store: Store, judge: Judge, ids: Sequence[str], parts: dict[str, float]) -> None:
    """Judge some photos step by step; the first of them asks."""
    vectors = _lap(parts, "vectors", lambda: store.vectors(ids))
    kept = _lap(parts, "evidence", lambda: store.beside(ids, KIND))
    shop: Evidence = _lap(parts, "unpacking", lambda: unpacked(vectors, kept, judge.layout))
    first = (None if part is None else part[:1] for part in (shop.vectors, shop.regions, shop.labels))
    query = Evidence(*first)
    if (pairs := judge.pairs) is not None:
        _lap(parts, "pair network", lambda: pairs.probabilities(query.vectors[0], vectors))
    if (local := judge.local) is not None:
        _lap(parts, "regions", lambda: local.logit(query.regions[0], shop.regions))
    _lap(parts, "all signals", lambda: judge.logits(judge.weigh(query, shop)))


def _lap(parts: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    start = time.process_time()  # all of it runs on this thread, and what else the machine does is no part of it
    found = work()
    parts[name] = 1e3 * (time.process_time() - start)
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description="Measure whole searches with and without the second stage.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--bundle", default="mini", help="name or folder of a bundle with a judge")
    parser.add_argument("--out", type=Path, default=measure.REPOSITORY / "benchmarks" / "results")
    parser.add_argument("--work", type=Path, default=WORK, help="where drawn photos' vectors and the store are kept")
    given = parser.parse_args(words)
    scale = QUICK if given.quick else FULL
    bundle = bundles.load(given.bundle)
    encoder = OnnxEncoder(bundle)
    verifier, _ = second_stage(encoder)
    if not isinstance(verifier, Judge):
        raise SettingsError(f"{given.bundle} has no judge; give a bundle with a second stage")
    scale = scale | {"judged": sorted({*scale["judged"], verifier.shortlist})}
    drawings = Drawings(given.work / "photos", encoder)
    drawings.require_same_encoder()
    folder = given.work / f"store-{scale['photos']}"
    filling = filled(folder, scale, encoder, drawings)
    before = measure.load()
    store = open_store(folder, encoder_hash=encoder.hash)
    try:
        found = searched(store, encoder, verifier, scale)
        parts = profiled(store, verifier, [VIEWS * k for k in scale["judged"]], scale["rounds"])
        told = store.describe()
    finally:
        store.close()
    card = bundle.card
    result = {
        **scale,
        **found,
        "parts": parts,
        "views": VIEWS,
        "found": FOUND,
        "products": told["products"],
        "evidence_bytes": verifier.layout.size,
        "store_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "fill_seconds": round(filling, 1),
        "bundle": given.bundle if given.bundle in bundles.SHIPPED else "",
        "encoder": bundle.hash,
        "judge": card.judge_hash(),
        "shortlist": verifier.shortlist,
        "signals": list(verifier.signals),
        "calibrated": card.calibration is not None,
        "memory_mib": measure.resident(),
        "load": {"before": before, "after": measure.load()},
        "date": measure.today(),
        "machine": measure.machine(),
        "versions": measure.versions(),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / RESULT).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Serving, measured end to end at 400,000 photos: `python benchmarks/serve/run.py`, or `make bench-serve`.

A photo comes in as a JPEG file and ten products go out: decoded, encoded, searched, judged by the evidence kept beside
each photo, as shipped. Beside it the stack a user would otherwise write (`stack`: ONNX Runtime, LanceDB, FastAPI,
the same graph), which looks once, judges nothing and tells nothing but ids. Photos that ask are stored nowhere.

First one client after the other's answer; then an open loop (`load`) at rates that rise until the slowest hundredth
takes more than 100 ms. Writes ``benchmarks/results/serve.json``; `docs/search.py` makes the page.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "search")]

import curves  # noqa: E402 - after the path that the modules beside it need
import httpx  # noqa: E402
import load  # noqa: E402
import numpy as np  # noqa: E402
from contenders import LANCE, OURS, contenders  # noqa: E402
from ground import Ground  # noqa: E402
from PIL import Image  # noqa: E402
from talk import interpreter, known  # noqa: E402

import measure  # noqa: E402
from processes import Running, serving  # noqa: E402
from wearabouts.drawn.shop import DrawnShop  # noqa: E402

RESULTS = measure.REPOSITORY / "benchmarks" / "results"
STACK, WHOLE = "ONNX Runtime, LanceDB, FastAPI", "wearabouts, box given"
LADDER = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0, 160.0, 240.0)
MOST = 100.0  # ms: what the slowest hundredth may take
SETTINGS = "[server]\nsearches_per_minute = 10000000\n"
POINTS = (50, 95, 99)


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    given = _arguments().parse_args(words)
    work = (given.work or measure.REPOSITORY / "runs" / ("bench-quick" if given.quick else "bench")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    ground = Ground(work, given.seed, _say, quick=given.quick)
    start, before = time.perf_counter(), measure.load()
    dim, count = 256, 1_200 if given.quick else 400_000
    found = measured(ground, dim, count, given.seconds)
    run = {
        "format": 1, "quick": given.quick, "date": measure.today(), "seed": given.seed, "machine": measure.machine(),
        "versions": measure.versions(), "commit": measure.commit(), "seconds": time.perf_counter() - start,
        "load": {"before": before, "after": measure.load()}, "source": ground.seen.source,
        "model": {"name": ground.encoder.card.name, "hash": ground.encoder.hash}, "count": count, **found,
    }  # fmt: skip
    path = (given.out or RESULTS) / ("serve-quick.json" if given.quick else "serve.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(measure.rounded(run), indent=1, ensure_ascii=False) + "\n", "utf-8")
    _say(f"wrote {path.name} in {run['seconds']:.0f} s")
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it works, in seconds")
    parser.add_argument("--seconds", type=float, help="how long each rate of the open loop is kept up")
    parser.add_argument("--work", type=Path, help="folder of what is kept between runs")
    parser.add_argument("--out", type=Path, help="folder of the JSON")
    parser.add_argument("--seed", type=int, default=20, help="of everything random")
    return parser


def measured(ground: Ground, dim: int, count: int, seconds: float | None) -> dict[str, Any]:
    """Both servers, one after the other."""
    place = ground.work / f"engines-{ground.name}-{dim}-{count}"
    everybody = {one.name: one for one in contenders(count, curves.given(ground, dim, count))}
    built = {name: curves.build(ground, everybody[name], dim, count, place) for name in (OURS, LANCE)}
    photos = asking(ground)
    settings = place / "server.toml"
    settings.write_text(SETTINGS, "utf-8")
    graph = place / "encoder.onnx"
    graph.write_bytes(ground.encoder.bundle.graphs["shop"])
    store = str(place / OURS / "store")
    commands = {OURS: ["-m", "wearabouts", "serve", "--store", store, "--port", "0", "--settings", str(settings)]}
    point = _point(place, everybody[LANCE].points)
    if "error" not in built[LANCE]:
        size = str(ground.encoder.card.preprocessing.size)
        table = str(place / LANCE.replace(" ", "-"))
        commands[STACK] = [
            str(HERE / "stack.py"), "--graph", str(graph), "--table", table, "--size", size,
            "--probes", str(point["nprobe"]), "--refine", str(point["refine"]),
        ]  # fmt: skip
    rows = []
    for name, words in commands.items():
        with serving({name: words}, place, {STACK: interpreter(True)}) as running:
            rows += _one(ground, name, running[name], photos, seconds or (1.0 if ground.quick else 6.0))
    return {
        "rows": rows, "most": MOST, "photo_bytes": float(np.mean([len(photo) for photo in photos])),
        "photos": len(photos), "stack": {"point": point, "error": built[LANCE].get("error", "")},
    }  # fmt: skip


def _one(ground: Ground, name: str, server: Running, photos: list[bytes], seconds: float) -> list[dict[str, Any]]:
    urls = {name: server.url + ("v1/search?k=10" if name == OURS else "search?k=10")}
    if name == OURS:
        urls[WHOLE] = server.url + "v1/search?k=10&box=0,0,20000,20000&category=off"
    rows = []
    for who, url in urls.items():
        ground.say(f"{who}: one client")
        row = {"who": who, **_closed(url, photos, 4 if ground.quick else 100)}
        row["rates"] = _opened(ground, who, url, photos, seconds)
        held = [each["rate"] for each in row["rates"] if each["held"]]
        row["highest"] = max(held, default=0.0)
        rows.append(row)
    rows[0]["memory"] = measure.resident(server.process)
    return rows


def _closed(url: str, photos: list[bytes], times: int) -> dict[str, Any]:
    """One client that waits for each answer; the first ones are not counted."""
    laps, found = [], []
    with httpx.Client(timeout=60, trust_env=False) as client:
        for number in range(-min(10, times), times):
            start = time.perf_counter()
            reply = client.post(url, files={"photo": ("photo.jpg", photos[number % len(photos)], "image/jpeg")})
            lap = 1000 * (time.perf_counter() - start)
            reply.raise_for_status()
            told = reply.json()
            if number >= 0:
                laps.append(lap)
                found.append(len(told if isinstance(told, list) else told["matches"]))
    return {"closed": _percentiles(laps), "calls": times, "products": float(np.mean(found))}


def _opened(ground: Ground, who: str, url: str, photos: list[bytes], seconds: float) -> list[dict[str, Any]]:
    """Rising rates until one is not held, then two between the last that was and that one."""
    rates: list[dict[str, Any]] = []
    good, bad = 0.0, None
    for rate in LADDER[:3] if ground.quick else LADDER:
        rates.append(_rate(ground, who, url, photos, rate, seconds))
        if not rates[-1]["held"]:
            bad = rate
            break
        good = rate
    for _ in range(0 if bad is None or ground.quick else 2):
        assert bad is not None
        between = (good + bad) / 2
        rates.append(_rate(ground, who, url, photos, between, seconds))
        if rates[-1]["held"]:
            good = between
        else:
            bad = between
    return sorted(rates, key=lambda each: float(each["rate"]))


def _rate(ground: Ground, who: str, url: str, photos: list[bytes], rate: float, seconds: float) -> dict[str, Any]:
    """One rate; where it is not held it gets a second chance, for the machine may have been busy."""
    for chance in (1, 2):
        ground.say(f"{who}: {rate:g} requests a second")
        time.sleep(0.3)
        outcome = load.loaded(url, photos, rate, seconds, ground.seed + chance)
        told = _percentiles(outcome.laps)
        held = told["p99"] <= MOST and not outcome.failed
        if held or ground.quick:
            break
    return {
        "rate": rate, "held": held, **told, "requests": len(outcome.laps), "failed": outcome.failed,
        "chances": chance, "client late ms": outcome.late,
    }  # fmt: skip


def asking(ground: Ground) -> list[bytes]:
    """JPEG files that were stored nowhere: real street photos where there are any, else drawn ones."""
    count = 2 if ground.quick else 60
    root = os.environ.get("WEARABOUTS_DATA", "")
    if root and ground.amount.real:
        folder = Path(root) / "clothing"
        with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
            paths = [row["path"] for row in csv.DictReader(file) if row["role"] == "query"]
        chosen = np.random.default_rng(ground.seed).permutation(len(paths))[: count // 2]
        files = [(folder / paths[place]).read_bytes() for place in chosen.tolist()]
    else:
        files = []
    shop = DrawnShop(seed=ground.seed, products=ground.amount.products, part="test")
    for number in range(count - len(files)):
        file = io.BytesIO()
        Image.fromarray(shop.render(number % len(shop), "street-0", size=600).pixels).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return [files[place] for place in np.random.default_rng(ground.seed).permutation(len(files)).tolist()]


def _point(place: Path, points: Sequence[Any]) -> dict[str, Any]:
    """The first step at which LanceDB found 0.99 of the right ten; its middle step where that was not measured."""
    told = (known(place / "curves.json") or {}).get("rows", {}).get(LANCE, {})
    good = [each["point"] for each in told.get("points", []) if each["recall@10"] >= 0.99]
    return dict(good[0]) if good else dict(points[len(points) // 2])


def _percentiles(laps: Sequence[float]) -> dict[str, float]:
    return {f"p{point}": float(np.percentile(laps, point)) for point in POINTS}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

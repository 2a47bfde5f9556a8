"""Serving: HTTP answers to a real JPEG over loopback, beside a plain FastAPI server on the same graph and vectors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from measure import OURS, Figure, Result, Work, interleaved, latencies, resident, timed
from processes import Running, serving
from shelves import filled
from stage import Stage

BASELINE = "plain FastAPI"
WHOLE = f"{OURS}, box given"
POINTS = (50, 99)
CLIENTS = 16  # most requests of the open loop that can be on their way at once
SHARE = 0.5  # of the slower server's closed-loop rate: what arrives in the open loop
SETTINGS = "[server]\nsearches_per_minute = 1000000\n"

Send = Callable[[bytes], list[str]]


def run(stage: Stage) -> Result:
    """Measure one client after its answer, and requests that arrive whether or not the last one is answered."""
    size = stage.scale.sizes[0]
    photos = stage.photos.mixed()[: stage.scale.asked]
    with serving(_commands(stage, size), stage.folder) as servers, _senders(servers) as send:
        closed = interleaved({name: _closed(one, photos, stage.scale.requests) for name, one in send.items()}, 4)
        slower = max(float(np.median([lap for one in closed[name] for lap in one.laps])) for name in (OURS, BASELINE))
        rate = SHARE * 1000 / slower
        arrivals = np.cumsum(np.random.default_rng(stage.seed).exponential(1 / rate, stage.scale.requests))
        opened = interleaved({name: _open(send[name], photos, arrivals) for name in (OURS, BASELINE)}, 3, warm=False)
        checks = _checks(send, photos)
        figures = [
            *latencies("one client, closed loop", closed, BASELINE, POINTS),
            *latencies(f"open loop, {rate:.1f} requests/s", opened, BASELINE, POINTS),
            *_memory(servers),
        ]
    return Result(
        title="Serve",
        method=(
            f"`POST /v1/search` with a JPEG as the form file `photo`, k = 10, {size:,} stored photos (grown vectors, "
            "see Search), server and client on one machine, connections kept open. `plain FastAPI` is "
            "`benchmarks/plain_app.py`: Pillow, the same graph, NumPy, one look at the whole photo. "
            f"`{OURS}` looks twice, at the whole photo and at what stands out in it, restricts by garment, and tells "
            f"what agrees; `{WHOLE}` looks once, as the baseline does. In the open loop requests arrive at random "
            f"moments (Poisson) at {SHARE:g} of the rate the slower of the two reaches with one client, and waiting "
            "counts from the moment of arrival."
        ),
        baseline=BASELINE,
        figures=tuple(figures),
        setup={"requests a round": stage.scale.requests, "stored": size, "open loop, requests/s": round(rate, 2)},
        checks=checks,
        not_shown=(
            "a network, TLS, or a proxy; the client takes its share of the same cores",
            "the tail under overload: beyond its queue the server refuses with 503",
            "p99.9: a p99 of a few hundred requests rests on the slowest few",
        ),
    )


def _commands(stage: Stage, size: int) -> dict[str, list[str]]:
    shelf = filled(stage, size)
    settings = stage.folder / "server.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    ours = ["-m", "wearabouts", "serve", "--store", str(shelf.store), "--model", stage.model]
    theirs = [str(Path(__file__).with_name("plain_app.py")), "--graph", str(stage.graph), "--size", str(stage.size)]
    return {
        OURS: [*ours, "--port", "0", "--settings", str(settings)],
        BASELINE: [*theirs, "--vectors", str(shelf.vectors), "--products", str(shelf.products)],
    }


@contextmanager
def _senders(servers: Mapping[str, Running]) -> Iterator[dict[str, Send]]:
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    with httpx.Client(timeout=60, limits=limits, trust_env=False) as client:

        def sent(url: str, params: Mapping[str, Any], photo: bytes) -> list[str]:
            reply = client.post(url, params=dict(params), files={"photo": ("photo.jpg", photo, "image/jpeg")})
            reply.raise_for_status()
            answer = reply.json()
            return [row["id"] for row in answer] if isinstance(answer, list) else _products(answer)

        ours, theirs = servers[OURS].url + "v1/search", servers[BASELINE].url + "search"
        whole = {"k": 10, "box": "0,0,20000,20000", "category": "off"}
        yield {
            BASELINE: partial(sent, theirs, {"k": 10}),
            OURS: partial(sent, ours, {"k": 10}),
            WHOLE: partial(sent, ours, whole),
        }


def _products(answer: Mapping[str, Any]) -> list[str]:
    return [match["product"]["id"] for match in answer["matches"]]


def _closed(send: Send, photos: Sequence[bytes], times: int) -> Work:
    return lambda: timed(partial(send, photos[number % len(photos)]) for number in range(times))


def _open(send: Send, photos: Sequence[bytes], arrivals: Sequence[float]) -> Work:
    def every() -> list[float]:
        start = time.perf_counter()

        def one(number: int) -> float:
            send(photos[number % len(photos)])
            return (time.perf_counter() - start - arrivals[number]) * 1000

        with ThreadPoolExecutor(CLIENTS) as pool:
            waiting = []
            for number, moment in enumerate(arrivals):
                time.sleep(max(start + moment - time.perf_counter(), 0))
                waiting.append(pool.submit(one, number))
            return [job.result() for job in waiting]

    return every


def _checks(send: Mapping[str, Send], photos: Sequence[bytes]) -> dict[str, float]:
    answers = {name: [one(photo) for photo in photos] for name, one in send.items()}
    pairs = list(zip(answers[WHOLE], answers[BASELINE], strict=True))
    return {
        "share of answers with ten products": float(np.mean([len(found) == 10 for found in answers[OURS]])),
        "share of the baseline's ten products that we give, too, for the same look": round(
            float(np.mean([len(set(ours) & set(theirs)) / 10 for ours, theirs in pairs])), 4
        ),
    }


def _memory(servers: Mapping[str, Running]) -> list[Figure]:
    found = {name: resident(server.process) for name, server in servers.items()}
    if not all(found.values()):
        return []
    base = found[BASELINE]["peak"]
    return [
        Figure(
            "memory after all requests",
            name,
            "peak",
            "MiB",
            one["peak"],
            (),
            None if name == BASELINE else base / one["peak"],
        )
        for name, one in found.items()
    ]

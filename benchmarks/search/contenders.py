"""Who is compared, how each is built, and the ladder each may climb when it searches: the tuning budget, written down.

The same for all: one build with the parameters that its documentation recommends for some hundred thousand vectors, at
most `BUILD_SECONDS` on all cores; then the one knob its documentation names for recall, in steps of two, and every step
is in the table. Ours has no knob in `Store.search`: how far it looks is tuned by itself when its index is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BUILD_SECONDS = 600  # on all cores; an engine that needs longer is a row that says so
OURS, BARE, FLAT, IVF = "wearabouts", "wearabouts, bare index", "faiss Flat", "faiss IVF"
LANCE, QDRANT = "LanceDB IVF_RQ", "qdrant-edge"


@dataclass(frozen=True, slots=True)
class Contender:
    """One engine.

    Attributes:
        name: In tables and plots.
        engine: ``module:Class`` for `worker`.
        peer: Whether it runs in the peers' environment.
        given: How it is built.
        points: How it may search, from the least to the most thorough.
        columns: Whether it is built with filter columns where they are measured.
        library: Whose version is told.
        slow: Searches are tried on fewer queries.
    """

    name: str
    engine: str
    peer: bool
    given: Mapping[str, Any]
    points: Sequence[Mapping[str, Any]]
    columns: bool = False
    library: str = ""
    slow: bool = False
    build_seconds: float = field(default=BUILD_SECONDS)


def contenders(count: int, ours: Mapping[str, Any]) -> list[Contender]:
    """Everybody, for so many vectors.

    Args:
        count: Of vectors.
        ours: What our own store is filled with (`ours.fill`).
    """
    lists = 2 ** max(round(math.log2(4 * math.sqrt(count))), 2)
    leaves = max(round(2.4 * math.sqrt(count)), 8)
    partitions = max(round(math.sqrt(count)), 4)
    probes = [{"nprobe": number} for number in (4, 8, 16, 32, 64, 128, 256) if number <= lists]
    looks = [{"ef": number} for number in (20, 40, 80, 160, 320, 640, 1280, 2560, 5120)]
    graph = {"m": 16, "ef_construction": 100}
    trees = [{"leaves": number, "reorder": 5 * number} for number in (15, 30, 60, 120, 240) if number <= leaves]
    fine = [{"nprobe": number, "refine": 10} for number in (10, 20, 40, 80, 160) if number <= partitions]
    return [
        Contender(OURS, "ours:Ours", False, ours, ({}, {"exact": True}), True, "wearabouts", build_seconds=3600),
        Contender(BARE, "ours:Bare", False, {}, [{"effort": each} for each in (0.125, 0.25, 0.5, 1.0, 2.0)]),
        Contender(FLAT, "peers:Faiss", True, {"factory": "Flat"}, ({},), library="faiss-cpu", slow=True),
        Contender(IVF, "peers:Faiss", True, {"factory": f"IVF{lists},Flat"}, probes, library="faiss-cpu"),
        Contender(
            "faiss HNSW", "peers:Faiss", True, {"factory": "HNSW16,Flat", "ef_construction": 100}, looks,
            library="faiss-cpu",
        ),
        Contender("ScaNN", "peers:Scann", True, {"leaves": leaves, "sample": 250_000}, trees, library="scann"),
        Contender("hnswlib", "peers:Hnswlib", True, graph, looks, library="hnswlib"),
        Contender("usearch", "peers:Usearch", True, {**graph, "dtype": "f32"}, looks, library="usearch"),
        Contender(QDRANT, "peers:QdrantEdge", True, graph, looks, True, "qdrant-edge-py"),
        Contender(
            LANCE, "peers:Lance", True, {"index": "IVF_RQ", "partitions": partitions}, fine, True, "lancedb", True,
        ),
        Contender(
            "Milvus Lite", "peers:Milvus", True, {"index": "IVF_FLAT", "params": {"nlist": lists}}, probes[2:5],
            library="milvus-lite", slow=True,
        ),
        Contender(
            "Milvus server", "peers:Milvus", True,
            {"index": "HNSW", "params": {"M": 16, "efConstruction": 100}, "server": True}, looks, library="pymilvus",
        ),
    ]  # fmt: skip

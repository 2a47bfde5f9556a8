"""A fresh process that opens a store, searches, and tells what it took and holds; run by `starts`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

begin = time.perf_counter()

import numpy as np  # noqa: E402 - what is imported is part of what is measured
from worker import memory  # noqa: E402

from wearabouts.stores import open_store  # noqa: E402

if __name__ == "__main__":
    folder, queries = sys.argv[1:]
    asked = np.load(queries)
    before = memory()
    start = time.perf_counter()
    store = open_store(Path(folder), mode="read")
    opened = time.perf_counter()
    store.product(store.search(asked[0], 10).product_ids[0])
    first = time.perf_counter()
    print("answered", flush=True)
    laps, rows = [], []
    for place in json.loads(sys.stdin.read()):
        lap = time.perf_counter()
        found = store.search(asked[place], 20).photo_ids
        laps.append(1000 * (time.perf_counter() - lap))
        rows.append([int(ident) for ident in found])
    after = memory()
    told = {
        "imports": 1000 * (start - begin),
        "open": 1000 * (opened - start),
        "first": 1000 * (first - opened),
        "laps": laps,
        "rows": rows,
        "memory": {"before": before, "after": after},
        "index": store.describe()["index"],
    }
    store.close()
    print(json.dumps(told), flush=True)

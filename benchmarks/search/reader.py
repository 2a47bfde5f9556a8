"""A process that reads a store while another writes it; `updates` asks it to search, line by line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from updates import searched, told

from wearabouts.stores import open_store

if __name__ == "__main__":
    folder, queries, seconds = sys.argv[1:]
    asked = np.load(queries)
    store = open_store(Path(folder), mode="read")
    store.search(asked[0], 20)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(told(searched(store, asked, float(seconds)))), flush=True)
    store.close()

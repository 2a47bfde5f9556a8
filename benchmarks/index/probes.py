"""Short programs whose memory is measured; `memory` runs each in a process of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # `measure` and `plain`, which several benchmarks share

from measure import resident


def nothing(_: dict[str, Any], __: Path) -> None:
    """An interpreter with NumPy."""
    import numpy  # noqa: F401 - it is what the others hold at least


def index(given: dict[str, Any], folder: Path) -> None:
    """Index a folder of photos with this project."""
    from wearabouts import bundles, embedding
    from wearabouts.encoders import OnnxEncoder
    from wearabouts.readers import open_catalog
    from wearabouts.stores import open_store

    encoder = OnnxEncoder(bundles.load(given["model"]))
    store = open_store(folder / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    embedding.index(open_catalog(given["photos"], reader="folder", layout="files"), encoder, store)
    store.close()


def index_plainly(given: dict[str, Any], folder: Path) -> None:
    """The same in a plain loop."""
    import plain

    plain.indexed(Path(given["photos"]), plain.session(given["graph"]), given["size"], folder / "plain")


PROBES: dict[str, Callable[[dict[str, Any], Path], None]] = {
    probe.__name__: probe for probe in (nothing, index, index_plainly)
}

if __name__ == "__main__":
    name, given, place = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        PROBES[name](json.loads(given), Path(scratch))
    print(json.dumps(resident()))

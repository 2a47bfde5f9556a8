"""What a user would otherwise write: ONNX Runtime, LanceDB and FastAPI around the same graph.

One route, POST /search: a form file ``photo`` in, the ten most similar photos out. Run as a program, in the peers'
environment; it says where it serves.
"""

from __future__ import annotations

import argparse
import io
import socket
from pathlib import Path
from typing import Annotated, Any

import lancedb
import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI, File
from PIL import Image, ImageOps


def create_app(graph: Path, table: Path, size: int, probes: int, refine: int) -> FastAPI:
    """The app.

    Args:
        graph: The encoder.
        table: Folder of the LanceDB database.
        size: Side of the graph's input in pixels.
        probes: Partitions that a search looks into.
        refine: How many times as many candidates are compared exactly.
    """
    app = FastAPI()
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    photos = lancedb.connect(str(table)).open_table("photos")

    @app.post("/search")
    def search(photo: Annotated[bytes, File()], k: int = 10) -> list[dict[str, Any]]:
        image = Image.open(io.BytesIO(photo))
        image.draft("RGB", (2 * size, 2 * size))
        image = ImageOps.exif_transpose(image).convert("RGB")
        pixels = np.asarray(ImageOps.pad(image, (size, size), Image.Resampling.BICUBIC, color="white"))
        vector = session.run(["vector"], {"pixels": pixels[None]})[0][0]
        asked = photos.search(vector).distance_type("dot").nprobes(probes).refine_factor(refine).limit(k)
        found = asked.select(["row"]).to_list()
        return [{"id": str(row["row"]), "similarity": 1 - row["_distance"]} for row in found]

    return app


def main() -> None:
    """Serve on a free port of this machine."""
    parser = argparse.ArgumentParser()
    for name in ("--graph", "--table"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--size", "--probes", "--refine"):
        parser.add_argument(name, type=int, required=True)
    given = parser.parse_args()
    app = create_app(given.graph, given.table, given.size, given.probes, given.refine)
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"serving at http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()

"""The baseline server: FastAPI, Pillow, the same ONNX graph, NumPy over one matrix. Run as a program by `serving`."""

from __future__ import annotations

import argparse
import io
import json
import socket
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import uvicorn
from fastapi import FastAPI, File
from PIL import Image, ImageOps

import plain


def create_app(graph: Path, vectors: Path, products: Path, size: int) -> FastAPI:
    """An app with one route, POST /search: a form file `photo` in, the most similar products out."""
    app = FastAPI()
    run = plain.session(str(graph))
    matrix = np.load(vectors)
    shop = json.loads(products.read_text("utf-8"))

    @app.post("/search")
    def search(photo: Annotated[bytes, File()], k: int = 10) -> list[dict[str, Any]]:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB")
        query = plain.vectors(run, [plain.fitted(image, size)])[0]
        best = plain.nearest(matrix, query, k)
        return [{**shop[row], "similarity": float(matrix[row] @ query)} for row in best]

    return app


def main() -> None:
    """Serve on a free port of this machine and say where."""
    parser = argparse.ArgumentParser()
    for name in ("--graph", "--vectors", "--products"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--size", type=int, required=True)
    given = parser.parse_args()
    app = create_app(given.graph, given.vectors, given.products, given.size)
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"serving at http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()

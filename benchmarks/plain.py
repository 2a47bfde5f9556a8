"""The baselines: what a competent user writes in an afternoon with Pillow, ONNX Runtime and NumPy, nothing of ours."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from PIL import Image, ImageOps

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


def decoded(data: bytes) -> Pixels:
    """Pillow's own decoding at full size: upright, RGB."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    return np.asarray(image.convert("RGB"))


def drafted(data: bytes, side: int) -> Pixels:
    """The same by one who knows that Pillow can decode a JPEG at reduced scale, at least `side` pixels each way."""
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (side, side))
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def fitted(photo: Image.Image, size: int) -> Pixels:
    """The photo in the middle of a white square of `size` pixels."""
    return np.asarray(ImageOps.pad(photo, (size, size), Image.Resampling.BICUBIC, color="white"))


def session(graph: bytes | str, threads: int = 0) -> Any:
    """The graph in ONNX Runtime; 0 threads leaves the number to the runtime."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def vectors(run: Any, photos: Sequence[Pixels]) -> Floats:
    """(N, D) of photos that are fitted already."""
    found: Floats = run.run(["vector"], {"pixels": np.stack(photos)})[0]
    return found


def indexed(folder: Path, run: Any, size: int, out: Path) -> None:
    """Walk a folder of JPEGs, one photo after the other, and keep vectors and names."""
    names, rows = [], []
    for path in sorted(folder.glob("*.jpg")):
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        rows.append(vectors(run, [fitted(photo, size)])[0])
        names.append(path.name)
    np.save(out.with_suffix(".npy"), np.stack(rows))
    out.with_suffix(".json").write_text(json.dumps(names), encoding="utf-8")


def nearest(matrix: Floats, query: Floats, count: int, keep: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[Any]:
    """Rows of the `count` largest inner products, best first; `keep` says which rows are allowed."""
    scores = matrix @ query
    if keep is not None:
        scores = np.where(keep, scores, np.float32(-2))
    best = np.argpartition(-scores, count)[:count] if count < len(scores) else np.arange(len(scores))
    found: npt.NDArray[Any] = best[np.argsort(-scores[best], kind="stable")]
    return found

"""Fashion-MNIST in miniature: four IDX files, packed or not."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from wearabouts.types import Pixels

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def fashion_mnist(root: Path, *, per_class: int = 4, tested: int = 2, packed: bool = True) -> Path:
    """Write a tiny Fashion-MNIST and return its folder.

    Args:
        root: Folder to write to.
        per_class: Training pictures a class.
        tested: Test pictures a class.
        packed: With gzip, as published.
    """
    for part, count, first in (("train", per_class, 0), ("t10k", tested, 1_000)):
        rows = [(label, first + number) for number in range(count) for label in range(10)]
        put(root, f"{part}-images-idx3-ubyte", pictures_file([picture(*row) for row in rows]), packed)
        put(root, f"{part}-labels-idx1-ubyte", labels_file([label for label, _ in rows]), packed)
    return root


def picture(label: int, number: int) -> Pixels:
    """(28, 28) uint8: a bright rectangle whose height and width go by class, on black, with a little grain."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[2 : 6 + 2 * label, 2 + label : 26] = 60 + 20 * (label % 7)
    return pixels + np.random.default_rng((label, number)).integers(0, 9, pixels.shape, dtype=np.uint8)


def pictures_file(drawn: list[Pixels], *, magic: int = 2051, count: int | None = None, side: int = 28) -> bytes:
    """An IDX file of pictures; `count` is what its header says."""
    header = struct.pack(">4I", magic, len(drawn) if count is None else count, side, side)
    return header + b"".join(pixels.tobytes() for pixels in drawn)


def labels_file(labels: list[int], *, magic: int = 2049, count: int | None = None) -> bytes:
    """An IDX file of labels; `count` is what its header says."""
    return struct.pack(">2I", magic, len(labels) if count is None else count) + bytes(labels)


def put(root: Path, name: str, data: bytes, packed: bool = True) -> Path:
    """Write one of the four files."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
    return path

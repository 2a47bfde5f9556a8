"""The photos that are measured: real ones from the folder that WEARABOUTS_DATA names, else drawn ones."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from wearabouts.drawn.shop import DrawnShop

JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Photos:
    """JPEG files in memory.

    Attributes:
        source: Where they are from, for the table.
        small: At most 420 px long, as thumbnails and old phone photos are.
        large: 900 to 1,600 px long, as a shop's product photos are.
    """

    source: str
    small: tuple[bytes, ...]
    large: tuple[bytes, ...]

    def mixed(self) -> list[bytes]:
        """Small and large ones by turns."""
        return [photo for pair in zip(self.small, self.large, strict=True) for photo in pair]


def gathered(count: int, seed: int, height: int = 1_300) -> Photos:
    """So many small and so many large photos, the same for the same seed; large drawn ones are `height` px high."""
    folder = os.environ.get("WEARABOUTS_DATA", "")
    if folder and (Path(folder) / "magento-fashion").is_dir():
        root = Path(folder)
        small, large = (_real(root / name, count, seed) for name in ("clothing", "magento-fashion"))
        if min(len(small), len(large)) == count:
            return Photos("real photographs: clothing-dataset (small), Magento sample shop (large)", small, large)
    return Photos("drawn photographs", _drawn(count, seed, 420), _drawn(count, seed + 1, height))


def _real(folder: Path, count: int, seed: int) -> tuple[bytes, ...]:
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    chosen = np.random.default_rng(seed).permutation(len(paths))[:count]
    return tuple((folder / paths[place]).read_bytes() for place in chosen)


def _drawn(count: int, seed: int, height: int) -> tuple[bytes, ...]:
    shop = DrawnShop(seed=seed, products=count, part="test")
    photos = []
    for product in range(count):
        out = io.BytesIO()
        view = "street-0" if product % 2 else "front"
        Image.fromarray(shop.render(product, view, size=height).pixels).save(out, "JPEG", quality=JPEG_QUALITY)
        photos.append(out.getvalue())
    return tuple(photos)

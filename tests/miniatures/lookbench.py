"""LookBench in miniature: Parquet tables of pictures, for one or more subsets, and the distractors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars
from PIL import Image

from miniatures import pictures
from wearabouts.types import Box, Pixels

CATEGORIES = ("dress", "jeans", "coat")
ATTRIBUTES = ("red", "blue")


def lookbench(
    root: Path, *, subsets: Sequence[str] = ("real_streetlook",), items: int = 6, distractors: int = 5, shards: int = 2
) -> Path:
    """Write a tiny LookBench and return its folder: one query and one gallery picture for each item of a subset.

    Args:
        root: Folder to write to.
        subsets: Which of the four.
        items: Of each subset.
        distractors: Pictures of noise; their ids repeat those of the subsets.
        shards: Files of noise.
    """
    version = root / "v20251201"
    for start, subset in enumerate(subsets):
        numbers = [start * 100 + item for item in range(items)]
        queries = [row(n, jpeg(pictures.street({n: Box(20, 12, 50, 90)}, seed=n)), [20, 12, 70, 102]) for n in numbers]
        write(version / subset / "query.parquet", queries)
        write(version / subset / "gallery.parquet", [row(n, jpeg(pictures.shop(n))) for n in numbers])
    noise = [row(n, jpeg(pictures.shop(n + 500))) for n in range(distractors)]
    for shard in range(shards):
        write(version / "noise" / f"gallery-{shard:05d}.parquet", noise[shard::shards])
    return root


def row(item: int, data: bytes, bbox: list[int] | None = None) -> dict[str, Any]:
    """One row as the dataset has them."""
    return {
        "image": {"bytes": data, "path": f"{item}.jpg"},
        "item_ID": str(item),
        "category": CATEGORIES[item % 3],
        "main_attribute": ATTRIBUTES[item % 2],
        "other_attributes": [f"sleeve {item % 4}", "cotton"],
        "bbox": bbox or [0, 0, *pictures.SHOP_SIZE],
        "difficulty": "hard",
        "task": "single",
    }


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write one table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    polars.DataFrame(rows).write_parquet(path)


def jpeg(pixels: Pixels) -> bytes:
    """A picture's file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=92)
    return out.getvalue()

"""The partition of the two benchmarks whose photos stand alone: a photo and its split."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from wearabouts.readers.datasets.deepfashion.lists import List
from wearabouts.readers.datasets.deepfashion.pictures import photo_id

PARTITION = "list_eval_partition.txt"
SPLITS = ("train", "val", "test")


class Listed(NamedTuple):
    """A photo as listed, its id, its split, and the row it stands in."""

    listed: str
    id: str
    split: str
    row: int


def walk(rows: List) -> Iterator[Listed]:
    """Photos of the partition, each once; rows that are none are faults."""
    seen: set[int] = set()
    for row in rows.rows():
        words = row.text.split()
        try:
            if len(words) != 2:
                raise ValueError(f"row has {len(words)} words, expected are image_name evaluation_status")
            name, split = words
            photo = photo_id(name)
            if split not in SPLITS:
                raise ValueError(f"evaluation_status {split[:40]!r} is not one of {', '.join(SPLITS)}")
            # 64-bit digests instead of 289,222 paths
            digest = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
            if digest in seen:
                raise ValueError(f"photo {name} stood before; the first row was kept")
        except ValueError as problem:
            rows.fault(row.number, "", f"{problem}; the row was left out")
            continue
        seen.add(digest)
        yield Listed(name, photo, split, row.number)

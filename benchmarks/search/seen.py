"""The photos that everything in this benchmark is grown from and asked with, as the shipped model sees them.

Real photographs where WEARABOUTS_DATA names their folder, drawn ones beside them, drawn ones alone where it is unset.
Each photo is seen twice, whole and by its middle, so that vectors of 512 floats are those of a model that looks twice
and not the same numbers again.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wearabouts.drawn.shop import DrawnShop
from wearabouts.embedding import decode_side
from wearabouts.encoders import OnnxEncoder
from wearabouts.images import decode
from wearabouts.types import Floats, Pixels
from wearabouts.verifiers.evidence import packed, seen

BATCH = 16
SIZE = 208  # px, the height at which products are drawn; the shipped model takes 192
MIDDLE = 0.8  # of each side, the second look
# folder, role → of which queries come from people who sent none of the others
REAL = (
    ("clothing", "train"),
    ("clothing", "gallery"),
    *((name, role) for name in ("grocery", "magento-fashion") for role in ("gallery", "query")),
)
REAL_QUERIES = (("clothing", "query"),)


@dataclass(frozen=True, slots=True)
class Amount:
    """How many photos are looked at.

    Attributes:
        products: Drawn products, of which front and back are stored.
        real: Real photographs at most; 0 for none.
        queries: Held-out photos at most, half of them real where there are any.
    """

    products: int
    real: int
    queries: int


FULL = Amount(products=2_500, real=10_000, queries=900)
QUICK = Amount(products=16, real=0, queries=8)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model says of them.

    Attributes:
        base: (B, 2, D) float32: stored photos, whole and by their middle, each of length 1.
        queries: (Q, 2, D) float32: photos that are in no way stored.
        evidence: (B, n) uint8: what indexing keeps beside each stored photo for the second stage.
        garments: (B,) the kind that the model sees in each.
        source: Where the photos are from, in words.
        path: The file that holds all this.
    """

    base: Floats
    queries: Floats
    evidence: npt.NDArray[np.uint8]
    garments: npt.NDArray[np.str_]
    source: str
    path: Path


def looked(folder: Path, encoder: OnnxEncoder, amount: Amount, seed: int, say: Callable[[str], None]) -> Seen:
    """Look at the photos, or take what was seen of them before.

    Args:
        folder: Where what was seen is kept.
        encoder: The model.
        amount: How many.
        seed: Of the drawn shop and of what is chosen.
        say: Told of progress.
    """
    root = Path(os.environ["WEARABOUTS_DATA"]) if amount.real and os.environ.get("WEARABOUTS_DATA") else None
    kind = "real" if root else "drawn"
    path = folder / f"seen-{kind}-{amount.products}-{amount.real}-{amount.queries}-{seed}-{encoder.hash[:12]}.npz"
    if not path.is_file():
        say(f"looking at photos ({kind}), once: {path.name}")
        _look(path, encoder, amount, seed, root, say)
    with np.load(path) as kept:
        names = ("base", "queries", "evidence", "garments")
        return Seen(*(kept[name] for name in names), str(kept["source"]), path)


def _look(path: Path, encoder: OnnxEncoder, amount: Amount, seed: int, root: Path | None, say: Callable) -> None:
    stored, asked = [], []
    if root is not None:
        stored.append(_encoded(encoder, _photographs(root, REAL, amount.real, seed, decode_side(encoder)), say))
        half = amount.queries // 2
        asked.append(_encoded(encoder, _photographs(root, REAL_QUERIES, half, seed, decode_side(encoder)), say))
    real = [len(part[0][0]) if part else 0 for part in (stored, asked)]
    shop = DrawnShop(seed=seed, products=amount.products, part="test")
    drawn = ((n, view) for n in range(amount.products) for view in ("front", "back"))
    stored.append(_encoded(encoder, (shop.render(n, view, size=SIZE).pixels for n, view in drawn), say))
    left = amount.queries - real[1]
    street = np.random.default_rng(seed).permutation(amount.products)[:left].tolist()
    asked.append(_encoded(encoder, (shop.render(n, "street-0", size=SIZE).pixels for n in street), say))
    counts = [sum(len(part[0]) for part in parts) for parts in (stored, asked)]
    words = f"{counts[0]:,} stored and {counts[1]:,} asking photos seen by {encoder.card.name}"
    if root is not None:
        words += (
            f"; real photographs (clothing dataset, grocery store dataset, Magento sample shop): {real[0]:,} stored, "
            f"{real[1]:,} asking, by people who sent none of the stored ones; the others drawn"
        )
    else:
        words += "; all of them drawn"
    evidence = [row for _, kept, _ in stored for row in kept]
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft.npz")
    np.savez(
        draft,
        base=np.concatenate([vectors for vectors, _, _ in stored]),
        queries=np.concatenate([vectors for vectors, _, _ in asked]),
        evidence=np.stack([np.frombuffer(row, np.uint8) for row in evidence]),
        garments=np.array([name for _, _, names in stored for name in names], np.str_),
        source=np.array(words),
    )
    os.replace(draft, path)


def _encoded(
    encoder: OnnxEncoder, photos: Iterator[Pixels], say: Callable[[str], None]
) -> tuple[Floats, list[bytes], list[str]]:
    """(N, 2, D) vectors, and each photo's evidence and garment."""
    vectors: list[Floats] = []
    evidence: list[bytes] = []
    garments: list[str] = []
    group: list[Pixels] = []

    def flush() -> None:
        whole = encoder.encode(group)
        middle = encoder.encode([_middle(photo) for photo in group])
        vectors.append(np.stack([whole.vectors, middle.vectors], axis=1))
        evidence.extend(packed(seen(whole)))
        kinds = np.zeros(len(group), int) if whole.garments is None else whole.garments.argmax(axis=1)
        garments.extend(encoder.garments[kind] if encoder.garments else "" for kind in kinds.tolist())
        group.clear()

    for number, photo in enumerate(photos, 1):
        group.append(photo)
        if len(group) == BATCH:
            flush()
        if number % 800 == 0:
            say(f"  {number:,} photos seen")
    if group:
        flush()
    return np.concatenate(vectors), evidence, garments


def _middle(photo: Pixels) -> Pixels:
    height, width = photo.shape[:2]
    top, left = (round(side * (1 - MIDDLE) / 2) for side in (height, width))
    return np.ascontiguousarray(photo[top : height - top, left : width - left])


def _photographs(root: Path, parts: tuple[tuple[str, str], ...], most: int, seed: int, side: int) -> Iterator[Pixels]:
    paths = []
    for name, role in parts:
        with (root / name / "images.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        paths += [root / name / row["path"] for row in rows if row.get("role", role) == role]
    for place in np.random.default_rng(seed).permutation(len(paths))[:most].tolist():
        yield decode(paths[place].read_bytes(), target=side).pixels

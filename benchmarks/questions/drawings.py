"""Vectors of drawn photos, kept on the disk: drawn and encoded once, a block of products at a time.

A block that is there is not drawn again, so that a run that was stopped goes on where it was. A folder belongs to one
encoder by what it says and not by its hash: before blocks are used, a few photos are encoded anew and compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wearabouts.drawn.shop import DrawnShop
from wearabouts.encoders import Encoder
from wearabouts.types import Floats

BLOCK = 100  # products a file
SIZE = 208  # px, the height at which products are drawn; the shipped model takes 192
PROBED = 4  # photos encoded anew before a folder is used
ALIKE = 1e-3  # cosine that a vector drawn and encoded anew may lack of 1

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Photos of one view, row n of product n.

    Attributes:
        vectors: (N, D) float32 of length 1.
        kinds: (N, G) float32, the model's probabilities of garment kinds, in the order of their names; G may be 0.
        kind: (N,) int64, the product's own kind by its number among them, -1 for one that the model does not know.
    """

    vectors: Floats
    kinds: Floats
    kind: Integers

    def __len__(self) -> int:
        return len(self.vectors)

    def first(self, count: int) -> Seen:
        """Of the first products alone."""
        return Seen(self.vectors[:count], self.kinds[:count], self.kind[:count])


@dataclass(frozen=True)
class Drawings:
    """Drawn shops as one encoder sees them.

    Attributes:
        folder: Where blocks are kept.
        encoder: Sees them.
        seed: Of the shops.
    """

    folder: Path
    encoder: Encoder
    seed: int = 0

    def seen(self, part: str, view: str, products: int) -> Seen:
        """One view of the first products of a part, drawing what is missing."""
        shop = DrawnShop(seed=self.seed, products=products, part=part)  # type: ignore[arg-type]  # checked there
        blocks = [self._block(shop, part, view, start) for start in range(0, products, BLOCK)]
        joined = [np.concatenate([block[name] for block in blocks])[:products] for name in ("vectors", "kinds", "kind")]
        by_name = np.argsort(np.array(self.encoder.garments, np.str_))  # a block has them in the model's own order
        return Seen(joined[0].astype(np.float32), joined[1][:, by_name].astype(np.float32), joined[2].astype(np.int64))

    def require_same_encoder(self, say: Callable[[str], None] = print) -> None:
        """Drop the folder's blocks where its encoder was another one."""
        for path in sorted(self.folder.glob("*.npz"))[:1]:
            part, view, start = path.stem.rsplit("_", 2)
            shop = DrawnShop(seed=self.seed, products=int(start) + BLOCK, part=part)  # type: ignore[arg-type]
            rows = range(int(start), int(start) + min(PROBED, _rows(path)))
            anew = self.encoder.encode([shop.render(n, view, size=SIZE).pixels for n in rows]).vectors
            with np.load(path) as kept:
                same = kept["vectors"].shape[1] == anew.shape[1] and bool(
                    ((kept["vectors"][: len(anew)] * anew).sum(1) > 1 - ALIKE).all()
                )
            if not same:
                say(f"{self.folder} holds another encoder's vectors: drawing anew")
                for old in self.folder.glob("*.npz"):
                    old.unlink()

    def _block(self, shop: DrawnShop, part: str, view: str, start: int) -> dict[str, npt.NDArray[np.generic]]:
        path = self.folder / f"{part}_{view}_{start:06d}.npz"
        wanted = min(BLOCK, len(shop) - start)
        if not path.is_file() or _rows(path) < wanted:
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}.draft")
            with draft.open("wb") as file:
                np.savez(file, **self._drawn(shop, view, range(start, start + wanted)))
            os.replace(draft, path)
        with np.load(path) as kept:
            return dict(kept)

    def _drawn(self, shop: DrawnShop, view: str, rows: range) -> dict[str, npt.NDArray[np.generic]]:
        vectors, kinds = [], []
        for start in range(rows.start, rows.stop, 10):
            some = range(start, min(start + 10, rows.stop))
            encoding = self.encoder.encode([shop.render(n, view, size=SIZE).pixels for n in some])
            vectors.append(encoding.vectors)
            kinds.append(np.zeros((len(some), 0)) if encoding.garments is None else encoding.garments)
        known = sorted(self.encoder.garments)
        kind = [known.index(name) if (name := shop.spec(n).garment) in known else -1 for n in rows]
        return {
            "vectors": np.concatenate(vectors).astype(np.float32),
            "kinds": np.concatenate(kinds).astype(np.float16),
            "kind": np.array(kind, np.int64),
        }


def _rows(path: Path) -> int:
    with np.load(path) as kept:
        return len(kept["kind"])

"""What the tests of all crews share: shops, encoders that kill who runs them, and stores compared to the last bit."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from fakes import TinyGarmentEncoder
from pictures import saved, scene
from wearabouts.catalog import Catalog, Photo, Product
from wearabouts.embedding import IndexSummary, index
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError
from wearabouts.stores import ProductRecord, open_store
from wearabouts.types import Encoding, Floats, Pixels, Side

KILLING = (255, 0, 255)  # a photo of this colour kills who encodes it
STOPPING = (0, 255, 0)


class Steady(TinyGarmentEncoder):
    """One photo after the other, because a product of matrices may round otherwise for another number of rows."""

    def vectors_of(self, photos: Sequence[Pixels]) -> Floats:
        return np.concatenate([super(Steady, self).vectors_of([photo]) for photo in photos])


class Deadly(Steady):
    """Kills its process, as the system does where memory runs out, when it sees a certain photo; raises at another."""

    master = 0  # the process that must not be hit

    def __init__(self, once: Path | None = None) -> None:
        super().__init__()
        self.master, self.once = os.getpid(), once

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        for photo in photos:
            spared = os.getpid() == self.master or (self.once is not None and self.once.exists())
            if tuple(photo[0, 0]) == KILLING and not spared:
                if self.once is not None:
                    self.once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if tuple(photo[0, 0]) == STOPPING:
                raise BundleError("the graph gives nothing")
        return super().encode(photos, side)


def shop(folder: Path, count: int) -> list[Product]:
    """Products of one photo each, all different; the third has the bytes of the first."""
    products = []
    for number in range(count):
        path = folder / f"{number:03}.png"
        path.write_bytes(saved(scene(40, 60, 0 if number == 2 else number)))
        products.append(Product(f"p{number:03}", (Photo(f"p{number:03}~0", str(path)),), price=float(number)))
    return products


def catalog(products: Sequence[Product]) -> Catalog:
    return Catalog("list", "a list", lambda _: iter(products))


def indexed(
    folder: Path, products: Sequence[Product], encoder: Steady | OnnxEncoder, **options: object
) -> tuple[IndexSummary, list[ProductRecord]]:
    """Index into a new store; the summary and all that is stored."""
    with closing(open_store(folder, mode="write", encoder_hash=encoder.hash, dim=encoder.dim)) as store:
        summary = index(catalog(products), encoder, store, **options)
        records = [store.record(each) for each in store.products()]
        assert store.check() == []
    return summary, [record for record in records if record is not None]


def same(one: Sequence[ProductRecord], other: Sequence[ProductRecord]) -> bool:
    """Whether two stores hold the same to the last bit."""
    for a, b in zip(one, other, strict=True):
        if a.product != b.product or len(a.photos) != len(b.photos):
            return False
        for left, right in zip(a.photos, b.photos, strict=True):
            for name in ("photo", "digest", "garment", "seen", "thumbnail", "validators", "beside"):
                if getattr(left, name) != getattr(right, name):
                    return False
            if left.vector.tobytes() != right.vector.tobytes():
                return False
    return True


class Slow(Steady):
    """Takes its time, so that there is a middle of a job to be lost in."""

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        time.sleep(0.02 * len(photos))
        return super().encode(photos, side)

"""Catalogs of a few pictures whose every pixel and label is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wearabouts.catalog import Photo, Product
from wearabouts.drawn import manifest


@dataclass
class FakeRun:
    """A run's folder, and what it was told."""

    folder: Path
    told: list[tuple[str, int, int]] = field(default_factory=list)
    first: bool = True
    recipe: object = None

    def progress(self, what: str, done: int, total: int) -> None:
        self.told.append((what, done, total))


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    (tmp_path / "run").mkdir()
    return FakeRun(tmp_path / "run")


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Sequence[Product]], Path]:
    """Writes products as a catalog; photos without a picture get one of a colour of their own, 40 x 50 pixels."""

    def write(products: Sequence[Product]) -> Path:
        folder = tmp_path / "shop"
        for number, photo in enumerate(photo for product in products for photo in product.photos):
            path = folder / photo.uri
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                colour = np.random.default_rng(number).integers(0, 256, 3).astype(np.uint8)
                Image.fromarray(np.tile(colour, (50, 40, 1))).save(path)
        text = "".join(manifest.written(product) + "\n" for product in products)
        (folder / "products.jsonl").write_text(text, "utf-8")
        return folder

    return write


@pytest.fixture
def simple() -> Callable[..., Product]:
    """A product with so many street and shop photos, all of one split, labelled alike."""

    def make(
        name: str, street: int = 1, shop: int = 1, *, split: str = "", garment: str = "dress", **labels: str
    ) -> Product:
        sides = ["street"] * street + ["shop"] * shop
        photos = tuple(
            Photo(f"{name}-{n}", f"photos/{name}-{n}.png", side, split, labels=labels) for n, side in enumerate(sides)
        )
        return Product(name, photos, garment=garment)

    return make

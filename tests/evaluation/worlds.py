"""Datasets whose pictures carry their truth, and encoders that read it, or do not: what a protocol must make of them.

Every picture is one colour that says which item it shows (red and green) and which photo it is (blue), so that an
oracle gives all photos of an item one direction, and a dice thrower gives every photo its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from wearabouts.catalog import Catalog, Faults, Photo, Product
from wearabouts.types import Encoding, Pixels, Side

SIDE = 16
DIM = 48


class Reading:
    """What both encoders share: a picture's item and photo number, read from its middle."""

    name, hash, dim, input_size = "reading", "reading-1", DIM, 16
    garments: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = {}

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []  # item and photo of everything that was encoded

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        numbers = [read(photo) for photo in photos]
        self.seen += numbers
        return Encoding(np.array([self.vector(*number) for number in numbers], np.float32).reshape(-1, self.dim))

    def vector(self, item: int, photo: int) -> np.ndarray:
        raise NotImplementedError


class Oracle(Reading):
    """All photos of an item are one direction, each item its own."""

    name, hash = "oracle", "oracle-1"

    def vector(self, item: int, photo: int) -> np.ndarray:
        return direction(item)


class Dice(Reading):
    """Every photo is a direction of its own, whatever it shows."""

    name, hash = "dice", "dice-1"

    def vector(self, item: int, photo: int) -> np.ndarray:
        return direction(item, photo, 77)


class Told(Reading):
    """Vectors by item and photo number, as a test wants them; two floats are enough to draw them on paper."""

    name, dim = "told", 2

    def __init__(self, angles: Mapping[tuple[int, int], float]) -> None:
        super().__init__()
        self.angles = angles
        self.hash = f"told-{sorted(angles.items())}"

    def vector(self, item: int, photo: int) -> np.ndarray:
        angle = np.radians(self.angles.get((item, photo), 180))
        return np.array([np.cos(angle), np.sin(angle)])


def direction(*numbers: int, dim: int = DIM) -> np.ndarray:
    """A random unit vector, the same for the same numbers."""
    vector = np.random.default_rng(numbers).standard_normal(dim)
    return vector / np.linalg.norm(vector)


def draw(path: Path, item: int, photo: int) -> str:
    """A picture that says what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        Image.fromarray(np.full((SIDE, SIDE, 3), (item // 256, item % 256, photo), np.uint8)).save(path)
    return str(path)


def read(photo: Pixels) -> tuple[int, int]:
    """The item and photo number of a picture."""
    red, green, blue = (int(value) for value in photo[photo.shape[0] // 2, photo.shape[1] // 2])
    return red * 256 + green, blue


def catalog(products: Iterable[Product], faults: Callable[[Faults], None] = lambda _: None) -> Catalog:
    """A catalog that is there in memory."""
    held = tuple(products)

    def stream(told: Faults) -> Iterable[Product]:
        faults(told)
        return iter(held)

    return Catalog("made", "a made-up dataset", stream)


def photo(folder: Path, item: int, number: int, **facts: object) -> Photo:
    """A photo of an item; its id is ``item-number``, unless another is given."""
    path = draw(folder / f"{item}-{number}.png", item, number)
    return Photo(**{"id": f"{item}-{number}", "uri": path, **facts})

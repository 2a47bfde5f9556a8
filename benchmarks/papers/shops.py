"""The drawn shops of the study, and the test part as photos with what is known of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from variants import ATTRIBUTES, Size

from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.templates import Part
from wearabouts.drawn.writing import write
from wearabouts.images import decode
from wearabouts.readers import open_catalog
from wearabouts.types import Pixels

LEARNED, BEFORE, TESTED = "learned", "before", "tested"
SEEDS = {LEARNED: 0, BEFORE: 1, TESTED: 2}


def draw(folder: Path, size: Size, jobs: int, say: Callable[[str], None]) -> None:
    """Draw the three shops; what is there is left as it is."""
    plans: list[tuple[str, int, Part, tuple[str, ...]]] = [
        (LEARNED, size.learned, "train", ("front", "back")),
        (BEFORE, size.before, "train", ("front",)),
        (TESTED, size.tested, "test", ("front",)),
    ]
    for name, products, part, views in plans:
        say(f"shop {name}: {products} products of part {part}")
        shop = DrawnShop(SEEDS[name], products, part)
        write(folder / name, shop, views=views, street=size.street, size=size.px, workers=max(1, jobs))


@dataclass(frozen=True, slots=True)
class Tested:
    """The test part.

    Attributes:
        photos: As the encoder gets them: street photos cut to their box, as a query is, shop photos whole.
        product: (N,) int64.
        street: (N,) bool.
        labels: ``garment`` and each of `ATTRIBUTES` → N words.
        landmarks: (N, 8, 3) float64: x, y as fractions of the photo (of its cut part), and 1 where visible.
    """

    photos: tuple[Pixels, ...]
    product: npt.NDArray[np.int64]
    street: npt.NDArray[np.bool_]
    labels: dict[str, npt.NDArray[np.str_]]
    landmarks: npt.NDArray[np.float64]


def tested(folder: Path) -> Tested:
    """Read the test part."""
    photos, product, street, marks = [], [], [], []
    words: dict[str, list[str]] = {name: [] for name in ("garment", *ATTRIBUTES)}
    for number, one in enumerate(open_catalog(folder / TESTED, reader="drawn").products()):
        for photo in one.photos:
            picture = decode(Path(photo.uri).read_bytes())
            worn = photo.side == "street"
            pixels = picture.crop(photo.box if worn else None)
            left, top = (np.floor(photo.box.left), np.floor(photo.box.top)) if worn and photo.box else (0.0, 0.0)
            height, width = pixels.shape[:2]
            marks.append([((m.x - left) / width, (m.y - top) / height, float(m.visible)) for m in photo.landmarks])
            photos.append(np.ascontiguousarray(pixels))
            product.append(number)
            street.append(worn)
            for name, listed in words.items():
                listed.append(photo.labels[name])
    return Tested(
        tuple(photos),
        np.array(product, np.int64),
        np.array(street, np.bool_),
        {name: np.array(listed) for name, listed in words.items()},
        np.array(marks, np.float64).reshape(-1, 8, 3),
    )

"""The photos of a catalog's split as one block of bytes in memory, with the class of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wearabouts.bundles import Preprocessing
from wearabouts.catalog import Fault, Faults, Photo
from wearabouts.errors import CatalogError, FetchError, ImageError
from wearabouts.fetch import Fetcher
from wearabouts.images import decode
from wearabouts.readers import open_catalog
from wearabouts.training.residual.recipe import ResidualRecipe
from wearabouts.training.run import Progress
from wearabouts.types import Pixels

MAX_BYTES = 8 * 2**30  # of all photos together; more must be trained on in another way
TOLD = 500  # photos between two words of progress


@dataclass(frozen=True)
class Rows:
    """What is learned from.

    Attributes:
        pixels: (N, S, S, 3) uint8, fitted as the served graph sees them.
        classes: (N,) int64, places in `names`.
        names: The categories, sorted.
        lost: Photos that could not be read.
    """

    pixels: Pixels
    classes: npt.NDArray[np.int64]
    names: tuple[str, ...]
    lost: int = 0

    def __len__(self) -> int:
        return len(self.classes)

    def taken(self, places: npt.NDArray[np.int64]) -> Rows:
        """Some of the rows."""
        return Rows(self.pixels[places], self.classes[places], self.names)

    def parted(self, share: float, seed: int) -> tuple[Rows, Rows]:
        """The rows without `share` of them, drawn within each class, and those."""
        rng = np.random.default_rng((seed, 3))
        held = np.zeros(len(self), np.bool_)
        for n in range(len(self.names)):
            places = rng.permutation(np.flatnonzero(self.classes == n))
            held[places[: round(share * len(places))]] = True
        return self.taken(np.flatnonzero(~held)), self.taken(np.flatnonzero(held))


def read(recipe: ResidualRecipe, source: Path, progress: Progress) -> Rows:
    """Read the rows of a recipe, in the catalog's order.

    Photos that cannot be read are left out and counted.

    Raises:
        CatalogError: The catalog cannot be read, has no such rows or fewer than two categories, or more than fits.
        SettingsError: An unknown reader, or options it does not take.
    """
    faults, fetcher = Faults(), Fetcher()
    size, split = recipe.network.size, recipe.data.split
    fit = Preprocessing(size=size).apply
    catalog = open_catalog(source, reader=recipe.data.reader or None, **recipe.data.options)
    wanted = [
        (photo, product.category)
        for product in catalog.products(faults)
        for photo in product.photos
        if product.category and (photo.split == split if split else photo.split != "query")
    ]
    names = tuple(sorted({category for _, category in wanted}))
    if len(names) < 2:
        where = f"{catalog.source}, split {split!r}" if split else catalog.source
        raise CatalogError(f"{where}: {len(wanted)} photos of {len(names)} categories; training needs two categories")
    if len(wanted) * size * size * 3 > MAX_BYTES:
        raise CatalogError(
            f"{len(wanted):,} photos of {size} x {size} pixels are more than {MAX_BYTES >> 30} GB; "
            "give a smaller [network] size or another split"
        )
    pixels = np.empty((len(wanted), size, size, 3), np.uint8)
    kept: list[int] = []
    for n, (photo, category) in enumerate(wanted):
        if n % TOLD == 0 or n + 1 == len(wanted):
            progress("photos", n + 1, len(wanted))
        try:
            pixels[len(kept)] = fit(_open(photo, fetcher, 2 * size))
        except (FetchError, ImageError) as error:
            faults.add(Fault(photo.uri, n + 1, "photo", str(error), "photo"))
        else:
            kept.append(names.index(category))
    if not kept:
        raise CatalogError(f"{catalog.source}: none of {len(wanted)} photos could be read: {faults.kept[-1].reason}")
    return Rows(pixels[: len(kept)], np.array(kept, np.int64), names, faults.counts["photo"])


def _open(photo: Photo, fetcher: Fetcher, target: int) -> Pixels:
    data = fetcher.fetch(photo.uri).data
    assert data is not None  # no validators were given, so nothing is left unread as unchanged
    return decode(data, target=target).crop(photo.box)

"""A catalog as rows to learn from: fitted photos, and all that is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wearabouts.bundles import Preprocessing
from wearabouts.catalog import Faults
from wearabouts.training.data.picking import pick
from wearabouts.training.data.pixels import SLOTS, Fitted, fitted
from wearabouts.training.data.recipe import Augment, Data
from wearabouts.training.data.vocabulary import Integers, Labelled, Signs, Vocabulary, coded, found
from wearabouts.training.run import Run
from wearabouts.types import Floats, Pixels

__all__ = ["PROBE", "Supervision", "Vocabulary", "read"]

PROBE = "probe.npz"
PREVIEW = "preview.png"
PROBED = 200  # photos a side that export checks recall with
PHOTOS = "photos"


def _no_pairs() -> Integers:
    return np.zeros((0, 2), np.int64)


@dataclass(frozen=True)
class Supervision:
    """What is learned from, a photo a row.

    Attributes:
        pixels: (N, S, S, 3) uint8, fitted as the served graph sees them; may be a file mapped into memory.
        product: (N,) int64, which product it shows.
        street: (N,) bool, whether a customer took it.
        category: (N,) int64, a place in the vocabulary's categories; -1 unknown.
        attributes: (N, A) int64, places in the values of each attribute; -1 unknown.
        tags: (N, T) int8: 1 holds, -1 does not, 0 unknown.
        landmarks: (N, 8, 3) float32: x, y as fractions of the square, and 1 where visible, else 0; nan where not
            annotated.
        vocabulary: The words behind the numbers.
        lost: Photos that could not be read.
        different: (M, 2) int64, a row and a product that people said it does not show.
    """

    pixels: Pixels
    product: Integers
    street: npt.NDArray[np.bool_]
    category: Integers
    attributes: Integers
    tags: Signs
    landmarks: Floats
    vocabulary: Vocabulary
    lost: int = 0
    different: Integers = field(default_factory=_no_pairs)

    def __len__(self) -> int:
        return len(self.product)

    @property
    def annotated(self) -> npt.NDArray[np.bool_]:
        """(N,) bool, which rows have landmarks."""
        return np.asarray(~np.isnan(self.landmarks).any(axis=(1, 2)))

    def taken(self, rows: npt.NDArray[np.int64]) -> Supervision:
        """Some of the rows, in that order, in memory; each at most once where there are `different` pairs."""
        at = np.full(len(self), -1, np.int64)
        at[rows] = np.arange(len(rows))
        different = self.different[at[self.different[:, 0]] >= 0] if len(self.different) else self.different
        return Supervision(
            np.asarray(self.pixels[rows]),
            self.product[rows],
            self.street[rows],
            self.category[rows],
            self.attributes[rows],
            self.tags[rows],
            np.asarray(self.landmarks[rows]),
            self.vocabulary,
            self.lost,
            np.stack((at[different[:, 0]], different[:, 1]), axis=1),
        )


def read(data: Data, source: Path, size: int | Preprocessing, run: Run) -> tuple[Supervision, Supervision]:
    """Read what is learned from, and what is held out of it; both have the vocabulary of the former.

    Photos are decoded into the run's folder once: a run that is resumed finds them there. Where products are held out,
    photos of some are kept in ``probe.npz`` for the export's check: `photos` (N, S, S, 3) uint8, `product` (N,) and
    `street` (N,) bool. Where the recipe changes photos, ``preview.png`` shows how.

    Args:
        data: The recipe's table.
        source: The catalog.
        size: Side of the square that the model sees, in pixels, or how another's network wants its photos.
        run: Whose folder.

    Returns:
        The rows to learn from and the held-out ones, of which there may be none. Product numbers are of both.

    Raises:
        CatalogError: The catalog cannot be read, or lacks what the recipe asks for.
        SettingsError: An unknown reader, or options it does not take.
    """
    faults = Faults()
    picked = pick(data, source, faults)
    wanted = [*picked.learned, *picked.held]
    photos = fitted(
        [one.photo for one in wanted],
        size,
        crop=data.crop == "box",
        folder=run.folder / PHOTOS,
        faults=faults,
        progress=run.progress,
    )
    words = found(data, picked.learned)
    edge = len(picked.learned)
    first = int(np.count_nonzero(photos.kept[:edge]))
    learned = _rows(data, words, picked.learned, picked.products, photos, slice(0, edge), slice(0, first))
    held = _rows(data, words, picked.held, picked.products, photos, slice(edge, None), slice(first, None))
    places = np.cumsum(photos.kept) - 1
    pairs = [(places[row], product) for row, product in picked.different if photos.kept[row]]
    learned = replace(learned, different=np.array(pairs, np.int64).reshape(-1, 2))
    if len(held) and run.first:
        _keep_probe(held, run.folder / PROBE)
    _show(learned, run)
    return learned, held


def _show(learned: Supervision, run: Run) -> None:
    """Keep a picture of what the recipe's changes do to photos, for people."""
    settings = getattr(run.recipe, "augment", None)
    path = run.folder / PREVIEW
    if not run.first or not isinstance(settings, Augment) or not any(settings.model_dump().values()) or path.exists():
        return
    import torch

    from wearabouts.training.data.augmenting import preview  # which is about what this module makes

    with torch.random.fork_rng():
        torch.manual_seed(run.recipe.seed)
        preview(learned, settings, path)


def _rows(
    data: Data,
    words: Vocabulary,
    wanted: Sequence[Labelled],
    products: dict[str, int],
    photos: Fitted,
    asked: slice,
    place: slice,
) -> Supervision:
    """The rows of a part: `asked` is where its photos stand among those asked for, `place` among those there are."""
    kept = photos.kept[asked]
    there = [one for one, is_there in zip(wanted, kept, strict=True) if is_there]
    category, attributes, tags = coded(data, words, there)
    return Supervision(
        pixels=photos.pixels[place],
        product=np.array([products[one.product.id] for one in there], np.int64),
        street=np.array([one.photo.side == "street" for one in there], np.bool_),
        category=category,
        attributes=attributes,
        tags=tags,
        landmarks=np.asarray(photos.landmarks[place]).reshape(-1, SLOTS, 3),
        vocabulary=words,
        lost=int(np.count_nonzero(~kept)),
    )


def _keep_probe(held: Supervision, path: Path) -> None:
    """Keep up to `PROBED` photos a side: of products that have both sides, where any has."""
    both = np.intersect1d(held.product[held.street], held.product[~held.street])
    fit = np.isin(held.product, both) if len(both) else np.ones(len(held), np.bool_)
    rows = np.concatenate([np.flatnonzero(fit & (held.street == side))[:PROBED] for side in (True, False)])
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        np.savez_compressed(file, photos=held.pixels[rows], product=held.product[rows], street=held.street[rows])
    part.replace(path)

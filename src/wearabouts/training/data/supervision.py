"""A catalog read as rows to learn from and rows held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from wearabouts.bundles import Preprocessing
from wearabouts.catalog import Faults
from wearabouts.training.data.picking import pick
from wearabouts.training.data.pixels import SLOTS, Fitted, fitted
from wearabouts.training.data.recipe import Augment, Data
from wearabouts.training.data.rows import Supervision
from wearabouts.training.data.vocabulary import Labelled, Vocabulary, coded, found
from wearabouts.training.run import Run

__all__ = ["PROBE", "Supervision", "Vocabulary", "read"]

PROBE = "probe.npz"
PREVIEW = "preview.png"
PROBED = 200  # photos a side that export checks recall with
PHOTOS = "photos"


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

    from wearabouts.training.data.augmenting import preview

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

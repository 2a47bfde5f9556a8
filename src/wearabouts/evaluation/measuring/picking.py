"""The photos of a dataset that a protocol names, placed or divided by, without a gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from wearabouts.catalog import Catalog, Faults, Photo, Product
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.protocols.values import Pick, Rules
from wearabouts.types import Landmark, Side


@dataclass(frozen=True, slots=True)
class Picked:
    """Photos in order of id, and how many rows and photos the reader lost; landmarks by photo where there are any."""

    entries: tuple[Entry, ...]
    lost: int
    landmarks: dict[str, tuple[Landmark, ...]]


def pick(catalog: Catalog, rules: Rules, which: Pick | None, *, cut: bool, limit: int = 0, seed: int = 0) -> Picked:
    """Take photos of a dataset.

    Args:
        catalog: Walked once.
        rules: Named where nothing is found.
        which: The photos; None for all.
        cut: Whether the encoder is to see their boxes only.
        limit: At most so many, drawn by the seed; 0 for all.
        seed: Of that draw.

    Raises:
        EvaluationError: There are none.
    """
    faults = Faults()
    found: dict[str, Entry] = {}
    landmarks: dict[str, tuple[Landmark, ...]] = {}
    for product in catalog.products(faults):
        for photo in product.photos:
            if which is None or which.takes(photo):
                box = photo.box if cut else None
                kind, title = product.category, product.title
                found[photo.id] = Entry(photo.id, photo.uri, product.id, (), "", kind, title, box, photo.labels)
                if photo.landmarks:
                    landmarks[photo.id] = photo.landmarks
    if not found:
        named = "photos" if which is None else which.words()
        raise EvaluationError(
            f"{catalog.source} has no {named}; protocol {rules.name} needs them: give the dataset that reader "
            f"{rules.reader} reads"
        )
    entries = [found[name] for name in sorted(found)]
    if limit and limit < len(entries):
        drawn = np.random.default_rng(seed).choice(len(entries), limit, replace=False)
        entries = [entries[place] for place in sorted(drawn)]
    return Picked(tuple(entries), len(faults), landmarks)


def only(catalog: Catalog, wanted: Callable[[Photo], bool], *, cut: bool = False) -> Catalog:
    """The same catalog with some of its photos, for the index to show whole or, where wanted, cut to their boxes."""
    # Only a street photo is cut to its box by the index.
    side: Side = "street" if cut else "shop"

    def stream(faults: Faults) -> Iterator[Product]:
        for product in catalog.stream(faults):
            # The split is left out, too: photos that ask in another protocol are searched in this one.
            shown = tuple(replace(photo, side=side, split="") for photo in product.photos if wanted(photo))
            if shown:
                yield replace(product, photos=shown)

    return replace(catalog, stream=stream)

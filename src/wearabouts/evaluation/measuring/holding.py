"""The store that a protocol searches: of one run, or kept so that the next run embeds nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from wearabouts import embedding
from wearabouts.catalog import Catalog
from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError, StoreError
from wearabouts.evaluation.measuring.dividing import Entry
from wearabouts.evaluation.systems import Progress
from wearabouts.stores import Store, open_store
from wearabouts.types import Floats


@dataclass(frozen=True, slots=True)
class Held:
    """A store open for writing, and the file that remembers queries (None where nothing is kept)."""

    store: Store
    remembered: Path | None

    def fill(self, catalog: Catalog, encoder: Encoder, total: int, progress: Progress | None = None) -> None:
        """Make the store hold exactly the photos of a catalog, whatever their side; `total` is for progress."""

        def told(done: embedding.IndexProgress) -> None:
            if progress is not None:
                progress(f"index with {encoder.name}", done.photos, total)

        embedding.index(
            catalog,
            encoder,
            self.store,
            all_photos=True,
            thumbnails=False,
            prune=True,
            prune_limit=1,
            progress=told if progress is not None else None,
        )

    def rows(self, entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], Floats]:
        """The entries that the store holds, and their vectors: (N, D) float32.

        Raises:
            EvaluationError: It holds none.
        """
        try:
            return tuple(entries), self.store.vectors([entry.id for entry in entries])
        except StoreError:  # some could not be read
            held = {photo for product in {entry.product for entry in entries} for photo in self.store.known(product)}
        kept = tuple(entry for entry in entries if entry.id in held)
        if not kept:
            raise EvaluationError("no gallery photo could be read; check that the photos are where the catalog says")
        return kept, self.store.vectors([entry.id for entry in kept])


@contextmanager
def held(encoder: Encoder, keep: Path | None = None) -> Iterator[Held]:
    """Open the store of an encoder.

    Args:
        encoder: Each has a store of its own.
        keep: Folder in which stores and remembered queries stay; None throws the store away afterwards.
    """
    with TemporaryDirectory(prefix="wearabouts-evaluate-") as temporary:
        folder = Path(temporary) if keep is None else keep / encoder.hash[:16]
        folder.mkdir(parents=True, exist_ok=True)
        store = open_store(folder / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
        try:
            yield Held(store, None if keep is None else folder / f"queries-{_street(encoder)}.npz")
        finally:
            store.close()


def _street(encoder: Encoder) -> str:
    """Changes whenever what is said of a query would: an encoder's own hash is of its shop side alone."""
    card = getattr(encoder, "card", None)
    graph = card.graphs["street"].sha256 if card is not None else ""
    told = repr((encoder.hash, graph, encoder.garments, sorted(encoder.attributes.items())))
    return hashlib.sha256(told.encode()).hexdigest()[:16]

"""Query photos as they come in: fetched and decoded one at a time, never kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError, FetchError, ImageError
from wearabouts.evaluation.questions import Question, Searched
from wearabouts.evaluation.systems import BATCH, THUMBNAIL, Progress, decode_side
from wearabouts.fetch import Fetcher
from wearabouts.images import decode
from wearabouts.metrics import Integers
from wearabouts.search import Searcher
from wearabouts.types import Floats, Pixels


@dataclass(frozen=True, slots=True)
class Asker:
    """Reads query photos through the doors that every photo comes through."""

    fetcher: Fetcher

    def bytes_of(self, query: Question) -> bytes:
        """The photo's file.

        Raises:
            FetchError: It cannot be had.
        """
        data = self.fetcher.fetch(query.photo.uri, root=None).data
        if data is None:
            raise FetchError(f"{query.photo.uri}: the server sent no photo; check the address")
        return data

    def thumbnail(self, query: Question) -> bytes:
        """A small JPEG of the whole photo, empty where it cannot be read."""
        try:
            return decode(self.bytes_of(query), target=THUMBNAIL).thumbnail(THUMBNAIL)
        except (FetchError, ImageError):
            return b""

    def encoded(
        self, queries: Sequence[Question], encoder: Encoder, progress: Progress | None = None
    ) -> tuple[tuple[Question, ...], Floats]:
        """The queries that can be read, and their vectors from the street side: (Q, D) float32.

        Raises:
            EvaluationError: None can be read.
        """
        readable: list[Question] = []
        vectors = np.empty((len(queries), encoder.dim), np.float32)
        for batch, photos in self._batches(queries, encoder):
            vectors[len(readable) : len(readable) + len(batch)] = encoder.encode(photos, "street").vectors
            readable += batch
            if progress is not None:
                progress(f"queries of {encoder.name}", len(readable), len(queries))
        if not readable:
            raise EvaluationError(
                f"none of {len(queries):,} query photos can be read; check that they are where the catalog says"
            )
        return tuple(readable), vectors[: len(readable)]

    def _batches(self, queries: Sequence[Question], encoder: Encoder) -> Iterator[tuple[list[Question], list[Pixels]]]:
        batch: list[Question] = []
        photos: list[Pixels] = []
        for query in queries:
            seen = self._pixels(query, encoder)
            if seen is not None:
                batch.append(query)
                photos.append(seen)
            if len(batch) == BATCH:
                yield batch, photos
                batch, photos = [], []
        if batch:
            yield batch, photos

    def _pixels(self, query: Question, encoder: Encoder) -> Pixels | None:
        box = query.photo.box if query.photo.side == "street" else None
        try:
            return decode(self.bytes_of(query), target=decode_side(encoder) if box is None else 0).crop(box)
        except (FetchError, ImageError):
            return None

    def served(
        self, queries: Sequence[Question], searcher: Searcher, products: Mapping[str, Searched], k: int
    ) -> tuple[tuple[Question, ...], list[Integers], list[float]]:
        """Ask the way a person does: the bytes of the whole photo, default settings, k products.

        Returns:
            The queries that were answered, the ranks of right answers among the k (may be empty), milliseconds each.
        """
        answered, ranks, timings = [], [], []
        for query in queries:
            try:
                data = self.bytes_of(query)
                start = time.perf_counter()
                answer = searcher.search(data, k)
            except (FetchError, ImageError):
                continue
            timings.append((time.perf_counter() - start) * 1000)
            right = [products[str(match.product["id"])].truth == query.truth for match in answer.matches]
            ranks.append(np.flatnonzero(right) + 1)
            answered.append(query)
        return tuple(answered), ranks, timings

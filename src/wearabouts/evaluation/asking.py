"""Query photos as they come in: fetched and decoded one at a time, never kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from wearabouts.encoders import Encoder
from wearabouts.errors import EvaluationError, FetchError, ImageError
from wearabouts.evaluation.remembering import Remembered, key_of
from wearabouts.evaluation.systems import BATCH, THUMBNAIL, Progress, decode_side
from wearabouts.fetch import Fetcher
from wearabouts.images import decode
from wearabouts.metrics import Integers
from wearabouts.search import Searcher
from wearabouts.types import Answer, Box, Encoding, Match, Pixels


class Asking(Protocol):
    """A photo that asks: where it lies, and the part of it that the encoder is to see (None for the whole)."""

    @property
    def uri(self) -> str:
        """Path or address."""
        ...

    @property
    def crop(self) -> Box | None:
        """In pixels of the upright photo."""
        ...


Q = TypeVar("Q", bound=Asking)
Ask = Callable[[Searcher, bytes, Q], Answer]


@dataclass(frozen=True, slots=True)
class Asker:
    """Reads query photos through the doors that every photo comes through."""

    fetcher: Fetcher

    def bytes_of(self, query: Asking) -> bytes:
        """The photo's file.

        Raises:
            FetchError: It cannot be had.
        """
        data = self.fetcher.fetch(query.uri, root=None).data
        if data is None:
            raise FetchError(f"{query.uri}: the server sent no photo; check the address")
        return data

    def thumbnail(self, query: Asking) -> bytes:
        """A small JPEG of the part that asks, empty where it cannot be read."""
        try:
            picture = decode(self.bytes_of(query), target=0 if query.crop else THUMBNAIL)
            if query.crop is not None:
                picture = type(picture)(picture.crop(query.crop), picture.size, picture.format)
            return picture.thumbnail(THUMBNAIL)
        except (FetchError, ImageError):
            return b""

    def extent(self, query: Asking) -> tuple[float, float, float, float]:
        """Left, top, width and height, in pixels of the upright photo, of the part that asks.

        Raises:
            FetchError: The photo cannot be had.
            ImageError: It is none, or the part lies outside it.
        """
        width, height = decode(self.bytes_of(query), target=1).size
        if query.crop is None:
            return 0.0, 0.0, float(width), float(height)
        inside = query.crop.clipped(width, height)
        if inside is None:
            raise ImageError(f"box {query.crop} lies outside the {width}x{height} photo; give one inside it")
        return inside.left, inside.top, inside.width, inside.height

    def encoded(
        self, queries: Sequence[Q], encoder: Encoder, progress: Progress | None = None, *, keep: Path | None = None
    ) -> tuple[tuple[Q, ...], Encoding]:
        """The queries that can be read, and what the encoder says of them from the street side, in that order.

        Args:
            queries: In any order, kept.
            encoder: Whose word it is.
            progress: Told how many are done.
            keep: A file that remembers what was said of photos that have not changed since; None keeps nothing.

        Raises:
            EvaluationError: None can be read.
        """
        remembered = Remembered(keep)
        readable: list[Q] = []
        new: list[Q] = []
        photos: list[Pixels] = []

        def encode() -> None:
            if new:
                remembered.add(new, encoder.encode(photos, "street"))
            new.clear()
            photos.clear()

        for done, query in enumerate(queries, 1):
            # A photo that is listed twice is encoded once.
            if not remembered.has(query) and all(key_of(query) != key_of(other) for other in new):
                seen = self._pixels(query, encoder)
                if seen is None:
                    continue
                new.append(query)
                photos.append(seen)
            readable.append(query)
            if len(photos) == BATCH:
                encode()
                if progress is not None:
                    progress(f"queries of {encoder.name}", done, len(queries))
        encode()
        if not readable:
            raise EvaluationError(
                f"none of {len(queries):,} query photos can be read; check that they are where the catalog says"
            )
        remembered.save()
        return tuple(readable), remembered.of(readable)

    def _pixels(self, query: Asking, encoder: Encoder) -> Pixels | None:
        try:
            target = decode_side(encoder) if query.crop is None else 0
            return decode(self.bytes_of(query), target=target).crop(query.crop)
        except (FetchError, ImageError):
            return None

    def served(
        self, queries: Sequence[Q], searcher: Searcher, right: Callable[[Q, Match], bool], ask: Ask[Q]
    ) -> tuple[tuple[Q, ...], list[Integers], list[float]]:
        """Ask the way a person does: bytes in, products out.

        Args:
            queries: Who asks.
            searcher: Who answers.
            right: Whether an answer is right.
            ask: How the bytes of a photo are put to the searcher.

        Returns:
            The queries that were answered, the ranks of right answers among those given (may be empty), milliseconds
            each.
        """
        answered, ranks, timings = [], [], []
        for query in queries:
            try:
                data = self.bytes_of(query)
                start = time.perf_counter()
                answer = ask(searcher, data, query)
            except (FetchError, ImageError):
                continue
            timings.append((time.perf_counter() - start) * 1000)
            ranks.append(np.flatnonzero([right(query, match) for match in answer.matches]) + 1)
            answered.append(query)
        return tuple(answered), ranks, timings

"""Every query against the whole gallery, block by block, exactly: the ranks that all figures are computed from.

No row is ever sorted whole and no matrix of all similarities ever held. The similarities of a query's right answers
come first; then the gallery passes by in tiles, and each right answer counts what stands in front of it:
rank = 1 + items more similar + items as similar that come earlier in the gallery (`counting` does the arithmetic).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wearabouts.evaluation.ranking.counting import DECIMALS, Counter
from wearabouts.evaluation.ranking.shelf import Asked, Entries, Name, Shelf, numbered, parts
from wearabouts.metrics import Doubles, Integers
from wearabouts.types import Floats

__all__ = ["DECIMALS", "MEMORY", "Ranked", "measured", "rank"]

MEMORY = 2**30
Progress = Callable[[int, int], None]
_NAME = 150  # bytes of one name in a table: its entry, its number, sometimes the name itself
_NUMBERS = 6  # arrays of one number a gallery photo
_RANKS = 200  # bytes of one query beside its ranks: an array of its own, bounds, names' numbers
_EMPTY: Integers = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Where the right answers stood, and what stood in front.

    Attributes:
        ranks: Per query the rising ranks of its relevant items; empty where the gallery has none.
        nearest: (Q, shown) gallery photo indices of the first items, each item by its best photo; -1 where fewer items
            compete (of the query's kind, or not left out).
        similarities: (Q, shown) theirs, rounded to `DECIMALS`; -inf where there is none.
    """

    ranks: list[Integers]
    nearest: Integers
    similarities: Doubles = field(default_factory=lambda: np.zeros((0, 0)))


def rank(
    queries: Floats,
    gallery: Floats,
    query_truths: Sequence[Name | Collection[Name]],
    gallery_truths: Sequence[Name],
    *,
    items: Sequence[Name] | None = None,
    query_kinds: Sequence[Name] | None = None,
    gallery_kinds: Sequence[Name] | None = None,
    query_photos: Sequence[Name] | None = None,
    gallery_photos: Sequence[Name] | None = None,
    shown: int = 3,
    memory: int = MEMORY,
    progress: Progress | None = None,
) -> Ranked:
    """Rank the gallery for each query by cosine.

    Similarities are those of double precision rounded to `DECIMALS`, so that copies of one vector tie; ties keep the
    gallery's order (items: that of their first photos). Where queries times gallery is large and right answers are
    few, similarities are taken in single precision first, and all that lies within its error bound of a right answer,
    or of the nearest, again in double: two to four times as fast, and the same ranks.

    Args:
        queries: (Q, D) float32 unit vectors; may be a `numpy.memmap`.
        gallery: (N, D) float32 unit vectors, in order of id (ties keep it); may be a `numpy.memmap`.
        query_truths: Q labels; a gallery item is relevant when its label is the same. A tuple or set of labels: when
            its label is any of them.
        gallery_truths: N labels; an item's is that of its first photo.
        items: N names of what a photo shows; photos of one item count once, by the best of them. None: each photo is
            an item.
        query_kinds: Q kinds; given, only gallery photos of the query's kind are ranked (needs `gallery_kinds` too).
        gallery_kinds: N kinds.
        query_photos: Q names; given, a gallery photo of the same name never competes for that query (needs
            `gallery_photos` too): to leave a query's own photo out where queries are in the gallery, or, with item and
            colour as the name, every photo of the query's item in its own colour.
        gallery_photos: N names.
        shown: How many of the first items are named per query.
        memory: Bytes to work within, beyond the vectors and names given; the ranks returned count, too. Where it is
            less than the ranks need, work goes on with the smallest blocks.
        progress: Told how many queries are done, and of how many, after each block.

    Raises:
        ValueError: Lengths differ, only one of a pair of names is given, or vectors hold nan or are far from unit.
    """
    _check("queries", len(queries), truths=query_truths, kinds=query_kinds, photos=query_photos)
    _check("gallery", len(gallery), truths=gallery_truths, kinds=gallery_kinds, photos=gallery_photos, items=items)
    if (query_kinds is None) != (gallery_kinds is None) or (query_photos is None) != (gallery_photos is None):
        raise ValueError("kinds and photos must be given for queries and gallery alike, or for neither")
    table, labels = numbered(gallery_truths)
    asked, names, shelf = Asked.of(query_truths, table), len(table), Shelf.of(items, labels)
    del table
    hidden = _Hidden.of(query_photos, gallery_photos)
    count = max(0, min(shown, len(shelf)))
    shape = (len(queries), count)
    found = Ranked([_EMPTY] * len(queries), np.full(shape, -1, np.int64), np.full(shape, -np.inf))
    tables = _NAME * len(gallery) * sum(part is not None for part in (gallery_truths, items, gallery_photos))
    spare = memory - max(tables, 8 * _NUMBERS * len(gallery)) - (_RANKS + 16 * count) * len(queries)
    done = 0
    for rows, part in parts(shelf, len(queries), query_kinds, gallery_kinds):
        answers = Entries.of(part.labels, names)
        sizes = answers.sizes(asked, rows)
        own = None if hidden is None else hidden.entries(part)
        counter = Counter(queries, gallery, part, count, spare - 8 * int(sizes.sum()), sizes)
        for start in range(0, len(rows), counter.step):
            block = rows[start : start + counter.step]
            concealed = None if hidden is None or own is None else own.pairs(hidden.asked, block)
            ranks, nearest, similarities = counter.count(block, answers.pairs(asked, block), concealed)
            for row, one in zip(block.tolist(), ranks, strict=True):
                found.ranks[row] = one
            held = slice(0, nearest.shape[1])
            found.nearest[block, held], found.similarities[block, held] = nearest, similarities
            done += len(block)
            if progress is not None:
                progress(done, len(queries))
    return found


def measured(ranks: Sequence[Integers]) -> npt.NDArray[np.bool_]:
    """(Q,) which queries have any right answer in the gallery; the others have no figure."""
    return np.array([len(row) > 0 for row in ranks], dtype=bool)


@dataclass(frozen=True, slots=True)
class _Hidden:
    """Gallery photos that do not compete for a query."""

    asked: Asked
    numbers: Integers
    names: int

    @classmethod
    def of(cls, queries: Sequence[Name] | None, gallery: Sequence[Name] | None) -> _Hidden | None:
        if queries is None or gallery is None:
            return None
        table, numbers = numbered(gallery)
        return cls(Asked.of(queries, table), numbers, len(table))

    def entries(self, shelf: Shelf) -> Entries:
        return Entries.of(self.numbers if shelf.photos is None else self.numbers[shelf.photos], self.names)


def _check(side: str, count: int, **names: Sequence[Name | Collection[Name]] | None) -> None:
    for what, given in names.items():
        if given is not None and len(given) != count:
            raise ValueError(f"{side}: {len(given)} {what} for {count} vectors; there must be one for each")

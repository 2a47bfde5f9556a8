"""Answers counted wrong that may be right: suspected true matches that nobody labelled.

Nothing here is a figure. It is a list for people to look at, and a bound: what the first place would score if every
suspect turned out to be right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wearabouts.metrics import Doubles, Integers
from wearabouts.report import Failure, Picture
from wearabouts.types import Floats

SAME = 0.96  # a cosine from which on photos of a shop, looked at one by one, were nearly the same picture
ENOUGH = 20  # right first answers that it takes to say how alike right answers are
FAR = 0.05  # the query's own right answer is as far away as this share of right first answers at most
SHOWN = 12
BLOCK = 10_000  # queries whose first answers are in memory at a time
TWIN, ITSELF, NEARER = (
    "nearly the same picture as the right answer",
    "nearly the same picture as the query",
    "as alike as right answers are, while the labelled one is far away",
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A wrong first answer that may be right.

    Attributes:
        query: Its row among the queries.
        answer: Row of the first answer in the gallery.
        right: Row of the query's own right answer, the nearest of them.
        reason: Why it is suspected.
        similarity: Cosine of query and first answer.
        own: Cosine of query and its own right answer.
        twin: Cosine of the first answer and the right one.
        queries: How many queries have this very pair of items, the one shown included.
    """

    query: int
    answer: int
    right: int
    reason: str
    similarity: float
    own: float
    twin: float
    queries: int = 1


@dataclass(frozen=True, slots=True)
class Suspects:
    """What was found.

    Attributes:
        pairs: One for each pair of items, the most certain first.
        queries: How many queries are concerned.
        measured: Of how many.
        hits: Of these, how many had a right first answer.
    """

    pairs: tuple[Suspect, ...]
    queries: int
    measured: int
    hits: int

    def note(self) -> str:
        """The count and the bound, labelled as one; empty where nothing is suspected."""
        if not self.pairs:
            return ""
        pairs = f"{len(self.pairs):,} pair{'s' * (len(self.pairs) != 1)} of items"
        share, bound = self.hits / self.measured, (self.hits + self.queries) / self.measured
        return (
            f"Of {self.measured - self.hits:,} wrong first answers, {self.queries:,} ({pairs}) may be true matches "
            f"that nobody labelled. Counting all of these as right would give R@1 {bound:.3f} instead of {share:.3f}: "
            "a bound, not a figure; somebody has to look at each."
        )


def suspected(
    queries: Floats,
    gallery: Floats,
    first: Integers,
    right: Callable[[int], Integers],
    asked: Sequence[str],
    items: Sequence[str],
) -> Suspects:
    """Look through wrong first answers for true matches that nobody labelled.

    A wrong first answer is suspected where it is nearly the same picture as the query's own right answer or as the
    query; or where it is at least as alike as half of the right first answers are, while the query's own right answer
    is further away than `FAR` of them leave room for.

    Args:
        queries: (Q, D) float32 unit vectors.
        gallery: (N, D) float32 unit vectors.
        first: (Q,) row of each query's first answer in the gallery.
        right: Row of a query → rows of its right answers in the gallery; a query without any takes no part.
        asked: Q items that are asked for.
        items: N items that the gallery shows.
    """
    rights = [right(row) for row in range(len(queries))]
    measured = np.array([row for row, there in enumerate(rights) if len(there)], dtype=np.int64)
    similarity = _row_by_row(queries, gallery, first)
    hit = np.array([bool((rights[row] == first[row]).any()) for row in range(len(queries))])
    same, far = _thresholds(similarity[hit])
    found = []
    for row in measured[~hit[measured]].tolist():
        own = gallery[rights[row]] @ queries[row]
        nearest = int(rights[row][int(np.argmax(own))])
        twin = float((gallery[rights[row]] @ gallery[first[row]]).max())
        cosine, labelled = float(similarity[row]), float(own.max())
        reason = TWIN if twin >= same else ITSELF if cosine >= same else ""
        if not reason and far is not None and cosine >= far[1] and labelled < far[0]:
            reason = NEARER
        if reason:
            found.append(Suspect(row, int(first[row]), nearest, reason, cosine, labelled, twin))
    return Suspects(_pairs(found, asked, items), len(found), len(measured), int(hit[measured].sum()))


def _row_by_row(queries: Floats, gallery: Floats, first: Integers) -> Doubles:
    """Cosine of each query and its first answer, a block at a time."""
    blocks = [
        np.einsum("qd,qd->q", queries[start : start + BLOCK], gallery[first[start : start + BLOCK]], dtype=np.float64)
        for start in range(0, len(queries), BLOCK)
    ]
    return np.concatenate(blocks)


def _thresholds(right: Doubles) -> tuple[float, tuple[float, float] | None]:
    """From which cosine on pictures are the same; and how far and how near right first answers are, if enough are."""
    if len(right) < ENOUGH:
        return SAME, None
    low, middle = (float(end) for end in np.quantile(right, (FAR, 0.5)))
    return max(SAME, middle), (low, middle)


def _pairs(found: Sequence[Suspect], asked: Sequence[str], items: Sequence[str]) -> tuple[Suspect, ...]:
    """Each pair of items once, by its most certain query."""
    reasons = (TWIN, ITSELF, NEARER)
    order = sorted(
        found,
        key=lambda each: (
            reasons.index(each.reason),
            -(each.twin if each.reason == TWIN else each.similarity - each.own * (each.reason == NEARER)),
            each.query,
        ),
    )
    pairs: dict[tuple[str, str], Suspect] = {}
    for each in order:
        key = asked[each.query], items[each.answer]
        pairs[key] = replace(pairs[key], queries=pairs[key].queries + 1) if key in pairs else each
    return tuple(pairs.values())


def pictures(
    suspects: Suspects, query: Callable[[int], Picture], shown: Callable[[int], Picture], count: int = SHOWN
) -> tuple[Failure, ...]:
    """The first few pairs as rows of pictures.

    Args:
        suspects: What was found.
        query: Row of a query → its picture.
        shown: Row of the gallery → its picture.
        count: At most so many.
    """
    rows = []
    for each in suspects.pairs[:count]:
        note = f"{each.reason}: cosine {each.similarity:.2f}, the labelled one {each.own:.2f}"
        if each.queries > 1:
            note += f"; {each.queries:,} queries"
        labelled = replace(shown(each.right), role="labelled right")
        rows.append(Failure(query(each.query), labelled, (replace(shown(each.answer), role="first answer"),), note))
    return tuple(rows)

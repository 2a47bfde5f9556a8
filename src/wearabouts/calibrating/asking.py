"""Labelled photos through the search as it serves, to shortlists of which something is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from wearabouts.answers import Answers
from wearabouts.calibration import Shortlist
from wearabouts.catalog import Fault, Faults, Photo
from wearabouts.errors import ImageError, QueryError, StoreError
from wearabouts.images import LIMITS
from wearabouts.search import Searcher
from wearabouts.types import Ranking

Progress = Callable[[int, int], None]


@dataclass
class Question:
    """One photo, or part of one, and what people said of it.

    Attributes:
        photo: With its box, where a part is meant.
        same: Ids of products that it shows.
        different: Ids of products that it does not show.
    """

    photo: Photo
    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


def questions(answers: Answers, known: set[str]) -> list[Question]:
    """What was said, photo by photo, of products that are known; in order of the photos' ids."""
    asked: dict[str, Question] = {}
    for name, photos in answers.same.items():
        for photo in photos:
            if name in known:
                asked.setdefault(photo.id, Question(photo)).same.append(name)
    for photo, name in answers.different:
        if name in known:
            asked.setdefault(photo.id, Question(photo)).different.append(name)
    return [asked[name] for name in sorted(asked)]


def shortlists_of(
    searcher: Searcher, asked: Iterable[Question], faults: Faults, progress: Progress | None = None
) -> list[Shortlist]:
    """Search each photo, and lay what was said beside what the second stage says.

    Args:
        searcher: With a second stage.
        asked: Photos and what was said of them.
        faults: Where photos go that cannot be searched; each costs itself.
        progress: Told how many are done, of how many.

    Raises:
        StoreError: The store does not keep what the second stage needs.
    """
    every = list(asked)
    shortlists = []
    for done, question in enumerate(every, 1):
        try:
            judged = searcher.judged(_bytes(Path(question.photo.uri)), box=question.photo.box)
        except (ImageError, QueryError) as problem:
            faults.add(Fault(question.photo.id, 0, "photo", str(problem), "photo"))
        else:
            if len(judged.ranking) and judged.ranking.logit is None:
                raise StoreError(" ".join(judged.notes))
            shortlists.append(shortlist_of(question, _products(judged.ranking), judged.category))
        if progress is not None:
            progress(done, len(every))
    return shortlists


def shortlist_of(question: Question, logits: Mapping[str, float], category: str | None) -> Shortlist:
    """What is known of a shortlist.

    Where a photo shows several products, such as one item under two ids, the likeliest of them is the right one and the
    others count for nothing: they compete with it for no reason.

    Args:
        question: What people said.
        logits: Product → log-odds, of the products judged.
        category: Under which it was searched.
    """
    twins = [name for name in question.same if name in logits]
    best = max(twins, key=lambda name: (logits[name], name), default=None)
    names = [name for name in logits if name == best or name not in twins]
    known = bool(question.same)
    different = () if known else tuple(place for place, name in enumerate(names) if name in question.different)
    return Shortlist(
        np.array([logits[name] for name in names], np.float32),
        None if best is None else names.index(best),
        # Photos of which nobody knows the item stand each for one of their own.
        min(question.same) if known else f"?{question.photo.uri}",
        category,
        carried=True if known else None,
        different=different,
    )


def _products(ranking: Ranking) -> dict[str, float]:
    """Log-odds of each product that was judged."""
    if ranking.logit is None:
        return {}
    pairs = zip(ranking.product_ids, ranking.logit.tolist(), strict=True)
    return {name: value for name, value in pairs if np.isfinite(value)}


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LIMITS.bytes + 1)
    except OSError as problem:
        raise ImageError(f"photo {path.name} cannot be read ({problem.strerror}); give an image file") from problem
    if len(data) > LIMITS.bytes:
        raise ImageError(f"photo {path.name} is over {LIMITS.bytes:,} bytes; give a smaller file")
    return data

"""What stage one hands to stage two: each query's nearest products, and what speaks for each of their photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from wearabouts.evaluation.ranking import Ranked
from wearabouts.metrics import Doubles, Integers
from wearabouts.types import Floats
from wearabouts.verifiers import Evidence, Verifier

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries.

    Attributes:
        evidence: Of Q photos, the street side.
        categories: Q kinds as the model predicts them, which choose the judge's network; None where it knows none.
    """

    evidence: Evidence
    categories: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Shelved:
    """What is searched.

    Attributes:
        evidence: Of N photos, in the order that was ranked.
        products: N names, the product of each photo.
        truths: N labels; a product is a right answer to a query of the same label.
    """

    evidence: Evidence
    products: Sequence[str]
    truths: Sequence[str]


@dataclass(frozen=True, slots=True)
class Candidates:
    """One query's candidates, nearest product first.

    Attributes:
        similarity: (P,) cosine of each product's nearest photo.
        right: (P,) whether the product is a right answer.
        owner: (n,) whose photo each is, 0 to P - 1; all photos of each product take part.
        signals: (n, F) float32 of the photos, as the judge gives them.
        category: Of the query.
    """

    similarity: Doubles
    right: npt.NDArray[np.bool_]
    owner: Integers
    signals: Floats
    category: str | None

    def __len__(self) -> int:
        return len(self.similarity)

    def first(self, count: int) -> Candidates:
        """The nearest `count` products."""
        return self._kept(np.arange(len(self)) < count)

    def without(self) -> Candidates:
        """The same, had the shop not carried the item: its right answers are gone."""
        return self._kept(~self.right)

    def _kept(self, keep: npt.NDArray[np.bool_]) -> Candidates:
        if keep.all():
            return self
        photos = keep[self.owner]
        places = np.cumsum(keep) - 1
        return replace(
            self,
            similarity=self.similarity[keep],
            right=self.right[keep],
            owner=places[self.owner[photos]],
            signals=self.signals[photos],
        )


def reach(judged: int, ranks: Sequence[Integers]) -> int:
    """How many products a shortlist needs, so that `judged` are left when its right answers are taken away.

    Args:
        judged: Products that stage two looks at.
        ranks: Per query the ranks of its right answers.
    """
    return judged + max((int(np.count_nonzero(row <= judged + len(row))) for row in ranks), default=0)


def weighed(
    judge: Verifier,
    asked: Asked,
    shelved: Shelved,
    truths: Sequence[str],
    ranked: Ranked,
    progress: Progress | None = None,
) -> list[Candidates]:
    """Weigh the products that stage one ranked first.

    Args:
        judge: Weighs them.
        asked: Q queries.
        shelved: What was ranked.
        truths: Q labels.
        ranked: Stage one's, with at least `reach` products shown a query.
        progress: Told how many queries are done, and of how many.
    """
    codes, photos = _photos(shelved.products)
    found = []
    for query in range(len(asked.evidence)):
        near = ranked.nearest[query]
        near = near[near >= 0]
        rows = [photos[codes[row]] for row in near]
        every = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        category = asked.categories[query]
        signals = (
            judge.weigh(part_of(asked.evidence, np.array([query])), part_of(shelved.evidence, every), category)
            if len(every)
            else np.zeros((0, len(judge.signals)), np.float32)
        )
        found.append(
            Candidates(
                ranked.similarities[query, : len(near)],
                np.array([shelved.truths[row] == truths[query] for row in near], bool),
                np.repeat(np.arange(len(rows)), [len(part) for part in rows]),
                signals,
                category,
            )
        )
        if progress is not None:
            progress(query + 1, len(asked.evidence))
    return found


def part_of(evidence: Evidence, rows: Integers) -> Evidence:
    """The evidence of some of the photos, in the order asked for."""
    return Evidence(
        evidence.vectors[rows],
        None if evidence.regions is None else evidence.regions[rows],
        None if evidence.labels is None else evidence.labels[rows],
        None if evidence.halves is None else evidence.halves[rows],
    )


def joined_evidence(parts: Sequence[Evidence]) -> Evidence:
    """Evidence of at least one group of photos by one encoder, one group after the other."""
    regions, labels, halves = (
        [part for part in column if part is not None]
        for column in zip(*((part.regions, part.labels, part.halves) for part in parts), strict=True)
    )
    return Evidence(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate(regions) if regions else None,
        np.concatenate(labels) if labels else None,
        np.concatenate(halves) if halves else None,
    )


def _photos(products: Sequence[str]) -> tuple[Integers, list[Integers]]:
    """(N,) the number of each photo's product, and each product's photos in order."""
    _, codes = np.unique(np.asarray(products), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    return codes, np.split(order, np.cumsum(np.bincount(codes))[:-1])

"""What a measurement on a catalog looks like: pictures of wrong and right answers, and of those that may be right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts.errors import EvaluationError
from wearabouts.evaluation.asking import Asker
from wearabouts.evaluation.catalogs.questions import Question, Questions
from wearabouts.evaluation.checks.suspects import pictures, suspected
from wearabouts.evaluation.comparison import sampled
from wearabouts.evaluation.ranking import Ranked
from wearabouts.evaluation.systems import THUMBNAIL
from wearabouts.images import decode
from wearabouts.report import Failure, Picture
from wearabouts.stores import Store
from wearabouts.types import Floats


@dataclass(frozen=True, slots=True)
class Gallery:
    """What a store holds: photo ids in order, the product of each, and (N, D) float32 unit vectors."""

    photo_ids: tuple[str, ...]
    product_ids: tuple[str, ...]
    vectors: Floats

    @classmethod
    def of(cls, store: Store) -> Gallery:
        """Everything in a store.

        Raises:
            EvaluationError: It is empty.
        """
        pairs = []
        for product_id in store.products():
            product = store.product(product_id) or {}
            pairs += [(photo["id"], product_id) for photo in product.get("photos", ())]
        if not pairs:
            raise EvaluationError("no gallery photo could be read; check that the photos are where the catalog says")
        photo_ids, product_ids = zip(*sorted(pairs), strict=True)
        return cls(photo_ids, product_ids, store.vectors(photo_ids))


@dataclass(frozen=True, slots=True)
class Showing:
    """Everything that pictures are made from, for one encoder.

    Attributes:
        questions: The catalog divided.
        asker: The door to query photos.
        store: Holds the thumbnails of the gallery.
        gallery: What the store holds.
        queries: Those measured.
        seed: Of which are shown.
    """

    questions: Questions
    asker: Asker
    store: Store
    gallery: Gallery
    queries: Sequence[Question]
    seed: int

    def pictures(self, ranked: Ranked, *, right: bool) -> tuple[Failure, ...]:
        """A random few queries whose first answer was right, or was wrong."""
        first: dict[str, int] = {}
        for row, product in enumerate(self.gallery.product_ids):
            first.setdefault(self.questions.products[product].truth, row)
        shown = []
        for place in sampled(ranked, self.seed, right=right):
            query = self.queries[place]
            there = first[query.truth]
            at = f"at place {ranked.ranks[place][0]}: {self._title(there)}"
            came = tuple(self._photo(int(row), self._truth(int(row)) == query.truth) for row in ranked.nearest[place])
            wanted = None if right else Picture(self._thumbnail(there), at)
            shown.append(Failure(self._query(place), wanted, came))
        return tuple(shown)

    def suspects(self, ranked: Ranked, vectors: Floats) -> tuple[tuple[Failure, ...], str]:
        """Wrong first answers that may be true matches: rows of pictures, and how many there are in words."""
        rights: dict[str, list[int]] = defaultdict(list)
        for row in range(len(self.gallery.product_ids)):
            rights[self._truth(row)].append(row)
        found = suspected(
            vectors,
            self.gallery.vectors,
            ranked.nearest[:, 0],
            lambda place: np.array(rights[self.queries[place].truth], np.int64),
            [query.product_id for query in self.queries],
            self.gallery.product_ids,
        )
        return pictures(found, self._query, self._photo), found.note()

    def _truth(self, row: int) -> str:
        return self.questions.products[self.gallery.product_ids[row]].truth

    def _title(self, row: int) -> str:
        product = self.gallery.product_ids[row]
        return self.questions.products[product].title or product

    def _query(self, place: int) -> Picture:
        return Picture(self.asker.thumbnail(self.queries[place]), self.queries[place].title)

    def _photo(self, row: int, right: bool | None = None) -> Picture:
        return Picture(self._thumbnail(row), self._title(row), right)

    def _thumbnail(self, row: int) -> bytes:
        thumbnail = self.store.thumbnail(self.gallery.photo_ids[row])
        return decode(thumbnail, target=THUMBNAIL).thumbnail(THUMBNAIL) if thumbnail else b""

"""Triplets out of noisy tags: two photos are similar when most of their tags are the same, dissimilar when none is.

The similarity of two photos with tags a and b is the intersection over the union, r = |a ∧ b| / |a ∨ b| (Simo-Serra &
Ishikawa, CVPR 2016, section 3.1): above .75 the paper calls them similar, below .01 dissimilar; the rest is left out.

Photos are not compared one by one, and no table of all pairs is ever there: photos with the very same tags are one
*set*, and the sets that share a tag with another are read from a list kept for each tag. What is in memory grows with
the number of photos plus the number of their tags, what one anchor costs with the lists of its own tags.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from wearabouts.errors import CatalogError

AT_ONCE = 4096  # rows of the table of tags looked at together
SALT = 144  # keeps these draws apart from others made with the same seed

Integers = npt.NDArray[np.int64]


class Lists:
    """Lists of whole numbers, end to end.

    Args:
        keys: (M,) which list each number belongs to.
        values: (M,) the numbers; within a list they keep this order.
        count: How many lists there are.
    """

    def __init__(self, keys: Integers, values: Integers, count: int) -> None:
        order = np.argsort(keys, kind="stable")
        self.values = values[order]
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))]).astype(np.int64)

    def __getitem__(self, key: int) -> Integers:
        return self.values[self.starts[key] : self.starts[key + 1]]

    @property
    def lengths(self) -> Integers:
        """(count,) of every list."""
        return np.diff(self.starts)


class Triplets:
    """Draws triplets, each a pure function of the seed and the step.

    A photo without any tag says nothing and is in no triplet; a tag of which it is not known whether a photo has it
    counts as one it has not.

    Args:
        tags: (N, T) int8, 1 where a photo has a tag; may be a memory map.
        similar: Photos with r above it are similar, in [0, 1).
        dissimilar: Photos with r below it are dissimilar, in (0, 1].
        progress: Called with what is being done, how much is done, and of how much.

    Attributes:
        anchors: (A,) rows of the photos that have a similar and a dissimilar one, rising.

    Raises:
        CatalogError: No photo has both.
    """

    def __init__(
        self,
        tags: npt.NDArray[np.int8],
        similar: float = 0.75,
        dissimilar: float = 0.01,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self.similar, self.dissimilar = similar, dissimilar
        packed = [np.packbits(tags[i : i + AT_ONCE] == 1, axis=1) for i in range(0, len(tags), AT_ONCE)]
        bits = np.concatenate(packed) if packed else np.zeros((0, 0), np.uint8)
        tagged = np.flatnonzero(bits.any(1)) if bits.size else np.zeros(0, np.int64)
        kinds, self._set_of = np.unique(bits[tagged], axis=0, return_inverse=True)
        self._set_of = self._set_of.reshape(-1)
        self._members = Lists(self._set_of, tagged, len(kinds))
        sets, names = _places(kinds, tags.shape[1])
        self._tags_of, self._sets_with = Lists(sets, names, len(kinds)), Lists(names, sets, tags.shape[1])
        self._sizes = self._tags_of.lengths
        able = np.zeros(len(kinds), np.bool_)
        for place in range(len(kinds)):
            near, far = self._near_and_far(place)
            able[place] = near.sum() > 1 and far.any()
            if progress and (place + 1) % AT_ONCE == 0:
                progress("sets of tags", place + 1, len(kinds))
        chosen = able[self._set_of]
        self.anchors, self._set_of = tagged[chosen], self._set_of[chosen]
        if not len(self.anchors):
            raise CatalogError(
                f"no photo of {len(tags):,} ({len(tagged):,} with tags) has one that shares more than {similar:.0%} of "
                f"the tags and one that shares less than {dissimilar:.0%}; compare fewer tags, or lower [triplets] "
                f"similar ({similar})"
            )

    def overlap(self, place: int) -> npt.NDArray[np.float64]:
        """One set of tags against every set: r, (sets,) float64."""
        lists = [self._sets_with[int(tag)] for tag in self._tags_of[place]]
        common = np.bincount(np.concatenate(lists), minlength=len(self._sizes))
        shares: npt.NDArray[np.float64] = common / (self._sizes[place] + self._sizes - common)
        return shares

    def draw(self, count: int, seed: int, step: int) -> Integers:
        """Triplets of one step: anchors evenly, and for each a similar and a dissimilar photo evenly among all.

        Args:
            count: How many.
            seed: Of the run.
            step: Which step.

        Returns:
            (count, 3) int64 rows: anchor, similar, dissimilar; the first two are never one photo.
        """
        rng = np.random.default_rng((seed, SALT, step))
        drawn = np.empty((count, 3), np.int64)
        for n, at in enumerate(rng.integers(len(self.anchors), size=count)):
            anchor, place = int(self.anchors[at]), int(self._set_of[at])
            near, far = self._near_and_far(place)
            drawn[n] = anchor, self._pick(near, rng, place, anchor), self._pick(far, rng)
        return drawn

    def similar_to(self, anchor: int) -> Integers:
        """Rows of the photos that are similar to one of `anchors`, itself left out."""
        place = int(self._set_of[np.searchsorted(self.anchors, anchor)])
        sets = np.flatnonzero(self.overlap(place) > self.similar)
        rows = np.concatenate([self._members[int(near)] for near in sets])
        return rows[rows != anchor]

    def _near_and_far(self, place: int) -> tuple[Integers, Integers]:
        """How many photos of each set are similar to those of one, and how many dissimilar."""
        shares, photos = self.overlap(place), self._members.lengths
        return np.where(shares > self.similar, photos, 0), np.where(shares < self.dissimilar, photos, 0)

    def _pick(self, photos: Integers, rng: np.random.Generator, own: int = -1, anchor: int = -1) -> int:
        """One photo of those counted, all as likely; of its own set not the anchor itself."""
        if own >= 0:
            photos[own] -= 1
        ends = np.cumsum(photos)
        at = int(rng.integers(ends[-1]))
        chosen = int(np.searchsorted(ends, at, side="right"))
        members = self._members[chosen]
        if chosen == own:
            members = members[members != anchor]
        return int(members[at - (ends[chosen] - photos[chosen])])


def _places(kinds: npt.NDArray[np.uint8], tags: int) -> tuple[Integers, Integers]:
    """Set and tag of every tag that a set has, from packed bits, a part of the table at a time."""
    sets, names = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(kinds), AT_ONCE):
        rows, columns = np.nonzero(np.unpackbits(kinds[start : start + AT_ONCE], axis=1, count=tags))
        sets.append(rows + start)
        names.append(columns)
    return np.concatenate(sets), np.concatenate(names)

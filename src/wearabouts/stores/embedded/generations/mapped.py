"""The columns of a base: codes and words that lie in its file, filtered without one Python object a product.

* ``price`` (M,) float64, NaN where unknown.
* ``column/NAME/codes`` (M,) int32: the word of each product. ``column/NAME/words``: texts in the form in which filters
  compare them (common ones stand once, rare ones may repeat); ``column/NAME/shown``: as their shop wrote them.
* ``attributes/names``: the columns that are not built in, sorted. ``attributes/starts`` (A + 1,) int64: where the
  entries of each begin in ``attributes/slots`` (E,) int32 and ``attributes/codes`` (E,) int32. ``attributes/words``,
  ``attributes/shown`` and ``attributes/numbers`` (W,) float64: what each reads as, NaN where that is no number.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.generations.compact import Compact, compacted, spread
from wearabouts.stores.embedded.generations.filtering import ORDER, Mask
from wearabouts.stores.embedded.generations.segment import Array, Damaged, Places, Segment
from wearabouts.stores.embedded.generations.texts import Texts
from wearabouts.stores.embedded.indexes.remembered import Remembered
from wearabouts.stores.where import TEXT_COLUMNS

_COMMONEST: Final = 200  # words named of a column with more
MANY: Final = 2**16  # words, as titles have them: such a column is left as it is
ROOM: Final = 64 * 2**20  # bytes of compact columns that are kept at least
COLUMNS: Final = 16  # and of so many columns of few words


@dataclass(frozen=True, slots=True)
class MappedText:
    """One text column of a base; see `filtering.TextFacts`.

    Attributes:
        size: How many slots the base has.
        slots: (n,) int32, the slots that have a value; None where every slot has one.
        codes: (n,) int32 into the words.
        words: In comparing form.
        shown: As their shop wrote them.
        numbers: (W,) float64, what each word reads as, NaN where no number; None where that is never asked.
        name: What `compacts` knows it by.
        compacts: The columns of few words that were filtered by lately.
    """

    size: int
    slots: npt.NDArray[np.int32] | None
    codes: npt.NDArray[np.int32]
    words: Texts
    shown: Texts
    numbers: npt.NDArray[np.float64] | None
    name: str
    compacts: Remembered[Compact]

    def filled(self) -> Mask:
        """The slots that have a value."""
        if self.slots is None:
            return ~self._spread(lambda some: self.words.equal("", some))
        mask = np.zeros(self.size, np.bool_)
        mask[self.slots] = True
        return mask

    def equal(self, value: str) -> Mask:
        """The slots whose text is the value."""
        return self._spread(lambda some: self.words.equal(value, some))

    def beneath(self, path: str) -> Mask:
        """The slots whose text is the path or lies beneath it."""
        return self._spread(lambda some: self.words.equal(path, some) | self.words.starting(path + " > ", some))

    def containing(self, part: str) -> Mask:
        """The slots whose text holds the part."""

        def holding(some: Places | None) -> Mask:
            hits = self.words.containing(part)
            return hits if some is None else hits[some]

        return self._spread(holding)

    def ordered(self, sign: str, limit: float) -> Mask:
        """The slots whose text reads as a number on that side of the limit."""
        numbers = self.numbers
        if numbers is None:
            return np.zeros(self.size, np.bool_)

        def beyond(some: Places | None) -> Mask:
            return np.asarray(ORDER[sign](numbers if some is None else numbers[some], limit), np.bool_)

        with np.errstate(invalid="ignore"):
            return self._spread(beyond)

    def counted(self, present: Mask) -> tuple[int, dict[str, int]]:
        """How many of some slots have a value, and the commonest of them."""
        codes = self.codes[present if self.slots is None else present[self.slots]]
        tally = np.bincount(codes, minlength=len(self.words))
        if len(tally):
            tally[self.words.equal("")] = 0
        rank = tally * len(tally) - np.arange(len(tally))  # of equals the first
        best = np.argpartition(-rank, min(_COMMONEST, len(tally)) - 1)[:_COMMONEST] if len(tally) else tally
        best = best[np.argsort(-rank[best])]
        best = best[tally[best] > 0]
        counts: dict[str, int] = {}
        for text, count in zip(self.shown.many(best), tally[best].tolist(), strict=True):
            counts[text] = counts.get(text, 0) + count
        return int(tally.sum()), counts

    def _spread(self, hits: Callable[[Places | None], Mask]) -> Mask:
        """Hits among the words → one boolean a slot.

        Args:
            hits: Given places of words, or None for all of them, tells which are hits.
        """
        if self.slots is not None and np.any(self.slots[1:] == self.slots[:-1]):
            # Two attributes of a product that read alike, such as Color and color: either may be the hit.
            mask = np.zeros(self.size, np.bool_)
            mask[self.slots[hits(None).take(self.codes)]] = True
            return mask
        compact = self._compact()
        if compact is None:
            return spread(self.codes, hits(None))
        return spread(compact.codes, hits(compact.words))

    def _compact(self) -> Compact | None:
        """The column in few bytes; None where it has a value, and nearly a word, for each slot."""
        if self.slots is None and len(self.words) > MANY:
            return None
        found = self.compacts.get(self.name)
        if found is None:
            order = self.words.ranks() if self.numbers is None else self.numbers
            found = compacted(self.size, self.slots, self.codes, order)
            self.compacts.put(self.name, found)
        return found


class MappedColumns:
    """`filtering.Facts` of a base's products."""

    def __init__(self, segment: Segment, size: int) -> None:
        """Opens nothing but the names of the attributes.

        Args:
            segment: The base's file.
            size: How many products it has.

        Raises:
            Damaged: The columns cannot be those of so many products.
        """
        self._segment = segment
        self._size = size
        names = Texts(segment, "attributes/names")
        self._attributes = {name: place for place, name in enumerate(names.many(np.arange(len(names))))}
        self._known: dict[str, MappedText] = {}
        self._compacts = Remembered[Compact](max(ROOM, COLUMNS * size))

    @property
    def size(self) -> int:
        """How many slots."""
        return self._size

    @property
    def price(self) -> npt.NDArray[np.float64]:
        """(size,) float64, NaN where unknown."""
        return self._of("price", self._segment.whole("price"), np.float64, self._size)

    def attributes(self) -> Collection[str]:
        """The names of the columns that are not built in."""
        return self._attributes.keys()

    def text(self, name: str) -> MappedText | None:
        """A text column, checked once against the file; None where no product has one of that name."""
        found = self._known.get(name)
        if found is None and name in TEXT_COLUMNS:
            found = self._dense(name)
        elif found is None and name in self._attributes:
            found = self._sparse(name, self._attributes[name])
        if found is not None:
            self._known[name] = found
        return found

    def _dense(self, name: str) -> MappedText:
        words, shown = Texts(self._segment, f"column/{name}/words"), Texts(self._segment, f"column/{name}/shown")
        codes = self._of(name, self._segment.whole(f"column/{name}/codes"), np.int32, self._size)
        self._require_below(name, codes, min(len(words), len(shown)))
        return MappedText(self._size, None, codes, words, shown, None, name, self._compacts)

    def _sparse(self, name: str, place: int) -> MappedText:
        words, shown = Texts(self._segment, "attributes/words"), Texts(self._segment, "attributes/shown")
        numbers = self._of("attributes", self._segment.whole("attributes/numbers"), np.float64, len(words))
        starts = self._of("attributes", self._segment.whole("attributes/starts"), np.int64, len(self._attributes) + 1)
        start, stop = int(starts[place]), int(starts[place + 1])
        parts = [self._part(f"attributes/{each}", start, stop) for each in ("slots", "codes")]
        self._require_below("attributes", parts[0], self._size)
        self._require_below("attributes", parts[1], min(len(words), len(shown)))
        return MappedText(self._size, parts[0], parts[1], words, shown, numbers, name, self._compacts)

    def _part(self, name: str, start: int, stop: int) -> npt.NDArray[np.int32]:
        array = self._segment.array(name)
        if not 0 <= start <= stop <= len(array):
            raise Damaged(self._segment.path, f"its {name} do not begin where they should")
        self._segment.require(name, start, stop)
        return self._of(name, array[start:stop], np.int32, stop - start)

    def _of(self, name: str, array: Array, dtype: npt.DTypeLike, length: int) -> npt.NDArray[Any]:
        if array.dtype != np.dtype(dtype) or array.shape != (length,):
            raise Damaged(self._segment.path, f"its column {name} is of another format")
        return array

    def _require_below(self, name: str, codes: npt.NDArray[np.int32], limit: int) -> None:
        if len(codes) and (codes.min() < 0 or codes.max() >= limit):
            raise Damaged(self._segment.path, f"its column {name} names words or products it has not got")

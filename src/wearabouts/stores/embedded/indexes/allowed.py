"""The rows that a filter keeps, as an index wants them: few ones listed, many looked up as a search comes to them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Slots = npt.NDArray[np.int32]

FEW: Final = 4_096  # rows left by a filter up to which going through just these beats any index


class Allowed:
    """Rows that a filter keeps; deletions are told apart, so that it stays true for ever.

    A filter is worked out for products. A search that is not misled by it goes through a hundredth of the rows, and
    asks for just these whether their product is kept; only where `counted` is called is that spread over all rows.

    Attributes:
        count: How many; of many, as a sample of the rows tells.
        rows: (count,) int64, rising, where they are few; else None.
    """

    __slots__ = ("_masks", "count", "rows")

    def __init__(
        self,
        count: int,
        rows: Places | None = None,
        mask: Mask | None = None,
        each: Places | None = None,
        slots: Slots | None = None,
    ) -> None:
        """Either `rows` or `mask` is given.

        Args:
            count: How many rows.
            rows: All of them, rising.
            mask: (N,) bool, by row; or (M,) bool, by product, where `slots` is given.
            each: (L,) int64, how many are in each list, where that is known.
            slots: (N,) int32, the product of each row.
        """
        self.count = count
        self.rows = rows
        self._masks = (mask, slots, each)  # replaced as one, so that no thread sees half of it

    @property
    def each(self) -> Places | None:
        """(L,) int64, how many are in each list; None where nobody has counted them."""
        return self._masks[2]

    def holds(self, rows: Places | slice) -> Mask:
        """Which of some rows are among them, where they are many."""
        mask, slots, _ = self._masks
        assert mask is not None
        if isinstance(rows, slice):
            return mask[rows] if slots is None else mask.take(slots[rows])
        return mask.take(rows if slots is None else slots.take(rows))

    def counted(self, lists: Places) -> Places:
        """How many are in each list, counted when it is first asked for: (L,) int64.

        Args:
            lists: (L + 1,) int64, where each list starts.
        """
        mask, slots, each = self._masks
        if each is None:
            assert mask is not None
            mask = mask if slots is None else mask.take(slots)
            each = per_list(mask, lists)
            self._masks = (mask, None, each)
        return each

    @property
    def bytes(self) -> int:
        """What it takes in memory at most."""
        mask, slots, each = self._masks
        spread = 0 if slots is None else len(slots)
        return spread + sum(part.nbytes for part in (self.rows, mask, each) if part is not None)


def per_list(mask: Mask, lists: Places) -> Places:
    """How many rows of a mask are in each list: (L,) int64.

    Args:
        mask: (N,) bool.
        lists: (L + 1,) int64, where each list starts.
    """
    each = np.zeros(len(lists) - 1, np.int64)
    filled = np.flatnonzero(lists[1:] > lists[:-1])
    if len(filled):
        each[filled] = np.add.reduceat(mask.view(np.uint8), lists[filled], dtype=np.int64)
    return each


def kept(mask: Mask, lists: Places) -> Allowed:
    """A filter's rows, counted by list.

    Args:
        mask: (N,) bool, not to be changed afterwards.
        lists: (L + 1,) int64, where each list starts.
    """
    each = per_list(mask, lists)
    count = int(each.sum())
    return Allowed(count, np.flatnonzero(mask), None, each) if count <= FEW else Allowed(count, None, mask, each)

"""What a curve is fitted on: shortlists of which it is known, wholly or in part, what is right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wearabouts.types import Floats

Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

WEIGHT = 0.5  # of a query as it was asked; the same query without its item weighs the other half


@dataclass(frozen=True, slots=True)
class Shortlist:
    """One query, its candidates, and what is known of them.

    Attributes:
        logits: (n,) float32, the verifier's log-odds, one a product, in any order; may be empty.
        same: The right candidate's place, or None where it is not among them or not known.
        item: Whose photo the query is. Photos of one item are no independent evidence: they stay in one fold.
        category: The query's, or None; its curve is fitted to those of one category.
        carried: Whether the item is in the shop at all. True without `same`: it lies beyond the shortlist. None: nobody
            knows; then `different` is all that is known.
        different: Places of candidates that people said are not the item.
    """

    logits: Floats
    same: int | None
    item: str
    category: str | None = None
    carried: bool | None = True
    different: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        values = np.asarray(self.logits)
        if values.ndim != 1 or not np.isfinite(values).all():
            raise ValueError(f"logits must be one row of finite numbers, not {values.shape}")
        for place in (*self.different, *(() if self.same is None else (self.same,))):
            if not 0 <= place < len(values):
                raise ValueError(f"candidate {place} is not one of the {len(values)} of the shortlist")
        if self.same is not None and (self.carried is not True or self.same in self.different):
            raise ValueError("a query with its right candidate has its item in the shop, and that one is not different")

    @property
    def tells(self) -> bool:
        """Whether anything is known of it."""
        return self.carried is not None or bool(self.different)

    def without(self) -> Shortlist:
        """The same query in a shop that does not have its item."""
        kept = [place for place in range(len(self.logits)) if place != self.same]
        return Shortlist(np.asarray(self.logits)[kept], None, self.item, self.category, carried=False)


@dataclass(frozen=True)
class Rows:
    """Queries as they were asked and without their item, side by side as arrays; K is the longest shortlist.

    Attributes:
        logits: (R, K) float64, zeros where there is no candidate.
        there: (R, K + 2) bool: which of candidates, *beyond* and *absent* there are (the last two always).
        possible: (R, K + 2) bool: which of them what is known leaves possible.
        weight: (R,) float64.
        query: (R,) the query's place among the shortlists given.
        item: (R,) number of its item.
        kind: (R,) number of its category in `kinds`; -1 for none.
        kinds: Names of categories.
        right: (R,) place of the right candidate, -1 where none is, -2 where nobody knows.
        present: (R,) 1 where the item is in the shop, 0 where not, -1 where nobody knows.
        ceiling: c of `wearabouts.calibration.curve`; infinity for none.
    """

    logits: Doubles
    there: Flags
    possible: Flags
    weight: Doubles
    query: Whole
    item: Whole
    kind: Whole
    kinds: tuple[str, ...]
    right: Whole
    present: Whole
    ceiling: float = math.inf

    def __len__(self) -> int:
        return len(self.weight)

    def take(self, which: Flags) -> Rows:
        """Some of the rows."""
        return Rows(
            self.logits[which],
            self.there[which],
            self.possible[which],
            self.weight[which],
            self.query[which],
            self.item[which],
            self.kind[which],
            self.kinds,
            self.right[which],
            self.present[which],
            self.ceiling,
        )

    def queries(self, which: Flags | None = None) -> int:
        """How many queries the rows, or some of them, come from."""
        return len(np.unique(self.query if which is None else self.query[which]))


def rows_of(shortlists: Sequence[Shortlist], ceiling: float | None = None) -> Rows:
    """Lay shortlists out; each whose item is in the shop comes twice. Those that tell nothing are left out."""
    kinds = tuple(sorted({one.category for one in shortlists if one.category}))
    items = {name: place for place, name in enumerate(sorted({one.item for one in shortlists}))}
    asked = [(place, one) for place, one in enumerate(shortlists) if one.tells]
    asked += [(place, one.without()) for place, one in asked if one.carried]
    longest = max((len(one.logits) for _, one in asked), default=0)
    logits = np.zeros((len(asked), longest))
    there = np.zeros((len(asked), longest + 2), bool)
    possible = np.zeros_like(there)
    there[:, longest:] = True
    for row, (_, one) in enumerate(asked):
        logits[row, : len(one.logits)] = one.logits
        there[row, : len(one.logits)] = True
        possible[row] = _possible(one, there[row])
    return Rows(
        logits,
        there,
        possible,
        np.full(len(asked), WEIGHT),
        np.array([place for place, _ in asked], np.int64),
        np.array([items[one.item] for _, one in asked], np.int64),
        np.array([kinds.index(one.category) if one.category else -1 for _, one in asked], np.int64),
        kinds,
        np.array([_right(one) for _, one in asked], np.int64),
        np.array([-1 if one.carried is None else int(one.carried) for _, one in asked], np.int64),
        math.inf if ceiling is None else ceiling,
    )


def _possible(one: Shortlist, there: Flags) -> Flags:
    left = np.zeros_like(there)
    if one.same is not None:
        left[one.same] = True
    elif one.carried is None:
        left[:] = there
        left[list(one.different)] = False
    else:
        left[-2 if one.carried else -1] = True
    return left


def _right(one: Shortlist) -> int:
    if one.same is not None:
        return one.same
    return -2 if one.carried is None else -1

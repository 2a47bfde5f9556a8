"""How one generation's vectors are searched: the kinds of index, which one a store gets, and why.

Made in two passes over the vectors, with memory for a chunk of them:

    choice = choose(count, dim)
    making = fit(choice, sample, seed)                  # the sample decides the lists
    lists  = [making.assign(chunk) for each chunk]      # int32, the list of each vector
    arrays = making.arrays()                            # small ones, named, to be kept beside "vectors"
    ...                                                 # "vectors" in the order of their lists
    index  = opened(choice.kind, arrays, vectors, {}, require)
    facts  = tuned(index, seed)                         # to be kept too: how far a search has to look

and opened again with ``opened(kind, arrays, vectors, facts, require)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.indexes.allowed import Allowed as Allowed
from wearabouts.types import Floats

Places = npt.NDArray[np.int64]
Lists = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Facts = Mapping[str, Any]

# Called with the name of an array and int64 rows where ranges of it start and stop, before they are read; raises where
# they are damaged.
Require = Callable[[str, Places, Places], None]

# Told the part that is done, 0 to 1, every few milliseconds; may sleep, and what it raises ends what tells it.
Progress = Callable[[float], None]

EXACT_BYTES: Final = 20 * 2**20  # of vectors that one core goes through in about two milliseconds
LISTS: Final = 6.5  # lists for each square root of the vectors: as long to choose among them as to go through some
SEEN: Final = 40  # vectors of the sample for each list


@dataclass(frozen=True, slots=True)
class Choice:
    """What a store of some size is given.

    Attributes:
        kind: One of `KINDS`.
        lists: Into how many parts the vectors are sorted.
        sample: How many vectors `fit` wants to see, drawn evenly from all.
        why: The reason, for people.
    """

    kind: str
    lists: int
    sample: int
    why: str


class Making(Protocol):
    """An index on its way: fitted to a sample, then shown every vector."""

    def assign(self, vectors: Floats) -> Lists:
        """The list of each vector: (n,) int32 in 0 … lists - 1; every vector must be shown exactly once."""
        ...

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What is kept beside the vectors, once all are assigned.

        ``lists`` is always there: (L + 1,) int64, where each list starts in the vectors sorted by list.
        """
        ...


class Index(Protocol):
    """The vectors of one generation, searched; immutable, and safe for any number of threads."""

    @property
    def kind(self) -> str:
        """Its name in `KINDS`."""
        ...

    def allow(self, mask: Mask) -> Allowed:
        """Make a filter's rows ready for searching; worth keeping when they are used again.

        Args:
            mask: (N,) bool, the rows the filter keeps; not to be changed afterwards.
        """
        ...

    def near(
        self,
        query: Floats,
        count: int,
        *,
        allowed: Allowed | None = None,
        alive: Mask | None = None,
        exact: bool = False,
        effort: float = 1.0,
    ) -> tuple[Floats, Places]:
        """Rows among which the `count` nearest are, unordered, and their similarities.

        Args:
            query: (D,) float32 of length 1.
            count: How many; all rows that may be given are, where fewer are left.
            allowed: Only these rows, from `allow` or with the product of each row; None for all.
            alive: (N,) bool, False for rows that were deleted; None where none was.
            exact: Compare with every row that may be given.
            effort: Above 1, look further than it was tuned to; kinds that are exact have no use for it.

        Returns:
            (n,) float32 off by at most D x 2^-24, and (n,) int64 rows: the best `count` of what was compared and
            everything within rounding of the last of them.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Its sizes and how far it looks, as plain data."""
        ...


# name → "module:attribute" of the class, imported only when asked for
KINDS: Final = {
    "exact": "wearabouts.stores.embedded.indexes.exact:Exact",
    "clustered": "wearabouts.stores.embedded.indexes.clustered:Clustered",
}
# the same for what tunes those that have something to tune
TUNED: Final = {"clustered": "wearabouts.stores.embedded.indexes.tuning:tuned"}


def choose(count: int, dim: int) -> Choice:
    """The kind of index for so many vectors.

    Args:
        count: Vectors that will be in it.
        dim: Floats of each.
    """
    size = 4 * count * dim
    if size <= EXACT_BYTES:
        why = f"{count} photos, {_mebibytes(size)}: comparing with every one of them is exact, and fast at this size"
        return Choice("exact", 1, 0, why)
    lists = round(LISTS * count**0.5)
    why = (
        f"{count} photos, {_mebibytes(size)}, more than the {_mebibytes(EXACT_BYTES)} up to which every one is "
        f"compared: sorted into {lists} lists of neighbours, of which a search goes through those that can matter"
    )
    return Choice("clustered", lists, SEEN * lists, why)


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def unwatched(part: float) -> None:
    """Progress nobody asks for."""


def fit(choice: Choice, sample: Floats, seed: int = 0, progress: Progress = unwatched) -> Making:
    """Begin an index.

    Args:
        choice: From `choose`.
        sample: (n, D) float32, about `choice.sample` of the vectors drawn evenly; (0, D) where none are wanted.
        seed: Of everything random; the same sample and seed give the same index.
        progress: Told how far it is.
    """
    making: Making = _kind(choice.kind).making(choice.lists, sample, seed, progress)
    return making


def opened(
    kind: str, arrays: Mapping[str, npt.NDArray[Any]], vectors: Floats, facts: Facts, require: Require | None = None
) -> Index:
    """An index over arrays that lie in a file or in memory.

    Args:
        kind: Which one.
        arrays: What `Making.arrays` gave.
        vectors: (N, D) float32, contiguous, sorted by list.
        facts: What `tuned` gave, or none yet.
        require: Called before ranges of ``vectors`` are read; None where they need no proof.

    Raises:
        ValueError: The arrays cannot belong to an index of that kind: nothing is ever read out of bounds.
    """
    index: Index = _kind(kind)(arrays, vectors, facts, require)
    return index


def tuned(index: Index, seed: int = 0, progress: Progress = unwatched) -> dict[str, Any]:
    """How far searches in this index have to look, tried out on it: facts to keep and to open it with."""
    return dict(_imported(TUNED[index.kind])(index, seed, progress)) if index.kind in TUNED else {}


def _kind(name: str) -> Any:
    if name not in KINDS:
        raise ValueError(f"index kind {name!r} is none of {', '.join(KINDS)}")
    return _imported(KINDS[name])


def _imported(name: str) -> Any:
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)


def checked_lists(arrays: Mapping[str, npt.NDArray[Any]], count: int) -> Places:
    """The starts of the lists, once they are sure to part `count` rows.

    Raises:
        ValueError: They are not int64, do not begin at 0, do not rise, or do not end at `count`.
    """
    lists = arrays.get("lists")
    if lists is None or lists.ndim != 1 or lists.dtype != np.int64 or len(lists) < 2:
        raise ValueError("the index has no table of its lists")
    if lists[0] != 0 or lists[-1] != count or np.any(np.diff(lists) < 0):
        raise ValueError(f"the lists of the index do not part {count} rows")
    return lists

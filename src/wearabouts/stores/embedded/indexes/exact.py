"""The exact index: one list, in the order in which the photos came, every row of it compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.indexes import Allowed, Facts, Lists, Mask, Places, Progress, Require, checked_lists
from wearabouts.stores.embedded.indexes.allowed import kept
from wearabouts.stores.embedded.indexes.scanning import nearest
from wearabouts.types import Floats


class ExactMaking:
    """Counts; there is nothing to learn."""

    def __init__(self) -> None:
        self._count = 0

    def assign(self, vectors: Floats) -> Lists:
        """All in list 0."""
        self._count += len(vectors)
        return np.zeros(len(vectors), np.int32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """One list."""
        return {"lists": np.asarray([0, self._count], np.int64)}


class Exact:
    """`wearabouts.stores.embedded.indexes.Index` without any approximation."""

    kind = "exact"

    def __init__(
        self, arrays: Mapping[str, npt.NDArray[Any]], vectors: Floats, facts: Facts, require: Require | None
    ) -> None:
        self._lists = checked_lists(arrays, len(vectors))
        self._vectors = vectors
        self._require = require

    @staticmethod
    def making(lists: int, sample: Floats, seed: int, progress: Progress) -> ExactMaking:
        """Nothing is learnt from the sample."""
        return ExactMaking()

    def allow(self, mask: Mask) -> Allowed:
        """Counts what is left."""
        return kept(mask, self._lists)

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
        """Compares with every row that may be given."""
        return nearest(self._vectors, query, count, allowed, alive, self._require)

    def describe(self) -> dict[str, Any]:
        """It has nothing but its kind."""
        return {"kind": self.kind}

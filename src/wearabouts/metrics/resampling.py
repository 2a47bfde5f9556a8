"""Drawing groups of queries anew, as a bootstrap does, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.metrics.retrieval import Doubles, Integers

_BLOCK = 1_000_000  # numbers held at a time, so that memory does not grow with resamples x groups


def figures_of(values: npt.ArrayLike) -> Doubles:
    """Figures as one row of doubles.

    Raises:
        ValueError: They are none, or not a row.
    """
    figures = np.asarray(values, dtype=np.float64)
    if figures.ndim != 1 or not len(figures):
        raise ValueError(f"figures must be (queries,) with at least one query, not {figures.shape}")
    return figures


def group_codes(groups: Sequence[Any] | None, queries: int) -> tuple[Integers, int]:
    """(Q,) the number of each query's group, and how many groups there are; without groups each query is one.

    Raises:
        ValueError: There are not as many groups as queries.
    """
    if groups is None:
        return np.arange(queries), queries
    names, which = named_codes(groups, queries, "groups")
    return which, len(names)


def named_codes(names: Sequence[Any], queries: int, word: str) -> tuple[list[Any], Integers]:
    """The different names in order, and (Q,) which of them each query has.

    Raises:
        ValueError: There are not as many names as queries.
    """
    if len(names) != queries:
        raise ValueError(f"{len(names)} {word} for {queries} queries; {word} must be one for each query")
    different, which = np.unique(np.asarray(names), return_inverse=True)
    return different.tolist(), which


def added(values: Doubles | None, which: Integers, count: int) -> Doubles:
    """(count,) sum of the values of each group; without values, how many it has."""
    return np.bincount(which, weights=values, minlength=count).astype(np.float64)


def blocks(rows: int, columns: int) -> Iterator[int]:
    """So many rows at a time, until all are done."""
    size = max(1, _BLOCK // max(1, columns))
    for start in range(0, rows, size):
        yield min(size, rows - start)


def draws(strata: Integers, resamples: int, seed: int) -> Iterator[Doubles]:
    """How often each group comes up in each resample.

    Args:
        strata: (G,) rising, the stratum of each group; as many groups are drawn within a stratum as it has.
        resamples: How many rows in all.
        seed: Same seed, same draws.

    Yields:
        (block, G) counts.
    """
    rng = np.random.default_rng(seed)
    starts = np.searchsorted(strata, strata)
    sizes = np.bincount(strata)[strata]
    for rows in blocks(resamples, len(strata)):
        places = starts + (rng.random((rows, len(strata))) * sizes).astype(np.int64)
        places += np.arange(rows)[:, None] * len(strata)
        yield np.bincount(places.ravel(), minlength=rows * len(strata)).reshape(rows, -1).astype(np.float64)


def interval(means: Doubles, level: float) -> tuple[float, float]:
    """The ends between which `level` of the resampled means lie."""
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

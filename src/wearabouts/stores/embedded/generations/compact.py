"""Columns of few words, in a byte or two a product, so that a filter is worked out by comparing and not by looking up.

The words of one attribute are numbered anew, in the order in which they read as numbers, or in which they are written:
then what ``<``, ``=`` or a path of categories hits are neighbours, and the products that have them lie between two
bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

RUNS: Final = 6  # up to which comparing with the bounds of each beats a table


@dataclass(frozen=True, slots=True)
class Compact:
    """The codes of one column.

    Attributes:
        codes: (M,) unsigned, of one byte where that will do, into the words; K where a slot has no value.
        words: (K,) int64, where each word stands in the column's texts.
    """

    codes: npt.NDArray[Any]
    words: Places

    @property
    def bytes(self) -> int:
        """What it takes in memory."""
        return self.codes.nbytes + self.words.nbytes


def spread(codes: npt.NDArray[Any], hits: Mask) -> Mask:
    """Hits among the words → one boolean a slot, which is the caller's own.

    Args:
        codes: (n,) whole numbers in 0 … K.
        hits: (K,) bool.
    """
    edges = np.flatnonzero(np.diff(hits, prepend=False, append=False)).tolist()
    if len(edges) > 2 * RUNS:
        return np.append(hits, False).take(codes)
    mask = np.zeros(0 if edges else len(codes), np.bool_)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        found = _between(codes, start, stop)
        mask = np.logical_or(mask, found, out=mask) if len(mask) else found
    return mask


def _between(codes: npt.NDArray[Any], start: int, stop: int) -> Mask:
    if stop - start == 1:
        return np.asarray(np.equal(codes, start), np.bool_)
    below = np.asarray(np.less(codes, stop), np.bool_)
    return np.logical_and(below, codes >= start, out=below) if start else below


def compacted(
    size: int, slots: npt.NDArray[np.int32] | None, codes: npt.NDArray[np.int32], order: npt.NDArray[Any]
) -> Compact:
    """A column with its words numbered anew.

    Args:
        size: M, how many slots there are.
        slots: (n,) int32, those that have a value; None where every one has.
        codes: (n,) int32 into the texts.
        order: (W,) by what to sort the texts.
    """
    used = np.zeros(len(order), np.bool_)
    used[codes] = True
    words = np.flatnonzero(used)
    words = words[np.argsort(order[words], kind="stable")]
    dtype = np.min_scalar_type(len(words))
    renumbered = np.zeros(len(order), dtype)
    renumbered[words] = np.arange(len(words))
    if slots is None:
        return Compact(renumbered.take(codes), words)
    dense = np.full(size, len(words), dtype)
    dense[slots] = renumbered.take(codes)
    return Compact(dense, words)

"""Names turned into numbers once, so that a ranking never holds or compares a million strings."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wearabouts.metrics import Integers

Name = str | int


@dataclass(frozen=True, slots=True)
class Shelf:
    """The gallery in the order of its items, an item standing where its first photo stands.

    Attributes:
        photos: (P,) gallery index at each position, the photos of an item side by side; None: position is index.
        starts: (I,) position of each item's first photo; None: each photo is an item.
        labels: (I,) the number of each item's label.
    """

    photos: Integers | None
    starts: Integers | None
    labels: Integers

    @classmethod
    def of(cls, items: Sequence[Name] | None, labels: Integers) -> Shelf:
        """The whole gallery, from the name of each photo's item and the number of each photo's label."""
        if items is None:
            return cls(None, None, labels)
        _, which = numbered(items)  # numbers rise in the order of first photos
        sizes = np.bincount(which)
        if len(sizes) == len(labels):
            return cls(None, None, labels)
        photos = np.argsort(which, kind="stable")
        starts = np.cumsum(sizes) - sizes
        return cls(photos, starts, labels[photos[starts]])

    def __len__(self) -> int:
        return len(self.labels)

    def restricted(self, kept: Integers) -> Shelf:
        """Only some of the gallery's photos, by rising index; items keep their order and their label."""
        if self.photos is None or self.starts is None:
            return Shelf(kept, None, self.labels[kept])
        inside = np.zeros(len(self.photos), bool)
        inside[kept] = True
        positions = np.flatnonzero(inside[self.photos])
        item = np.searchsorted(self.starts, positions, side="right") - 1
        starts = np.flatnonzero(np.diff(item, prepend=-1))
        return Shelf(self.photos[positions], starts, self.labels[item[starts]])


@dataclass(frozen=True, slots=True)
class Asked:
    """What each query asks for: (Q + 1,) bounds into the numbers of its names; names nobody has are left out."""

    bounds: Integers
    numbers: Integers

    @classmethod
    def of(cls, names: Iterable[Name | Collection[Name]], table: Mapping[Name, int]) -> Asked:
        """Look each query's name, or names, up in a table."""
        bounds, numbers = array("q", [0]), array("q")
        for asked in names:
            several = {asked} if isinstance(asked, str | int | np.integer) else set(asked)
            numbers.extend(sorted(table[name] for name in several if name in table))
            bounds.append(len(numbers))
        return cls(np.frombuffer(bounds, np.int64), np.frombuffer(numbers, np.int64))


@dataclass(frozen=True, slots=True)
class Entries:
    """Where each number stands: `order` holds all places sorted by number, a number's at its `bounds`."""

    order: Integers
    bounds: Integers

    @classmethod
    def of(cls, numbers: Integers, count: int) -> Entries:
        """From the number at each place, all below `count`."""
        bounds = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(numbers, minlength=count), out=bounds[1:])
        return cls(np.argsort(numbers, kind="stable"), bounds)

    def sizes(self, asked: Asked, rows: Integers) -> Integers:
        """(R,) how many places each of these queries asks for."""
        held = np.zeros(len(asked.numbers) + 1, np.int64)
        np.cumsum(np.diff(self.bounds)[asked.numbers], out=held[1:])
        return held[asked.bounds[rows + 1]] - held[asked.bounds[rows]]

    def pairs(self, asked: Asked, rows: Integers) -> tuple[Integers, Integers]:
        """All places these queries ask for: number of the row among `rows`, rising, and the place."""
        row, which = spread(asked.bounds[rows], asked.bounds[rows + 1])
        numbers = asked.numbers[which]
        again, places = spread(self.bounds[numbers], self.bounds[numbers + 1])
        return row[again], self.order[places]


def numbered(names: Sequence[Name]) -> tuple[dict[Name, int], Integers]:
    """Number names in the order in which they first come: the table, and the number of each."""
    table: dict[Name, int] = {}
    return table, np.fromiter((table.setdefault(name, len(table)) for name in names), np.int64, len(names))


def spread(starts: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """All numbers of the ranges [start, end): which range, and the number."""
    sizes = ends - starts
    which = np.repeat(np.arange(len(sizes)), sizes)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(starts, sizes)


def parts(
    shelf: Shelf, queries: int, query_kinds: Sequence[Name] | None, gallery_kinds: Sequence[Name] | None
) -> Iterator[tuple[Integers, Shelf]]:
    """Queries and what they are ranked against: everything, or kind by kind."""
    if query_kinds is None or gallery_kinds is None:
        yield np.arange(queries), shelf
        return
    table, kinds = numbered(gallery_kinds)
    asked = np.fromiter((table.get(kind, -1) for kind in query_kinds), np.int64, queries)
    for number in np.unique(asked):
        yield np.flatnonzero(asked == number), shelf.restricted(np.flatnonzero(kinds == number))

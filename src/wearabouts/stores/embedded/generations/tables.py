"""What a base keeps by product, written while the products stream by; read by `mapped` and `texts`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.generations.drafting import Draft
from wearabouts.stores.embedded.generations.segment import Places
from wearabouts.stores.embedded.generations.texts import hashed, text_hash
from wearabouts.stores.where import COLUMNS, TEXT_COLUMNS, normal, number

SORTED: Final = 2**18  # entries sorted at once
COMMON: Final = 2**15  # distinct values of a column that are kept once; what comes after them may be kept again


class NameStream:
    """Ids on their way to the disk; read by `texts.Names`."""

    def __init__(self, made: Draft, name: str) -> None:
        self._made = made
        self._name = name
        self._texts = made.texts(name)
        self._hashes: list[npt.NDArray[np.uint64]] = [np.zeros(0, np.uint64)]

    def extend(self, ids: Sequence[str]) -> None:
        """Append ids."""
        raw = [ident.encode() for ident in ids]
        self._texts.extend(raw)
        self._hashes.append(np.fromiter(map(text_hash, raw), np.uint64, len(raw)))

    def close(self) -> None:
        """Write what they are looked up by."""
        for name, array in hashed(np.concatenate(self._hashes)).items():
            self._made.add(f"{self._name}/{name}", array)


class ProductTables:
    """All that is kept by product."""

    def __init__(self, made: Draft) -> None:
        self._made = made
        self._names, self._price = NameStream(made, "products"), made.stream("price", "<f8")
        self._columns = {name: _Column(made, f"column/{name}", name) for name in TEXT_COLUMNS}
        self._attributes = _Attributes(made)
        self._numbers: list[Places] = [np.zeros(0, np.int64)]
        self.size = 0

    def extend(self, facts: Sequence[Mapping[str, Any]]) -> None:
        """Append products in the order of their numbers; see `columns.Columns.extend`, and `number`."""
        self._names.extend([each["id"] for each in facts])
        self._numbers.append(np.fromiter((each["number"] for each in facts), np.int64, len(facts)))
        self._price.append([math.nan if each["price"] is None else each["price"] for each in facts])
        for name, column in self._columns.items():
            column.extend([each[name] for each in facts])
        self._attributes.extend([each["attributes"] for each in facts], self.size)
        self.size += len(facts)

    def close(self) -> Places:
        """Write it all; returns the products' numbers: the place of each is its slot."""
        numbers = np.concatenate(self._numbers)
        self._made.add("products/numbers", numbers)
        self._names.close()
        self._attributes.close()
        self._made.place()
        return numbers


class _Words:
    """The words of one or more columns, on their way to the disk: common ones once."""

    def __init__(self, made: Draft, name: str, *, numeric: bool) -> None:
        self._plain, self._shown = made.texts(f"{name}/words"), made.texts(f"{name}/shown")
        self._numbers = made.stream(f"{name}/numbers", "<f8") if numeric else None
        self._codes: dict[tuple[str, str], int] = {}
        self._spelt: dict[tuple[str, str], int] = {}
        self.size = 0

    def codes(self, texts: Iterable[tuple[str, str]]) -> list[int]:
        """The code of each text, given with its column."""
        plain: list[str] = []
        shown: list[str] = []
        known = self._spelt.get
        found = [code if (code := known(each)) is not None else self._code(each, plain, shown) for each in texts]
        self._plain.extend([text.encode() for text in plain])
        self._shown.extend([text.encode() for text in shown])
        if self._numbers is not None:
            self._numbers.append([math.nan if (read := number(text)) is None else read for text in plain])
        return found

    def _code(self, given: tuple[str, str], plain: list[str], shown: list[str]) -> int:
        again = self._spelt.get(given)  # twice in one part
        if again is not None:
            return again
        column, text = given
        compared = normal(column, text)
        code = self._codes.get((column, compared))
        if code is None:
            code = self.size
            self.size += 1
            plain.append(compared)
            shown.append(text)
            if len(self._codes) < COMMON:
                self._codes[column, compared] = code
        if len(self._spelt) < COMMON:
            self._spelt[given] = code
        return code


class _Column:
    """A column that every product has."""

    def __init__(self, made: Draft, name: str, column: str) -> None:
        self._codes = made.stream(f"{name}/codes", "<i4")
        self._words = _Words(made, name, numeric=False)
        self._column = column

    def extend(self, texts: Sequence[str]) -> None:
        self._codes.append(self._words.codes(zip(repeat(self._column), texts)))


class _Attributes:
    """The columns that only some products have: their entries lie aside and are sorted by column at the end."""

    def __init__(self, made: Draft) -> None:
        self._made = made
        self._words = _Words(made, "attributes", numeric=True)
        self._columns: dict[str, int] = {}
        self._counts: list[int] = []
        self._entries = made.aside("<i4")  # column, slot and code of each

    def extend(self, attributes: Sequence[Mapping[str, str]], first: int) -> None:
        found: list[tuple[str, str]] = []
        where: list[tuple[int, int]] = []
        for slot, each in enumerate(attributes, first):
            for name, text in each.items():
                column = name.strip().casefold()
                if column not in COLUMNS and text.strip():
                    found.append((column, text))
                    where.append((self._columns.setdefault(column, len(self._columns)), slot))
        if found:
            places = np.asarray(where, np.int32)
            self._entries.append(np.column_stack([places, np.asarray(self._words.codes(found), np.int32)]))
            self._counts += [0] * (len(self._columns) - len(self._counts))
            for column, count in zip(*np.unique(places[:, 0], return_counts=True), strict=True):
                self._counts[int(column)] += int(count)

    def close(self) -> None:
        names = sorted(self._columns)
        now = np.zeros(len(names), np.int64)  # the place of each column among the sorted
        now[[self._columns[name] for name in names]] = np.arange(len(names))
        counts = np.asarray([self._counts[self._columns[name]] for name in names], np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        self._made.texts("attributes/names").extend([name.encode() for name in names])
        self._made.add("attributes/starts", starts)
        total = int(starts[-1])
        slots, codes = (self._made.reserve(f"attributes/{name}", "<i4", (total,)) for name in ("slots", "codes"))
        following = starts[:-1].copy()
        for part in self._entries.parts(3 * SORTED):
            entries = part.reshape(-1, 3)
            column = now[entries[:, 0]]
            order = np.argsort(column, kind="stable")
            tally = np.bincount(column, minlength=len(names))
            before = np.repeat(np.cumsum(tally) - tally, tally)
            target = np.repeat(following, tally) + np.arange(len(entries)) - before
            slots[target], codes[target] = entries[order, 1], entries[order, 2]
            following += tally

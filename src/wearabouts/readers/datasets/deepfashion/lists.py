"""One list file: a count, column names and rows, each checked; and looking rows up by name without holding them."""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from wearabouts.catalog import Fault, Faults
from wearabouts.errors import CatalogError

MAX_LINE = 65_536  # bytes; the longest row, of 1,000 labels, has about 3,100
MAX_ROWS = 5_000_000
Lost = Literal["product", "photo", "field"]


class Row(NamedTuple):
    """A row: its number, 1 for the first after the header, and its text without the spaces around it."""

    number: int
    text: str


class List:
    """A list file, opened as far as its header.

    Args:
        path: The file.
        names: The column names as the authors write them, separated by single spaces; empty where the list has no line
            of names. A trailing ``*`` allows further ones.
        faults: Where rows that cannot be read go.
        lost: What a row costs that cannot be read.

    Attributes:
        count: Rows it says it has.
        counted: What the first line may count instead of rows, asked at the end; None for nothing.
        names: Its column names, in lower case, separated by single spaces; empty where it has no such line.

    Raises:
        CatalogError: The file cannot be read, or does not begin as such a list does.
    """

    def __init__(self, path: Path, names: str, faults: Faults, lost: Lost = "field") -> None:
        self.path = path
        self.faults = faults
        self.lost = lost
        self.counted: Callable[[], int] | None = None
        with self.open() as file:
            first = _words(path, file, 1)
            if not (first.isascii() and first.isdigit() and len(first) < 10):
                raise CatalogError(
                    f"{path} begins with {first[:60]!r}; a DeepFashion list begins with the number of its rows: "
                    "get the file from the authors' archive again"
                )
            self.count = int(first, 10)
            self.names = _words(path, file, 2).casefold() if names else ""
            if names:
                self._check_names(names, self.names)
            self._start = file.tell()

    def _check_names(self, names: str, found: str) -> None:
        if found == names or (names.endswith("*") and found.startswith(names[:-1])):
            return
        if any(mark in found for mark in ("/", "id_0")) or sorted(found.split()) == sorted(names.split()):
            raise CatalogError(
                f"{self.path} has {found[:120]!r} in line 2; expected are the column names {names!r}: is it the "
                "list of another benchmark, or one that was rewritten?"
            )
        self.fault(0, "", f"line 2 is {found[:120]!r}, expected {names!r}; columns were read in that order", "field")

    def open(self) -> BinaryIO:
        """The file as bytes, from its start."""
        try:
            return self.path.open("rb")
        except OSError as problem:
            raise CatalogError(f"{self.path} cannot be read ({problem.strerror}); give a readable file") from problem

    def fault(self, row: int, column: str, reason: str, lost: Lost | None = None) -> None:
        """Write one fault of this list down."""
        self.faults.add(Fault(str(self.path), row, column, reason, lost or self.lost))

    def rows(self) -> Generator[Row, None, None]:
        """All rows that are text; at the end it is checked that there were as many as the first line says."""
        return (row for _, row in self.places())

    def places(self, *, told: int = 0) -> Iterator[tuple[int, Row]]:
        """Rows with the byte they begin at.

        Args:
            told: Rows up to this number were walked before: their faults are not written again.
        """
        number = found = 0
        whole = True
        with self.open() as file:
            file.seek(self._start)
            at = self._start
            while line := file.readline(MAX_LINE + 1):
                number += 1
                place, at = at, at + len(line)
                whole = line.endswith(b"\n")
                long = not whole and len(line) > MAX_LINE
                while long and not whole and (rest := file.readline(MAX_LINE)):
                    at, whole = at + len(rest), rest.endswith(b"\n")
                try:
                    text = line.decode("utf-8").strip()
                    if long:
                        raise ValueError(f"row is longer than {MAX_LINE:,} bytes; it was left out")
                except ValueError as problem:
                    reason = "row is not UTF-8; it was left out" if isinstance(problem, UnicodeError) else str(problem)
                    found += 1
                    if number > told:
                        self.fault(number, "", reason)
                    continue
                if text:
                    found += 1
                    yield place, Row(number, text)
                if found > MAX_ROWS:
                    raise CatalogError(f"{self.path} has more than {MAX_ROWS:,} rows; no DeepFashion list does")
        if not whole:
            self.fault(number, "", "the last row does not end in a line break: it may be cut off", "field")
        if found != self.count and (self.counted is None or self.counted() != self.count):
            self.fault(0, "", f"its first line says {self.count:,} rows, {found:,} were found{self._excerpt()}")

    def _excerpt(self) -> str:
        if ".head." in self.path.name:
            return ": an excerpt, as its name says"
        return "; get the file from the authors' archive again"

    def at(self, file: BinaryIO, place: int) -> str:
        """The text of the row that begins at a byte."""
        file.seek(place)
        return file.readline(MAX_LINE + 1).decode("utf-8", "replace").strip()


def _words(path: Path, file: BinaryIO, line: int) -> str:
    try:
        return " ".join(file.readline(MAX_LINE).decode("utf-8-sig").split())
    except UnicodeError as problem:
        raise CatalogError(
            f"{path}: line {line} is not UTF-8; get the file from the authors' archive again"
        ) from problem


def _split(text: str) -> tuple[str, str]:
    """First word of a row and the rest; a list may have tabs between its columns."""
    first, *rest = text.split(None, 1)
    return first, rest[0] if rest else ""


class Lookup:
    """Rows by their first word.

    As long as they are asked for in the order of the file, the file is simply read on. Once they are not, the places of
    all rows are noted (their names and two numbers each, never the rows), and each is read from its place.

    Args:
        rows: The list.
        of: What the first word names, for faults: ``photo`` or ``item``.
    """

    def __init__(self, rows: List, of: str = "photo") -> None:
        self.list = rows
        self.of = of
        self._walk: Iterator[Row] = rows.rows()
        self._last = 0
        self._file: BinaryIO | None = None
        self._index: dict[str, int] = {}
        self._places = array("q")
        self._numbers = array("l")
        self._asked = bytearray()

    def get(self, name: str) -> Row | None:
        """The row of a name, without it; None, with the fault written, where there is none. Ask for a name once."""
        if self._file is None:
            row = next(self._walk, None)
            if row is not None:
                found, rest = _split(row.text)
                if found == name:
                    self._last = row.number
                    return Row(row.number, rest)
                self._note_places(row.number)
        at = self._index.get(name)
        if at is None or self._file is None:
            self.list.fault(0, "", f"no row for {self.of} {name}")
            return None
        self._asked[at] = 1
        return Row(self._numbers[at], _split(self.list.at(self._file, self._places[at]))[1])

    def finish(self) -> None:
        """Read on to the end, so that the count is checked, and tell of rows that nobody asked for."""
        if self._file is None:
            left = [_split(row.text)[0][:120] for row in self._walk]
        else:
            left = [name for name, at in self._index.items() if not self._asked[at]]
        if left:
            which = "a photo" if self.of == "photo" else "an item"
            self.list.fault(
                0, "", f"{len(left):,} rows are of {which} that was not asked for, such as {left[0]}", "field"
            )

    def _note_places(self, told: int) -> None:
        self._walk = iter(())
        file = self.list.open()
        weakref.finalize(self, file.close)
        with self.list.open() as other:
            for place, row in self.list.places(told=told):
                name = _split(row.text)[0]
                before = self._index.get(name)
                if before is None:
                    self._index[name] = len(self._places)
                    self._places.append(place)
                    self._numbers.append(row.number)
                    self._asked.append(row.number <= self._last)
                elif self.list.at(other, self._places[before]).split() != row.text.split():
                    first = self._numbers[before]
                    reason = f"{self.of} {name} stood before, in row {first}, with other words; row {first} was kept"
                    self.list.fault(row.number, "", reason, "field")
        self._file = file

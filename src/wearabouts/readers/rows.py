"""CSV and TSV, one record at a time: bounded memory, and a broken record costs itself only.

Python's `csv` module does the parsing. Around it stands what it leaves open: the encoding, the delimiter, records that
never end because a quote is not closed, lines of a gigabyte, NUL bytes, and records with too few or too many cells.
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from wearabouts.errors import CatalogError
from wearabouts.readers.intake import Intake

MAX_RECORD = 1_000_000  # characters of one record; a product's HTML description is a few thousand
MAX_LINES = 2_000  # physical lines of one record
MAX_COLUMNS = 2_000
_CHUNK = 1 << 20
_NO_TEXT = {
    b"PK\x03\x04": "a spreadsheet or zip archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"\x1f\x8b": "gzip-packed",
    b"\xfd7zXZ": "xz-packed",
    b"(\xb5/\xfd": "zstd-packed",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "a database",
}

csv.field_size_limit(MAX_RECORD + 1)


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its number (1 for the first after the header) and its cells by the header's names."""

    number: int
    cells: dict[str, str]

    def get(self, *names: str) -> str:
        """The first of these columns that exists and is not blank, else empty."""
        return next((cell for name in names if (cell := self.cells.get(name, "").strip())), "")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text table is written.

    Attributes:
        encoding: Name of the codec.
        delimiter: One character.
        header: Column names as written; a repeated name gets ``_2``, ``_3``; nameless columns are ``column_5``.
        skip: Lines before the header (``sep=,`` as spreadsheets write it, blank lines).
        notes: What was guessed and is worth telling.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    skip: int
    notes: tuple[str, ...]


def sniff(source: Path) -> Dialect:
    """Find out encoding, delimiter and header of a text table.

    Raises:
        CatalogError: The file cannot be opened, is empty, or is no text.
    """
    try:
        about = source.stat()
        return _sniffed(source, about.st_size, about.st_mtime_ns)
    except OSError as problem:
        raise CatalogError(f"{source} cannot be read ({problem.strerror}); give a readable file") from problem


@lru_cache(maxsize=64)
def _sniffed(source: Path, _size: int, _changed: int) -> Dialect:
    """One look for all that ask: finding out the encoding reads the whole file."""
    encoding, notes = _encoding(source)
    with _open(source, encoding) as file:
        return _header(source, file, encoding, notes)


def _encoding(source: Path) -> tuple[str, tuple[str, ...]]:
    with source.open("rb") as file:
        start = file.read(4096)
        if kind := next((kind for mark, kind in _NO_TEXT.items() if start.startswith(mark)), ""):
            raise CatalogError(f"{source} is {kind}, not a text table; unpack it, or save it as CSV in UTF-8")
        for mark, codec in (
            (codecs.BOM_UTF8, "utf-8-sig"),
            (codecs.BOM_UTF16_LE, "utf-16"),
            (codecs.BOM_UTF16_BE, "utf-16"),
        ):
            if start.startswith(mark):
                return codec, () if codec != "utf-16" else ("encoding UTF-16, as its first bytes say",)
        for offset, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
            if len(start) > 3 and start[offset::2].count(0) > len(start) * 0.35:
                return codec, (f"encoding {codec.upper()}, guessed from its zero bytes",)
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        good = bad = 0
        while chunk := file.read(_CHUNK):
            shown = decoder.decode(chunk)
            if not shown.isascii():
                wrong = shown.count("\ufffd")
                bad += wrong
                good += len(shown) - len(shown.encode("ascii", "ignore")) - wrong
    if not bad:
        return "utf-8", ()
    if good >= bad:
        return "utf-8", (f"encoding UTF-8 with {bad} unreadable places, each shown as \ufffd",)
    return "cp1252", ("not UTF-8: read as Windows-1252 (cp1252); save the file as UTF-8 if words look wrong",)


def _open(source: Path, encoding: str) -> IO[str]:
    return source.open(encoding=encoding, errors="replace", newline="")


def _header(source: Path, file: IO[str], encoding: str, notes: tuple[str, ...]) -> Dialect:
    skip, line, delimiter = 0, file.readline(MAX_RECORD), ""
    while line and (not line.strip() or line[:4].lower() == "sep="):
        if line[:4].lower() == "sep=" and len(line) > 4:
            delimiter = line[4]
        skip, line = skip + 1, file.readline(MAX_RECORD)
    if not line:
        raise CatalogError(f"{source} is empty; a table needs a header line and one line a product")
    if sum(sign < " " and sign not in "\t\r\n" for sign in line) > 2:
        raise CatalogError(f"{source} is not a text table; known tables: CSV, TSV, JSON lines, Parquet")
    if not delimiter:
        outside = "".join(line.split('"')[::2])
        delimiter = max("\t,;|", key=outside.count)
    try:
        names = next(csv.reader([line], delimiter=delimiter))
    except csv.Error as problem:
        raise CatalogError(
            f"{source} has a header that cannot be read ({problem}); quote its names properly"
        ) from problem
    if len(names) > MAX_COLUMNS:
        raise CatalogError(f"{source} has {len(names)} columns; at most {MAX_COLUMNS} are read")
    header: list[str] = []
    for place, raw in enumerate(names, 1):
        name = raw.strip().lstrip("\ufeff")[:200] or f"column_{place}"
        again = sum(
            name == taken or (taken.startswith(f"{name}_") and taken[len(name) + 1 :].isdigit()) for taken in header
        )
        header.append(f"{name}_{again + 1}" if name in header else name)
    return Dialect(encoding, delimiter, tuple(header), skip, notes)


class _Lines:
    """Physical lines with a way back: what a failed record swallowed is given again, line by line."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.waiting: deque[str] = deque()
        self.taken: list[str] = []
        self.size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.taken and (len(self.taken) >= MAX_LINES or self.size > MAX_RECORD):
            raise csv.Error(f"a record of more than {MAX_LINES} lines or {MAX_RECORD} characters")
        line = self.waiting.popleft() if self.waiting else self.file.readline(MAX_RECORD + 2)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.size += len(line)
        if len(line) > MAX_RECORD:
            self._skip_line(line)
            # Ended here, so that reading it again (after an unclosed quote before it) skips no further line.
            self.taken[-1] = line.rstrip("\r\n") + "\n"
            raise csv.Error(f"a line of more than {MAX_RECORD} characters")
        return line

    def _skip_line(self, line: str) -> None:
        while line and not line.endswith(("\n", "\r")):
            line = self.file.readline(_CHUNK)

    def begin(self) -> None:
        """A new record starts here."""
        self.taken, self.size = [], 0

    def give_back(self) -> None:
        """Everything but the first line of the failed record is read again."""
        self.waiting.extendleft(reversed(self.taken[1:]))


def read(intake: Intake, dialect: Dialect) -> Iterator[Row]:
    """Walk the records of a table; broken ones become faults of `intake`."""
    with _open(intake.source, dialect.encoding) as file:
        for _ in range(dialect.skip):
            file.readline(MAX_RECORD)
        lines = _Lines(file)
        yield from _records(lines, intake, dialect)


def _records(lines: _Lines, intake: Intake, dialect: Dialect) -> Iterator[Row]:
    number, width, parser = -1, len(dialect.header), None
    while True:
        lines.begin()
        number += 1
        try:
            parser = parser or csv.reader(lines, delimiter=dialect.delimiter, strict=True)
            cells = next(parser)
        except StopIteration:
            return
        except csv.Error as problem:
            parser, salvaged = None, _salvage(lines, dialect)
            if salvaged is None:
                intake.fault(number, "", f"{_worded(problem, lines)}; the line was left out")
                lines.give_back()
                continue
            cells = salvaged
            lines.give_back()
        if len(lines.taken) > 1 and len(cells) != width:
            # Two stray quotes far apart look like one long cell; the count of cells tells.
            parser = None
            lines.give_back()
            intake.fault(number, "", "a quote is opened and not closed in this line; the line was left out")
            continue
        if number and (row := _row(number, cells, intake, dialect)):
            yield row


def _worded(problem: csv.Error, lines: _Lines) -> str:
    if len(lines.taken) > 1 or "unexpected end" in str(problem):
        return "a quote is opened and not closed in this line"
    return f"not readable as a table row ({problem})"


def _salvage(lines: _Lines, dialect: Dialect) -> list[str] | None:
    """The first line alone, read leniently, where it then has exactly the header's number of cells."""
    line = lines.taken[0] if lines.taken else ""
    if len(line) > MAX_RECORD or line.count('"') % 2:
        return None
    try:
        cells = next(csv.reader([line], delimiter=dialect.delimiter))
    except (csv.Error, StopIteration):
        return None
    return cells if len(cells) == len(dialect.header) else None


def _row(number: int, cells: list[str], intake: Intake, dialect: Dialect) -> Row | None:
    width = len(dialect.header)
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) > width:
        if any(cell.strip() for cell in cells[width:]):
            reason = f"{len(cells)} cells, but the header names {width}: a cell with the delimiter in it needs quotes"
            intake.fault(number, "", f"{reason}; the line was left out")
            return None
        cells = cells[:width]
    if len(cells) < width:
        reason = f"{len(cells)} cells, but the header names {width}; the missing ones were read as empty"
        intake.fault(number, dialect.header[len(cells)], reason, "field")
    named = dict(zip(dialect.header, cells, strict=False))
    for name, cell in named.items():
        if "\x00" in cell:
            intake.fault(number, name, "the cell holds NUL bytes; they were dropped", "field")
            named[name] = cell.replace("\x00", "")
        if "\ufffd" in cell:
            intake.fault(number, name, "bytes that are not of the file's encoding; they are shown as \ufffd", "field")
    return Row(number, named)

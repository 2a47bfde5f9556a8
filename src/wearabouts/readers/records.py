"""Rows of any table file: delimited text, JSON lines or Parquet, all as `Row`s of strings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wearabouts.errors import CatalogError
from wearabouts.readers import rows
from wearabouts.readers.intake import Intake
from wearabouts.readers.rows import MAX_COLUMNS, MAX_RECORD, Row

JSON_LINES = frozenset({".jsonl", ".ndjson"})
PARQUET = frozenset({".parquet", ".pq"})
_HEADER_LINES = 1_000  # JSON lines whose keys make the header
_BATCH = 5_000  # rows of a Parquet file in memory at a time


def read(intake: Intake) -> Iterator[Row]:
    """Walk the rows of a table file."""
    suffix = intake.source.suffix.lower()
    if suffix in JSON_LINES:
        return _json_lines(intake)
    if suffix in PARQUET:
        return _parquet(intake)
    return rows.read(intake, rows.sniff(intake.source))


def header(source: Path) -> tuple[str, ...]:
    """Column names of a table file.

    Raises:
        CatalogError: The file cannot be read, or is no such table.
    """
    suffix = source.suffix.lower()
    if suffix in PARQUET:
        return tuple(_scan(source).collect_schema().names()[:MAX_COLUMNS])
    if suffix not in JSON_LINES:
        return rows.sniff(source).header
    names: dict[str, None] = {}
    try:
        with source.open("rb") as file:
            for _ in range(_HEADER_LINES):
                names.update(dict.fromkeys(_keys(file.readline(MAX_RECORD))))
    except OSError as problem:
        raise CatalogError(f"{source} cannot be read ({problem.strerror}); give a readable file") from problem
    if not names:
        raise CatalogError(f"{source} holds no JSON object in its first {_HEADER_LINES} lines; each line is one object")
    return tuple(names)[:MAX_COLUMNS]


def notes(source: Path) -> tuple[str, ...]:
    """What was guessed about the file itself."""
    return () if source.suffix.lower() in JSON_LINES | PARQUET else rows.sniff(source).notes


def _keys(line: bytes) -> list[str]:
    try:
        found = _object(line)
    except ValueError:
        return []
    return [str(name) for name in found]


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except RecursionError as problem:
        raise ValueError("nested too deeply") from problem
    if not isinstance(found, dict):
        raise ValueError(f"a JSON {type(found).__name__}, not an object")
    return found


def _json_lines(intake: Intake) -> Iterator[Row]:
    with intake.source.open("rb") as file:
        number = 0
        while line := file.readline(MAX_RECORD + 1):
            number += 1
            if len(line) > MAX_RECORD and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_RECORD)
                intake.fault(number, "", f"a line of more than {MAX_RECORD} bytes; it was left out")
                continue
            if not line.strip():
                continue
            try:
                yield Row(number, {str(name): _cell(value) for name, value in _object(line).items()})
            except ValueError as problem:
                intake.fault(number, "", f"not a JSON object ({str(problem)[:120]}); the line was left out")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "|".join(_cell(part) for part in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _troubles() -> tuple[type[BaseException], ...]:
    """What polars raises on a damaged file; its panics are no `Exception`."""
    from polars.exceptions import PanicException, PolarsError

    return PolarsError, PanicException, OSError, ValueError, OverflowError


def _worded(problem: BaseException) -> str:
    return next(iter(str(problem).splitlines()), type(problem).__name__)[:120]


def _scan(source: Path) -> Any:
    import polars

    try:
        table = polars.scan_parquet(source, glob=False)
        table.collect_schema()
    except _troubles() as problem:
        raise CatalogError(f"{source} is not a readable Parquet file ({_worded(problem)})") from problem
    return table


def _parquet(intake: Intake) -> Iterator[Row]:

    table, start = _scan(intake.source), 0
    while True:
        try:
            batch = table.slice(start, _BATCH).collect()
        except _troubles() as problem:
            intake.fault(start + 1, "", f"the Parquet file breaks off here ({_worded(problem)})")
            return
        for offset, cells in enumerate(batch.iter_rows(named=True), 1):
            yield Row(start + offset, {name: _cell(value) for name, value in cells.items()})
        start += batch.height
        if batch.height < _BATCH:
            return

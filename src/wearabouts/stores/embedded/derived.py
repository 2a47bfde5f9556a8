"""The derived base: vectors laid out for scanning, made from the truth, never changed, thrown away without regret.

A base is one file a generation, `derived/base-00000001.vectors`, mapped into memory by every reader:

    page 0     magic, CRC-32 and length of a JSON header: format, generation, sequence, dim, count, encoder_hash, and
               the CRC-32 of the tables
    tables     count × int64 numbers (rising), count × int64 checksums of the vectors, and for each block of vectors
               one uint32 CRC-32
    vectors    count × dim little-endian float32, from the next page boundary on

It is written under a temporary name, fsynced, renamed, and the folder fsynced; a new generation gets a new name,
because changing a file that others have mapped kills them. A base that is missing, damaged, another encoder's or from
another future is no error: the truth has everything.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wearabouts.errors import StoreError
from wearabouts.types import Floats

Numbers = npt.NDArray[np.int64]

MAGIC: Final = b"WEARBASE"
FORMAT: Final = 1
PAGE: Final = 4_096
BLOCK: Final = 4 * 2**20  # bytes of vectors under one CRC-32
_NAME: Final = re.compile(r"base-(\d{8})\.vectors")
_TEMPORARY: Final = ".tmp"


@dataclass(frozen=True, slots=True)
class Base:
    """One generation.

    Attributes:
        path: Its file; None for the base of an empty store.
        generation: Rises with every rebuild.
        sequence: The store's sequence number it was made at.
        numbers: (N,) int64, rising: the photos' numbers in the truth.
        sums: (N,) int64, `rows.vector_sum` of each vector.
        vectors: (N, D) float32, read-only, mapped from the file.
    """

    path: Path | None
    generation: int
    sequence: int
    numbers: Numbers
    sums: Numbers
    vectors: Floats


def no_base(dim: int) -> Base:
    """The base of a store that has none yet."""
    return Base(None, 0, 0, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, dim), np.float32))


def generations(folder: Path) -> list[tuple[int, Path]]:
    """Generation number and file of every base in the folder, newest first."""
    with suppress(OSError):
        if stat.S_ISDIR(os.lstat(folder).st_mode):
            found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
            return sorted(((int(match[1]), path) for match, path in found if match), reverse=True)
    return []


def temporary(folder: Path) -> list[Path]:
    """Files that a killed rebuild left behind."""
    with suppress(OSError):
        if stat.S_ISDIR(os.lstat(folder).st_mode):
            return sorted(path for path in folder.iterdir() if path.name.endswith(_TEMPORARY))
    return []


def newest(folder: Path, *, dim: int, encoder_hash: str, sequence: int) -> Base:
    """The newest base that can be trusted, or the empty one.

    Args:
        folder: The store's `derived` folder; need not exist.
        dim: Floats per vector of the store.
        encoder_hash: The store's encoder.
        sequence: The store's last number; a base beyond it belongs to another future (a copy was restored) and is left
            aside.
    """
    for _, path in generations(folder):
        with suppress(OSError, ValueError):
            base, told = _opened(path)
            if told["encoder_hash"] == encoder_hash and base.vectors.shape[1] == dim and base.sequence <= sequence:
                return base
    return no_base(dim)


def fault(path: Path) -> str | None:
    """Why a base's file cannot be trusted, or None."""
    try:
        _opened(path)
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _opened(path: Path) -> tuple[Base, dict[str, Any]]:
    """Map and verify a base; ValueError or OSError where it is not what was written."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("not a plain file")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    header = _header(mapped)
    count, dim = int(header["count"]), int(header["dim"])
    if not (0 <= count < 2**40 and 1 <= dim <= 65_536):
        raise ValueError("impossible count or dim")
    tables, start = _layout(count, dim)
    if len(mapped) != start + 4 * count * dim:
        raise ValueError(f"{len(mapped)} bytes long, but {start + 4 * count * dim} were written")
    view = memoryview(mapped)
    if zlib.crc32(view[PAGE : PAGE + tables]) != header["tables"]:
        raise ValueError("the checksum of its tables is wrong")
    if any(view[PAGE + tables : start]):
        raise ValueError("the gap before its vectors is not empty")
    numbers = np.frombuffer(mapped, "<i8", count, PAGE)
    sums = np.frombuffer(mapped, "<i8", count, PAGE + 8 * count)
    blocks = np.frombuffer(mapped, "<u4", _blocks(count, dim), PAGE + 16 * count)
    for index, expected in enumerate(blocks):
        if zlib.crc32(view[start + index * BLOCK : start + (index + 1) * BLOCK]) != expected:
            raise ValueError(f"the checksum of block {index} is wrong")
    if np.any(np.diff(numbers) <= 0):
        raise ValueError("its numbers do not rise")
    vectors = np.frombuffer(mapped, "<f4", count * dim, start).reshape(count, dim)
    return Base(path, int(header["generation"]), int(header["sequence"]), numbers, sums, vectors), header


def _header(mapped: mmap.mmap) -> dict[str, Any]:
    if len(mapped) < PAGE or mapped[:8] != MAGIC:
        raise ValueError("no base begins like this")
    check, length = struct.unpack_from("<II", mapped, 8)
    raw = mapped[16 : 16 + length]
    if length > PAGE - 16 or zlib.crc32(raw) != check or any(mapped[16 + length : PAGE]):
        raise ValueError("the checksum of its header is wrong")
    header = json.loads(raw)
    wanted = {"format", "generation", "sequence", "dim", "count", "encoder_hash", "tables"}
    if not isinstance(header, dict) or set(header) != wanted or header["format"] != FORMAT:
        raise ValueError("its header is of another format")
    return header


def _blocks(count: int, dim: int) -> int:
    return -(-4 * count * dim // BLOCK)


def _layout(count: int, dim: int) -> tuple[int, int]:
    """Bytes of the tables, and where the vectors start."""
    tables = 16 * count + 4 * _blocks(count, dim)
    return tables, -(-(PAGE + tables) // PAGE) * PAGE


def write(
    folder: Path, *, sequence: int, encoder_hash: str, dim: int, numbers: Numbers, sums: Numbers, rows: Iterable[bytes]
) -> None:
    """Write the next generation, and drop the older ones and temporary files; only for the holder of the writer's lock.

    Args:
        folder: The store's `derived` folder; made when missing.
        sequence: The store's sequence number the rows were read at.
        encoder_hash: The store's encoder.
        dim: Floats per vector.
        numbers: (N,) int64, rising.
        sums: (N,) int64, checksums of the vectors.
        rows: N vectors as little-endian float32 bytes, in the order of `numbers`.

    Raises:
        OSError: The disk is full or fails; what was there before stays.
        StoreError: The folder is a link.
    """
    folder.mkdir(exist_ok=True)
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise StoreError(
            f"{folder} is a link; a store's folders may not be links; put the folder itself there, or remove it"
        )
    older = generations(folder)
    generation = 1 + max((each for each, _ in older), default=0)
    target = folder / f"base-{generation:08d}.vectors"
    draft = folder / f"{target.name}.{os.getpid()}{_TEMPORARY}"
    told = {"format": FORMAT, "generation": generation, "sequence": sequence, "dim": dim, "count": len(numbers)}
    try:
        _draft(draft, told | {"encoder_hash": encoder_hash}, numbers, sums, rows)
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    for path in [path for _, path in older] + temporary(folder):
        path.unlink(missing_ok=True)


def _draft(draft: Path, header: dict[str, Any], numbers: Numbers, sums: Numbers, rows: Iterable[bytes]) -> None:
    count, dim = header["count"], header["dim"]
    _, start = _layout(count, dim)
    blocks: list[int] = []
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644), "wb") as file:
        file.seek(start)
        pending = bytearray()
        written = 0
        for row in rows:
            pending += row
            if len(pending) >= BLOCK:
                written += file.write(pending[:BLOCK])
                blocks.append(zlib.crc32(pending[:BLOCK]))
                del pending[:BLOCK]
        if pending:
            written += file.write(pending)
            blocks.append(zlib.crc32(pending))
        if written != 4 * count * dim:
            raise OSError(f"{written} bytes of vectors were read for {count} rows")
        tables = numbers.astype("<i8").tobytes() + sums.astype("<i8").tobytes() + np.asarray(blocks, "<u4").tobytes()
        raw = json.dumps(header | {"tables": zlib.crc32(tables)}).encode()
        file.seek(0)
        file.write(MAGIC + struct.pack("<II", zlib.crc32(raw), len(raw)) + raw)
        file.seek(PAGE)
        file.write(tables)
        file.flush()
        os.truncate(file.fileno(), start + 4 * count * dim)
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

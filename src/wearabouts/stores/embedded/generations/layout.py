"""How a segment lies in its file, and what is checked before anything of it is believed.

    page 0     magic, CRC-32 of the rest of the page; where the arrays end, how long the footer is and its CRC-32
    arrays     from byte `PAGE` on, each aligned to `ALIGN` bytes, gaps empty
    footer     one uint64 XXH3 for each `BLOCK` bytes of arrays, then JSON: facts, and name → [dtype, shape, offset]

A block is proven in the middle of somebody's search: XXH3 goes through it in a twentieth of what CRC-32 takes.

Sizes, offsets and types are checked against the file, and nothing is ever unpickled.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from xxhash import xxh3_64_intdigest

MAGIC: Final = b"WEARSEG3"
PAGE: Final = 4_096
ALIGN: Final = 64
BLOCK: Final = 256 * 1024
SUM: Final = np.dtype("<u8")  # of a block
HEAD: Final = struct.Struct("<8sIQQI")  # magic, CRC-32 of the page behind it, end of the arrays, footer, its CRC-32
MAX_FOOTER: Final = 2**28
TYPES: Final = frozenset({"<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "<u8", "<u4", "<u2", "|u1", "|i1"})


class Damaged(Exception):  # noqa: N818 - a state of a file, told to the store alone
    """A derived file is not what was written: it is to be left aside, the truth has everything.

    Attributes:
        path: The file; None for arrays in memory.
        reason: What is wrong with it.
    """

    def __init__(self, path: Path | None, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Spec:
    """Where an array lies.

    Attributes:
        dtype: One of `TYPES`.
        shape: One or two lengths.
        offset: Its first byte in the file.
    """

    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def row(self) -> int:
        """Bytes of one row."""
        return int(np.dtype(self.dtype).itemsize) * (self.shape[1] if len(self.shape) == 2 else 1)

    @property
    def end(self) -> int:
        """The byte after its last."""
        return self.offset + self.row * self.shape[0]


def blocks(end: int) -> int:
    """How many blocks there are where the arrays end at that byte."""
    return -(-(end - PAGE) // BLOCK)


def summed(data: bytes) -> int:
    """The checksum of a block."""
    return int(xxh3_64_intdigest(data))


def footer(path: Path, handle: int) -> tuple[bytes, int, int]:
    """The footer's bytes, where the arrays end, and the size of the file."""
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise Damaged(path, "not a plain file")
    head = os.pread(handle, PAGE, 0)
    if len(head) < PAGE or not head.startswith(MAGIC):
        raise Damaged(path, "no derived file of this format begins like this")
    _, check, end, length, footer_check = HEAD.unpack_from(head)
    if zlib.crc32(head[12:]) != check:
        raise Damaged(path, "the checksum of its first page is wrong")
    if not PAGE <= end <= found.st_size or length > MAX_FOOTER or end + length != found.st_size:
        raise Damaged(path, f"{found.st_size} bytes long, but {end + length} were written")
    footer = os.pread(handle, length, end)
    if len(footer) != length or zlib.crc32(footer) != footer_check or length < SUM.itemsize * blocks(end):
        raise Damaged(path, "the checksum of its footer is wrong")
    return footer, end, found.st_size


def told_by(path: Path, raw: bytes) -> dict[str, Any]:
    """The facts and arrays that a footer tells of."""
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not all(isinstance(told.get(name), dict) for name in ("facts", "arrays")):
        raise Damaged(path, "its footer is of another format")
    return told


def specs_of(path: Path, arrays: Mapping[str, Any], end: int) -> dict[str, Spec]:
    """Where each array lies, once all are sure to lie inside the file, one after another."""
    found: dict[str, Spec] = {}
    for name, told in arrays.items():
        match told:
            case [str(dtype), [int(), *_] as shape, int(offset)] if dtype in TYPES and _is_shape(shape):
                found[name] = Spec(dtype, tuple(shape), offset)
            case _:
                raise Damaged(path, f"its array {name!r} is of another format")
    before = PAGE
    for spec in sorted(found.values(), key=lambda spec: (spec.offset, spec.end)):
        if spec.offset < before or spec.offset % ALIGN or spec.end > end:
            raise Damaged(path, "its arrays lie outside it or across each other")
        before = spec.end
    return found


def _is_shape(shape: Sequence[Any]) -> bool:
    if len(shape) not in (1, 2) or not all(type(each) is int and 0 <= each < 2**48 for each in shape):
        return False
    return shape[1:] != [0]  # rows of no bytes may be told of without end

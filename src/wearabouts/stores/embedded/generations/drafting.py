"""Writing a segment: arrays one after another, streamed or scattered, in bounded memory; see `layout` for the file.

A draft has a temporary name until the caller renames it. Room is taken before it is mapped, so that a full disk is an
error and never a signal.
"""

from __future__ import annotations

import json
import mmap
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, cast

import numpy as np
import numpy.typing as npt

from wearabouts.stores.embedded.generations.layout import (
    ALIGN,
    BLOCK,
    HEAD,
    MAGIC,
    PAGE,
    SUM,
    TYPES,
    Spec,
    blocks,
    summed,
)
from wearabouts.stores.embedded.generations.segment import Array

SPOOL: Final = 2**20  # bytes of a stream held in memory before it moves to the disk
_COPY: Final = 2**22


class Stream:
    """An array whose length is not known yet; lies in memory or a nameless file until it is placed."""

    def __init__(self, name: str, dtype: str, folder: Path) -> None:
        self.name = name
        self.dtype = dtype
        self.size = 0
        self.file = cast(BinaryIO, tempfile.SpooledTemporaryFile(SPOOL, dir=str(folder)))  # noqa: SIM115 - closed by Draft

    def append(self, values: npt.ArrayLike) -> None:
        """Append numbers."""
        added = np.asarray(values, self.dtype)
        self.file.write(added.tobytes())
        self.size += added.size

    def append_bytes(self, data: bytes) -> None:
        """Append raw bytes; only for streams of uint8."""
        self.file.write(data)
        self.size += len(data)

    def parts(self, count: int) -> Iterator[Array]:
        """What has been appended, so many numbers at a time."""
        self.file.seek(0)
        while part := self.file.read(count * np.dtype(self.dtype).itemsize):
            yield np.frombuffer(part, self.dtype)


class TextStream:
    """Texts, appended one after another: where each ends, and their UTF-8 bytes; read by `texts.Texts`."""

    def __init__(self, draft: Draft, name: str) -> None:
        self._offsets = draft.stream(f"{name}/offsets", "<i8")
        self._data = draft.stream(f"{name}/data", "|u1")
        self._offsets.append([0])
        self.size = 0

    def extend(self, texts: Sequence[bytes]) -> None:
        """Append UTF-8 texts."""
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self._offsets.append(self._data.size + np.cumsum(lengths))
        self._data.append_bytes(b"".join(texts))
        self.size += len(texts)


class Draft:
    """A segment on its way to the disk."""

    def __init__(self, path: Path) -> None:
        """Begin the file; whatever lies there under this temporary name is removed.

        Raises:
            OSError: It cannot be made.
        """
        self.path = path
        path.unlink(missing_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        self._specs: dict[str, Spec] = {}
        self._streams: dict[str, Stream] = {}
        self._aside: list[Stream] = []
        self._end = PAGE

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close everything; a draft that was not finished is removed."""
        for stream in [*self._streams.values(), *self._aside]:
            stream.file.close()
        os.close(self._file)
        if kind is not None:
            self.path.unlink(missing_ok=True)

    def add(self, name: str, values: Array) -> None:
        """Write an array that is at hand."""
        spec = self._placed(name, values.dtype.newbyteorder("<").str, values.shape)
        self._write(np.ascontiguousarray(values, spec.dtype).data, spec.offset)

    def reserve(self, name: str, dtype: str, shape: tuple[int, ...]) -> Array:
        """Take room for an array and map it for writing in any order.

        Raises:
            OSError: The disk has no room for it.
        """
        spec = self._placed(name, dtype, shape)
        length = spec.end - spec.offset
        if not length:
            return np.zeros(shape, dtype)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file, spec.offset, length)
        else:  # macOS: zeros take the room
            for at in range(spec.offset, spec.end, _COPY):
                self._write(memoryview(bytes(min(_COPY, spec.end - at))), at)
        start = spec.offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        mapped = mmap.mmap(self._file, spec.end - start, offset=start)
        return np.ndarray(shape, dtype, mapped, spec.offset - start)

    def shorten(self, name: str, count: int) -> None:
        """Make a reserved array end after fewer rows; the room behind them stays as an empty gap."""
        spec = self._specs[name]
        self._specs[name] = Spec(spec.dtype, (count, *spec.shape[1:]), spec.offset)

    def stream(self, name: str, dtype: str) -> Stream:
        """Begin an array of unknown length."""
        self._streams[name] = Stream(name, dtype, self.path.parent)
        return self._streams[name]

    def aside(self, dtype: str) -> Stream:
        """Numbers that are wanted while the file is made, and do not become part of it."""
        self._aside.append(Stream("", dtype, self.path.parent))
        return self._aside[-1]

    def texts(self, name: str) -> TextStream:
        """Begin a table of texts."""
        return TextStream(self, name)

    def place(self) -> None:
        """Write all streams begun so far into the file."""
        for stream in self._streams.values():
            spec = self._placed(stream.name, stream.dtype, (stream.size,))
            stream.file.seek(0)
            at = spec.offset
            while part := stream.file.read(_COPY):
                self._write(memoryview(part), at)
                at += len(part)
            stream.file.close()
        self._streams.clear()

    def finish(self, facts: Mapping[str, Any], between: Callable[[], None]) -> None:
        """Write checksums, facts and the first page, and bring everything to the disk.

        Args:
            facts: What JSON can hold.
            between: Called after each block; may raise to stop.

        Raises:
            OSError: The disk is full or fails.
        """
        self.place()
        os.ftruncate(self._file, self._end)
        table = np.zeros(blocks(self._end), SUM)
        for block in range(len(table)):
            start = PAGE + block * BLOCK
            table[block] = summed(os.pread(self._file, min(BLOCK, self._end - start), start))
            between()
        arrays = {name: [spec.dtype, list(spec.shape), spec.offset] for name, spec in self._specs.items()}
        footer = table.tobytes() + json.dumps({"facts": dict(facts), "arrays": arrays}).encode()
        self._write(memoryview(footer), self._end)
        page = bytearray(PAGE)
        HEAD.pack_into(page, 0, MAGIC, 0, self._end, len(footer), zlib.crc32(footer))
        page[8:12] = zlib.crc32(page[12:]).to_bytes(4, "little")
        self._write(memoryview(page), 0)
        os.fsync(self._file)

    def _placed(self, name: str, dtype: str, shape: tuple[int, ...]) -> Spec:
        if dtype not in TYPES or name in self._specs:
            raise ValueError(f"array {name!r} of {dtype} cannot be kept")
        spec = Spec(dtype, tuple(int(each) for each in shape), -(-self._end // ALIGN) * ALIGN)
        self._specs[name] = spec
        self._end = spec.end
        return spec

    def _write(self, data: memoryview, at: int) -> None:
        raw = data.cast("B") if data.nbytes else data
        done = 0
        while done < raw.nbytes:
            done += os.pwrite(self._file, raw[done : done + _COPY], at + done)


def moved(draft: Path, target: Path) -> None:
    """Give a finished draft its name, for good.

    Raises:
        OSError: The disk fails; then nothing has that name.
    """
    os.replace(draft, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""A disk that loses its power: what was written, what of it was made to last, and what may be found afterwards.

More cruel than real file systems: what was not synced may be kept or lost file by file and name by name, whatever came
first, and a write may be torn between any two sectors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

# What becomes of what was not synced. names: entries of folders; data: bytes and lengths of files.
LOSSES = (
    "nothing",
    "everything",
    "data",
    "names",
    "suffix",
    "torn at 512",
    "torn at 4096",
    "scattered at 512",
    "scattered at 4096",
)


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes put at a place, or (`data` None) a file cut or grown to a length."""

    place: int
    data: bytes | None


@dataclass
class File:
    """One file's bytes as they last for certain, and what was done since."""

    lasting: bytes = b""
    since: list[Write] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of names: `file` appears under `name` (None: a folder), or, `gone`, the name disappears."""

    name: str
    file: int | None
    gone: bool = False


def applied(raw: bytes, writes: list[Write]) -> bytes:
    """A file's bytes after some writes."""
    if not writes:
        return raw
    after = bytearray(raw)
    for each in writes:
        if each.data is None:
            after = after[: each.place] + bytes(max(0, each.place - len(after)))
        else:
            if len(after) < each.place:
                after += bytes(each.place - len(after))
            after[each.place : each.place + len(each.data)] = each.data
    return bytes(after)


class Disk:
    """Files and folders below one folder, which itself lasts."""

    def __init__(self) -> None:
        self.files: list[File] = []
        self.names: dict[str, int | None] = {"": None}  # as programs see them; None for folders
        self.lasting: dict[str, int | None] = {"": None}
        self.entries: dict[str, list[list[Entry]]] = {}  # folder → changes since it was synced, each whole or not

    def make(self, name: str | None) -> int:
        """A new file, nameless for None; returns its number."""
        self.files.append(File())
        number = len(self.files) - 1
        if name is not None:
            self._change(name, [Entry(name, number)])
        return number

    def make_folder(self, name: str) -> None:
        """A new folder."""
        self._change(name, [Entry(name, None)])

    def rename(self, old: str, new: str) -> None:
        """In one piece; whatever had the new name loses it."""
        if self.names.get(old, -1) is None:  # a folder, with all that lies in it
            for name in [name for name in self.names if name.startswith(f"{old}/")]:
                self.names[new + name[len(old) :]] = self.names.pop(name)
                if name in self.lasting:
                    self.lasting[new + name[len(old) :]] = self.lasting.pop(name)
            if old in self.entries:
                self.entries[new] = [
                    [Entry(new + each.name[len(old) :], each.file, each.gone) for each in change]
                    for change in self.entries.pop(old)
                ]
        self._change(new, [Entry(old, None, gone=True), Entry(new, self.names[old])])

    def unlink(self, name: str) -> None:
        """The name goes."""
        self._change(name, [Entry(name, None, gone=True)])

    def write(self, file: int, place: int, data: bytes | None) -> None:
        """See `Write`."""
        self.files[file].since.append(Write(place, data))

    def length(self, file: int) -> int:
        """Of a file, as programs see it."""
        return len(self.content(file))

    def content(self, file: int) -> bytes:
        """Of a file, as programs see it."""
        return applied(self.files[file].lasting, self.files[file].since)

    def sync(self, file: int, writes: int) -> None:
        """The first so many writes since the last time last from now on: those before the sync was begun."""
        found = self.files[file]
        found.lasting = applied(found.lasting, found.since[:writes])
        del found.since[:writes]

    def sync_folder(self, name: str, changes: int) -> None:
        """The first so many changes of its names last from now on."""
        pending = self.entries.get(name, [])
        for change in pending[:changes]:
            _enter(self.lasting, change)
        del pending[:changes]

    def _change(self, name: str, change: list[Entry]) -> None:
        _enter(self.names, change)
        self.entries.setdefault(_parent(name), []).append(change)

    def after(self, loss: str, generator: np.random.Generator) -> dict[str, bytes | None]:
        """What is found when the power comes back: name → bytes, None for a folder.

        Args:
            loss: One of `LOSSES`.
            generator: Chooses what is kept of what may be lost.
        """
        names = dict(self.lasting)
        for pending in self.entries.values():
            kept = len(pending)
            if loss in ("everything", "names"):
                kept = 0
            elif loss == "suffix":
                kept = int(generator.integers(len(pending) + 1))
            for change in pending[:kept]:
                _enter(names, change)
        found: dict[str, bytes | None] = {}
        for name, file in sorted(names.items()):
            if name and found.get(_parent(name), b"") is not None:
                continue  # its folder was lost
            found[name] = None if file is None else self._survived(self.files[file], loss, generator)
        return found

    @staticmethod
    def _survived(file: File, loss: str, generator: np.random.Generator) -> bytes:
        since = file.since
        if loss in ("nothing", "names") or not since:
            return applied(file.lasting, since)
        if loss in ("everything", "data"):
            return file.lasting
        if loss == "suffix":
            return applied(file.lasting, since[: int(generator.integers(len(since) + 1))])
        sector = int(loss.rpartition(" ")[2])
        if loss.startswith("torn"):  # all in order, the last broken off between two sectors
            *whole, last = since
            return applied(file.lasting, [*whole, *_pieces(last, sector, generator, prefix=True)])
        return applied(file.lasting, [piece for each in since for piece in _pieces(each, sector, generator)])


def _pieces(write: Write, sector: int, generator: np.random.Generator, *, prefix: bool = False) -> list[Write]:
    """The sectors of a write that reached the disk: the first so many, or any."""
    if write.data is None:
        return [write] if generator.random() < 0.5 else []
    first = write.place // sector
    count = -(-(write.place + len(write.data)) // sector) - first
    if prefix:
        kept = np.arange(count) < generator.integers(count + 1)
    else:
        kept = generator.random(count) < 0.5
    pieces = []
    for index in np.flatnonzero(kept).tolist():
        start = max(write.place, (first + index) * sector)
        end = min(write.place + len(write.data), (first + index + 1) * sector)
        pieces.append(Write(start, write.data[start - write.place : end - write.place]))
    return pieces


def _enter(names: dict[str, int | None], change: list[Entry]) -> None:
    for each in change:
        if each.gone:
            names.pop(each.name, None)
        else:
            names[each.name] = each.file


def _parent(name: str) -> str:
    above = str(PurePosixPath(name).parent)
    return "" if above == "." else above

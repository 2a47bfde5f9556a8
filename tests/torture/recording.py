"""A victim's calls as strace wrote them down, done again on a `Disk`, with what it told in between."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from torture.disk import Disk

CALLS = (
    "openat", "write", "pwrite64", "writev", "pwritev", "pread64", "read", "lseek", "ftruncate", "fallocate",
    "sendfile", "copy_file_range", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "rmdir", "fsync",
    "fdatasync", "msync", "mmap", "sendto", "link",
)  # fmt: skip
WORDS = ["-y", "-xx", "-s", "100000000", "-e", f"trace={','.join(CALLS)}"]
_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))")
_RESULT = re.compile(r"(.*)\) += (-?\d+|0x[0-9a-f]+)(?:<([^>]*)>)?(?: .*)?$")
_BROKEN_OFF = " <unfinished ...>"
# Beyond what is modelled: a store that uses these needs more here.
_UNKNOWN = ("writev", "pwritev", "copy_file_range", "link", "renameat", "unlinkat", "rmdir")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call: where it began and ended among the lines."""

    name: str
    words: list[str]
    result: int
    where: str  # the file its result opened
    began: int
    ended: int


def calls(path: Path) -> list[Call]:
    """All calls of a trace that succeeded."""
    begun: dict[str, tuple[int, str]] = {}
    found = []
    for number, line in enumerate(path.read_text().splitlines()):
        match = _LINE.match(line)
        if match is None:
            continue
        thread, resumed, rest, name, start = match.groups()
        began, text = number, start
        if resumed is not None:
            began, before = begun.pop(thread, (number, ""))
            name, text = resumed, before + rest
        elif start.endswith(_BROKEN_OFF):
            begun[thread] = (number, start[: -len(_BROKEN_OFF)])
            continue
        result = _RESULT.match(text)
        if result is not None and int(result[2], 0) >= 0:
            found.append(Call(name, result[1].split(", "), int(result[2], 0), result[3] or "", began, number))
    return found


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.strip('"').replace("\\x", ""))


def _path(text: str) -> str:
    return _bytes(text).decode(errors="replace")


def _handle(text: str) -> tuple[int, str]:
    number, _, path = text.partition("<")
    return int(number) if number.lstrip("-").isdigit() else -1, _path(path.partition(">")[0])


class Recording:
    """A trace as steps on a disk.

    Args:
        trace: What strace wrote.
        root: The folder whose files are meant; names are relative to it.
    """

    def __init__(self, trace: Path, root: Path) -> None:
        self._root = str(root)
        # What a call does, it may do from its beginning on; what it promises, it promises at its end.
        points: list[tuple[int, int, Call]] = []
        for call in calls(trace):
            late = call.name in ("fsync", "fdatasync", "openat", "read", "pread64", "mmap", "mkdir")
            points.append((call.ended if late else call.began, call.began, call))
        self._points = sorted(points, key=lambda each: each[:2])
        self._handles: dict[int, int | str] = {}  # a file's number, or a folder's name
        self._places: dict[int, int] = {}
        self._mapped: set[int] = set()
        self._history: dict[int | str, list[int]] = {}  # lines of what each file or folder has not been synced of

    def __len__(self) -> int:
        return len(self._points)

    def play(self) -> Iterator[tuple[Disk, tuple[str, int, int, str] | None]]:
        """The disk after each call (always the same object), and the word that was told, if that is what it was."""
        disk = Disk()
        for at, began, call in self._points:
            if call.name == "sendto":
                yield disk, tuple(json.loads(_bytes(call.words[1])))  # type: ignore[misc]  # four words
            elif self._do(disk, call, at, began):
                yield disk, None

    def _name(self, path: str) -> str | None:
        if path == self._root:
            return ""
        return path[len(self._root) + 1 :] if path.startswith(self._root + "/") else None

    def _do(self, disk: Disk, call: Call, at: int, began: int) -> bool:
        """Do a call again; whether it concerned the root."""
        if call.name == "openat":
            return self._open(disk, call, at)
        if call.name in ("rename", "renameat2", "mkdir", "unlink"):
            return self._rename(disk, call, at)
        if call.name == "mmap":
            return self._map(disk, call)
        handle, path = _handle(call.words[0])
        if self._name(path) is None or handle not in self._handles:
            return False
        if call.name in _UNKNOWN:
            raise NotImplementedError(f"{call.name} of {path}")
        file = self._handles[handle]
        if call.name in ("fsync", "fdatasync"):
            before = sum(line < began for line in self._history.get(file, []))
            if isinstance(file, str):
                disk.sync_folder(file, before)
            else:
                disk.sync(file, before)
            del self._history.get(file, [])[:before]
            return True
        assert isinstance(file, int)
        return self._write(disk, call, at, handle, file)

    def _write(self, disk: Disk, call: Call, at: int, handle: int, file: int) -> bool:
        words = call.words
        place = self._places.get(handle, 0)
        data: bytes | None = None
        if call.name == "lseek":
            self._places[handle] = call.result
        elif call.name == "read":
            self._places[handle] = place + call.result
        elif call.name == "write":
            data = _bytes(words[1])[: call.result]
            self._places[handle] = place + call.result
        elif call.name == "pwrite64":
            data, place = _bytes(words[1])[: call.result], int(words[3])
        elif call.name == "pread64" and file in self._mapped:
            # What was written through a mapping is seen when it is read.
            data, place = _bytes(words[1])[: call.result], int(words[3])
            if disk.content(file)[place : place + len(data)] == data:
                data = None
        elif call.name == "sendfile":
            source, _ = _handle(words[1])
            start = int(words[2].strip("[]").split("]")[0]) if words[2] != "NULL" else self._places.get(source, 0)
            other = self._handles[source]
            assert isinstance(other, int)
            data = disk.content(other)[start : start + call.result]
            self._places[handle] = place + call.result
        elif call.name in ("ftruncate", "fallocate"):
            return self._resize(disk, call, at, file)
        if data is None or not data:
            return False
        disk.write(file, place, data)
        self._history.setdefault(file, []).append(at)
        return True

    def _resize(self, disk: Disk, call: Call, at: int, file: int) -> bool:
        if call.name == "fallocate":
            assert call.words[1] == "0", "only taking room is known"
            wanted = max(disk.length(file), int(call.words[2]) + int(call.words[3]))
        else:
            wanted = int(call.words[1])
        disk.write(file, wanted, None)
        self._history.setdefault(file, []).append(at)
        return True

    def _open(self, disk: Disk, call: Call, at: int) -> bool:
        name, flags = self._name(_path(call.words[1])), call.words[2]
        self._handles.pop(call.result, None)
        self._places[call.result] = 0
        if name is None:
            return False
        if "O_TMPFILE" in flags:
            self._handles[call.result] = disk.make(None)
            return False
        if name not in disk.names:
            if name.endswith("-shm") or "O_CREAT" not in flags:  # shared memory is lost with the power
                return False
            self._handles[call.result] = disk.make(name)
            self._changed(name, at)
            return True
        file = disk.names[name]
        self._handles[call.result] = name if file is None else file
        if file is not None and "O_TRUNC" in flags and disk.length(file):
            disk.write(file, 0, None)
            self._history.setdefault(file, []).append(at)
            return True
        return False

    def _rename(self, disk: Disk, call: Call, at: int) -> bool:
        paths = [self._name(_path(each)) for each in call.words if each.startswith('"')]
        if None in paths or (call.name != "mkdir" and paths[0] not in disk.names):
            return False
        name = str(paths[-1])
        if call.name == "mkdir":
            disk.make_folder(name)
        elif call.name == "unlink":
            disk.unlink(name)
        else:
            disk.rename(str(paths[0]), name)
        self._changed(name, at)
        return True

    def _changed(self, name: str, at: int) -> None:
        above = str(PurePosixPath(name).parent)
        self._history.setdefault("" if above == "." else above, []).append(at)

    def _map(self, disk: Disk, call: Call) -> bool:
        words: Any = call.words
        if len(words) > 4 and "PROT_WRITE" in words[2] and "MAP_SHARED" in words[3]:
            file = self._handles.get(_handle(words[4])[0])
            if isinstance(file, int):
                self._mapped.add(file)
        return False

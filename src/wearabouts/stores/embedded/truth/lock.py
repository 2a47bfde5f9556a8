"""The one writer's lock, held by the kernel so that it goes with its process, and its note of what is acknowledged."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import sys
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wearabouts.errors import StoreError
from wearabouts.stores.embedded.truth.refusals import cure

_MAX_NOTE = 4_096  # bytes of the note that says who holds it


class WriterLock:
    """An exclusive lock on a file; `kill -9` releases it, the note left behind then means nothing."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Args:
            path: The lock's file; made when missing, never removed: removing a locked file lets in a second writer.

        Raises:
            StoreError: Somebody else holds it, or the file cannot be used.
        """
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(
                f"the store's lock {path} cannot be opened ({error.strerror}); "
                + cure(
                    error,
                    "a store needs a folder one may write to and a lock that is a plain file; give such a folder, or "
                    "open the store for reading",
                )
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise StoreError(
                f"the store {path.parent} is being written by {_worded(holder(path))}; one writer at a time is "
                "allowed; wait until it has finished, or open the store for reading"
            ) from None
        except OSError as error:
            os.close(self._file)
            raise StoreError(f"the store's lock {path} cannot be taken ({error.strerror}); use a local disk") from error
        self._sign()

    def _sign(self) -> None:
        # Only the name and the verb: further arguments may hold keys and addresses that are nobody's business.
        program = os.path.basename(sys.argv[0] if sys.argv else "")
        named = program not in ("", "-", "-c")  # a program without a name, or one given in words
        command = " ".join([program, *sys.argv[1:2]]) if named else "python"
        since = datetime.now(UTC).isoformat(timespec="seconds")
        note = {"pid": os.getpid(), "host": socket.gethostname(), "command": command[:200], "since": since}
        with suppress(OSError):  # a full disk must not keep anybody from deleting
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(note).encode(), 0)

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._file >= 0:
            with suppress(OSError):
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


class Acknowledged:
    """The last acknowledged sequence number, noted outside the database: what a database that lost writes cannot know.

    Not synced: it outlives a killed process, which is when a damaged write-ahead log silently ends earlier than it
    should.
    """

    def __init__(self, path: Path) -> None:
        """Open the note; made when missing. Without it (a full disk, a link in its place) the store works on."""
        self._file = -1
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o644)

    def note(self, sequence: int) -> None:
        """Note a number after its COMMIT, before the write returns."""
        if self._file >= 0:
            raw = struct.pack("<q", sequence)
            with suppress(OSError):
                os.pwrite(self._file, raw + struct.pack("<I", zlib.crc32(raw)), 0)

    def close(self) -> None:
        """Release the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def acknowledged(path: Path) -> int:
    """The number last noted, 0 where there is no sound note."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError), open(os.open(path, flags), "rb") as file:
        raw = file.read(13)
        if len(raw) == 12 and struct.unpack("<I", raw[8:])[0] == zlib.crc32(raw[:8]):
            return int(struct.unpack("<q", raw[:8])[0])
    return 0


def holder(path: Path) -> dict[str, Any]:
    """What the lock's note says: pid, host, command, since; empty where it says nothing sensible."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            note = json.loads(file.read(_MAX_NOTE))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def writing(path: Path) -> int | None:
    """The process on this machine that writes just now, as far as its note tells; the lock itself is not touched."""
    note = holder(path)
    pid = note.get("pid")
    if not isinstance(pid, int) or note.get("host") != socket.gethostname():
        return None
    try:
        os.kill(pid, 0)
    except PermissionError:
        return pid  # another user's, but there
    except (OSError, OverflowError):
        return None
    return pid


def _worded(note: dict[str, Any]) -> str:
    if not note:
        return "another process that has not yet said its name"
    told = [repr(note.get(key, "unknown"))[:200].strip("'") for key in ("command", "pid", "host", "since")]
    return f"{told[0]} (process {told[1]} on {told[2]}, since {told[3]})"

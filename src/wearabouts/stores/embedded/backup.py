"""Backups: a consistent picture of a store in a folder of its own, taken while writing goes on.

    backup.db        the database, whole, as it was at one number
    derived/         what was derived from it, where that was asked for
    manifest.json    what the others are, with their SHA-256; written last, under a checksum of its own

The database is copied page by page within one read transaction: writers are not held up, and what they write meanwhile
is not in the backup. The folder gets its name when all of it is on the disk: there is never half a backup.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from wearabouts import __version__
from wearabouts.errors import StoreError
from wearabouts.stores import Finding
from wearabouts.stores.embedded.generations.derived import generations, is_generation
from wearabouts.stores.embedded.soundness import checking
from wearabouts.stores.embedded.staging import MANIFEST, place_of, settle, staged, sync
from wearabouts.stores.embedded.truth.eras import WritingConnection
from wearabouts.stores.embedded.truth.refusals import cure
from wearabouts.stores.embedded.truth.schema import (
    DATABASE,
    DERIVED,
    MAX_VALUE,
    connect,
    era,
    keeps_more,
    layout,
    read_meta,
    reading,
    told,
    verify,
)
from wearabouts.stores.embedded.truth.walking import Progress, unwatched

COPY: Final = "backup.db"
KIND: Final = "wearabouts backup"
FORMAT: Final = 1
STEP: Final = 512  # pages copied before anybody else gets the disk: 4 MiB
REST: Final = 0.1  # of the time a step took
CHUNK: Final = 2**20  # bytes
MAX_MANIFEST: Final = 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Backup:
    """What a manifest says.

    Attributes:
        path: The backup's folder.
        date: When it was taken, ISO 8601.
        store: Format, encoder_hash, dim, sequence, era, products, photos, thumbnails and notes of the store.
        files: Name → ``bytes`` and ``sha256``.
    """

    path: Path
    date: str
    store: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]


def backup(store: Path, to: Path, *, derived: bool = False, progress: Progress = unwatched) -> Backup:
    """Back a store up, also while others read and write it.

    Args:
        store: The store's folder.
        to: The backup's folder; must not exist, or be empty.
        derived: Take along what is derived from the truth, which restoring makes anew otherwise.
        progress: Told how far it is.

    Raises:
        StoreError: No store there, a damaged one, something at `to`, or the disk fails: then nothing is at `to`.
    """
    place = place_of(to)
    require_free(place, "the backup")
    if not (store / DATABASE).is_file():
        raise StoreError(f"there is no store at {store} to back up; name the folder of one")
    with staged(place, "the backup to") as draft:
        with told(store, "backing up"), closing(connect(store, write=False)) as source, reading(source):
            verify(source, store / DATABASE)
            read_meta(source, store)
            _copy(source, draft / COPY, progress)
        names = [COPY]
        if derived:
            names += _take_along(store / DERIVED, draft)
        with picture(draft / COPY) as connection:
            facts = _facts(connection, draft / COPY)
        files = {name: _summed(draft / name, progress) for name in names}
        date = datetime.now(UTC).isoformat(timespec="seconds")
        sync(draft)
        _write_manifest(draft / MANIFEST, {"date": date, "release": __version__, "store": facts, "files": files})
        settle(draft, place)
    return Backup(to, date, facts, files)


def read(path: Path) -> Backup:
    """A backup's manifest, verified; its files are not.

    Raises:
        StoreError: No backup, a damaged manifest, or one of a later format.
    """
    try:
        with open(os.open(path / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            raw = file.read(MAX_MANIFEST)
    except OSError as error:
        what = cure(error, "name the folder of one")
        raise StoreError(f"there is no backup at {path} ({error.strerror}); {what}") from error
    try:
        manifest = json.loads(raw)
        total = manifest.pop("checksum")
        sound = total == _manifest_sum(manifest) and manifest["kind"] == KIND
        if sound and manifest["format"] != FORMAT:
            raise StoreError(f"the backup {path} has format {manifest['format']}, this release reads {FORMAT}")
        found = Backup(path, str(manifest["date"]), dict(manifest["store"]), dict(manifest["files"]))
        if sound and COPY in found.files and all(_is_file(*each) for each in found.files.items()):
            return found
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise StoreError(f"the manifest of the backup {path} is damaged; use another backup")


def check(path: Path, *, progress: Progress = unwatched) -> list[Finding]:
    """Everything that is wrong with a backup: its files against the manifest, the database against itself.

    Raises:
        StoreError: No backup, or one whose manifest is damaged.
    """
    told_of = read(path)
    found = []
    for name, facts in told_of.files.items():
        try:
            same = _summed(path / name, progress) == dict(facts)
        except OSError:
            same = False
        if not same:
            found.append(Finding("backup", name, "is not what was backed up; use another backup", False))
    if not found:
        with picture(path / COPY) as connection:
            found += checking.of_truth(connection, path / COPY, progress)
            if _facts(connection, path / COPY) != dict(told_of.store):
                found.append(Finding("backup", COPY, "is not what the manifest says; use another backup", False))
    return found


def require_free(place: Path, what: str, otherwise: str = "") -> None:
    """Refuse a place where something is; an empty folder is free."""
    try:
        taken = os.path.lexists(place) and (not place.is_dir() or any(place.iterdir()))
    except OSError as error:
        raise StoreError(f"{place} cannot be read ({error.strerror}); give {what} another folder") from error
    if taken:
        raise StoreError(f"{place} is there already, and not empty; give {what} a new folder{otherwise}")


@contextmanager
def picture(path: Path) -> Iterator[sqlite3.Connection]:
    """A database file that nobody changes, opened without leaving a trace beside it.

    Raises:
        StoreError: It is no database of ours, or damaged.
    """
    with told(path, "reading the backup"):
        uri = path.absolute().as_uri() + "?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, factory=WritingConnection)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "query_only=ON", "mmap_size=0"):
                connection.execute(f"PRAGMA {pragma}")
            with reading(connection):
                yield connection


def _copy(source: sqlite3.Connection, target: Path, progress: Progress) -> None:
    begun = time.monotonic()

    def stepped(status: int, remaining: int, total: int) -> None:
        nonlocal begun
        progress("pages", total - remaining, total)
        time.sleep((time.monotonic() - begun) * REST)
        begun = time.monotonic()

    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode=OFF")
        copy.execute("PRAGMA synchronous=OFF")  # all is synced before the folder gets its name
        source.backup(copy, pages=STEP, progress=stepped, sleep=0.05)
        fault = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise sqlite3.DatabaseError(f"malformed: {fault}")


def _take_along(folder: Path, draft: Path) -> list[str]:
    names = []
    for _, path in generations(folder)[:1]:
        (draft / DERIVED).mkdir()
        with _unless_gone(path), open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as source:
            with open(draft / DERIVED / path.name, "xb") as target:
                while data := source.read(CHUNK):
                    target.write(data)
            names.append(f"{DERIVED}/{path.name}")
    return names


@contextmanager
def _unless_gone(path: Path) -> Iterator[None]:
    """A generation may be replaced by its successor between listing and opening: then restoring makes one anew."""
    try:
        yield
    except FileNotFoundError as error:
        if error.filename != str(path):
            raise


def _facts(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    verify(connection, path, frozen=True)
    meta = read_meta(connection, path)
    counted = ["products", "photos", "thumbnails", *(["beside", "notes"] if keeps_more(connection) else [])]
    counts = {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - our own names
        for name in counted
    }
    told_of = {"format": layout(connection), "encoder_hash": meta.encoder_hash, "dim": meta.dim}
    return {**told_of, "created": meta.created, "sequence": meta.sequence, "era": era(connection), **counts}


def _summed(path: Path, progress: Progress) -> dict[str, Any]:
    """Bytes and SHA-256 of a plain file."""
    state, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is not a plain file")
        while data := file.read(CHUNK):
            state.update(data)
            size += len(data)
            progress("bytes summed", size, found.st_size)
    return {"bytes": size, "sha256": state.hexdigest()}


def _write_manifest(path: Path, facts: dict[str, Any]) -> None:
    manifest = {"kind": KIND, "format": FORMAT, **facts}
    manifest["checksum"] = _manifest_sum(manifest)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    os.replace(draft, path)


def _manifest_sum(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _is_file(name: str, facts: Any) -> bool:
    """Whether a manifest names a file that a backup may have, and tells what belongs to one: its size and SHA-256."""
    folder, _, last = name.rpartition("/")
    known = name == COPY or (folder == DERIVED and is_generation(last))
    return known and isinstance(facts, dict) and [*map(type, map(facts.get, ("bytes", "sha256")))] == [int, str]

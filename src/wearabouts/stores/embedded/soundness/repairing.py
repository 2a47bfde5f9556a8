"""Removing what cannot be trusted, and saying to the letter what went and how it comes back.

What is removed can first be written down, so that a person can look into it: `removed.jsonl` in a folder, a line a
row, ended and fsynced before the database forgets them.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from wearabouts.errors import StoreError
from wearabouts.stores import Finding
from wearabouts.stores.embedded.generations.derived import sync_folder
from wearabouts.stores.embedded.truth import beside, eras, notes
from wearabouts.stores.embedded.truth.lock import acknowledged
from wearabouts.stores.embedded.truth.refusals import cure
from wearabouts.stores.embedded.truth.schema import ACKNOWLEDGED, DERIVED, Meta, keeps_more, write_meta
from wearabouts.stores.embedded.truth.streaming import lenient
from wearabouts.stores.embedded.truth.walking import Damage, Progress, damages

REMOVED: Final = "removed.jsonl"
_OF_FILES: Final = ("derived", "temporary")
_DERIVED: Final = (*_OF_FILES, "search")  # kinds of findings that are mended by making what is derived anew
_BY_PRODUCT: Final = "SELECT number FROM photos WHERE product = ?"
_OWNER: Final = "SELECT products.id FROM photos JOIN products ON products.number = product WHERE photos.number = ?"
_STRAY_PHOTOS: Final = "SELECT number FROM photos WHERE product NOT IN (SELECT number FROM products)"
_BARREN: Final = "SELECT number FROM products WHERE number NOT IN (SELECT product FROM photos)"
_STRAYS: Final = (
    "DELETE FROM vectors WHERE photo NOT IN (SELECT number FROM photos)",
    "DELETE FROM thumbnails WHERE photo NOT IN (SELECT number FROM photos)",
    "DELETE FROM removals",
)
# What goes with a photo: table → the column that names it.
_WITH_PHOTO: Final = {"photos": "number", "vectors": "photo", "thumbnails": "photo", "beside": "photo"}


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a repair removed for good.

    Attributes:
        what: ``product``, ``photo``, ``thumbnail``, ``beside`` or ``note``.
        name: Its id or name, as far as it can be read.
        product: Of the product it belongs to, empty for none.
        cure: How to have it again.
    """

    what: str
    name: str
    product: str
    cure: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair found and did.

    Attributes:
        found: What was wrong before.
        lost: What was removed and is nowhere else in the store.
        kept: Where the removed rows are written down, or None.
        left: What is still wrong.
    """

    found: tuple[Finding, ...]
    lost: tuple[Loss, ...]
    kept: Path | None
    left: tuple[Finding, ...]


def repaired(
    folder: Path,
    check: Callable[[], list[Finding]],
    mend: Callable[[], tuple[Loss, ...]],
    rebuild: Callable[[], None],
    keep: Path | None,
) -> Repaired:
    """Find, keep, mend, and look again.

    Args:
        folder: The store's.
        check: Gives what is wrong.
        mend: Mends the truth, which is done only where that is needed; gives what was lost.
        rebuild: Makes what is derived anew.
        keep: A folder for what is removed, or None.
    """
    found = check()
    if not found:
        return Repaired((), (), None, ())
    if keep is not None:
        keep_files((folder / DERIVED / each.subject for each in found if each.kind in _OF_FILES), keep)
    lost = mend() if any(each.kind not in _DERIVED for each in found) else ()
    rebuild()
    return Repaired(tuple(found), lost, keep if keep is not None and keep.exists() else None, tuple(check()))


def mended(
    connection: sqlite3.Connection, meta: Meta, folder: Path, *, keep: Path | None = None, progress: Progress
) -> tuple[Meta, tuple[Loss, ...]]:
    """Remove what cannot be trusted, in the caller's write transaction; the caller renews what is derived.

    Args:
        connection: In a write transaction.
        meta: As read in it.
        folder: The store's.
        keep: A folder in which what is removed is written down, or None.
        progress: Told how far the reading is.

    Returns:
        The store's own row as it is now, and what was lost.

    Raises:
        StoreError: What is removed cannot be kept.
    """
    mending = _Mending(connection, meta, folder, keep, progress)
    return mending.run(), tuple(mending.lost)


class _Mending:
    """One repair of the truth."""

    def __init__(
        self, connection: sqlite3.Connection, meta: Meta, folder: Path, keep: Path | None, progress: Progress
    ) -> None:
        self._connection = connection
        self._meta = meta
        self._folder = folder
        self._keep = keep
        self._progress = progress
        self._lines: list[str] = []
        self.lost: list[Loss] = []

    def run(self) -> Meta:
        """Remove what cannot be trusted, write it down where that is asked, and raise the store's number."""
        self._connection.execute("REINDEX")
        doomed = [each for step in damages(self._connection, self._meta, self._progress) for each in step]
        self._products(_keys(doomed, "products"))
        self._photos(_keys(doomed, "photos"))
        self._photos(key for (key,) in self._connection.execute(_STRAY_PHOTOS).fetchall())
        self._products(key for (key,) in self._connection.execute(_BARREN).fetchall())
        self._thumbnails(_keys(doomed, "thumbnails"))
        self._facts()
        for statement in _STRAYS:
            self._connection.execute(statement)
        if keeps_more(self._connection):
            self._connection.execute(beside.ORPHANS)
        if any(True for _ in eras.findings(self._connection)):
            eras.forget(self._connection)
        if keeps_more(self._connection):
            notes.write(self._connection, notes.LOST, None)
        self._write_down()
        highest = self._connection.execute(
            """SELECT max((SELECT coalesce(max(number), 0) FROM photos),
            (SELECT coalesce(max(number), 0) FROM products))"""
        ).fetchone()[0]
        following = max(highest, self._meta.sequence, acknowledged(self._folder / ACKNOWLEDGED)) + 1
        # Every reader reads everything again: what was removed here is in no log.
        after = replace(self._meta, sequence=following, replay_from=following)
        write_meta(self._connection, after)
        return after

    def _products(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            ident = self._named("products", number)
            if ident is None:
                continue
            self._photos((key for (key,) in self._connection.execute(_BY_PRODUCT, (number,)).fetchall()), ident)
            self._note_rows("products", "number", number)
            self._connection.execute("DELETE FROM products WHERE number = ?", (number,))
            self.lost.append(Loss("product", ident, "", "index the feed again"))

    def _photos(self, numbers: Iterable[int], owner: str | None = None) -> None:
        for number in numbers:
            ident = self._named("photos", number)
            if ident is None:
                continue
            if owner is None:
                rows = lenient(self._connection, _OWNER, number)
                product = str(rows[0][0]) if rows else ""
            else:
                product = owner
            for table, column in _WITH_PHOTO.items():
                if table != "beside" or keeps_more(self._connection):
                    self._note_rows(table, column, number)
            self._connection.execute("DELETE FROM photos WHERE number = ?", (number,))
            self.lost.append(Loss("photo", ident, product, "index the feed again"))

    def _thumbnails(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._note_rows("thumbnails", "photo", number)
            gone = self._connection.execute("DELETE FROM thumbnails WHERE photo = ?", (number,)).rowcount
            if gone:
                ident = self._named("photos", number) or str(number)
                self.lost.append(Loss("thumbnail", ident, "", "index the feed again, the photo being fetched anew"))

    def _facts(self) -> None:
        """What lies beside photos, and notes."""
        for each in beside.findings(self._connection):
            self.lost.append(Loss("beside", each.subject, "", "index the feed again, the photo being fetched anew"))
        for each in notes.findings(self._connection):
            if each.kind != "note":
                continue
            name = each.subject.removeprefix("note ")
            self.lost.append(Loss("note", name, "", "write it again, such as with `wearabouts calibrate`"))
        for table, module in (("beside", beside), ("notes", notes)):
            for row in module.damaged_rows(self._connection):
                self._note_rows(table, "rowid", row)
            module.remove_damaged(self._connection)

    def _named(self, table: str, number: int) -> str | None:
        rows = lenient(self._connection, f"SELECT id FROM {table} WHERE number = ?", number)  # noqa: S608 - our own names
        return str(rows[0][0]) if rows else None

    def _note_rows(self, table: str, column: str, key: int) -> None:
        if self._keep is None:
            return
        question = f"SELECT * FROM {table} WHERE {column} = ?"  # noqa: S608 - our own names
        for row in lenient(self._connection, question, key):
            self._lines.append(json.dumps({"table": table, "row": [_plain(value) for value in row]}))

    def _write_down(self) -> None:
        if self._keep is None or not self._lines:
            return
        try:
            self._keep.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(self._keep / REMOVED, flags, 0o644), "w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in self._lines)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self._keep)
        except OSError as error:
            raise _unkept(self._keep, error) from error


def _keys(doomed: Sequence[Damage], table: str) -> Iterator[int]:
    return iter(dict.fromkeys(each.key for each in doomed if each.table == table))


def _plain(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def keep_files(paths: Iterable[Path], keep: Path) -> None:
    """Copy derived files into a folder before they are made anew; what is no plain file is left out."""
    try:
        keep.mkdir(parents=True, exist_ok=True)
        for path in dict.fromkeys(paths):
            with suppress(FileNotFoundError):  # a base may have been made anew in the background
                if stat.S_ISREG(os.lstat(path).st_mode):
                    shutil.copyfile(path, keep / path.name, follow_symlinks=False)
    except OSError as error:
        raise _unkept(keep, error) from error


def _unkept(keep: Path, error: OSError) -> StoreError:
    return StoreError(
        f"what is to be removed cannot be kept in {keep} ({error.strerror}); nothing was changed; "
        + cure(error, "name a folder one may write to, with room")
    )

"""Photos of Street2Shop: their addresses in photos.txt, and where those that were downloaded lie."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from wearabouts.catalog import Fault, Faults
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.street2shop.pairs import inside

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".avif")
FAILURES = "failures.jsonl"
MAX_LINE = 8_192  # bytes of one line of photos.txt
_DIGITS = 9


class Pictures:
    """What one look at the folder of photos found; number → file, 30 bytes a photo and not a path each.

    Args:
        root: The dataset.
        images: Folder of the photos where it is not ``root/photos``.

    Raises:
        CatalogError: The folder, or a photo in it, is a link that leads out; or `images` is no folder.
    """

    def __init__(self, root: Path, images: str | Path | None = None) -> None:
        self.folder = Path(os.path.abspath(images if images else root / "photos"))
        if images and not self.folder.is_dir():
            raise CatalogError(f"images {images} is not a folder; give the folder that holds 000000001.jpg and so on")
        if not images:
            inside(root, self.folder)
        self._folders: list[Path] = []
        self._where: dict[int, int] = {}
        if self.folder.is_dir():
            self._look(self.folder, deeper=True)

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, photo: int) -> bool:
        return photo in self._where

    def path(self, photo: int) -> Path:
        """Where a photo lies, or would lie as the authors name it."""
        where = self._where.get(photo)
        if where is None:
            return self.folder / f"{photo:09d}.jpg"
        folder, suffix = divmod(where, len(SUFFIXES))
        return self._folders[folder] / f"{photo:09d}{SUFFIXES[suffix]}"

    def _look(self, folder: Path, *, deeper: bool) -> None:
        """Files of nine digits, here and one folder down; links to folders are not followed."""
        place = len(self._folders)
        self._folders.append(folder)
        inner: list[Path] = []
        try:
            with os.scandir(folder) as listing:
                for entry in listing:
                    stem, suffix = os.path.splitext(entry.name)
                    if deeper and entry.is_dir(follow_symlinks=False):
                        inner.append(Path(entry.path))
                    elif _is_photo(stem, suffix):
                        if entry.is_symlink():
                            inside(self.folder, Path(entry.path))
                        self._where.setdefault(int(stem), place * len(SUFFIXES) + SUFFIXES.index(suffix))
        except OSError as problem:
            raise CatalogError(f"{folder} cannot be read ({problem.strerror}); give a readable folder") from problem
        for each in sorted(inner):
            self._look(each, deeper=False)


def _is_photo(stem: str, suffix: str) -> bool:
    return len(stem) == _DIGITS and stem.isascii() and stem.isdigit() and suffix in SUFFIXES


def list_of(root: Path) -> Path:
    """Where photos.txt is, or should be."""
    found = next((path for path in (root / "photos" / "photos.txt", root / "photos.txt") if path.is_file()), None)
    return inside(root, found) if found else root / "photos" / "photos.txt"


def addresses(path: Path, faults: Faults) -> Iterator[tuple[int, str]]:
    """Number and address of each photo, once, in the order of photos.txt.

    Lines that repeat word by word are passed over; a second address of a photo is a fault, and the first one stands.

    Raises:
        CatalogError: The file cannot be read.
    """
    first: dict[int, int] = {}
    try:
        with path.open("rb") as file:
            for row, text in _lines(file):
                number, comma, address = text.partition(",")  # addresses hold commas of their own
                if not comma or not _is_photo(number, SUFFIXES[0]) or not address:
                    reason = f"{text[:80]!r} is not nine digits, a comma and an address; the line was left out"
                    faults.add(Fault(str(path), row, "", reason, "photo"))
                    continue
                photo, mark = int(number), hash(address)
                if photo not in first:
                    first[photo] = mark
                    yield photo, address.strip()
                elif first[photo] != mark:
                    reason = f"photo {number} has a second address; the first one stands"
                    faults.add(Fault(str(path), row, "url", reason, "field"))
    except OSError as problem:
        raise CatalogError(
            f"{path} cannot be read ({problem.strerror}): it gives the addresses of the photos; unpack the authors' "
            "photos.tar there"
        ) from problem


def _lines(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Row number and text of each line that is not blank; one that is too long to be an address comes as words."""
    row = 0
    while line := file.readline(MAX_LINE):
        row += 1
        text, rest = _text(line).strip(), line
        while len(rest) == MAX_LINE and not rest.endswith(b"\n"):
            text, rest = f"a line of more than {MAX_LINE} bytes", file.readline(MAX_LINE)
        if text:
            yield row, text


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def failures(folder: Path) -> dict[int, tuple[bool, str]]:
    """Photo → whether its address is dead for good, and why, from the list that a download leaves beside the photos."""
    found: dict[int, tuple[bool, str]] = {}
    try:
        with (folder / FAILURES).open("rb") as file:
            while line := file.readline(MAX_LINE):
                try:
                    record = json.loads(line)
                    found[int(record["photo"])] = (bool(record["dead"]), str(record["reason"]))
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue  # a line cut short by a kill: that photo is asked for again
    except FileNotFoundError:
        pass
    except OSError as problem:
        raise CatalogError(f"{folder / FAILURES} cannot be read ({problem.strerror}); delete or repair it") from problem
    return found

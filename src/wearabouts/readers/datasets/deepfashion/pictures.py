"""The pictures of a benchmark: found by one listing a folder, letter case aside, and never outside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from wearabouts.catalog import Fault, Faults
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.deepfashion.folders import GET, Folder, inside

MAX_KEPT = 200_000  # names in the listings that are kept; forgotten all at once when there are more
# The lists of consumer-to-shop and its archive in high resolution disagree on one folder's name.
OTHER_NAMES = {"summer_wear": "summer_suit", "summer_suit": "summer_wear"}


class Pictures:
    """Where photos lie.

    Args:
        folder: The benchmark's folder.
        faults: Where photos that are not there go.
        highres: Take ``img_highres`` instead of ``img``.
        images: The picture folder (what ``img`` or ``img_highres`` is in the archive) where it is not in `folder`.
        check: False: photos are not looked for, and their paths say where they would lie.

    Raises:
        CatalogError: There is no picture folder.
    """

    def __init__(
        self, folder: Folder, faults: Faults, *, highres: bool = False, images: str | None = None, check: bool = True
    ) -> None:
        self.faults = faults
        self.check = check
        name = "img_highres" if highres else "img"
        # Directly in the root only by its very name: `Img`, with an archive in it, is not `img`.
        direct = folder.root / name if name in os.listdir(folder.root) else None
        found = Path(images) if images else inside(folder.root, "Img", name) or direct
        if check and (found is None or not found.is_dir()):
            archive = inside(folder.root, "Img", f"{name}.zip") or inside(folder.root, f"{name}.zip")
            what = f"unpack {archive}" if archive else f"{GET}, unpack Img/{name}.zip there"
            raise CatalogError(
                f"no picture folder {found or folder.root / 'Img' / name}: {what}, or name it with option "
                "images=FOLDER, or read the lists alone with option pictures=false"
            )
        path = found or folder.root / "Img" / name
        self.root = os.path.realpath(path)
        if not images and not self.root.startswith(os.path.join(os.path.realpath(folder.root), "")):
            raise CatalogError(
                f"{path} is a link out of {folder.root}; name the picture folder with option images=FOLDER"
            )
        self._listings: dict[str, dict[str, str]] = {}
        self._folded: dict[str, dict[str, str]] = {}
        self._kept = 0

    def uri(self, name: str, source: str, row: int, column: str = "image_name") -> str | None:
        """Absolute path of a photo; None, with the fault written, where it is not there.

        Args:
            name: As `photo_id` gives it.
            source: The list that names it, for the fault.
            row: Its row there.
            column: Its column there.
        """
        if not self.check:
            return os.path.join(self.root, name)
        try:
            return os.path.join(self.root, self._found(name, "file"))
        except FileNotFoundError as problem:
            self.faults.add(Fault(source, row, column, f"photo {name}: {problem}", "photo"))
            return None

    def _found(self, name: str, kind: str) -> str:
        """The path as it is on disk."""
        parent, _, last = name.rpartition("/")
        if parent:
            parent = self._found(parent, "folder")
        listing = self._listing(parent)
        if last not in listing:
            folded = self._folded.get(parent)
            if folded is None:
                folded = self._folded[parent] = {entry.casefold(): entry for entry in sorted(listing, reverse=True)}
            low = last.casefold()
            found = folded.get(low) or folded.get(OTHER_NAMES.get(low, ""))
            if found is None:
                what = "folder" if kind == "folder" else "file"
                raise FileNotFoundError(f"listed, but there is no {what} {last!r} in {parent or self.root}")
            last = found
        path = f"{parent}/{last}" if parent else last
        if listing[last] != kind:
            raise FileNotFoundError(f"{path!r} is {listing[last]}, expected a {kind}")
        return path

    def _listing(self, parent: str) -> dict[str, str]:
        """Name → ``file``, ``folder``, or what else it is, from one listing of the folder."""
        known = self._listings.get(parent)
        if known is not None:
            return known
        found: dict[str, str] = {}
        try:
            with os.scandir(os.path.join(self.root, parent)) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        found[entry.name] = self._behind(entry.path)
                    else:
                        found[entry.name] = (
                            "file" if entry.is_file() else "folder" if entry.is_dir() else "no plain file"
                        )
        except OSError as problem:
            raise FileNotFoundError(f"folder {parent!r} cannot be read ({problem.strerror})") from problem
        self._kept += len(found)
        if self._kept > MAX_KEPT:
            self._listings.clear()
            self._folded.clear()
            self._kept = len(found)
        self._listings[parent] = found
        return found

    def _behind(self, link: str) -> str:
        real = os.path.realpath(link)
        if not real.startswith(os.path.join(self.root, "")):
            return "a link out of the picture folder"
        try:
            mode = os.stat(real).st_mode
        except OSError:
            return "a link to nothing"
        return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "no plain file"


def photo_id(name: str) -> str:
    """A photo's id: its listed path without ``img/``.

    Raises:
        ValueError: The path is absolute, leaves the picture folder, or is none.
    """
    path = name.removeprefix("img/")
    if not path.isprintable() or "\\" in path or ":" in path or len(path) > 400:
        raise ValueError(f"photo {name[:120]!r} is no path of a picture; allowed is img/FOLDER/NAME.jpg")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError(f"photo {name[:120]!r} leaves the picture folder; allowed is img/FOLDER/NAME.jpg")
    return path

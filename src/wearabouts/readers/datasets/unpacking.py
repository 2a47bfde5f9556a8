"""Pictures that a dataset packs into binary files, laid out once as files of their own.

The rest of the house knows photos by path. What CIFAR-10, Fashion-MNIST or a Parquet table pack together is therefore
written out the first time it is read, each file whole or not at all, and found again the next time. The folder's name
carries a fingerprint of the packed files: another copy of the data, or a file downloaded again, never meets pictures
left by the former one.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from threading import get_ident

from wearabouts.errors import CatalogError
from wearabouts.types import Pixels

FOLDER = "unpacked"
_EDGE = 1 << 20  # bytes at each end of a packed file that go into its fingerprint


class Unpacking:
    """Where the pictures of some packed files lie.

    Args:
        name: Dataset, the start of the folder's name.
        sources: The packed files.
        root: Folder of the dataset; pictures go to ``unpacked`` in it.
        unpack: Another folder for them, where that one cannot be written.

    Raises:
        CatalogError: A packed file cannot be read.
    """

    def __init__(self, name: str, sources: Sequence[Path], root: Path, unpack: str | Path | None = None) -> None:
        base = Path(unpack).absolute() if unpack else root.absolute() / FOLDER
        if not unpack and base.is_symlink():
            raise CatalogError(f"{base} is a link; pictures are not unpacked through one: say where with unpack=FOLDER")
        self.folder = base / f"{name}-{fingerprint(sources)}"
        self._made: set[Path] = set()

    def png(self, name: str, pixels: Pixels) -> str:
        """Absolute path of a picture, written as PNG unless it lies there already.

        Args:
            name: Path in the folder, without suffix; from the reader itself, never from the data.
            pixels: (H, W, 3) or (H, W), uint8.

        Raises:
            CatalogError: It cannot be written.
        """
        path = self.folder / f"{name}.png"
        if self._lies_there(path):
            return str(path)
        from PIL import Image

        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG", compress_level=1)
        return self._write(path, out.getvalue())

    def file(self, name: str, data: bytes, suffix: str) -> str:
        """Absolute path of a picture whose file was packed as it is, written unless it lies there already.

        Args:
            name: Path in the folder, without suffix; from the reader itself, never from the data.
            data: The picture's file.
            suffix: Its ending, such as ``.jpg``.

        Raises:
            CatalogError: It cannot be written.
        """
        path = self.folder / f"{name}{suffix}"
        return str(path) if self._lies_there(path) else self._write(path, data)

    def _lies_there(self, path: Path) -> bool:
        try:
            found = os.lstat(path)
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size > 0

    def _write(self, path: Path, data: bytes) -> str:
        part = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.part")
        try:
            if path.parent not in self._made:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(path.parent)
            part.write_bytes(data)
            os.replace(part, path)
        except OSError as problem:
            raise CatalogError(
                f"picture {path} cannot be written ({problem.strerror}); give a folder that can: unpack=FOLDER"
            ) from problem
        return str(path)


def fingerprint(sources: Sequence[Path]) -> str:
    """Ten hexadecimal digits that change with the names, sizes, times and both ends of files.

    Raises:
        CatalogError: One cannot be read.
    """
    digest = blake2b(digest_size=5)
    for path in sources:
        try:
            about = path.stat()
            digest.update(f"{path.name}\0{about.st_size}\0{about.st_mtime_ns}\0".encode("utf-8", "replace"))
            with path.open("rb") as file:
                digest.update(file.read(_EDGE))
                file.seek(max(0, about.st_size - _EDGE))
                digest.update(file.read(_EDGE))
        except OSError as problem:
            raise CatalogError(f"{path} cannot be read ({problem.strerror}); give a readable file") from problem
    return digest.hexdigest()

"""Street photos the page offers to try, re-encoded like everything else that leaves the house."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from wearabouts.errors import SettingsError
from wearabouts.images import decode

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
MOST = 8
SIDE = 1024  # pixels: large enough to be searched as if it were the photo itself


class Samples:
    """The first photos of a folder, in order of name.

    Args:
        folder: A folder of photos; None for no samples.

    Raises:
        SettingsError: There is no such folder.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise SettingsError(f"samples_folder {folder} is not a folder; give one with photos, or leave it out")
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder else []
        self._paths = tuple(path for path in found if path.is_file())[:MOST]
        self._read = lru_cache(maxsize=MOST)(_read)

    def __len__(self) -> int:
        return len(self._paths)

    def photo(self, number: int) -> bytes:
        """One sample as JPEG, longest side at most 1024 pixels.

        Args:
            number: 0 to `len` - 1.

        Raises:
            IndexError: There is no such sample.
            ImageError: The file is not a picture we accept.
        """
        if not 0 <= number < len(self._paths):
            raise IndexError(number)
        return self._read(self._paths[number])


def _read(path: Path) -> bytes:
    return decode(path.read_bytes(), target=SIDE).thumbnail(SIDE)

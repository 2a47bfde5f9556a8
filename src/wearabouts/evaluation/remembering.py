"""What an encoder said of query photos, kept in a file, so that a second run embeds nothing."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wearabouts.errors import EvaluationError
from wearabouts.types import Box, Encoding

_HEAD = "attribute."
MAX_BYTES = 8 * 2**30


class Photographed(Protocol):
    """A photo and the part of it that is looked at."""

    @property
    def uri(self) -> str:
        """Path or address."""
        ...

    @property
    def crop(self) -> Box | None:
        """In pixels of the upright photo."""
        ...


@dataclass(slots=True)
class _Column:
    """One kind of row, in blocks that are joined when they are read."""

    blocks: list[Any]

    def joined(self) -> Any:
        if len(self.blocks) > 1:
            self.blocks = [np.concatenate(self.blocks)]
        return self.blocks[0]


class Remembered:
    """Encodings by photo: by path, crop, size and time of change, so that a photo that has changed is a new one.

    Args:
        path: An ``.npz`` file, or None for the memory of one run.

    Raises:
        EvaluationError: The file is not one that `save` wrote.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._rows: dict[str, int] = {}
        self._columns: dict[str, _Column] = {}
        self._new = False
        if path is not None and path.is_file():
            self._load(path)

    def has(self, photo: Photographed) -> bool:
        """Whether something is known of it."""
        return key_of(photo) in self._rows

    def add(self, photos: Sequence[Photographed], said: Encoding) -> None:
        """Remember what was said of photos, in their order: each once, and none that is known."""
        start = len(self._rows)
        self._rows.update((key_of(photo), start + row) for row, photo in enumerate(photos))
        columns = {"vectors": said.vectors, **{_HEAD + name: values for name, values in said.attributes.items()}}
        for name in ("garments", "landmarks", "regions"):
            values = getattr(said, name)
            if values is not None:
                columns[name] = values
        for name, values in columns.items():
            self._columns.setdefault(name, _Column([])).blocks.append(values)
        self._new = True

    def of(self, photos: Sequence[Photographed]) -> Encoding:
        """What was said of photos, in their order (they are all known)."""
        rows = [self._rows[key_of(photo)] for photo in photos]
        columns = {name: column.joined()[rows] for name, column in self._columns.items()}
        heads = {name.removeprefix(_HEAD): rows for name, rows in columns.items() if name.startswith(_HEAD)}
        landmarks, regions = columns.get("landmarks"), columns.get("regions")
        return Encoding(columns["vectors"], columns.get("garments"), heads, landmarks=landmarks, regions=regions)

    def save(self) -> None:
        """Write the file anew, whole or not at all, where there is anything new."""
        if self.path is None or not self._new:
            return
        temporary = self.path.with_name(f".{self.path.name}.part")
        with temporary.open("wb") as file:
            keys = np.array(list(self._rows))
            columns = {name: column.joined() for name, column in self._columns.items()}
            np.savez(file, keys=keys, **columns)
        temporary.replace(self.path)
        self._new = False

    def _load(self, path: Path) -> None:
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ValueError(f"over {MAX_BYTES:,} bytes")
            with np.load(path, allow_pickle=False) as kept:
                columns = {name: kept[name] for name in kept.files}
            keys = [str(key) for key in columns.pop("keys")]
            if "vectors" not in columns or {len(rows) for rows in columns.values()} != {len(keys)}:
                raise ValueError("its columns differ in length")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise EvaluationError(
                f"{path} does not hold remembered queries ({error}); delete it: the photos are then encoded again"
            ) from error
        self._rows = {key: row for row, key in enumerate(keys)}
        self._columns = {name: _Column([rows]) for name, rows in columns.items()}


def key_of(photo: Photographed) -> str:
    """What a photo is known by: path, crop, size and time of change."""
    crop = photo.crop
    cut = "" if crop is None else f"{crop.left} {crop.top} {crop.width} {crop.height}"
    try:
        state = Path(photo.uri).stat()
        changed = f"{state.st_size} {state.st_mtime_ns}"
    except (OSError, ValueError):
        changed = ""  # an address: taken as it was, for as long as the file is kept
    return f"{photo.uri}\n{cut}\n{changed}"

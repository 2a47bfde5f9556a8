"""Fashion144k, the cleaned version that StyleNet was trained on: outfit photos with tags from their owners.

Simo-Serra and Ishikawa, "Fashion Style in 128 Floats", CVPR 2016; the photos are from Simo-Serra et al.,
"Neuroaesthetics in Fashion", CVPR 2015. From the authors' page (``Fashion144k_stylenet_v1``). For research only: no
commercial use.

Layout:

* ``photos.txt``: one path a line, such as ``photos/0001.jpg``; the line number, from 0, is the photo's index.
* ``feat/feat_col.npy`` (photos, 3180) and ``feat/colours.txt``: which tags of colour and garment (``White-Shirt``) each
  photo has, and their names; ``feat/feat_sin.npy`` (photos, 123) and ``feat/singles.txt``: the same of single words.
* ``trainids.npy``, ``validids.npy`` and perhaps ``testids.npy``: indices of photos.

What is known of it: names, shapes and the meaning of all of these were read in three independent programs that use the
set; the archive itself was not at hand. Assumed: one of those programs may have made the files of indices. Where they
are not there, photos have no split. Paths without ``photos/`` are tried in that folder too.

Expected: 80,554 photos to train on and 8,948 to validate. The tags are weak labels: they say what the owner wrote.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.local import Folder

EXPECTED = {"products": 89_502, "photos": 89_502, "photos:train": 80_554, "photos:val": 8_948}
LIST = "photos.txt"
TAGS = {"tags": ("feat/feat_col.npy", "feat/colours.txt"), "singles": ("feat/feat_sin.npy", "feat/singles.txt")}
SPLITS = {"train": "trainids.npy", "val": "validids.npy", "test": "testids.npy"}

_MAX_LINE = 10_000  # characters
_MAX_PHOTOS = 10_000_000
_MAX_TAGS = 100_000


def read(source: Path, faults: Faults) -> Iterator[Product]:
    """Walk the outfits, each a product with one street photo and its tags as labels.

    Args:
        source: The folder with ``photos.txt``.
        faults: Where lines go whose picture is not there.

    Raises:
        CatalogError: A file is missing, or the files do not go together.
    """
    root = _root(source)
    references = [cells[0].strip() if cells else "" for cells in _lines(root / LIST, _MAX_PHOTOS)]
    tags = {name: _tags(root, *files, len(references)) for name, files in TAGS.items()}
    splits = _splits(root, len(references))
    folder, seen = Folder(root), set[str]()
    for index, reference in enumerate(references):
        photo_id = reference.removeprefix("./").removeprefix("photos/")
        try:
            uri = folder.picture(reference, f"photos/{reference}")
            if photo_id in seen:
                raise ValueError(f"picture {photo_id[:80]!r} stood before; the first one was kept")
        except ValueError as problem:
            faults.add(Fault(str(root / LIST), index + 1, "", str(problem)))
            continue
        seen.add(photo_id)
        labels = {
            name: "|".join(names[tag] for tag in np.flatnonzero(table[index]).tolist())
            for name, (table, names) in tags.items()
        }
        photo = Photo(photo_id, uri, "street", splits.get(index, ""), labels={k: v for k, v in labels.items() if v})
        yield Product(photo_id, (photo,))


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """Which splits are there, for people."""
    root = _root(source)
    there = [name for split, name in SPLITS.items() if (root / name).is_file()]
    return (f"splits from {', '.join(there)}" if there else f"no {SPLITS['train']}: photos have no split",)


def _root(source: Path) -> Path:
    for root in (source, source / "Fashion144k_stylenet_v1"):
        if (root / LIST).is_file():
            return root
    raise CatalogError(
        f"no {LIST} in {str(source)!r}; give the folder Fashion144k_stylenet_v1 with {LIST}, photos/ and feat/"
    )


def _lines(path: Path, most: int) -> Iterator[list[str]]:
    """Cells of every line that is not blank."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE), ""), 1):
                if number > most:
                    raise CatalogError(f"{path} has more than {most:,} lines; give the list of the dataset")
                if line.strip():
                    yield next(csv.reader([line]), [])
    except (OSError, csv.Error) as problem:
        raise CatalogError(f"{path} cannot be read ({str(problem)[:120]}); it is part of Fashion144k") from problem


def _array(path: Path) -> npt.NDArray[Any]:
    """An array, read from the disk as it is used; never one of Python objects, which would be pickled."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]  # an .npz is seen below
    except (OSError, ValueError, EOFError) as problem:
        raise CatalogError(f"{path} is not a readable array ({str(problem)[:120]}); download it again") from problem


def _tags(root: Path, table: str, names: str, photos: int) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    known = tuple(cells[0].strip() for cells in _lines(root / names, _MAX_TAGS) if cells)
    found = _array(root / table)
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "biuf" or found.shape != (photos, len(known)):
        shape = getattr(found, "shape", "no array")
        raise CatalogError(
            f"{root / table} is {shape}, but {LIST} names {photos:,} photos and {names} {len(known):,} tags; "
            "the files do not go together: download them again"
        )
    return found, known


def _splits(root: Path, photos: int) -> dict[int, str]:
    """Index of a photo → its split."""
    splits: dict[int, str] = {}
    for split, name in SPLITS.items():
        path = root / name
        if not path.is_file():
            continue
        found = _array(path)
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu" or found.ndim != 1:
            raise CatalogError(f"{path} is no list of whole numbers; it holds the indices of photos in {LIST}")
        indices = found.tolist()
        if indices and not 0 <= min(indices) <= max(indices) < photos:
            raise CatalogError(
                f"{path} names photos {min(indices)} to {max(indices)}, but {LIST} has 0 to {photos - 1}: "
                "the files do not go together"
            )
        twice = next((index for index in indices if index in splits), None)
        if twice is not None:
            raise CatalogError(
                f"{path} names photo {twice}, which is in split {splits[twice]} too; splits may not overlap"
            )
        splits |= dict.fromkeys(indices, split)
    return splits

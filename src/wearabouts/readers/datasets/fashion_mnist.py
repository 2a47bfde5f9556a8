"""Fashion-MNIST: 70,000 grey pictures of garments, 28 x 28, in ten classes.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017
(arXiv 1708.07747). From the repository zalandoresearch/fashion-mnist. MIT licence: commercial use is allowed.

Four IDX files, packed with gzip or not: ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, and the same with
``t10k``. An IDX file begins with a magic number (2051 for pictures, 2049 for labels), then the counts, all big-endian
32-bit; then one byte a value. MNIST and its other heirs use the same names and numbers: what is in the files cannot be
told from them.

Expected: 60,000 pictures to train on and search (split ``train``), 10,000 queries (``query``). A picture is named after
its place in its file: ``train/00000``.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.garments import garment_of
from wearabouts.readers.datasets.unpacking import Unpacking

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
EXPECTED = {"products": 70_000, "photos": 70_000, "photos:train": 60_000, "photos:query": 10_000}
SIDE = 28  # pixels
PICTURES, LABELS = 2051, 2049  # magic numbers

_PARTS = (("train", "train", "train"), ("t10k", "test", "query"))  # file name, part of the id, split
_PLACES = ("", "FashionMNIST/raw", "raw", "data/fashion")  # as unpacked by hand, by torchvision, in the repository
_CHUNK = 1_000  # pictures in memory at a time


def read(source: Path, faults: Faults, *, unpack: str | Path | None = None) -> Iterator[Product]:
    """Walk the pictures, each a product of its own.

    Args:
        source: The folder of the four files.
        faults: Where labels out of range go.
        unpack: Folder for the pictures; None for ``unpacked`` beside the files.

    Raises:
        CatalogError: A file is missing, of another kind, or cut short.
    """
    files = _files(source)
    labels = {part: _labels(files[f"{part}-labels-idx1-ubyte"]) for part, _, _ in _PARTS}
    for part, _, _ in _PARTS:
        path = files[f"{part}-images-idx3-ubyte"]
        if (count := _count(path)) != len(labels[part]):
            raise CatalogError(
                f"{path} holds {count:,} pictures, but its labels are {len(labels[part]):,}; download both again"
            )
    unpacking = Unpacking("fashion-mnist", list(files.values()), source, unpack)
    for part, name, split in _PARTS:
        path = files[f"{part}-images-idx3-ubyte"]
        for number, pixels in enumerate(_pictures(path, len(labels[part]))):
            label = int(labels[part][number])
            if label >= len(CLASSES):
                reason = f"label {label} is not one of 0 to {len(CLASSES) - 1}; the picture was left out"
                faults.add(Fault(str(files[f"{part}-labels-idx1-ubyte"]), number + 1, "label", reason))
                continue
            photo_id = f"{name}/{number:05d}"
            uri = unpacking.png(photo_id, pixels)
            photo = Photo(photo_id, uri, "street" if split == "query" else "shop", split)
            name_of = CLASSES[label]
            yield Product(photo_id, (photo,), title=name_of, category=name_of, garment=garment_of(name_of))


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """What was found, for people."""
    files = _files(source)
    packed = "gzip-packed" if any(path.suffix == ".gz" for path in files.values()) else "plain"
    return (f"IDX files, {packed}, in {next(iter(files.values())).parent.name}",)


def _files(source: Path) -> dict[str, Path]:
    names = [f"{part}-{kind}" for part, _, _ in _PARTS for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    best: dict[str, Path] = {}
    for place in _PLACES:
        found = {
            name: path
            for name in names
            for path in (source / place / f"{name}.gz", source / place / name)
            if path.is_file()
        }
        if len(found) == len(names):
            return found
        best = max(best, found, key=len)
    lacking = [name for name in names if name not in best]
    raise CatalogError(
        f"no Fashion-MNIST in {str(source)!r}: {', '.join(lacking)} not there, with .gz or without; give the folder of "
        "the four files"
    )


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else path.open("rb")


def _header(path: Path, file: BinaryIO, magic: int) -> int:
    """The count that a header states, after its magic number and sizes were checked."""
    words = 4 if magic == PICTURES else 2
    raw = file.read(4 * words)
    if len(raw) < 4 * words:
        raise CatalogError(f"{path} ends within its header of {4 * words} bytes; download it again")
    found, count, *sides = struct.unpack(f">{words}I", raw)
    if found != magic:
        what = "pictures" if magic == PICTURES else "labels"
        raise CatalogError(f"{path} begins with {found}, not with {magic}, the mark of IDX {what}; give the right file")
    if sides and sides != [SIDE, SIDE]:
        raise CatalogError(f"{path} holds pictures of {sides[1]}x{sides[0]}; those of Fashion-MNIST are {SIDE}x{SIDE}")
    return int(count)


def _count(path: Path) -> int:
    """Pictures in a file, counted to its end, so that a cut or overlong one is found before any is used."""
    try:
        with _open(path) as file:
            count = _header(path, file, PICTURES)
            _check_rest(path, count * SIDE * SIDE, _drained(file, count * SIDE * SIDE))
            return count
    except (OSError, EOFError, zlib.error) as problem:
        raise _damaged(path, problem) from problem


def _drained(file: BinaryIO, told: int) -> int:
    found = 0
    # One byte more than told is enough to know; a gzip bomb is not followed further.
    while found <= told and (chunk := file.read(min(1 << 20, told + 1 - found))):
        found += len(chunk)
    return found


def _check_rest(path: Path, told: int, found: int) -> None:
    if found != told:
        raise CatalogError(
            f"{path} should hold {told:,} bytes after its header and holds {'more' if found > told else f'{found:,}'}: "
            "it is cut short or damaged; download it again"
        )


def _damaged(path: Path, problem: BaseException) -> CatalogError:
    return CatalogError(f"{path} cannot be read to its end ({str(problem)[:120]}); download it again")


def _labels(path: Path) -> bytes:
    try:
        with _open(path) as file:
            count = _header(path, file, LABELS)
            chunks: list[bytes] = []
            found = 0
            while found <= count and (chunk := file.read(min(1 << 20, count + 1 - found))):
                chunks.append(chunk)
                found += len(chunk)
            _check_rest(path, count, found)
            return b"".join(chunks)
    except (OSError, EOFError, zlib.error) as problem:
        raise _damaged(path, problem) from problem


def _pictures(path: Path, count: int) -> Iterator[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    try:
        with _open(path) as file:
            _header(path, file, PICTURES)
            for start in range(0, count, _CHUNK):
                raw = file.read(min(_CHUNK, count - start) * SIDE * SIDE)
                yield from np.frombuffer(raw, np.uint8).reshape(-1, SIDE, SIDE)
    except (OSError, EOFError, zlib.error) as problem:
        raise _damaged(path, problem) from problem

"""The three layouts of CIFAR-10 as one stream of rows; `wearabouts.readers.datasets.cifar10` tells what they are."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wearabouts.catalog import Fault, Faults
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets import unpickling
from wearabouts.readers.folder import SUFFIXES
from wearabouts.types import Pixels

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 3_073  # bytes: one label and 3 x 32 x 32 values
BATCH = 10_000  # records of one real file

_BATCHES = (*((f"data_batch_{n}", "train") for n in range(1, 6)), ("test_batch", "test"))
_FOLDERS = {"binary": "cifar-10-batches-bin", "python": "cifar-10-batches-py"}


@dataclass(frozen=True, slots=True)
class Row:
    """One picture.

    Attributes:
        id: ``train`` or ``test``, class and place in it, such as ``train/airplane/0000``.
        name: Its class.
        picture: Absolute path, or its (3072,) uint8 values: red, green and blue, each row by row.
        labels: Further facts.
    """

    id: str
    name: str
    picture: str | Pixels
    labels: dict[str, str] = field(default_factory=dict)


def find(source: Path) -> tuple[str, Path]:
    """Which layout lies where: the folder itself, or the archive's own folder in it.

    Raises:
        CatalogError: None of them.
    """
    for layout, name in _FOLDERS.items():
        for folder in (source, source / name):
            if any(path.is_file() for path in files(layout, folder)):
                return layout, folder
    if (source / "train").is_dir() and (source / "test").is_dir():
        return "folders", source
    raise CatalogError(
        f"no CIFAR-10 in {str(source)!r}: neither {_FOLDERS['binary']}/data_batch_1.bin, nor {_FOLDERS['python']}/"
        "data_batch_1, nor train/airplane and test/airplane; unpack the archive and give its folder"
    )


def files(layout: str, folder: Path) -> list[Path]:
    """The six files of the binary or python layout, training first."""
    return [folder / (name + (".bin" if layout == "binary" else "")) for name, _ in _BATCHES]


def _binary(folder: Path, faults: Faults) -> Iterator[Row]:
    names, counter = _names(folder / "batches.meta.txt"), _Counter()
    sizes = [_size(path) for path in files("binary", folder)]
    for path, (_, part), size in zip(files("binary", folder), _BATCHES, sizes, strict=True):
        _agree(path, part, size, max(sizes[:-1]), "the other files", faults)
        records = np.memmap(path, np.uint8, "r", shape=(size, RECORD))
        for number, record in enumerate(records, 1):
            name = _class(int(record[0]), names, path, number, faults)
            if name:
                yield Row(counter.id(part, name), name, np.asarray(record[1:]))


def _size(path: Path) -> int:
    """Records of a binary file."""
    try:
        size = path.stat().st_size
    except OSError as problem:
        raise CatalogError(_missing(path, problem)) from problem
    if not size or size % RECORD:
        raise CatalogError(
            f"{path} has {size:,} bytes, which is no whole number of records of {RECORD:,} bytes (a whole file has "
            f"{BATCH * RECORD:,}): it is cut short or no CIFAR-10 file; download it again"
        )
    return size // RECORD


def _missing(path: Path, problem: OSError) -> str:
    return (
        f"{path} cannot be read ({problem.strerror}); CIFAR-10 has {', '.join(n for n, _ in _BATCHES)}: unpack it again"
    )


def _agree(path: Path, part: str, found: int, told: int, by: str, faults: Faults) -> None:
    # All six real files are of one length; in a smaller set of this format the test file may have its own.
    if found != told and (part == "train" or told == BATCH):
        faults.add(Fault(str(path), 0, "", f"{found:,} records, but {told:,} by {by}: the file is cut short"))


def _class(label: Any, names: tuple[str, ...], path: Path, number: int, faults: Faults) -> str:
    if isinstance(label, int) and 0 <= label < len(names):
        return names[label]
    reason = f"label {str(label)[:40]} is not one of 0 to {len(names) - 1}; the picture was left out"
    faults.add(Fault(str(path), number, "label", reason))
    return ""


class _Counter:
    """Names pictures after their place among those of their class."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], int] = defaultdict(int)

    def id(self, part: str, name: str) -> str:
        self.seen[part, name] += 1
        return f"{part}/{name}/{self.seen[part, name] - 1:04d}"


def _names(path: Path) -> tuple[str, ...]:
    """Class names in the order of the labels; a file of them may be missing, but not say something else."""
    if not path.is_file():
        return CLASSES
    with path.open("rb") as file:
        return _ten(tuple(file.read(10_000).decode("utf-8", "replace").split()), path)


def _ten(names: tuple[str, ...], path: Path) -> tuple[str, ...]:
    if names != CLASSES:
        raise CatalogError(
            f"{path} names the classes {', '.join(names)[:200]}; those of CIFAR-10 are {', '.join(CLASSES)}: "
            "read another dataset as a folder or table"
        )
    return names


def _python(folder: Path, faults: Faults) -> Iterator[Row]:
    told, counter, meta = 0, _Counter(), folder / "batches.meta"
    if meta.is_file():
        about = unpickling.load(meta)
        listed = about.get("label_names")
        _ten(tuple(_text(name) for name in listed) if isinstance(listed, list) else (), meta)
        cases = about.get("num_cases_per_batch")
        told = cases if isinstance(cases, int) else 0
    for path, (_, part) in zip(files("python", folder), _BATCHES, strict=True):
        data, labels, filenames = _batch(path)
        if told:
            _agree(path, part, len(data), told, "num_cases_per_batch of batches.meta", faults)
        for number, (values, label) in enumerate(zip(data, labels, strict=True), 1):
            name = _class(label, CLASSES, path, number, faults)
            if name:
                own = {"filename": _text(filenames[number - 1])} if filenames else {}
                yield Row(counter.id(part, name), name, values, own)


def _batch(path: Path) -> tuple[Pixels, list[Any], list[Any]]:
    if not path.is_file():
        raise CatalogError(_missing(path, FileNotFoundError(2, "No such file or directory")))
    batch = unpickling.load(path)
    data, labels, filenames = batch.get("data"), batch.get("labels"), batch.get("filenames") or []
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != RECORD - 1:
        raise CatalogError(f"{path} holds no data of (pictures, {RECORD - 1}) bytes; give a batch of CIFAR-10")
    if not isinstance(labels, list) or not isinstance(filenames, list):
        raise CatalogError(f"{path} holds no list of labels or filenames; give a batch of CIFAR-10")
    if len(labels) != len(data) or len(filenames) not in (0, len(data)):
        raise CatalogError(
            f"{path} holds {len(data)} pictures, {len(labels)} labels and {len(filenames)} filenames; "
            "each has one: download it again"
        )
    return data, labels, filenames


def _text(raw: Any) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)


def _folders(folder: Path, faults: Faults) -> Iterator[Row]:
    root = os.path.realpath(folder)
    for part in ("train", "test"):
        found = sorted(entry.name for entry in os.scandir(folder / part) if entry.is_dir(follow_symlinks=False))
        if lacking := [name for name in CLASSES if name not in found]:
            raise CatalogError(
                f"{folder / part} has no folder {', '.join(lacking)}; CIFAR-10 has one a class: unpack it again"
            )
        for name in found:
            if name not in CLASSES:
                faults.add(Fault(str(folder / part / name), 0, "", "no class of CIFAR-10; the folder was left out"))
                continue
            if not os.path.realpath(path := os.path.join(root, part, name)).startswith(os.path.join(root, "")):
                raise CatalogError(f"{path} leads out of {folder} through a link; give a folder without such links")
            yield from _class_folder(path, part, name, faults)


def _class_folder(path: str, part: str, name: str, faults: Faults) -> Iterator[Row]:
    seen: set[str] = set()
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        stem, suffix = os.path.splitext(entry.name)
        if entry.name.startswith(".") or suffix.lower() not in SUFFIXES:
            continue
        reason = ""
        if entry.is_symlink() or not entry.is_file():
            reason = "a link or no file"
        elif not entry.stat().st_size:
            reason = "an empty file"
        elif stem in seen:
            reason = "a second picture of this name"
        if reason:
            faults.add(Fault(entry.path, 0, "", f"{reason}; the picture was left out"))
            continue
        seen.add(stem)
        yield Row(f"{part}/{name}/{stem}", name, entry.path)


_ROWS: dict[str, Callable[[Path, Faults], Iterator[Row]]] = {
    "binary": _binary,
    "python": _python,
    "folders": _folders,
}


def rows(layout: str, folder: Path, faults: Faults) -> Iterator[Row]:
    """Walk the pictures of a layout that `find` found.

    Raises:
        CatalogError: A file is missing, cannot be read, or is not what it should be.
    """
    try:
        yield from _ROWS[layout](folder, faults)
    except OSError as problem:
        raise CatalogError(f"{problem.filename or folder} cannot be read ({problem.strerror}); allow it") from problem

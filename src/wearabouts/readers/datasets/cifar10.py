"""CIFAR-10: 60,000 pictures of 32 x 32 in ten classes, the first exercise of image retrieval.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. From the author's page at the University of
Toronto (``cifar-10-binary.tar.gz`` or ``cifar-10-python.tar.gz``; unpack it). No licence is stated; the pictures are
from the web: ask a lawyer before commercial use.

Three layouts, told apart by their file names:

* binary: ``cifar-10-batches-bin/data_batch_1.bin`` to ``_5.bin`` and ``test_batch.bin``, 10,000 records of 3,073 bytes
  each (the label, then 1,024 bytes red, green and blue, row by row), and ``batches.meta.txt``, the class names.
* python: ``cifar-10-batches-py/data_batch_1`` to ``_5`` and ``test_batch``, pickled dicts of ``data`` (10,000, 3072),
  ``labels`` and ``filenames``, and ``batches.meta``. Read by
  `wearabouts.readers.datasets.unpickling`, which runs no code.
* folders: ``train/airplane/0000.jpg`` and so on, as many copies on the web have it. Where these are JPEG, figures
  differ slightly from those on the original data.

Expected: 50,000 pictures for training and 10,000 for testing, 5,000 and 1,000 a class. A picture is named after its
place among those of its class, in the order of the files: the same name in all layouts.

Three splits are published (option ``protocol``):

* ``cifar10-2``: the 10,000 test pictures are queries (split ``query``), the 50,000 are trained on and searched
  (``train``).
* ``cifar10``: of all 60,000, 100 a class are queries, 500 a class are trained on, the other 54,000 are searched
  (``gallery``).
* ``cifar10-1``: the same draw, but ``train`` and ``gallery`` together, 59,000, are searched.

The draw goes by a hash of seed and name, so the order in which files are listed has no part in it. Whose draw the
papers used is not known; they report one each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import numpy as np

from wearabouts.catalog import Faults, Photo, Product
from wearabouts.errors import CatalogError, SettingsError, unknown
from wearabouts.readers.datasets import cifar10_layouts as layouts
from wearabouts.readers.datasets.unpacking import Unpacking

EXPECTED = {"products": 60_000, "photos": 60_000, "photos:train": 50_000, "photos:query": 10_000}
PROTOCOLS = ("cifar10-2", "cifar10", "cifar10-1")

Protocol = Literal["cifar10-2", "cifar10", "cifar10-1"]


def read(
    source: Path,
    faults: Faults,
    *,
    protocol: Protocol = "cifar10-2",
    seed: int = 0,
    queries: int = 100,
    trained: int = 500,
    unpack: str | Path | None = None,
) -> Iterator[Product]:
    """Walk the pictures, each a product of its own.

    Args:
        source: The unpacked archive, or the folder it lies in.
        faults: Where damaged records go.
        protocol: One of `PROTOCOLS`.
        seed: Of the draw of ``cifar10`` and ``cifar10-1``.
        queries: A class, in that draw.
        trained: A class, in that draw.
        unpack: Folder for the pictures of the binary and python layouts; None for ``unpacked`` beside them.

    Raises:
        CatalogError: A file is missing or not what it should be.
        SettingsError: Options that cannot be meant.
    """
    _check(protocol, queries, trained)
    layout, folder = layouts.find(source)
    drawn = (
        None if protocol == "cifar10-2" else draw(_ids(layouts.rows(layout, folder, Faults())), seed, queries, trained)
    )
    unpacking = None if layout == "folders" else Unpacking("cifar10", layouts.files(layout, folder), folder, unpack)
    for row in layouts.rows(layout, folder, faults):
        split = drawn.get(row.id, "gallery") if drawn is not None else "query" if row.id[:5] == "test/" else "train"
        if isinstance(row.picture, str):
            uri = row.picture
        else:
            assert unpacking is not None
            uri = unpacking.png(row.id, np.ascontiguousarray(row.picture.reshape(3, 32, 32).transpose(1, 2, 0)))
        photo = Photo(row.id, uri, "street" if split == "query" else "shop", split, labels=row.labels)
        yield Product(row.id, (photo,), title=row.name, category=row.name)


def notes(
    source: Path,
    *,
    protocol: Protocol = "cifar10-2",
    seed: int = 0,
    queries: int = 100,
    trained: int = 500,
    **_: object,
) -> tuple[str, ...]:
    """The layout found and the split made, for people."""
    _check(protocol, queries, trained)
    layout, folder = layouts.find(source)
    split = (
        "the test pictures are queries, the training pictures are trained on and searched"
        if protocol == "cifar10-2"
        else f"of each class {queries} queries and {trained} to train on, drawn with seed {seed}; the rest "
        + ("is searched" if protocol == "cifar10" else "and those trained on are searched")
    )
    return f"layout {layout} in {folder.name}", f"protocol {protocol}: {split}"


def expected(
    *, protocol: Protocol = "cifar10-2", queries: int = 100, trained: int = 500, **_: object
) -> dict[str, int]:
    """The published counts under a protocol, in the keys of `EXPECTED`."""
    if protocol == "cifar10-2":
        return dict(EXPECTED)
    drawn = {"photos:query": 10 * queries, "photos:train": 10 * trained}
    return {"products": 60_000, "photos": 60_000, **drawn, "photos:gallery": 60_000 - sum(drawn.values())}


def draw(ids: dict[str, list[str]], seed: int, queries: int, trained: int) -> dict[str, str]:
    """Draw queries and training pictures.

    Args:
        ids: Class → names of its pictures, in any order.
        seed: Another seed, another draw.
        queries: How many of each class.
        trained: How many of each class.

    Returns:
        Name → ``query`` or ``train``; those not named are the gallery.

    Raises:
        CatalogError: A class has too few pictures.
    """
    drawn: dict[str, str] = {}
    for name, members in ids.items():
        if len(members) <= queries + trained:
            raise CatalogError(
                f"class {name!r} has {len(members)} pictures; a draw of {queries} queries and {trained} to train on "
                "needs more: get the whole dataset, or lower options queries and trained"
            )
        ranked = sorted(members, key=lambda id: (blake2b(f"{seed}\0{id}".encode(), digest_size=16).digest(), id))
        drawn |= dict.fromkeys(ranked[:queries], "query") | dict.fromkeys(ranked[queries : queries + trained], "train")
    return drawn


def _check(protocol: str, queries: int, trained: int) -> None:
    if protocol not in PROTOCOLS:
        raise SettingsError(unknown("protocol", protocol, PROTOCOLS))
    if queries < 1 or trained < 0:
        raise SettingsError(f"queries={queries} and trained={trained} cannot be drawn; give at least 1 and 0")


def _ids(rows: Iterator[layouts.Row]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        ids[row.name].append(row.id)
    return ids

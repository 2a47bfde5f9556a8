"""CIFAR-10 in miniature: the binary, the python and the folder layout, byte for byte as the author packs them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PIL import Image

from miniatures import pictures
from wearabouts.types import Pixels

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")


def cifar10(
    root: Path,
    *,
    per_class: int = 4,
    tested: int = 2,
    layout: Literal["binary", "python", "folders"] = "binary",
    meta: bool = True,
) -> Path:
    """Write a tiny CIFAR-10.

    Args:
        root: Folder to write to.
        per_class: Training pictures a class, spread over the five batches.
        tested: Test pictures a class.
        layout: Which of the three.
        meta: Whether the file of class names is there.

    Returns:
        The folder to read.
    """
    rows = [(CLASSES.index(name), number) for number in range(per_class) for name in CLASSES]
    batches = [rows[part::5] for part in range(5)]
    batches.append([(CLASSES.index(name), 1_000 + number) for number in range(tested) for name in CLASSES])
    if layout == "folders":
        return _folders(root, batches)
    folder = root / ("cifar-10-batches-bin" if layout == "binary" else "cifar-10-batches-py")
    folder.mkdir(parents=True)
    for name, batch in zip(FILES, batches, strict=True):
        if layout == "binary":
            (folder / f"{name}.bin").write_bytes(b"".join(record(label, number) for label, number in batch))
        else:
            (folder / name).write_bytes(python_batch(name, [label for label, _ in batch], planes(batch)))
    if meta and layout == "binary":
        (folder / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n\n")
    elif meta:
        (folder / "batches.meta").write_bytes(python_meta(len(batches[0])))
    return root


def picture(label: int, number: int) -> Pixels:
    """(32, 32, 3) uint8: two colours by class, and a bar whose width goes by class too."""
    pixels = pictures.garment(label, 32, 32, number)
    pixels[4:28, 4 : 6 + 2 * label] = 255 - pixels[16, 16]
    return pixels


def record(label: int, number: int) -> bytes:
    """One record of the binary version: 3,073 bytes."""
    return bytes([label]) + picture(label, number).transpose(2, 0, 1).tobytes()


def planes(batch: Sequence[tuple[int, int]]) -> bytes:
    """The pictures of a batch, 3,072 bytes each."""
    return b"".join(record(label, number)[1:] for label, number in batch)


def _folders(root: Path, batches: list[list[tuple[int, int]]]) -> Path:
    seen: dict[tuple[str, int], int] = {}
    for part, batch in zip(["train"] * 5 + ["test"], batches, strict=True):
        for label, number in batch:
            at = seen[part, label] = seen.get((part, label), -1) + 1
            path = root / part / CLASSES[label] / f"{at:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(label, number)).save(path, quality=95)
    return root


# What follows writes pickles as Python 2 did, opcode by opcode: the real files hold these and no others.


def text(value: bytes) -> bytes:
    """A Python 2 string."""
    return (b"U" + bytes([len(value)]) if len(value) < 256 else b"T" + struct.pack("<i", len(value))) + value


def integer(value: int) -> bytes:
    """A number."""
    if 0 <= value < 256:
        return b"K" + bytes([value])
    return b"M" + struct.pack("<H", value) if 0 <= value < 65_536 else b"J" + struct.pack("<i", value)


def integer_any(values: Sequence[int]) -> bytes:
    """Numbers of any size, negative ones too."""
    return b"".join(b"\x8a\x08" + struct.pack("<q", value) for value in values)


def listed(values: Sequence[bytes]) -> bytes:
    """A list of opcodes' results."""
    return b"](" + b"".join(values) + b"e"


def array(data: bytes, shape: tuple[int, int]) -> bytes:
    """A numpy array of uint8, as numpy pickles it: reconstruct, then build."""
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + integer(0) + b"\x85" + text(b"b") + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + integer(0) + integer(1) + b"\x87R"
    dtype += b"(" + integer(3) + text(b"|") + b"NNN" + integer(-1) + integer(-1) + integer(0) + b"tb"
    size = integer(shape[0]) + integer(shape[1]) + b"\x86"
    return made + b"(" + integer(1) + size + dtype + b"\x89" + text(data) + b"tb"


def pickled(items: dict[bytes, bytes]) -> bytes:
    """A whole file: a dict of opcodes' results, protocol 2."""
    return b"\x80\x02}(" + b"".join(text(key) + value for key, value in items.items()) + b"u."


def python_batch(name: str, labels: Sequence[int], data: bytes) -> bytes:
    """One batch of the python version."""
    what = b"testing batch 1 of 1" if name == "test_batch" else f"training batch {name[-1]} of 5".encode()
    filenames = [text(f"{CLASSES[label % 10]}_s_{number:06d}.png".encode()) for number, label in enumerate(labels)]
    return pickled(
        {
            b"batch_label": text(what),
            b"labels": listed([integer(label) for label in labels]),
            b"data": array(data, (len(data) // 3_072, 3_072)),
            b"filenames": listed(filenames),
        }
    )


def python_meta(cases: int, names: Sequence[str] = CLASSES) -> bytes:
    """The file of class names of the python version."""
    return pickled(
        {
            b"num_cases_per_batch": integer(cases),
            b"label_names": listed([text(name.encode()) for name in names]),
            b"num_vis": integer(3_072),
        }
    )

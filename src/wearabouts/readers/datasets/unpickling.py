"""The pickles of CIFAR-10's Python version, read without pickle's power to run code.

A pickle names functions and calls them; `pickle.load` on a file from the network therefore runs what its author likes.
Here the only names answered are the four that a pickled numpy array needs, and what answers are not numpy's functions
but plain records: nothing named in the file is imported, called or changed.
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from wearabouts.errors import CatalogError
from wearabouts.types import Pixels

MAX_BYTES = 64_000_000  # of one file; the largest real one has 31,035,999


def load(path: Path) -> dict[str, Any]:
    """Read one pickled dict.

    Args:
        path: A file of at most `MAX_BYTES`.

    Returns:
        Its items by name: arrays of uint8, and lists, numbers, bytes and text as they stand.

    Raises:
        CatalogError: It cannot be read, asks for anything but an array, or is no dict.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise CatalogError(f"{path} cannot be read ({problem.strerror}); give the file of the dataset") from problem
    if len(data) > MAX_BYTES:
        raise CatalogError(f"{path} has more than {MAX_BYTES:,} bytes; a batch of CIFAR-10 has about 31,000,000")
    try:
        found = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except _RefusedError as problem:
        raise CatalogError(
            f"{path} asks for {problem}; a batch of CIFAR-10 needs numpy arrays only: do not trust this file"
        ) from problem
    # The parser raises nearly anything on damaged input; none of it is more than "damaged".
    except Exception as problem:
        raise CatalogError(
            f"{path} is not a readable pickle ({type(problem).__name__}: {str(problem)[:120]}); download it again"
        ) from problem
    if not isinstance(found, dict):
        raise CatalogError(f"{path} holds a {type(found).__name__}, not a dict; give a batch of CIFAR-10")
    return {_name(key): value.array() if isinstance(value, _Array) else value for key, value in found.items()}


def _name(key: Any) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


class _RefusedError(Exception):
    """A pickle that names something it has no need of."""


class _Dtype:
    """What stands for a ``numpy.dtype``: its code only."""

    def __init__(self, code: Any = b"", *_: Any) -> None:
        self.code = _name(code)

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like, of no matter to single bytes."""


class _Array:
    """What stands for a ``numpy.ndarray``: the state it was pickled with, checked when it is asked for."""

    def __init__(self) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> Pixels:
        """The array, a read-only view of the file's bytes."""
        try:
            _version, shape, dtype, fortran, data = self.state
            sizes = tuple(int(size) for size in shape)
            whole = isinstance(dtype, _Dtype) and dtype.code in ("u1", "|u1") and isinstance(data, bytes)
            if not whole or len(sizes) > 4 or min(sizes, default=0) < 0 or math.prod(sizes) != len(data):
                raise ValueError("not the bytes of its shape")
            return np.frombuffer(data, np.uint8).reshape(sizes, order="F" if fortran else "C")
        except (TypeError, ValueError) as problem:
            raise CatalogError(
                f"a pickled array is damaged ({str(problem)[:120]}): its values are single bytes, as many as its shape "
                "says; download it again"
            ) from problem


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # New functions each time: a hostile file may set attributes on what it is given, and that must not outlive it.
        def reconstruct(*_: Any) -> _Array:
            return _Array()

        def dtype(*arguments: Any) -> _Dtype:
            return _Dtype(*arguments[:1])

        def encode(text: Any, coding: Any = "latin1") -> bytes:
            if not isinstance(text, str) or coding != "latin1":
                raise _RefusedError(f"text in coding {str(coding)[:40]!r}")
            return text.encode("latin1")

        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return reconstruct
        if module == "numpy" and name == "ndarray":
            return None  # only ever handed to _reconstruct, which ignores it
        if module == "numpy" and name == "dtype":
            return dtype
        if module == "_codecs" and name == "encode":
            return encode
        raise _RefusedError(f"{module}.{name}"[:120])

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError("an object outside the file")

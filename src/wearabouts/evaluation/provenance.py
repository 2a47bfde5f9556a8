"""Where figures come from: command, date, machine, versions, hashes."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from wearabouts import __version__
from wearabouts.encoders import Encoder

PACKAGES = ("numpy", "pillow", "onnxruntime", "faiss-cpu")


def provenance(encoders: Iterable[Encoder], *, seed: int, files: Iterable[Path] = ()) -> dict[str, Any]:
    """What somebody needs to get the same figures again.

    Args:
        encoders: Their names and hashes are named.
        seed: Of the resampling and of what is drawn.
        files: Lists of photographs; the SHA-256 of each is named.
    """
    lists = {f"{path.parent.name}/{path.name}": _digest(path)[:16] for path in files}
    return {
        "command": _command(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "wearabouts": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "encoders": {encoder.name: encoder.hash[:16] for encoder in encoders},
        **({"lists": lists} if lists else {}),
    }


def _command() -> str:
    """What was typed, as it can be typed again."""
    name = Path(sys.argv[0]).name
    words = ["python", "-m", "wearabouts"] if name == "__main__.py" else [name]
    return shlex.join([*words, *sys.argv[1:]])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ids_digest(ids: Iterable[str]) -> str:
    """Start of the SHA-256 of ids in any order: two runs that searched the same gallery have the same one."""
    told = hashlib.sha256()
    for each in sorted(ids):
        told.update(each.encode() + b"\0")
    return told.hexdigest()[:16]

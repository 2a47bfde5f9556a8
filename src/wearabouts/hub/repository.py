"""A repository of a model hub, or a folder copied from one: what lies in it, and single files of it, capped.

A repository is written by a stranger. Only files that are asked for by name are fetched, each no larger than its kind
may be, however large the hub says it is and whatever then comes; what is named like a path elsewhere is refused; JSON
is read and nothing else is: no code, no pickles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from wearabouts.errors import BundleError, FetchError

PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,95}(/[A-Za-z0-9_][A-Za-z0-9_. -]{0,95}){0,5}")
COMMIT = re.compile(r"[0-9a-f]{40}")
TAG = re.compile(r"[A-Za-z0-9_=\"-]{1,128}")
MAX_JSON = 2 * 2**20
MAX_FILES = 10_000

Progress = Callable[[str, int, int], None]


class Repository(Protocol):
    """Where the files of a model are.

    Attributes:
        name: ``owner/name``, or the folder's name.
        revision: The branch, tag or commit that was asked for.
        commit: The commit that it stands for, 40 hexadecimal digits; empty for a folder.
        files: Path → bytes, those with a plain name only.
    """

    name: str
    revision: str
    commit: str
    files: Mapping[str, int]

    def fetch(self, path: str, most: int) -> Path:
        """One file as a local path.

        Args:
            path: One of `files`.
            most: Bytes it may have.

        Raises:
            BundleError: It is larger, or not there.
            FetchError: The hub does not answer.
        """
        ...


class Folder:
    """A folder with the files of a repository, for machines that reach no hub."""

    def __init__(self, folder: Path) -> None:
        self.name, self.revision, self.commit = folder.resolve().name, "", ""
        self._root = folder
        found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())[:MAX_FILES]
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in found}
        self.files: Mapping[str, int] = {path: size for path, size in sizes.items() if PATH.fullmatch(path)}

    def fetch(self, path: str, most: int) -> Path:
        """See `Repository.fetch`."""
        require(self, path, most)
        return self._root / path


def require(repository: Repository, path: str, most: int) -> None:
    """See that a repository has a file, and that it is not too large.

    Raises:
        BundleError: It has not, or it is.
    """
    if path not in repository.files:
        raise BundleError(f"{repository.name} has no file {path!r}; it has {listed(repository.files)}")
    size = repository.files[path]
    if size > most:
        raise BundleError(
            f"{path} of {repository.name} has {size:,} bytes; at most {most:,} are fetched of such a file"
        )


def listed(files: Mapping[str, int], ending: str = "", most: int = 8) -> str:
    """Some names for a message."""
    names = sorted(path for path in files if path.endswith(ending))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "none"


def read_json(repository: Repository, path: str) -> dict[str, Any]:
    """A JSON object of the repository; empty where there is no such file.

    Raises:
        BundleError: It is too large, or no JSON object.
    """
    if path not in repository.files:
        return {}
    content = repository.fetch(path, MAX_JSON).read_bytes()
    try:
        read = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} of {repository.name} is not JSON: {str(error)[:100]}") from error
    if not isinstance(read, dict):
        raise BundleError(f"{path} of {repository.name} is a {type(read).__name__}; a JSON object is wanted")
    return read


def out_of_reach(name: str, error: Exception) -> FetchError:
    """What a failed call to the hub says, on one line."""
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return FetchError(f"{name} cannot be fetched: {said}; check the name, the revision and the hub's address")

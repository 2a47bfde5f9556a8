"""Where the lists of a benchmark lie: the authors' ``Anno/`` and ``Eval/``, newer and older packages, and excerpts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from wearabouts.catalog import Fault, Faults
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.deepfashion.lists import List, Lost

PLACES = ("Anno_coarse", "Anno", "Anno/attributes", "Eval", "attributes", "")
MAX_COUNTED = 64 << 20  # bytes: the rows of larger lists are only counted while they are read
GET = "get it from the authors' archive (mmlab.ie.cuhk.edu.hk/projects/DeepFashion.html)"


class Folder:
    """The folder of one benchmark.

    Args:
        source: That folder, or the one that holds it under the authors' name.
        benchmark: The authors' name, such as ``In-shop Clothes Retrieval Benchmark``.
        lists: File name → its rows' word in notes and published counts, and what is lost without it.
        published: ``rows:<word>`` → how many rows the list has.

    Raises:
        CatalogError: `source` is not a folder.
    """

    def __init__(
        self, source: Path, benchmark: str, lists: Mapping[str, tuple[str, str]], published: Mapping[str, int]
    ) -> None:
        if not source.is_dir():
            raise CatalogError(
                f"{source} is not a folder; give the folder of {benchmark!r}, with Anno, Eval and Img in it"
            )
        inner = inside(source, benchmark)
        self.root = inner if inner is not None and inner.is_dir() and not inside(source, "Eval") else source
        self.benchmark = benchmark
        self.lists = lists
        self.published = published

    def find(self, name: str) -> Path | None:
        """A list by its file name, or an excerpt of it (``.head.txt``); None where there is neither.

        Raises:
            CatalogError: It is a link that leads out of the folder.
        """
        stem, dot, suffix = name.rpartition(".")
        for file in (name, f"{stem}.head{dot}{suffix}"):
            for place in PLACES:
                path = inside(self.root, *place.split("/"), file)
                if path is not None and path.is_file():
                    if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(self.root), "")):
                        raise CatalogError(f"{path} is a link out of {self.root}; copy the file there")
                    return path
        return None

    def need(self, name: str) -> Path:
        """A list by its file name.

        Raises:
            CatalogError: It is not there; the message says what is.
        """
        path = self.find(name)
        if path is None:
            raise CatalogError(
                f"no {name} for {self.benchmark!r} in {self.root} (looked in Eval, Anno, Anno_coarse, Anno/attributes "
                f"and the folder itself): {GET}. {self._survey()}"
            )
        return path

    def open(self, name: str, columns: str, faults: Faults, lost: Lost = "field") -> List:
        """A list that has to be there.

        Raises:
            CatalogError: It is not there, or is no such list.
        """
        return List(self.need(name), columns, faults, lost)

    def optional(self, name: str, columns: str, faults: Faults) -> List | None:
        """A list that may be missing; then one fault says what is lost."""
        if self.find(name) is not None:
            return self.open(name, columns, faults)
        _, lost = self.lists[name]
        faults.add(Fault(str(self.root), 0, "", f"no {name}, so {lost}; {GET}", "field"))
        return None

    def notes(self) -> Iterator[str]:
        """Sentences for people: the rows of each list as ``rows:<word>``, and what is missing."""
        for name, (word, lost) in self.lists.items():
            path = self.find(name)
            if path is not None:
                yield f"{'rows:' if path.suffix == '.txt' else ''}{word} {self._said(path, word)}"
            elif lost:
                yield f"no {name}: {lost}"

    def _survey(self) -> str:
        there: list[str] = []
        missing: list[str] = []
        for name, (word, _) in self.lists.items():
            if path := self.find(name):
                there.append(f"{word}: {self._said(path, word)}")
            else:
                missing.append(name)
        return f"Missing: {', '.join(missing)}. There: {'; '.join(there) or 'none of the lists'}"

    def _said(self, path: Path, word: str) -> str:
        """``52,712 in Eval/list_eval_partition.txt``, and what its first line says where that is another number."""
        name = path.relative_to(self.root).as_posix()
        if path.suffix != ".txt":
            return f"in {name}"
        try:
            rows = List(path, "", Faults())
        except CatalogError as problem:
            return f"unreadable: {problem}"
        if path.stat().st_size > MAX_COUNTED:
            return f"{rows.count:,} in {name}, as its first line says"
        with rows.open() as file:
            lines = sum(not line.isspace() for line in file) - (1 if "list_item_" in name else 2)
        if lines == rows.count:
            return f"{lines:,} in {name}"
        published = self.published.get(f"rows:{word}", 0)
        agrees = (
            " as published" if published == rows.count else f", not the published {published:,}" if published else ""
        )
        cut = "it is an excerpt" if ".head." in name else "they differ"
        return f"{lines:,} in {name}, whose first line says {rows.count:,}{agrees}: {cut}"


def inside(folder: Path, *parts: str) -> Path | None:
    """A path below a folder, each part in whatever letter case it is there; None where it is not."""
    path = folder
    for part in filter(None, parts):
        if not os.path.lexists(path / part):
            try:
                with os.scandir(path) as listing:
                    same = sorted(entry.name for entry in listing if entry.name.casefold() == part.casefold())
            except OSError:
                return None
            if not same:
                return None
            part = same[0]
        path = path / part
    return path

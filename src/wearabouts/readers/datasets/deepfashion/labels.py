"""Attribute words and the rows of -1, 0 and 1 that say which hold: -1 is no, 1 is yes, and 0 is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wearabouts.catalog import Faults
from wearabouts.errors import CatalogError
from wearabouts.readers.datasets.deepfashion.folders import Folder
from wearabouts.readers.datasets.deepfashion.lists import List
from wearabouts.readers.datasets.deepfashion.marks import whole
from wearabouts.readers.fields import column_name

_NO = "n"  # stands for -1, so that every label is one character
_ALLOWED = str.maketrans("", "", f"{_NO}01")
# Chinese name, English name (which may have spaces) and type; on one row of the real list a tab is before the type.
_BILINGUAL = re.compile(r"(\S.*?)\s+(\S.*\S|\S)\s+(\d+)")


class Vocabulary:
    """Attributes in the order of the labels.

    Args:
        names: Attribute names.
        groups: Of each, the group it belongs to.
    """

    def __init__(self, names: list[str], groups: list[str]) -> None:
        self.names = names
        self.groups = groups
        self.all_groups = tuple(dict.fromkeys(groups))

    def __len__(self) -> int:
        return len(self.names)

    def read(self, labels: str) -> tuple[dict[str, str], dict[str, str]]:
        """Group → positive names joined by ``|`` (empty where none holds), and group → unknown ones (where any is).

        Raises:
            ValueError: Another number of labels than of names, or a label that is none of -1, 0, 1.
        """
        words = labels.replace("-1", _NO).split()
        marks = "".join(words)
        if _NO in labels or len(marks) != len(words) or marks.translate(_ALLOWED):
            bad = next((word for word in labels.split() if word not in ("-1", "0", "1")), "")
            at = labels.split().index(bad) if bad else 0
            raise ValueError(f"label {at + 1} is {bad[:40]!r}; allowed are -1 no, 0 unknown, 1 yes")
        if len(words) != len(self.names):
            raise ValueError(f"row has {len(words)} labels, expected are {len(self.names)}, one for each attribute")
        positive = self._joined(marks, "1")
        unknown = self._joined(marks, "0")
        return {group: positive.get(group, "") for group in self.all_groups}, unknown

    def _joined(self, marks: str, mark: str) -> dict[str, str]:
        found: dict[str, dict[str, None]] = {}
        at = marks.find(mark)
        while at >= 0:
            # Names occur twice in a group where two Chinese words have one English word.
            found.setdefault(self.groups[at], {})[self.names[at]] = None
            at = marks.find(mark, at + 1)
        return {group: "|".join(names) for group, names in found.items()}


def one_group(folder: Folder, faults: Faults, group: str) -> Vocabulary:
    """The in-shop attributes: names only, which may have spaces."""
    rows = folder.open("list_attr_cloth.txt", "attribute_name", faults)
    names = list(_whole_list(rows))
    return Vocabulary(names, [group] * len(names))


def numbered_groups(folder: Folder, faults: Faults, file: str, columns: str, groups: dict[int, str]) -> Vocabulary:
    """Names that may have spaces, and the number of their group."""
    rows = folder.open(file, columns, faults)
    names, kinds = [], []
    for text in _whole_list(rows):
        *name, kind = text.rsplit(None, 1)
        names.append("".join(name))
        kinds.append(_group(rows, text, kind, groups))
    return Vocabulary(names, kinds)


def bilingual(folder: Folder, faults: Faults) -> Vocabulary:
    """The consumer-to-shop attributes by their English names, and their types, which have a list of their own."""
    types = folder.open("list_attr_type.txt", "attribute_type (chinese) attribute_type (english)", faults)
    english = (text.split(None, 1)[-1] for text in _whole_list(types))
    groups = {number: column_name(name) for number, name in enumerate(english, start=1)}
    if len(set(groups.values())) < len(groups):
        raise CatalogError(f"{types.path} names a type twice; get the file from the authors' archive again")
    columns = "attribute_name (chinese) attribute_name (english) attribute_type"
    rows = folder.open("list_attr_cloth.txt", columns, faults)
    names, kinds = [], []
    for text in _whole_list(rows):
        match = _BILINGUAL.fullmatch(text)
        if match is None:
            raise CatalogError(f"{rows.path}: {text[:80]!r} is not a Chinese name, an English name and a type's number")
        names.append(" ".join(match[2].split()))
        kinds.append(_group(rows, text, match[3], groups))
    return Vocabulary(names, kinds)


def _group(rows: List, text: str, word: str, groups: dict[int, str]) -> str:
    try:
        return groups[whole(word)]
    except (KeyError, ValueError):
        known = ", ".join(f"{number} {group}" for number, group in groups.items())
        raise CatalogError(f"{rows.path}: {text[:80]!r} ends in none of the types {known}") from None


def _whole_list(rows: List) -> Iterator[str]:
    """Rows of a list of names, on whose order all labels hang: it is whole, or of no use.

    Raises:
        CatalogError: It has another number of rows than it says, or a name that cannot be joined with others.
    """
    lines = [row.text for row in rows.rows()]
    if len(lines) != rows.count:
        raise CatalogError(
            f"{rows.path} says {rows.count:,} names and has {len(lines):,}, so labels cannot be told apart: get the "
            "file from the authors' archive again"
        )
    for text in lines:
        if "|" in text:
            raise CatalogError(f"{rows.path}: name {text[:80]!r} holds '|', which joins names; rename it")
        yield text

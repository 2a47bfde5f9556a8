"""The words a model learns: classes, attribute values and tags, found in what is learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wearabouts.catalog import Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.training.data.recipe import Data

Integers = npt.NDArray[np.int64]
Signs = npt.NDArray[np.int8]
YES, NO, UNKNOWN = 1, -1, 0


@dataclass(frozen=True)
class Vocabulary:
    """The classes, values and tags of a training, each sorted.

    Attributes:
        categories: Class names.
        garments: Whether they are `Product.garment`, which a bundle tells as its garments; else as attribute
            ``category``.
        attributes: Name → its values, in the recipe's order of names.
        tags: ``group:value``, the group as the recipe names it (``color+garment:red-dress``).
    """

    categories: tuple[str, ...]
    garments: bool
    attributes: dict[str, tuple[str, ...]]
    tags: tuple[str, ...]

    @property
    def groups(self) -> dict[str, Integers]:
        """Places of each group's tags in `tags`."""
        found: dict[str, list[int]] = {}
        for place, tag in enumerate(self.tags):
            found.setdefault(tag.split(":", 1)[0], []).append(place)
        return {group: np.array(places, np.int64) for group, places in found.items()}

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it, for `run.json`; `read` makes the vocabulary of it again."""
        return asdict(self)

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Vocabulary:
        """The vocabulary that `plain` told."""
        attributes = {str(name): tuple(values) for name, values in plain["attributes"].items()}
        return cls(tuple(plain["categories"]), bool(plain["garments"]), attributes, tuple(plain["tags"]))


class Labelled(NamedTuple):
    """A photo beside the product it shows."""

    photo: Photo
    product: Product

    def label(self, name: str) -> str | None:
        """A label of the photo, else an attribute of the product; None where neither has it."""
        said = self.photo.labels.get(name)
        return self.product.attributes.get(name) if said is None else said

    def category(self, kind: str) -> str:
        """The class, empty where unknown."""
        if kind == "garment":
            return self.product.garment or self.photo.labels.get("garment", "")
        return self.product.category if kind == "category" else ""

    def tags(self, group: str) -> tuple[set[str], set[str]] | None:
        """Values of a group that hold, and those nobody knows of; None where nothing is known."""
        parts = group.split("+")
        if len(parts) > 1:
            said = [self.label(part) for part in parts]
            return ({"-".join(word for word in said if word)}, set()) if all(said) else None
        listed = self.label(group)
        if listed is None:
            return None
        return _split(listed), _split(self.label(f"{group}?") or "")


def found(data: Data, labelled: Sequence[Labelled]) -> Vocabulary:
    """The vocabulary of what is learned from.

    Raises:
        CatalogError: A label that the recipe names is on no photo, or there are fewer than two classes.
    """
    categories = sorted({one.category(data.category) for one in labelled} - {""})
    if data.category and len(categories) < 2:
        raise CatalogError(
            f"[data] category = {data.category!r}: {len(categories)} classes on {len(labelled):,} photos; "
            "training needs two, or category = ''"
        )
    attributes = {}
    for name in data.attributes:
        values = sorted({one.label(name) or "" for one in labelled} - {""})
        if not values:
            raise _unlabelled("attributes", name, labelled)
        attributes[name] = tuple(values)
    tags: list[str] = []
    for group in data.tags:
        counts = Counter(value for one in labelled for value in (one.tags(group) or (set(),))[0])
        kept = sorted(value for value, count in counts.items() if count >= data.min_tag)
        if not kept:
            raise _unlabelled("tags", group, labelled)
        tags += [f"{group}:{value}" for value in kept]
    return Vocabulary(tuple(categories), data.category == "garment", attributes, tuple(tags))


def coded(data: Data, words: Vocabulary, labelled: Sequence[Labelled]) -> tuple[Integers, Integers, Signs]:
    """Classes (N,), attributes (N, A) and tags (N, T) as `wearabouts.training.data.rows.Supervision` has them.

    Words that the vocabulary lacks are unknown (a class, a value) or dropped (a tag).
    """
    categories = _places(words.categories)
    category = np.array([categories(one.category(data.category)) for one in labelled], np.int64)
    attributes = np.full((len(labelled), len(words.attributes)), -1, np.int64)
    for column, (name, values) in enumerate(words.attributes.items()):
        place = _places(values)
        attributes[:, column] = [place(one.label(name) or "") for one in labelled]
    tags = np.zeros((len(labelled), len(words.tags)), np.int8)
    for group, columns in words.groups.items():
        place = _places([words.tags[column].split(":", 1)[1] for column in columns])
        first, last = int(columns[0]), int(columns[-1]) + 1
        for row, one in enumerate(labelled):
            said = one.tags(group)
            if said is None:
                continue
            tags[row, first:last] = NO
            for named, sign in ((said[1], UNKNOWN), (said[0], YES)):
                for value in named:
                    if (at := place(value)) >= 0:
                        tags[row, first + at] = sign
    return category, attributes, tags


def _places(words: Sequence[str]) -> Callable[[str], int]:
    table = {word: place for place, word in enumerate(words)}
    return lambda word: table.get(word, -1)


def _split(listed: str) -> set[str]:
    return {value.strip() for value in listed.split("|")} - {""}


def _unlabelled(key: str, name: str, labelled: Sequence[Labelled]) -> CatalogError:
    there = sorted({key for one in labelled[:1000] for key in (*one.photo.labels, *one.product.attributes)})
    return CatalogError(
        f"[data] {key} names {name!r}, which none of {len(labelled):,} photos has (often enough); "
        f"there are: {', '.join(there[:40]) or 'none'}"
    )

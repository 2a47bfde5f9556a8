"""Folders of pictures: one product a subfolder, or one a file where a folder holds a whole class.

Three layouts are told apart (option ``layout`` decides where the guess is wrong):

* ``products``: each folder with pictures is one product, its parent folders are the category.
* ``classes``: each folder with pictures is a class (CIFAR-10, ImageNet), each file a product; the folder is the
category.
* ``files``: pictures lie in one folder, each is a product.

A folder named train, val, test, query or gallery on the way is a split, and one named street or shop is a side: they
are no part of a product's id (except with ``classes``, where file names repeat between splits).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Literal

from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers.intake import Draft, DraftPhoto, Intake
from wearabouts.types import Side

SUFFIXES = frozenset([
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".avif", ".heic", ".heif", ".tif", ".tiff"
])  # fmt: skip
SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
          "query": "query", "queries": "query", "gallery": "gallery"}  # fmt: skip
SIDES: dict[str, Side] = {"street": "street", "consumer": "street", "user": "street", "shop": "shop"}
MAX_DEPTH = 12
CLASS_SIZE = 30  # pictures: a product seldom has as many, a class seldom has fewer

Layout = Literal["products", "classes", "files"]


def read(source: Path, faults: Faults, *, layout: Layout | None = None) -> Iterator[Product]:
    """Walk a folder of pictures.

    Args:
        source: The folder.
        faults: Where folders and files that cannot be read go.
        layout: ``products``, ``classes`` or ``files``; None guesses.
    """
    intake = Intake(source, faults)
    folders = _folders(source, intake)
    chosen = _layout(folders, layout)
    row = 0
    for key, members in _grouped(folders, chosen).items():
        for draft in _drafts(key, members, chosen):
            row += 1
            draft.row = row
            for photo in draft.photos:
                photo.row = row
            if product := intake.product(draft):
                yield product


def notes(source: Path, *, layout: Layout | None = None) -> tuple[str, ...]:
    """What was made of the folder, for people."""
    folders = _folders(source, Intake(source, Faults()))
    if not folders:
        raise CatalogError(f"folder {source} holds no pictures; known are {', '.join(sorted(SUFFIXES))}")
    chosen = _layout(folders, layout)
    words = {
        "products": "each subfolder is one product",
        "classes": "each subfolder is a class and each file a product",
        "files": "each file is one product",
    }
    return (f"layout {chosen}: {words[chosen]} (option layout: products, classes or files)",)


def _folders(source: Path, intake: Intake) -> dict[tuple[str, ...], list[str]]:
    """Relative folder → its pictures, both sorted by name; links to folders are not followed."""
    found: dict[tuple[str, ...], list[str]] = {}
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        try:
            with os.scandir(source.joinpath(*parts)) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as problem:
            intake.fault(0, "/".join(parts), f"the folder cannot be read ({problem.strerror})")
            continue
        deeper: list[tuple[str, ...]] = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_dir(follow_symlinks=False):
                deeper.append((*parts, entry.name))
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                found.setdefault(parts, []).append(entry.name)
        if deeper and len(parts) >= MAX_DEPTH:
            intake.fault(0, "/".join(parts), f"folders nested more than {MAX_DEPTH} deep are not read")
            continue
        waiting.extend(reversed(deeper))
    return found


def _layout(folders: dict[tuple[str, ...], list[str]], layout: Layout | None) -> Layout:
    if layout is not None:
        if layout not in ("products", "classes", "files"):
            raise CatalogError(f"layout {layout!r} is not known; allowed: products, classes, files")
        return layout
    if len({_plain_parts(parts) for parts in folders}) == 1 and sum(map(len, folders.values())) > CLASS_SIZE:
        return "files"
    if all(not _plain_parts(parts) for parts in folders):
        return "files"
    sizes = [len(names) for parts, names in folders.items() if _plain_parts(parts)]
    return "classes" if median(sizes) > CLASS_SIZE else "products"


def _plain_parts(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for part in parts if part.lower() not in SPLITS and part.lower() not in SIDES)


def _grouped(
    folders: dict[tuple[str, ...], list[str]], layout: Layout
) -> dict[tuple[str, ...], list[tuple[tuple[str, ...], list[str]]]]:
    """The same product may lie under query/ and gallery/: its folders come together here."""
    groups: dict[tuple[str, ...], list[tuple[tuple[str, ...], list[str]]]] = {}
    for parts, names in folders.items():
        groups.setdefault(_plain_parts(parts) if layout == "products" else parts, []).append((parts, names))
    return groups


def _drafts(key: tuple[str, ...], members: list[tuple[tuple[str, ...], list[str]]], layout: Layout) -> Iterator[Draft]:
    if layout == "products" and key:
        photos = [_photo(parts, name) for parts, names in members for name in names]
        category = " > ".join(_words(part) for part in key[:-1])
        yield Draft(0, "/".join(key), title=_words(key[-1]), category=category, photos=photos)
        return
    for parts, names in members:
        category = " > ".join(_words(part) for part in _plain_parts(parts)) if layout == "classes" else ""
        for name in names:
            title = _words(os.path.splitext(name)[0])
            photos = [_photo(parts, name)]
            yield Draft(0, "/".join((*parts, name)), title=title, category=category, photos=photos)


def _photo(parts: tuple[str, ...], name: str) -> DraftPhoto:
    split = next((SPLITS[part.lower()] for part in parts if part.lower() in SPLITS), "")
    side = next((SIDES[part.lower()] for part in parts if part.lower() in SIDES), None)
    return DraftPhoto("/".join((*parts, name)), 0, "file", side or ("street" if split == "query" else "shop"), split)


def _words(name: str) -> str:
    return " ".join(name.replace("_", " ").split())

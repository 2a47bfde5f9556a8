"""DARN, street and shop photos with nine groups of attributes (Huang, Feris, Chen and Yan, ICCV 2015; 1505.07922).

Where to get it: the authors never published the pictures, and no mirror is known. This reader therefore takes a generic
layout, for whoever was given the set or has one of its kind. Licence: whatever yours came with.

Layout::

    ROOT/pairs.csv        item,street,shop,split            a street photo of an item and a shop photo of it
                          1007,street/1007_1.jpg,shop/1007_a.jpg,train
                          1008,,shop/1008_a.jpg,train       a shop photo alone (or, the other way, a street photo)
    ROOT/attributes.csv   item,button,category,color,length,pattern,shape,collar,sleeve_length,sleeve_shape
                          1007,3,11,0,,2,,17,1,5            empty: not known
    ROOT/values.csv       group,number,name                 optional: color,0,black

Paths start at ROOT and stay in it. ``pairs.csv`` may also have ``left,top,width,height``, the garment in the street
photo in pixels. ``split`` is train, val or test, for both photos of a row; a row may repeat photos of others that it
puts in the same item, side and split. A value is a number from 0 to one below the size of its group (`GROUPS`), or,
where ``values.csv`` names it, that name; named values come out as names, the others as numbers.

Expected: the paper counts 453,983 shop photos, and 179 values in nine groups: 12, 20, 56, 6, 27, 10, 25, 7, 16. The
complete lists of values are not public.

Traps: an attribute that is missing is unknown, not a class of its own; a value outside its group is a fault, not a
180th value; several photos of an item share its attributes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.garments import garment_of
from wearabouts.readers import rows
from wearabouts.readers.intake import Intake
from wearabouts.readers.rows import Row
from wearabouts.types import Box, Side

GROUPS: dict[str, int] = {
    "button": 12,
    "category": 20,
    "color": 56,
    "length": 6,
    "pattern": 27,
    "shape": 10,
    "collar": 25,
    "sleeve_length": 7,
    "sleeve_shape": 16,
}
SPLITS = ("train", "val", "test")
EXPECTED: dict[str, int] = {"side:shop": 453_983}
MAX_ROWS = 5_000_000  # of pairs.csv; its items are held in memory, since their rows may stand anywhere
_PAIRS, _ATTRIBUTES, _VALUES = "pairs.csv", "attributes.csv", "values.csv"
_BOX = ("left", "top", "width", "height")


@dataclass(slots=True)
class _Item:
    row: int
    split: str
    street: dict[str, Box | None] = field(default_factory=dict)
    shop: dict[str, Box | None] = field(default_factory=dict)


def read(source: Path, faults: Faults) -> Iterator[Product]:
    """Walk the items in the order of ``pairs.csv``.

    Args:
        source: The root.
        faults: Where rows and values that cannot be read go.

    Raises:
        CatalogError: ``pairs.csv`` or ``attributes.csv`` is missing or lacks a column.
    """
    names = _names(source, faults)
    attributes = _attributes(source, names, faults)
    items, root = _items(source, faults), os.path.realpath(source)
    for number in attributes.keys() - items.keys():
        faults.add(Fault(str(source / _ATTRIBUTES), 0, "item", f"item {number!r} is in no pair; it has no photo"))
    for number, item in items.items():
        known = attributes.get(number, {})
        photos = (*_photos(root, item, item.street, "street"), *_photos(root, item, item.shop, "shop"))
        category = known.get("category", "")
        yield Product(number, photos, category=category, garment=garment_of(category), attributes=known)


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """What is known of the values."""
    faults = Faults()
    counts = {group: len(found) for group, found in _names(source, faults).items() if found}
    sizes = ", ".join(f"{group} {size}" for group, size in GROUPS.items())
    if not counts:
        return (f"DARN, values as numbers ({sizes}): no {_VALUES} names them",)
    named = ", ".join(f"{count} of {GROUPS[group]} of {group}" for group, count in counts.items())
    return (f"DARN, values ({sizes}); named by {_VALUES}: {named}",)


def _table(source: Path, name: str, columns: tuple[str, ...], faults: Faults) -> Iterator[Row]:
    path = source / name
    if not path.is_file():
        raise CatalogError(
            f"no {name} in {source}: a set in the layout of DARN has pairs.csv and attributes.csv there; write it with "
            f"columns {','.join(columns)}"
        )
    intake = Intake(path, faults)
    dialect = rows.sniff(path)
    if missing := [column for column in columns if column not in dialect.header]:
        raise CatalogError(
            f"{path} lacks column {', '.join(missing)} (it has {', '.join(dialect.header[:20])}); "
            f"its header is {','.join(columns)}"
        )
    return rows.read(intake, dialect)


def _names(source: Path, faults: Faults) -> dict[str, dict[str, int]]:
    """Group → name → number, of values.csv."""
    found: dict[str, dict[str, int]] = {group: {} for group in GROUPS}
    if not (source / _VALUES).is_file():
        return found
    for row in _table(source, _VALUES, ("group", "number", "name"), faults):
        group, name = row.get("group"), row.get("name")
        try:
            if group not in GROUPS:
                raise ValueError(f"group {group[:60]!r} is not one of {', '.join(GROUPS)}")
            number = _number(group, row.get("number"))
            if not name or name in found[group] or number in found[group].values() or name.isdigit():
                raise ValueError(f"name {name[:60]!r} of {group} {number} is empty, a number, or stood before")
            found[group][name] = number
        except ValueError as problem:
            faults.add(Fault(str(source / _VALUES), row.number, "", f"{problem}; the line was left out", "field"))
    return found


def _number(group: str, raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and len(raw) < 9 and int(raw) < GROUPS[group]):
        raise ValueError(f"{group} {raw[:60]!r} is outside its group: 0 to {GROUPS[group] - 1}, or a name of {_VALUES}")
    return int(raw)


def _attributes(source: Path, names: Mapping[str, dict[str, int]], faults: Faults) -> dict[str, dict[str, str]]:
    """Item → group → value, those that are known."""
    shown = {group: {number: name for name, number in known.items()} for group, known in names.items()}
    found: dict[str, dict[str, str]] = {}
    path = str(source / _ATTRIBUTES)
    for row in _table(source, _ATTRIBUTES, ("item", *GROUPS), faults):
        item = row.get("item")
        if not item or item in found:
            faults.add(Fault(path, row.number, "item", f"item {item[:80]!r} is empty or stood before", "field"))
            continue
        known = found[item] = {}
        for group in GROUPS:
            raw = row.get(group)
            if not raw:
                continue
            try:
                number = names[group][raw] if raw in names[group] else _number(group, raw)
                known[group] = shown[group].get(number, str(number))
            except ValueError as problem:
                faults.add(Fault(path, row.number, group, f"{problem}; taken as unknown", "field"))
    return found


def _items(source: Path, faults: Faults) -> dict[str, _Item]:
    path = source / _PAIRS
    desk = Intake(path, faults)
    items: dict[str, _Item] = {}
    owners: dict[str, tuple[str, str]] = {}
    for row in _table(source, _PAIRS, ("item", "street", "shop", "split"), faults):
        if row.number > MAX_ROWS:
            raise CatalogError(f"{path} has more than {MAX_ROWS:,} rows; split it into several sets")
        try:
            number, split = row.get("item"), row.get("split").lower()
            if not number or len(number) > 256 or split not in SPLITS:
                raise ValueError(f"item {number[:60]!r} with split {split[:20]!r}: allowed is train, val or test")
            item = items.get(number) or _Item(row.number, split)
            if item.split != split:
                raise ValueError(f"item {number!r} is in {item.split} (row {item.row}) and in {split}: a leak")
            _add(desk, row, number, item, owners)
        except ValueError as problem:
            faults.add(Fault(str(path), row.number, "", f"{problem}; the row was left out", "photo"))
            continue
        items[number] = item
    return items


def _add(desk: Intake, row: Row, number: str, item: _Item, owners: dict[str, tuple[str, str]]) -> None:
    """Put the photos of a row into its item."""
    given = {side: raw for side in ("street", "shop") if (raw := row.get(side))}
    if not given:
        raise ValueError(f"item {number!r} with neither a street nor a shop photo")
    uris = {side: desk.uri(raw) for side, raw in given.items()}
    for side, uri in uris.items():
        if uri.startswith(("http://", "https://")):
            raise ValueError(f"{side} {given[side][:80]!r} is an address; allowed: a path in the root")
        owner = owners.get(uri, (number, side))
        if owner != (number, side):
            raise ValueError(f"photo {given[side][:80]!r} is a {owner[1]} photo of item {owner[0]!r} already")
    if len(set(uris.values())) < len(uris):
        raise ValueError(f"photo {given['shop'][:80]!r} cannot be both the street and the shop photo")
    owners.update((uri, (number, side)) for side, uri in uris.items())
    if "shop" in uris:
        item.shop.setdefault(uris["shop"], None)
    if "street" in uris:
        box = _box(desk, row)
        item.street[uris["street"]] = item.street.get(uris["street"]) or box


def _box(desk: Intake, row: Row) -> Box | None:
    cells = [row.get(side) for side in _BOX]
    if not any(cells):
        return None
    try:
        return Box(*(float(cell) for cell in cells))
    except ValueError:
        reason = f"box {','.join(cells)[:80]!r} is not four numbers left,top,width,height; the whole photo is used"
        desk.fault(row.number, "left", reason, "field")
        return None


def _photos(root: str, item: _Item, found: Mapping[str, Box | None], side: Side) -> Iterator[Photo]:
    for uri, box in found.items():
        yield Photo(Path(uri).relative_to(root).as_posix(), uri, side, item.split, box)

"""DeepFashion In-shop Clothes Retrieval: the shop's own photos of an item find one another (CVPR 2016).

Where to get it: mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html, on request. Licence: non-commercial
research and education only.

Layout (``attributes/`` may be missing: older packages have its files in ``Anno/``)::

    ROOT/Eval/list_eval_partition.txt             image_name item_id evaluation_status (train, query, gallery)
    ROOT/Anno/list_bbox_inshop.txt                image_name clothes_type pose_type x_1 y_1 x_2 y_2
    ROOT/Anno/list_landmarks_inshop.txt           image_name clothes_type variation_type landmark_visibility_1 …
    ROOT/Anno/list_item_inshop.txt                item ids, without a line of names
    ROOT/Anno/list_description_inshop.json        [{"item": …, "color": …, "description": […]}, …]
    ROOT/Anno/attributes/list_attr_cloth.txt      463 names; list_attr_items.txt: item_id attribute_labels
    ROOT/Anno/attributes/list_color_cloth.txt     image_name clothes_color
    ROOT/Img/img/WOMEN/Dresses/id_00000002/02_1_front.jpg       or ROOT/img/…

Only the partition has to be there; what else is missing is a fault that says what it costs.

Expected: `EXPECTED`, which are the released set's (the paper has 54,642 photos of 11,735 items). 23 categories, 463
attributes; 12 training items have one photo only.

Traps: 99 items lie in two category folders, and list_attr_items.txt has them twice: the item id counts, never the
folder. The colour number in a file's name is the item's own, no colour of the world. Colours and attributes have spaces
in their names. Boxes and landmarks are those of the 256 × 256 pictures: with ``highres`` they are left out. 13,593 of
the 14,218 queries have a gallery photo of their item in the same colour, nearly the same picture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.garments import garment_of
from wearabouts.readers.datasets.deepfashion.folders import Folder
from wearabouts.readers.datasets.deepfashion.items import Items
from wearabouts.readers.datasets.deepfashion.lists import Lookup
from wearabouts.readers.datasets.deepfashion.marks import Marks
from wearabouts.readers.datasets.deepfashion.pictures import Pictures, photo_id
from wearabouts.readers.fields import text

BENCHMARK = "In-shop Clothes Retrieval Benchmark"
PARTITION, ITEMS = "list_eval_partition.txt", "list_item_inshop.txt"
BOXES, LANDMARKS = "list_bbox_inshop.txt", "list_landmarks_inshop.txt"
NAMES, LABELS = "list_attr_cloth.txt", "list_attr_items.txt"
COLORS, DESCRIPTIONS = "list_color_cloth.txt", "list_description_inshop.json"
LISTS = {
    PARTITION: ("partition", ""),
    ITEMS: ("items", "items cannot be checked against it"),
    BOXES: ("boxes", "photos have no box, clothes_type and pose"),
    LANDMARKS: ("landmarks", "photos have no landmarks"),
    COLORS: ("colors", "photos have no color"),
    NAMES: ("attributes", "items have no attributes"),
    LABELS: ("attribute_labels", "items have no attributes"),
    DESCRIPTIONS: ("descriptions", "items have no description"),
}
SPLITS = ("train", "query", "gallery")
SIDE = 256  # pixels: every picture is centred in a square of it
EXPECTED: dict[str, int] = {
    "products": 7_982,
    "photos": 52_712,
    "photos:train": 25_882,
    "photos:query": 14_218,
    "photos:gallery": 12_612,
    "products:train": 3_997,
    "products:query": 3_985,
    "products:gallery": 3_985,
    "side:shop": 52_712,
    "rows:partition": 52_712,
    "rows:items": 7_982,
    "rows:attributes": 463,
    "rows:colors": 52_712,
}
MAX_DESCRIPTIONS = 64 << 20  # bytes
MAX_DESCRIPTION = 500  # characters
_FILE = re.compile(r"(\d+)_\d+_([a-z]+)\.\w+")


@dataclass(slots=True)
class _Listed:
    row: int
    name: str
    split: str


def read(
    source: Path,
    faults: Faults,
    *,
    highres: bool = False,
    images: str | None = None,
    pictures: bool = True,
    unknown: bool = False,
) -> Iterator[Product]:
    """Walk the items in the order of the partition, each with all its photos.

    Args:
        source: The benchmark's folder.
        faults: Where rows and photos that cannot be read go.
        highres: Take the pictures of ``img_highres``; boxes and landmarks, which are not of that size, are left out.
        images: The picture folder where it is not in `source`.
        pictures: False reads the lists alone: photos are not looked for.
        unknown: Also give what is unknown of an item, as attribute ``attributes?``.

    Raises:
        CatalogError: The partition or the pictures are missing, or a list is none.
    """
    folder = Folder(source, BENCHMARK, LISTS, EXPECTED)
    listed = _partition(folder, faults)
    shown = Pictures(folder, faults, highres=highres, images=images, check=pictures)
    marks = Marks(folder, faults, BOXES, LANDMARKS, columns=("clothes_type", "pose_type"), side=SIDE, keep=not highres)
    colors = folder.optional(COLORS, "image_name clothes_color", faults)
    by_photo = Lookup(colors) if colors else None
    items = Items(folder, faults, ITEMS, listed.keys(), types=False, unknown=unknown)
    described = _descriptions(folder, faults)
    partition = str(folder.need(PARTITION))
    for item, photos in listed.items():
        known = items.attributes(item)
        found: list[Photo] = []
        for one in photos:
            photo = _photo(one, marks, by_photo, shown, faults, partition)
            if photo is not None:
                found.append(photo)
        if not found:
            faults.add(Fault(partition, photos[0].row, "item_id", f"item {item} has no photo that is there"))
            continue
        yield _product(item, photos[0].name, tuple(found), known, described.get(item, ""))
    marks.finish()
    items.finish()
    if by_photo:
        by_photo.finish()


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """Rows of each list, and what is missing.

    Raises:
        CatalogError: There is no partition.
    """
    folder = Folder(source, BENCHMARK, LISTS, EXPECTED)
    folder.need(PARTITION)
    return (f"{BENCHMARK}, DeepFashion: non-commercial research only", *folder.notes())


def _partition(folder: Folder, faults: Faults) -> dict[str, list[_Listed]]:
    """Item → its photos, in the order of the list."""
    rows = folder.open(PARTITION, "image_name item_id evaluation_status", faults, "photo")
    listed: dict[str, list[_Listed]] = {}
    seen: dict[str, int] = {}
    told: set[str] = set()
    for row in rows.rows():
        words = row.text.split()
        try:
            if len(words) != 3:
                raise ValueError(f"row has {len(words)} words, expected are image_name item_id evaluation_status")
            name, item, split = words
            photo_id(name)
            if split not in SPLITS:
                raise ValueError(f"evaluation_status {split[:40]!r} is not one of {', '.join(SPLITS)}")
            if name in seen:
                raise ValueError(f"photo {name} stood before, in row {seen[name]}")
        except ValueError as problem:
            rows.fault(row.number, "", f"{problem}; the row was left out")
            continue
        seen[name] = row.number
        if f"/{item}/" not in name:
            rows.fault(row.number, "item_id", f"photo {name} lies in no folder of {item}; the column was kept", "field")
        of = listed.setdefault(item, [])
        if of and (of[0].split == "train") != (split == "train") and item not in told:
            told.add(item)
            reason = f"item {item} is in {of[0].split} and in {split}: it leaks from training into the test"
            rows.fault(row.number, "evaluation_status", reason, "field")
        of.append(_Listed(row.number, name, split))
    return listed


def _photo(
    one: _Listed, marks: Marks, colors: Lookup | None, shown: Pictures, faults: Faults, partition: str
) -> Photo | None:
    mark = marks.of(one.name)
    color = colors.get(one.name) if colors else None
    name = photo_id(one.name)
    uri = shown.uri(name, partition, one.row)
    if uri is None:
        return None
    labels = {"directory": "/".join(name.split("/")[:-2]), **mark.labels}
    if "pose_type" in labels:
        labels["pose"] = labels.pop("pose_type")
    if color is not None and color.text:
        labels["color"] = text(color.text)
    parts = _FILE.fullmatch(name.rpartition("/")[2])
    if parts is None:
        reason = f"photo {one.name} is not named colour number, view number, view, as 02_1_front.jpg; it has no view"
        faults.add(Fault(partition, one.row, "image_name", reason, "field"))
    else:
        labels["color_number"], labels["view"] = parts[1], parts[2]
    return Photo(name, uri, "shop", one.split, mark.box, mark.landmarks, labels)


def _product(item: str, name: str, photos: tuple[Photo, ...], known: dict[str, str], description: str) -> Product:
    directory = photo_id(name).split("/")[:-2]
    colors = dict.fromkeys(photo.labels["color"] for photo in photos if "color" in photo.labels)
    attributes = dict(known)
    if colors:
        attributes["color"] = "|".join(colors)
    if description:
        attributes["description"] = description
    words = " > ".join(directory)
    return Product(item, photos, category=words, garment=garment_of(words.replace("_", " & ")), attributes=attributes)


def _descriptions(folder: Folder, faults: Faults) -> dict[str, str]:
    """Item → the description of its first colour."""
    path = folder.find(DESCRIPTIONS)
    if path is None:
        faults.add(Fault(str(folder.root), 0, "", f"no {DESCRIPTIONS}, so {LISTS[DESCRIPTIONS][1]}", "field"))
        return {}
    try:
        if path.stat().st_size > MAX_DESCRIPTIONS:
            raise ValueError(f"it has more than {MAX_DESCRIPTIONS:,} bytes")
        entries = json.loads(path.read_bytes().decode("utf-8-sig"))
        if not isinstance(entries, list):
            raise ValueError("it is not a list")
    except (OSError, ValueError, RecursionError) as problem:
        reason = f"descriptions cannot be read ({str(problem)[:200]}); items have none"
        faults.add(Fault(str(path), 0, "", reason, "field"))
        return {}
    found: dict[str, str] = {}
    for number, entry in enumerate(entries, start=1):
        item, said = (entry.get("item"), entry.get("description")) if isinstance(entry, dict) else (None, None)
        if not isinstance(item, str) or not (isinstance(said, list) and all(isinstance(line, str) for line in said)):
            reason = 'entry is not {"item": …, "color": …, "description": […]}; it was left out'
            faults.add(Fault(str(path), number, "", reason, "field"))
            continue
        found.setdefault(item, text(" ".join(said), MAX_DESCRIPTION))
    return found

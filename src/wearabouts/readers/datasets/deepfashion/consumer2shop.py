"""DeepFashion Consumer-to-shop Clothes Retrieval: a customer's photo finds the shop's of the same item (CVPR 2016).

Where to get it: mmlab.ie.cuhk.edu.hk/projects/DeepFashion/Consumer2ShopRetrieval.html, on request. Licence:
non-commercial research and education only.

Layout (``attributes/`` in ``Anno/`` is read too)::

    ROOT/Eval/list_eval_partition.txt             image_pair_name_1 image_pair_name_2 item_id evaluation_status
    ROOT/Anno/list_bbox_consumer2shop.txt         image_name clothes_type source_type x_1 y_1 x_2 y_2
    ROOT/Anno/list_landmarks_consumer2shop.txt    image_name clothes_type variation_type landmark_visibility_1 …
    ROOT/Anno/list_item_consumer2shop.txt         item ids, without a line of names
    ROOT/Anno/list_attr_type.txt                  18 types, Chinese and English; the line's number is the type's
    ROOT/Anno/list_attr_cloth.txt                 303 attributes: Chinese, English, type
    ROOT/Anno/list_attr_items.txt                 item_id attribute_labels
    ROOT/Img/img/TOPS/T_Shirt/id_00000001/comsumer_01.jpg and shop_02.jpg       or ROOT/img/…

Only the partition has to be there; what else is missing is a fault that says what it costs.

Expected: `EXPECTED`. In the part for testing of upper-body clothes, 26,091 consumer and 6,746 shop photos of 4,929
items. The paper counts 251,361 pairs; the released set is another.

What a reader gives: of each pair the first photo is the consumer's (side street), the second the shop's; both have the
split of the row, and the consumer's photo has its shop photo's id as label ``pair``. Two truths are therefore possible,
this very photo (the same colour) or any shop photo of the item; the protocol says which.

Traps: files are misspelt ``comsumer_01.jpg``, and stay so. Photos repeat across rows, so each is given once. Items lie
in several folders: the column counts. By the README, line 1 of the partition is the number of images, though its rows
are pairs: it may be either. list_attr_cloth.txt has a byte-order mark, CRLF, on four rows trailing spaces and on one a
tab. Two Chinese words may have one English word. Some boxes have no area. The archive in high resolution has
``Summer_Suit`` where lists say ``Summer_Wear``; boxes and landmarks are not of its size and are left out with
``highres``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wearabouts.catalog import Fault, Faults, Photo, Product
from wearabouts.garments import garment_of
from wearabouts.readers.datasets.deepfashion.folders import Folder
from wearabouts.readers.datasets.deepfashion.items import Items
from wearabouts.readers.datasets.deepfashion.lists import List, Row
from wearabouts.readers.datasets.deepfashion.marks import Marks
from wearabouts.readers.datasets.deepfashion.pictures import Pictures, photo_id
from wearabouts.types import Side

BENCHMARK = "Consumer-to-shop Clothes Retrieval Benchmark"
PARTITION, ITEMS = "list_eval_partition.txt", "list_item_consumer2shop.txt"
BOXES, LANDMARKS = "list_bbox_consumer2shop.txt", "list_landmarks_consumer2shop.txt"
LISTS = {
    PARTITION: ("pairs", ""),
    ITEMS: ("items", "items cannot be checked against it"),
    BOXES: ("boxes", "photos have no box and clothes_type"),
    LANDMARKS: ("landmarks", "photos have no landmarks"),
    "list_attr_type.txt": ("attribute_types", "items have no attributes"),
    "list_attr_cloth.txt": ("attributes", "items have no attributes"),
    "list_attr_items.txt": ("attribute_labels", "items have no attributes"),
}
SPLITS = ("train", "val", "test")
SIDE = 300  # pixels: the longest side of a picture
EXPECTED: dict[str, int] = {
    "products": 33_881,
    "photos": 239_557,
    "rows:pairs": 195_540,
    "rows:items": 33_881,
    "rows:attribute_types": 18,
    "rows:attributes": 303,
}
_ROLES: dict[str, Side] = {"comsumer": "street", "consumer": "street", "shop": "shop"}  # as files are named


@dataclass(slots=True)
class _Item:
    """Photos of an item: the row each first stood in, and of consumer photos their shop photos."""

    split: str
    rows: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, list[str]] = field(default_factory=dict)


def read(
    source: Path,
    faults: Faults,
    *,
    highres: bool = False,
    images: str | None = None,
    pictures: bool = True,
    unknown: bool = False,
) -> Iterator[Product]:
    """Walk the items in the order of the partition, each with its consumer and its shop photos.

    Args:
        source: The benchmark's folder.
        faults: Where rows and photos that cannot be read go.
        highres: Take the pictures of ``img_highres``; boxes and landmarks, which are not of that size, are left out.
        images: The picture folder where it is not in `source`.
        pictures: False reads the lists alone: photos are not looked for.
        unknown: Also give what is unknown of an item, under the type's name and a question mark.

    Raises:
        CatalogError: The partition or the pictures are missing, or a list is none.
    """
    folder = Folder(source, BENCHMARK, LISTS, EXPECTED)
    listed = _partition(folder, faults)
    shown = Pictures(folder, faults, highres=highres, images=images, check=pictures)
    marks = Marks(
        folder, faults, BOXES, LANDMARKS, columns=("clothes_type", "source_type"), side=SIDE, keep=not highres
    )
    items = Items(folder, faults, ITEMS, listed.keys(), types=True, unknown=unknown)
    partition = str(folder.need(PARTITION))
    for number, item in listed.items():
        known = items.attributes(number)
        found = tuple(_photos(item, marks, shown, faults, partition))
        first = next(iter(item.rows))
        if not found:
            faults.add(Fault(partition, item.rows[first], "item_id", f"item {number} has no photo that is there"))
            continue
        words = photo_id(first).split("/")[:-2]
        garment = garment_of(" > ".join(words).replace("_", " "))
        yield Product(number, found, category=" > ".join(words), garment=garment, attributes=known)
    marks.finish()
    items.finish()


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """Rows of each list, and what is missing.

    Raises:
        CatalogError: There is no partition.
    """
    folder = Folder(source, BENCHMARK, LISTS, EXPECTED)
    folder.need(PARTITION)
    return (f"{BENCHMARK}, DeepFashion: non-commercial research only", *folder.notes())


def _partition(folder: Folder, faults: Faults) -> dict[str, _Item]:
    """Item → its photos, in the order of the list."""
    rows = folder.open(PARTITION, "image_pair_name_1 image_pair_name_2 item_id evaluation_status", faults, "photo")
    listed: dict[str, _Item] = {}
    owners: dict[str, tuple[str, Side]] = {}
    rows.counted = lambda: len(owners)
    for row in rows.rows():
        try:
            street, shop, item, split = _words(row)
            for name, side in ((street, "street"), (shop, "shop")):
                owner = owners.get(name, (item, side))
                if owner != (item, side):
                    raise ValueError(f"photo {name} is a {owner[1]} photo of {owner[0]} already, here {side} of {item}")
            of = listed.get(item) or _Item(split)
            if of.split != split:
                raise ValueError(f"item {item} is in {of.split} already and in {split} here: it would leak")
        except ValueError as problem:
            rows.fault(row.number, "", f"{problem}; the row was left out")
            continue
        listed[item] = of
        _add(of, street, shop, row.number, rows)
        owners[street], owners[shop] = (item, "street"), (item, "shop")
        if f"/{item}/" not in street or f"/{item}/" not in shop:
            rows.fault(row.number, "item_id", f"a photo lies in no folder of {item}; the column was kept", "field")
    return listed


def _add(of: _Item, street: str, shop: str, row: int, rows: List) -> None:
    pairs = of.pairs.setdefault(street, [])
    if shop in pairs:
        rows.fault(row, "", f"the pair of {street} and {shop} stood before; it counts once", "field")
        return
    pairs.append(shop)
    of.rows.setdefault(street, row)
    of.rows.setdefault(shop, row)


def _words(row: Row) -> tuple[str, str, str, str]:
    """Consumer photo, shop photo, item and split of a row.

    Raises:
        ValueError: The row is cut off, a value is none, or a file's name says another role than its column.
    """
    words = row.text.split()
    if len(words) != 4:
        raise ValueError(f"row has {len(words)} words, expected are two photos, item_id and evaluation_status")
    street, shop, item, split = words
    if split not in SPLITS:
        raise ValueError(f"evaluation_status {split[:40]!r} is not one of {', '.join(SPLITS)}")
    for name, side in ((street, "street"), (shop, "shop")):
        photo_id(name)
        role = _ROLES.get(name.rpartition("/")[2].partition("_")[0], side)
        if role != side:
            raise ValueError(f"photo {name} is named as the {role} photo of the pair; the consumer's stands first")
    return street, shop, item, split


def _photos(item: _Item, marks: Marks, shown: Pictures, faults: Faults, partition: str) -> Iterator[Photo]:
    for name, row in item.rows.items():
        side: Side = "street" if name in item.pairs else "shop"
        mark = marks.of(name)
        uri = shown.uri(photo_id(name), partition, row, "image_pair_name")
        if uri is None:
            continue
        labels = mark.labels
        source = labels.pop("source_type", "")
        if source and source != ("consumer" if side == "street" else "shop"):
            reason = f"photo {name} is the {side} photo of a pair, and source_type says {source}; the pair was kept"
            faults.add(Fault(partition, row, "image_pair_name", reason, "field"))
        if side == "street":
            labels["pair"] = "|".join(photo_id(shop) for shop in item.pairs[name])
        yield Photo(photo_id(name), uri, side, item.split, mark.box, mark.landmarks, labels)

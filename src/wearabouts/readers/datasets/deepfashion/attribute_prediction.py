"""DeepFashion Category and Attribute Prediction: what garment it is, and what it is like (CVPR 2016).

Where to get it: mmlab.ie.cuhk.edu.hk/projects/DeepFashion/AttributePrediction.html, on request. Licence: non-commercial
research and education only.

Layout (newer packages say ``Anno_coarse`` for ``Anno`` and add ``Anno_fine``)::

    ROOT/Eval/list_eval_partition.txt       image_name evaluation_status (train, val, test)
    ROOT/Anno/list_category_cloth.txt       category_name category_type: 50 names, the line's number is the label
    ROOT/Anno/list_category_img.txt         image_name category_label
    ROOT/Anno/list_attr_cloth.txt           attribute_name attribute_type: 1,000 names in five groups
    ROOT/Anno/list_attr_img.txt             image_name attribute_labels: 1,000 of -1, 0, 1
    ROOT/Anno/list_bbox.txt                 image_name x_1 y_1 x_2 y_2
    ROOT/Anno/list_landmarks.txt            image_name clothes_type landmark_visibility_1 …: no variation_type here
    ROOT/Img/img/Sheer_Pleated-Front_Blouse/img_00000001.jpg      or ROOT/img/…
    ROOT/Anno_fine/train.txt, train_attr.txt …                    `wearabouts.readers.datasets.deepfashion.fine`

Expected: `EXPECTED`; with ``annotation=fine``, `wearabouts.readers.datasets.deepfashion.fine.EXPECTED`. The paper
counts 63,720 photos; the released set is another. Groups have 156, 218, 180, 216 and 230 attributes. Of the 50
categories 46 occur: Cape, Nightdress, Shirtdress and Sundress were put into Dress.

What a reader gives: each photo is a product, its category the category's name. Labels texture, fabric, shape, part and
style are the attributes that hold, joined by ``|``; ``texture?`` and so on those that are not known, where any are.

Traps: list_landmarks.txt has no variation_type, other than in the three other benchmarks. Base names occur in every
folder. Folder names on disk differ from the lists in letter case here and there. Labels are -1, 0 and 1, and 0 is not
no. list_attr_img.txt has 289,222 rows of 1,000 labels, which are read one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from wearabouts.catalog import Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.garments import garment_of
from wearabouts.readers.datasets.deepfashion import fine
from wearabouts.readers.datasets.deepfashion.folders import Folder
from wearabouts.readers.datasets.deepfashion.labels import Vocabulary, numbered_groups
from wearabouts.readers.datasets.deepfashion.lists import Lookup
from wearabouts.readers.datasets.deepfashion.marks import CLOTHES, Marks, whole
from wearabouts.readers.datasets.deepfashion.partition import PARTITION, walk
from wearabouts.readers.datasets.deepfashion.pictures import Pictures

BENCHMARK = "Category and Attribute Prediction Benchmark"
NEEDED = {
    PARTITION: "partition",
    "list_category_cloth.txt": "categories",
    "list_category_img.txt": "category_labels",
    "list_attr_cloth.txt": "attributes",
    "list_attr_img.txt": "attribute_labels",
}
LISTS = {
    **{name: (word, "") for name, word in NEEDED.items()},
    "list_bbox.txt": ("boxes", "photos have no box"),
    "list_landmarks.txt": ("landmarks", "photos have no landmarks and clothes_type"),
}
GROUPS = {1: "texture", 2: "fabric", 3: "shape", 4: "part", 5: "style"}
SIDE = 300  # pixels: the longest side of a picture
EXPECTED: dict[str, int] = {
    "products": 289_222,
    "photos": 289_222,
    "photos:train": 209_222,
    "photos:val": 40_000,
    "photos:test": 40_000,
    "rows:partition": 289_222,
    "rows:categories": 50,
    "rows:attributes": 1_000,
}
Annotation = Literal["coarse", "fine"]


def read(
    source: Path,
    faults: Faults,
    *,
    annotation: Annotation = "coarse",
    highres: bool = False,
    images: str | None = None,
    pictures: bool = True,
) -> Iterator[Product]:
    """Walk the photos in the order of the partition; each is a product of its own.

    Args:
        source: The benchmark's folder.
        faults: Where rows and photos that cannot be read go.
        annotation: ``coarse``, 1,000 attributes, or ``fine``, the 26 of ``Anno_fine``.
        highres: Take the pictures of ``img_highres``; boxes and landmarks, which are not of that size, are left out.
        images: The picture folder where it is not in `source`.
        pictures: False reads the lists alone: photos are not looked for.

    Raises:
        CatalogError: A list or the pictures are missing, or a list is none.
    """
    folder = _folder(source, annotation)
    shown = Pictures(folder, faults, highres=highres, images=images, check=pictures)
    if annotation == "fine":
        yield from fine.read(folder, faults, shown, SIDE, keep=not highres)
        return
    categories = numbered_groups(folder, faults, "list_category_cloth.txt", "category_name category_type", CLOTHES)
    words = numbered_groups(folder, faults, "list_attr_cloth.txt", "attribute_name attribute_type", GROUPS)
    kinds = Lookup(folder.open("list_category_img.txt", "image_name category_label", faults))
    labels = Lookup(folder.open("list_attr_img.txt", "image_name attribute_labels", faults))
    marks = Marks(folder, faults, "list_bbox.txt", "list_landmarks.txt", side=SIDE, keep=not highres)
    rows = folder.open(PARTITION, "image_name evaluation_status", faults, "photo")
    for one in walk(rows):
        mark = marks.of(one.listed)
        category = _category(kinds, one.listed, categories)
        found = {**mark.labels, **_attributes(labels, one.listed, words)}
        uri = shown.uri(one.id, str(rows.path), one.row)
        if uri is not None:
            photo = Photo(one.id, uri, "shop", one.split, mark.box, mark.landmarks, found)
            yield Product(one.id, (photo,), category=category, garment=garment_of(category))
    for lookup in (kinds, labels, marks):
        lookup.finish()


def expected(*, annotation: Annotation = "coarse", **_: object) -> dict[str, int]:
    """Published counts of either annotation."""
    return dict(fine.EXPECTED if annotation == "fine" else EXPECTED)


def notes(source: Path, *, annotation: Annotation = "coarse", **_: object) -> tuple[str, ...]:
    """Rows of each list, and what is missing.

    Raises:
        CatalogError: A list that is needed is missing.
    """
    folder = _folder(source, annotation)
    head = f"{BENCHMARK}, DeepFashion, annotation {annotation}: non-commercial research only"
    return (head, *(fine.notes(folder) if annotation == "fine" else folder.notes()))


def _folder(source: Path, annotation: Annotation) -> Folder:
    if annotation not in ("coarse", "fine"):
        raise CatalogError(f"annotation {annotation!r} is not known; allowed: coarse, fine")
    folder = Folder(source, BENCHMARK, LISTS, EXPECTED)
    if annotation == "fine":
        fine.check(folder)
        return folder
    try:
        for name in NEEDED:
            folder.need(name)
    except CatalogError as problem:
        if fine.there(folder):
            raise CatalogError(f"{problem}; Anno_fine is there: option annotation=fine reads it") from None
        raise
    return folder


def _category(kinds: Lookup, name: str, categories: Vocabulary) -> str:
    row = kinds.get(name)
    if row is None:
        return ""
    try:
        number = whole(row.text)
        if not 1 <= number <= len(categories):
            raise ValueError(f"{number} is not one of 1 to {len(categories)}")
    except ValueError as problem:
        kinds.list.fault(row.number, "category_label", f"category_label {problem}; the photo has no category", "field")
        return ""
    return categories.names[number - 1]


def _attributes(labels: Lookup, name: str, words: Vocabulary) -> dict[str, str]:
    row = labels.get(name)
    if row is None:
        return {}
    try:
        positive, unknown = words.read(row.text)
    except ValueError as problem:
        labels.list.fault(row.number, "attribute_labels", f"{problem}; the photo has no attributes", "field")
        return {}
    return {**positive, **{f"{group}?": names for group, names in unknown.items()}}

"""DeepFashion Fashion Landmark Detection: where collar, sleeves, waistline and hem are (Liu et al., ECCV 2016).

Where to get it: mmlab.ie.cuhk.edu.hk/projects/DeepFashion/LandmarkDetection.html, on request. Licence: non-commercial
research and education only.

Layout::

    ROOT/Eval/list_eval_partition.txt       image_name evaluation_status (train, val, test)
    ROOT/Anno/list_landmarks.txt            image_name clothes_type variation_type landmark_visibility_1 …
    ROOT/Anno/list_bbox.txt                 image_name x_1 y_1 x_2 y_2
    ROOT/Img/img/img_00000001.jpg           or ROOT/img/…

``list_joints.txt`` (14 joints of the body) is not read.

Expected: `EXPECTED`. The sizes of the parts, about 83,033, 19,992 and 19,991, could not be checked and are not
asserted.

Traps: visibility 0 is visible, 1 occluded and 2 cut off; what is cut off has no position. A lower garment has four
landmarks, which are the last four of the eight slots; an upper one has six, without a waistline. Left is the left of
the picture, and mirroring a picture swaps left and right.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wearabouts.catalog import Faults, Photo, Product
from wearabouts.readers.datasets.deepfashion.folders import Folder
from wearabouts.readers.datasets.deepfashion.marks import Marks
from wearabouts.readers.datasets.deepfashion.partition import PARTITION, walk
from wearabouts.readers.datasets.deepfashion.pictures import Pictures

BENCHMARK = "Fashion Landmark Detection Benchmark"
LISTS = {
    PARTITION: ("partition", ""),
    "list_landmarks.txt": ("landmarks", ""),
    "list_bbox.txt": ("boxes", "photos have no box"),
}
SIDE = 512  # pixels: the longest side of a picture
EXPECTED: dict[str, int] = {
    "products": 123_016,
    "photos": 123_016,
    "rows:landmarks": 123_016,
    "rows:partition": 123_016,
}


def read(source: Path, faults: Faults, *, images: str | None = None, pictures: bool = True) -> Iterator[Product]:
    """Walk the photos in the order of the partition; each is a product of its own.

    Args:
        source: The benchmark's folder.
        faults: Where rows and photos that cannot be read go.
        images: The picture folder where it is not in `source`.
        pictures: False reads the lists alone: photos are not looked for.

    Raises:
        CatalogError: Partition, landmarks or pictures are missing, or a list is none.
    """
    folder = Folder(source, BENCHMARK, LISTS, EXPECTED)
    folder.need("list_landmarks.txt")
    rows = folder.open(PARTITION, "image_name evaluation_status", faults, "photo")
    shown = Pictures(folder, faults, images=images, check=pictures)
    marks = Marks(folder, faults, "list_bbox.txt", "list_landmarks.txt", side=SIDE)
    for one in walk(rows):
        mark = marks.of(one.listed)
        uri = shown.uri(one.id, str(rows.path), one.row)
        if uri is not None:
            photo = Photo(one.id, uri, "shop", one.split, mark.box, mark.landmarks, mark.labels)
            yield Product(one.id, (photo,))
    marks.finish()


def notes(source: Path, **_: object) -> tuple[str, ...]:
    """Rows of each list, and what is missing.

    Raises:
        CatalogError: There is no partition or no list of landmarks.
    """
    folder = Folder(source, BENCHMARK, LISTS, EXPECTED)
    for name in (PARTITION, "list_landmarks.txt"):
        folder.need(name)
    return (f"{BENCHMARK}, DeepFashion: non-commercial research only", *folder.notes())

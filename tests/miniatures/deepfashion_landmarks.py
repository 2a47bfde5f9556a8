"""DeepFashion Fashion Landmark Detection in miniature."""

from __future__ import annotations

from pathlib import Path

from miniatures import pictures
from miniatures.deepfashion_rows import FULL, LOWER, UPPER, corners, landmark_names, photo, points, table
from wearabouts.types import Box

SIZE = (384, 512)
SPLITS = ("train", "train", "train", "val", "test")


def box(number: int) -> Box:
    """Where the garment of a photo is; it wanders, so that a detector has something to find."""
    return Box(40 + number * 37 % 120, 50 + number * 53 % 140, 180, 250)


def landmarks(root: Path, *, photos: int = 15, draw: bool = True) -> Path:
    """Write a dataset: types take turns upper, lower, full; of every fourth photo the second landmark is occluded and
    the third cut off.

    Returns:
        The root.
    """
    listed, boxes, marks = [], [], []
    for number in range(photos):
        name = f"img/img_{number + 1:08}.jpg"
        kind = (UPPER, LOWER, FULL)[number % 3]
        states = (0, 1, 2) if number % 4 == 3 else ()
        listed.append((name, SPLITS[number // 3 % 5]))
        boxes.append((name, corners(box(number))))
        marks.append((name, kind, 1 + number % 5, points(kind, box(number), states)))
        if draw:
            pictures.save(root / "Img" / name, photo(number % 3, SIZE, box(number), number, street=True))
    table(root / "Eval/list_eval_partition.txt", ("image_name", "evaluation_status"), listed)
    table(root / "Anno/list_bbox.txt", ("image_name", "x_1", "y_1", "x_2", "y_2"), boxes)
    table(root / "Anno/list_landmarks.txt", landmark_names(True), marks)
    return root

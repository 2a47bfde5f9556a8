"""DeepFashion In-shop in miniature."""

from __future__ import annotations

import json
from pathlib import Path

from miniatures import pictures
from miniatures.deepfashion_rows import FULL, LOWER, UPPER, corners, landmark_names, photo, points, table
from wearabouts.types import Box

DIRECTORIES = (("WOMEN/Dresses", FULL), ("MEN/Denim", LOWER), ("WOMEN/Tees_Tanks", UPPER))
OTHER = "WOMEN/Graphic_Tees"  # where items 1, 4, 7 … lie too
ATTRIBUTES = ("a-line", "v neck", "long sleeve", "floral print", "denim")
COLORS = ("Black", "Light Grey", "Red/White Stripe")
VIEWS = ("1_front", "2_side", "3_back", "4_full", "7_additional")
POSE = {"1_front": 1, "2_side": 2, "3_back": 3, "4_full": 4, "7_additional": 5}
BOX = Box(65, 45, 168, 207)
SIZE = (256, 256)
# Of an item for the test: colour number, view, split. The third colour is asked for and not in the gallery.
TESTED = (
    (1, "1_front", "gallery"),
    (1, "2_side", "query"),
    (1, "7_additional", "query"),
    (2, "1_front", "gallery"),
    (2, "4_full", "query"),
    (3, "3_back", "query"),
)
TRAINED = ((1, "1_front"), (1, "2_side"), (2, "1_front"))


def inshop(
    root: Path, *, items: int = 6, draw: bool = True, attributes: str = "Anno/attributes", images: str = "Img/img"
) -> Path:
    """Write a dataset; the first half of the items is for training, the last of these has a single photo.

    Item i has attribute i modulo 5, and the next one is unknown of it. Every third item, from the second on, lies in
    two directories and stands twice in list_attr_items.txt.

    Args:
        root: Its folder.
        items: How many.
        draw: Whether there are pictures.
        attributes: Where the lists of attributes and colours are: older packages say ``Anno``.
        images: Where the pictures are.

    Returns:
        The root.
    """
    listed = _listed(items)
    partition = [(f"img/{name}", _id(item), split) for item, name, split in listed]
    table(root / "Eval/list_eval_partition.txt", ("image_name", "item_id", "evaluation_status"), partition)
    table(root / "Anno/list_item_inshop.txt", (), [(_id(item),) for item in range(items)])
    boxes, landmarks, colors = [], [], []
    for item, name, _ in listed:
        kind = DIRECTORIES[item % 3][1]
        colour, view = name.rpartition("/")[2].removesuffix(".jpg").split("_", 1)
        boxes.append((f"img/{name}", kind, POSE[view], corners(BOX)))
        states = (0, 1, 2) if view == "3_back" else ()
        landmarks.append((f"img/{name}", kind, 1 + item % 5, points(kind, BOX, states)))
        colors.append((f"img/{name}", COLORS[int(colour) - 1]))
        if draw:
            pictures.save(root / images / name, photo(item, SIZE, BOX, int(colour) * 10 + POSE[view]))
    names = ("image_name", "clothes_type", "pose_type", "x_1", "y_1", "x_2", "y_2")
    table(root / "Anno/list_bbox_inshop.txt", names, boxes)
    table(root / "Anno/list_landmarks_inshop.txt", landmark_names(True), landmarks)
    place = root / attributes
    table(place / "list_color_cloth.txt", ("image_name", "clothes_color"), colors)
    table(place / "list_attr_cloth.txt", ("attribute_name",), [(name,) for name in ATTRIBUTES])
    labels = [(_id(item), *_labels(item)) for item in range(items) for _ in range(1 + (item % 3 == 1))]
    table(place / "list_attr_items.txt", ("item_id", "attribute_labels"), labels)
    told = [
        {"item": _id(item), "color": COLORS[0], "description": [f"Item {item}, as worn.", "100% cotton"]}
        for item in range(items)
    ]
    (root / "Anno/list_description_inshop.json").write_text(json.dumps(told))
    return root


def _listed(items: int) -> list[tuple[int, str, str]]:
    """Item, photo and split of each row."""
    rows = []
    for item in range(items):
        directory = DIRECTORIES[item % 3][0]
        trained = [(colour, view, "train") for colour, view in TRAINED[: 1 if item == items // 2 - 1 else None]]
        for colour, view, split in trained if item < items // 2 else TESTED:
            place = OTHER if item % 3 == 1 and colour == 2 else directory
            rows.append((item, f"{place}/{_id(item)}/{colour:02}_{view}.jpg", split))
    return rows


def _labels(item: int) -> list[int]:
    labels = [-1] * len(ATTRIBUTES)
    labels[item % len(labels)], labels[(item + 1) % len(labels)] = 1, 0
    return labels


def _id(item: int) -> str:
    return f"id_{item + 1:08}"

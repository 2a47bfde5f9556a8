"""DeepFashion Consumer-to-shop in miniature."""

from __future__ import annotations

from pathlib import Path

from miniatures import pictures
from miniatures.deepfashion_rows import FULL, LOWER, UPPER, corners, landmark_names, photo, points, table
from wearabouts.types import Box

DIRECTORIES = (("TOPS/T_Shirt", UPPER), ("CLOTHING/Summer_Wear", FULL), ("TROUSERS/Jeans", LOWER))
OTHER = "CLOTHING/T_Shirt"  # where the second pair of items 3, 7, 11 … lies; the leaf is named as another's
TYPES = (("衣长", "length of upper-body clothes"), ("裤型", "type of trousers"), ("细节", "part details of clothes"))
# Chinese, English, type, and the spaces after the type.
ATTRIBUTES = (
    ("常规款（51-65cm）", "Regular length (51-65cm)", 1, ""),
    ("小脚/铅笔裤", "Skinny/Pencil pants", 2, ""),
    ("裙子套装", "Dress sets", 3, "  "),
    ("打褶", "Pleated", 3, ""),
    ("百褶", "Pleated", 3, " "),
)
SPLITS = ("train", "test", "val")
SHOP_SIZE, STREET_SIZE = (200, 300), (225, 300)
SHOP_BOX, STREET_BOX = Box(20, 30, 160, 240), Box(60, 72, 120, 180)
STREET, SHOP = 2, 1


def consumer2shop(root: Path, *, items: int = 6, draw: bool = True, highres: bool = False) -> Path:
    """Write a dataset: item i is in the split i modulo 3 of train, test, val, and has attribute i modulo 5.

    An item has two shop photos and three consumer photos: 1 and 3 pair with the first shop photo, 2 with the second.

    Args:
        root: Its folder.
        items: How many.
        draw: Whether there are pictures.
        highres: Whether these lie in ``img_highres``, whose folder ``Summer_Suit`` the lists call ``Summer_Wear``.

    Returns:
        The root.
    """
    pairs, boxes, landmarks = [], [], []
    for item in range(items):
        kind = DIRECTORIES[item % 3][1]
        shops, streets = _names(item)
        for name, side, view in [*((one, SHOP, 0) for one in shops), *((one, STREET, 1) for one in streets)]:
            box = SHOP_BOX if side == SHOP else STREET_BOX
            boxes.append((f"img/{name}", kind, side, corners(box)))
            landmarks.append((f"img/{name}", kind, 1, points(kind, box, (0, 1, 0, 2) if side == STREET else ())))
            if draw:
                size = SHOP_SIZE if side == SHOP else STREET_SIZE
                picture = photo(item, size, box, view + int(name[-6:-4]), street=side == STREET)
                place = name.replace("Summer_Wear", "Summer_Suit") if highres else name
                pictures.save(root / "Img" / ("img_highres" if highres else "img") / place, picture)
        for street, shop in ((0, 0), (1, 1), (2, 0)):
            pairs.append((f"img/{streets[street]}", f"img/{shops[shop]}", _id(item), SPLITS[item % 3]))
    names = ("image_pair_name_1", "image_pair_name_2", "item_id", "evaluation_status")
    table(root / "Eval/list_eval_partition.txt", names, pairs)
    _lists(root, items)
    names = ("image_name", "clothes_type", "source_type", "x_1", "y_1", "x_2", "y_2")
    table(root / "Anno/list_bbox_consumer2shop.txt", names, boxes)
    table(root / "Anno/list_landmarks_consumer2shop.txt", landmark_names(True), landmarks)
    return root


def _lists(root: Path, items: int) -> None:
    table(root / "Anno/list_item_consumer2shop.txt", (), [(_id(item),) for item in range(items)])
    types = ("attribute_type (Chinese)", "attribute_type (English)")
    table(root / "Anno/list_attr_type.txt", types, TYPES, crlf=True)
    columns = ("attribute_name (Chinese)", "attribute_name (English)", "attribute_type")
    path = table(root / "Anno/list_attr_cloth.txt", columns, [row[:3] for row in ATTRIBUTES], crlf=True, bom=True)
    head, names, *rows = path.read_bytes().decode().splitlines()
    spaced = [row.rstrip() + spaces for row, (*_, spaces) in zip(rows, ATTRIBUTES, strict=True)]
    spaced[3] = spaced[3][:-1] + "\t  " + spaced[3][-1]
    path.write_bytes("".join(f"{line}\r\n" for line in (head, names, *spaced)).encode())
    labels = [
        (_id(item), *(1 if at == item % 5 else 0 if at == (item + 1) % 5 else -1 for at in range(len(ATTRIBUTES))))
        for item in range(items)
    ]
    table(root / "Anno/list_attr_items.txt", ("item_id", "attribute_labels"), labels)


def _names(item: int) -> tuple[list[str], list[str]]:
    """Shop photos and consumer photos of an item."""
    first = DIRECTORIES[item % 3][0]
    second = OTHER if item % 4 == 3 else first
    shops = [f"{first}/{_id(item)}/shop_01.jpg", f"{second}/{_id(item)}/shop_02.jpg"]
    streets = [f"{place}/{_id(item)}/comsumer_{at:02}.jpg" for at, place in ((1, first), (2, second), (3, first))]
    return shops, streets


def _id(item: int) -> str:
    return f"id_{item + 1:08}"

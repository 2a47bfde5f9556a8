"""DeepFashion Category and Attribute Prediction in miniature, coarse and fine."""

from __future__ import annotations

from pathlib import Path

from miniatures import pictures
from miniatures.deepfashion_rows import FULL, LOWER, UPPER, corners, landmark_names, photo, points, table
from wearabouts.types import Box

_UPPER = (
    "Anorak Blazer Blouse Bomber Button-Down Cardigan Flannel Halter Henley Hoodie Jacket Jersey Parka Peacoat "
    "Poncho Sweater Tank Tee Top Turtleneck"
)
_LOWER = (
    "Capris Chinos Culottes Cutoffs Gauchos Jeans Jeggings Jodhpurs Joggers Leggings Sarong Shorts Skirt "
    "Sweatpants Sweatshorts Trunks"
)
_FULL = "Caftan Cape Coat Coverup Dress Jumpsuit Kaftan Kimono Nightdress Onesie Robe Romper Shirtdress Sundress"
CATEGORIES = tuple(
    (name, kind) for words, kind in ((_UPPER, UPPER), (_LOWER, LOWER), (_FULL, FULL)) for name in words.split()
)
# Two of each group: texture, fabric, shape, part, style; some with spaces, as the authors have.
ATTRIBUTES = (
    ("abstract", 1),
    ("abstract chevron print", 1),
    ("chiffon", 2),
    ("faux leather", 2),
    ("a-line", 3),
    ("midi", 3),
    ("bow", 4),
    ("button front", 4),
    ("boho", 5),
    ("street chic", 5),
)
# Folder, number of its category, and its name on disk, which differs in letter case from the list here and there.
FOLDERS = (
    ("Sheer_Pleated-Front_Blouse", 3, "Sheer_Pleated-Front_Blouse"),
    ("Classic_Fit_Jeans", 26, "classic_fit_jeans"),
    ("Abstract_Print_Dress", 41, "Abstract_Print_Dress"),
    ("Striped_Tee", 18, "Striped_Tee"),
)
SIZE = (200, 300)
BOX = Box(40, 48, 120, 200)
SPLITS = ("train", "train", "train", "val", "test")


def attributes(root: Path, *, photos: int = 20, draw: bool = True, anno: str = "Anno", fine: bool = False) -> Path:
    """Write a dataset: photo i lies in folder i modulo 4 and shows that folder's category.

    The photos of a folder have its attribute of each group (`holds`); one more of the folder's is unknown. With 20
    photos, 12 are for training, 4 for validation and 4 for testing.

    Args:
        root: Its folder.
        photos: How many.
        draw: Whether there are pictures.
        anno: ``Anno``, or ``Anno_coarse`` as newer packages say.
        fine: Whether ``Anno_fine`` is there too.

    Returns:
        The root.
    """
    names = [f"{FOLDERS[at % 4][0]}/img_{at // 4 + 1:08}.jpg" for at in range(photos)]
    splits = [SPLITS[at // 4 % 5] for at in range(photos)]
    listed = [f"img/{name}" for name in names]
    kinds = [CATEGORIES[FOLDERS[at % 4][1] - 1][1] for at in range(photos)]
    table(
        root / "Eval/list_eval_partition.txt",
        ("image_name", "evaluation_status"),
        list(zip(listed, splits, strict=True)),
    )
    place = root / anno
    table(place / "list_category_cloth.txt", ("category_name", "category_type"), CATEGORIES)
    table(place / "list_attr_cloth.txt", ("attribute_name", "attribute_type"), ATTRIBUTES)
    labels = [(name, FOLDERS[at % 4][1]) for at, name in enumerate(listed)]
    table(place / "list_category_img.txt", ("image_name", "category_label"), labels)
    rows = [(name, *row(at % 4)) for at, name in enumerate(listed)]
    table(place / "list_attr_img.txt", ("image_name", "attribute_labels"), rows)
    table(
        place / "list_bbox.txt", ("image_name", "x_1", "y_1", "x_2", "y_2"), [(name, corners(BOX)) for name in listed]
    )
    # No variation_type in this benchmark.
    marks = [(name, kind, points(kind, BOX, (0, 1, 2))) for name, kind in zip(listed, kinds, strict=True)]
    table(place / "list_landmarks.txt", landmark_names(False, 6), marks)
    if fine:
        _fine(root / "Anno_fine", listed, splits)
    if draw:
        for at, name in enumerate(names):
            folder, _, on_disk = FOLDERS[at % 4]
            pictures.save(root / "Img/img" / name.replace(folder, on_disk), photo(at % 4, SIZE, BOX, at))
    return root


def holds(folder: int) -> tuple[int, ...]:
    """Places of the attributes that hold for the photos of a folder: one of each group."""
    return tuple(2 * group + (folder + group) % 2 for group in range(5))


def row(folder: int) -> list[int]:
    """Labels of the photos of a folder."""
    labels = [-1] * len(ATTRIBUTES)
    for at in holds(folder):
        labels[at] = 1
    labels[holds(folder)[folder % 5] ^ 1] = 0
    return labels


def _fine(folder: Path, listed: list[str], splits: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sizes = (7, 3, 3, 4, 6, 3)
    for split in ("train", "val", "test"):
        chosen = [(at, name) for at, name in enumerate(listed) if splits[at] == split]
        lines: dict[str, list[str]] = {part: [] for part in ("", "_attr", "_cate", "_bbox", "_landmarks")}
        for at, name in chosen:
            labels = ["1" if value == at % 4 % size else "0" for size in sizes for value in range(size)]
            lines[""].append(name)
            lines["_attr"].append(" ".join(labels) + " ")
            lines["_cate"].append(str(FOLDERS[at % 4][1]))
            lines["_bbox"].append(corners(BOX))
            lines["_landmarks"].append("080 058 120 058 " + "0 0 " * 6)
        for part, rows in lines.items():
            (folder / f"{split}{part}.txt").write_text("".join(f"{line}\n" for line in rows))

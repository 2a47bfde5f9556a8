"""Faults put into the four DeepFashion miniatures one by one: each is told, and costs only what it must."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from miniatures.deepfashion_attributes import attributes
from miniatures.deepfashion_consumer2shop import consumer2shop
from miniatures.deepfashion_inshop import inshop
from miniatures.deepfashion_landmarks import landmarks
from wearabouts.catalog import Faults, Photo, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog


class Set(NamedTuple):
    """A miniature: how it is written, and its lists."""

    write: Callable[..., Path]
    boxes: str
    landmarks: str
    labels: str = ""
    items: str = ""


PARTITION = "Eval/list_eval_partition.txt"
SETS = {
    "inshop": Set(
        inshop,
        "Anno/list_bbox_inshop.txt",
        "Anno/list_landmarks_inshop.txt",
        "Anno/attributes/list_attr_items.txt",
        "Anno/list_item_inshop.txt",
    ),
    "consumer2shop": Set(
        consumer2shop,
        "Anno/list_bbox_consumer2shop.txt",
        "Anno/list_landmarks_consumer2shop.txt",
        "Anno/list_attr_items.txt",
        "Anno/list_item_consumer2shop.txt",
    ),
    "attributes": Set(attributes, "Anno/list_bbox.txt", "Anno/list_landmarks.txt", "Anno/list_attr_img.txt"),
    "landmarks": Set(landmarks, "Anno/list_bbox.txt", "Anno/list_landmarks.txt"),
}
ALL = pytest.mark.parametrize("name", SETS)
WITH_LABELS = pytest.mark.parametrize("name", ["inshop", "consumer2shop", "attributes"])
WITH_ITEMS = pytest.mark.parametrize("name", ["inshop", "consumer2shop"])


def walk(root: Path, name: str, **options: Any) -> tuple[list[Product], Faults]:
    faults = Faults()
    options.setdefault("pictures", False)
    return list(open_catalog(root, reader=f"deepfashion_{name}", **options).products(faults)), faults


def photos(products: list[Product]) -> dict[str, Photo]:
    return {photo.id: photo for product in products for photo in product.photos}


def changed(before: list[Product], after: list[Product]) -> set[str]:
    """Photos that are other than before, or gone; no new one may be there."""
    old, new = photos(before), photos(after)
    assert set(new) <= set(old)
    return {key for key, photo in old.items() if new.get(key) != photo}


def edit(path: Path, row: int, change: Callable[[str], str]) -> None:
    """Change a row; 1 is the first after the header of two lines."""
    lines = path.read_bytes().split(b"\n")
    at = row + 1
    lines[at] = change(lines[at].decode()).encode()
    path.write_bytes(b"\n".join(lines))


def told(faults: Faults) -> list[str]:
    return [f"{Path(fault.source).name} {fault.row} {fault.lost}: {fault.reason}" for fault in faults.kept]


def one(faults: Faults, pattern: str) -> None:
    """Exactly one fault, which reads so."""
    assert len(faults) == 1, told(faults)
    assert re.search(pattern, told(faults)[0]), told(faults)


def words(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda line: " ".join(change(line.split()))


def corners(*new: str) -> Callable[[str], str]:
    return words(lambda row: [*row[:-4], *new])


# What is done to row 3 of a list, and the fault that tells it.
ROWS: dict[str, tuple[str, Callable[[str], str], str]] = {
    "box without width": ("boxes", corners("050", "010", "050", "090"), r" 3 field: box 050 010 050 090 has no area"),
    "box upside down": ("boxes", corners("050", "090", "100", "010"), r" 3 field: box .* has no area"),
    "box outside": ("boxes", corners("600", "600", "700", "700"), r" 3 field: box .* leaves the picture.*no box"),
    "box beyond the edge": ("boxes", corners("010", "010", "100", "700"), r" 3 field: box .* it was cut to it"),
    "box left of the edge": ("boxes", corners("-10", "010", "100", "100"), r" 3 field: box .* it was cut to it"),
    "corner no number": ("boxes", corners("0x1", "010", "100", "100"), r" 3 field: '0x1' is not a whole number"),
    "corner underscored": ("boxes", corners("1_0", "010", "100", "100"), r" 3 field: '1_0' is not a whole number"),
    "box row cut off": ("boxes", words(lambda row: row[:-2]), r" 3 field: row has \d words, expected are \d"),
    "box row too long": ("boxes", lambda line: line + " 7", r" 3 field: row has \d words, expected are \d"),
    "landmark outside": ("landmarks", words(lambda row: [*row[:-3], "0", "900", "010"]), r" 3 field: .* at 900 10 is"),
    "landmark cut off in the row": ("landmarks", words(lambda row: row[:-1]), r" 3 field: row of .*-body clothes has"),
    "landmarks of another type": ("landmarks", words(lambda row: row[:-3]), r" 3 field: row of .*-body clothes has"),
    "unknown visibility": (
        "landmarks",
        words(lambda row: [*row[:-3], "3", "010", "010"]),
        r" 3 field: landmark_visibility 3 is not one of 0 visible, 1 occluded, 2 cut off",
    ),
    "unknown clothes type": ("landmarks", words(lambda row: [row[0], "4", *row[2:]]), r" 3 field: clothes_type '4'"),
}  # fmt: skip


@ALL
@pytest.mark.parametrize("fault", ROWS)
def test_a_bad_box_or_landmark_costs_itself(tmp_path: Path, name: str, fault: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, none = walk(root, name)
    assert not len(none)
    which, change, pattern = ROWS[fault]
    edit(root / getattr(SETS[name], which), 3, change)
    found, faults = walk(root, name)
    one(faults, pattern)
    (other,) = changed(clean, found)
    before, after = photos(clean)[other], photos(found)[other]
    if which == "boxes":
        assert after.landmarks == before.landmarks
        assert after.box is None or (after.box != before.box and after.box.left >= 0 and after.box.left < 512)
        assert (after.box is not None) == ("cut to it" in told(faults)[0])
    else:
        assert after.box == before.box
        assert after.landmarks == () or sum(point.visible for point in after.landmarks) < 8
        assert bool(after.landmarks) == (fault == "landmark outside")


@ALL
def test_a_landmark_outside_is_not_visible_and_the_others_stay(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    edit(root / SETS[name].landmarks, 1, words(lambda row: [*row[:-3], "0", "010", "-01"]))
    found, faults = walk(root, name)
    one(faults, "right_hem at 10 -1 is outside the picture")
    (other,) = changed(clean, found)
    before, after = photos(clean)[other].landmarks, photos(found)[other].landmarks
    assert after[:7] == before[:7]
    assert before[7].visible
    assert not after[7].visible


@ALL
@pytest.mark.parametrize("which", ["partition", "boxes", "landmarks"])
@pytest.mark.parametrize("by", [1, -1])
def test_a_count_that_is_not_the_rows_is_told(tmp_path: Path, name: str, which: str, by: int) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / (PARTITION if which == "partition" else getattr(SETS[name], which))
    lines = path.read_text().split("\n")
    rows = int(lines[0])
    path.write_text("\n".join([str(rows + by), *lines[1:]]))
    found, faults = walk(root, name)
    one(faults, rf"its first line says {rows + by} rows, {rows} were found")
    assert found == clean


@ALL
def test_a_partition_cut_off_in_the_middle_of_a_row(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / PARTITION
    data = path.read_bytes()
    path.write_bytes(data[: data.rstrip().rindex(b"\n") + 18])
    found, faults = walk(root, name)
    said = "\n".join(told(faults))
    assert "the last row does not end in a line break" in said
    assert re.search(r"partition.txt \d+ photo: (row has \d words|photo .* leaves|evaluation_status)", said), said
    assert len(photos(found)) < len(photos(clean))


@ALL
def test_boxes_cut_off_between_rows_leave_the_rest_right(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / SETS[name].boxes
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]))
    found, faults = walk(root, name)
    lost = changed(clean, found)
    assert len(lost) == 3
    assert all(photos(found)[key].box is None for key in lost)
    assert faults.counts == {"product": 0, "photo": 0, "field": 4}
    assert sum("no row for photo" in line for line in told(faults)) == 3
    assert sum("its first line says" in line for line in told(faults)) == 1


@ALL
@pytest.mark.parametrize("which", ["partition", "boxes", "landmarks"])
def test_a_row_that_is_not_utf_8_costs_itself(tmp_path: Path, name: str, which: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / (PARTITION if which == "partition" else getattr(SETS[name], which))
    lines = path.read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b"img/", b"img/\xe9", 1)
    path.write_bytes(b"\n".join(lines))
    found, faults = walk(root, name)
    assert [line for line in told(faults) if "not UTF-8" in line] == [
        f"{path.name} 2 {'photo' if which == 'partition' else 'field'}: row is not UTF-8; it was left out"
    ]
    assert 1 <= len(changed(clean, found)) <= 2


@ALL
@pytest.mark.parametrize("which", ["partition", "boxes", "landmarks"])
def test_a_row_that_never_ends_is_not_held(tmp_path: Path, name: str, which: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / (PARTITION if which == "partition" else getattr(SETS[name], which))
    lines = path.read_bytes().split(b"\n")
    lines[3] += b" 1" * 200_000
    path.write_bytes(b"\n".join(lines))
    found, faults = walk(root, name)
    assert any("row is longer than 65,536 bytes" in line for line in told(faults))
    assert 1 <= len(changed(clean, found)) <= 2


@ALL
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("tests", r"evaluation_status 'tests' is not one of"),
        ("Train", r"evaluation_status 'Train' is not one of"),
        ("", r"row has \d words, expected are"),
    ],
)
def test_an_unknown_status_leaves_the_row_out(tmp_path: Path, name: str, word: str, reason: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    edit(root / PARTITION, 2, words(lambda row: [*row[:-1], word]))
    found, faults = walk(root, name)
    assert re.search(rf"partition.txt 2 photo: {reason}", told(faults)[0])
    assert faults.counts["photo"] == 1
    # Rows of boxes and landmarks that are now nobody's are told as well.
    assert all("that was not asked for" in line for line in told(faults)[1:])
    assert 1 <= len(changed(clean, found)) <= 2


@ALL
@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "img/../../../etc/passwd", "img/a/../../b.jpg", "img//x.jpg", "img/a\\..\\b.jpg", "img/C:/x"],
)
def test_no_photo_leaves_the_folder(tmp_path: Path, name: str, path: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    edit(root / PARTITION, 2, words(lambda row: [path, *row[1:]]))
    found, faults = walk(root, name)
    assert re.search(r"partition.txt 2 photo: photo .* (leaves the picture folder|is no path)", told(faults)[0])
    assert all(".." not in photo.uri and photo.uri.startswith(str(tmp_path)) for photo in photos(found).values())


@ALL
def test_a_row_that_stands_twice_counts_once(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / PARTITION
    lines = path.read_text().split("\n")
    path.write_text("\n".join([str(int(lines[0]) + 1), *lines[1:4], lines[2], *lines[4:]]))
    found, faults = walk(root, name)
    one(faults, r"partition.txt 3 (photo|field): .* stood before")
    assert found == clean


@ALL
def test_boxes_that_stand_twice_and_differ_are_told(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / SETS[name].boxes
    lines = path.read_text().split("\n")
    other = corners("001", "002", "003", "004")(lines[2])
    path.write_text("\n".join([str(int(lines[0]) + 2), *lines[1:3], other, lines[3], *lines[3:]]))
    found, faults = walk(root, name)
    one(faults, r"2 field: photo .* stood before, in row 1, with other words; row 1 was kept")
    assert found == clean


@ALL
def test_lists_in_another_order_are_read_right(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    for path in (root / SETS[name].boxes, root / SETS[name].landmarks):
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:2], *reversed(lines[2:])]) + "\n")
    found, faults = walk(root, name)
    assert found == clean
    assert not len(faults)


@ALL
@pytest.mark.parametrize("how", ["crlf", "mark", "blank lines", "tabs", "spaces"])
def test_line_ends_marks_and_padding_do_not_matter(tmp_path: Path, name: str, how: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    for path in (root / PARTITION, *(root / list_ for list_ in SETS[name][1:] if list_)):
        data = path.read_bytes()
        path.write_bytes({
            "crlf": data.replace(b"\n", b"\r\n"),
            "mark": b"\xef\xbb\xbf" + data,
            "blank lines": data + b"\n  \n\n",
            "tabs": re.sub(rb" +", b"\t", data),
            "spaces": data.replace(b"\n", b"    \n"),
        }[how])  # fmt: skip
    found, faults = walk(root, name)
    assert told(faults) == []
    assert found == clean


@ALL
def test_a_list_that_is_a_link_out_is_refused(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path / "set", draw=False)
    path = root / SETS[name].boxes
    path.rename(tmp_path / "outside.txt")
    path.symlink_to(tmp_path / "outside.txt")
    with pytest.raises(CatalogError, match=rf"{path.name} is a link out of .*; copy the file there"):
        walk(root, name)


@ALL
def test_rows_that_nobody_asks_for_are_told(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / SETS[name].boxes
    lines = path.read_text().splitlines()
    extra = [lines[-1].replace(".jpg", f"{number}.jpg") for number in (7, 8)]
    path.write_text("\n".join([str(int(lines[0]) + 2), *lines[1:], *extra]) + "\n")
    found, faults = walk(root, name)
    one(faults, r"0 field: 2 rows are of a photo that was not asked for, such as img/.*7\.jpg")
    assert found == clean


@ALL
@pytest.mark.parametrize(
    "damage", ["empty", "no count", "negative", "no names", "reordered", "utf-16", "binary", "words"]
)
def test_a_file_that_is_no_such_list_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    path = root / SETS[name].boxes
    text = path.read_text()
    first, names, rest = text.split("\n", 2)
    path.write_bytes({
        "empty": b"",
        "no count": f"{names}\n{rest}".encode(),
        "negative": f"-{text}".encode(),
        "no names": f"{first}\n{rest}".encode(),
        "reordered": f"{first}\n{names.replace('y_1  x_2', 'x_2  y_1')}\n{rest}".encode(),
        "utf-16": text.encode("utf-16"),
        "binary": bytes(range(256)) * 40,
        "words": b"<html>404 not found</html>\n",
    }[damage])  # fmt: skip
    with pytest.raises(CatalogError, match=path.name):
        walk(root, name)


@ALL
def test_other_column_names_are_told(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / SETS[name].boxes
    path.write_text(path.read_text().replace("image_name", "file_name", 1))
    found, faults = walk(root, name)
    one(faults, r"line 2 is 'file_name .*', expected 'image_name .*'")
    assert found == clean


@ALL
def test_the_partition_of_another_benchmark_is_refused(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path / "a", draw=False)
    other = "inshop" if name != "inshop" else "consumer2shop"
    wrong = SETS[other].write(tmp_path / "b", draw=False)
    (root / PARTITION).write_bytes((wrong / PARTITION).read_bytes())
    found, faults = walk(root, name)
    assert found == []
    assert any("line 2 is" in line for line in told(faults))
    assert faults.counts["photo"] > 0


@ALL
def test_without_a_partition_there_is_nothing(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    (root / PARTITION).unlink()
    with pytest.raises(
        CatalogError, match=r"no list_eval_partition.txt for .*Missing: list_eval_partition.txt\. There: "
    ):
        walk(root, name)


@ALL
def test_without_boxes_the_rest_is_read_and_it_is_said(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / SETS[name].boxes
    path.unlink()
    found, faults = walk(root, name)
    one(faults, rf"no {path.name}, so photos have no box")
    assert len(photos(found)) == len(photos(clean))
    assert all(photo.box is None and photo.landmarks for photo in photos(found).values())
    notes = open_catalog(root, reader=f"deepfashion_{name}").notes
    assert any(note.startswith(f"no {path.name}: photos have no box") for note in notes)


@WITH_LABELS
@pytest.mark.parametrize("label", ["2", "-2", "01", "x", "n", "-", "11", "1.0", "nan"])
def test_a_label_that_is_none_costs_the_row(tmp_path: Path, name: str, label: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    edit(root / SETS[name].labels, 1, words(lambda row: [*row[:3], label, *row[4:]]))
    found, faults = walk(root, name)
    one(faults, rf" 1 field: label 3 is '{label}'; allowed are -1 no, 0 unknown, 1 yes")
    before, after = clean[0], found[0]
    if name == "attributes":
        assert "texture" in before.photos[0].labels
        assert "texture" not in after.photos[0].labels
    else:
        assert set(before.attributes) - set(after.attributes)
    assert found[1:] == clean[1:]


@WITH_LABELS
@pytest.mark.parametrize("by", [1, -1])
def test_a_row_with_another_number_of_labels_is_told(tmp_path: Path, name: str, by: int) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    edit(root / SETS[name].labels, 1, words(lambda row: row[:-1] if by < 0 else [*row, "-1"]))
    found, faults = walk(root, name)
    one(faults, r" 1 field: row has \d+ labels, expected are \d+, one for each attribute")
    assert found[1:] == clean[1:]


@WITH_LABELS
def test_names_cut_off_make_labels_worthless(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    path = (root / SETS[name].labels).with_name("list_attr_cloth.txt")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(
        CatalogError, match=r"list_attr_cloth.txt says (\d+) names and has \d+, so labels cannot be told"
    ):
        walk(root, name)
    path.unlink()
    with pytest.raises(CatalogError, match=r"no list_attr_cloth.txt"):
        walk(root, name)


@WITH_ITEMS
def test_an_item_that_the_list_of_items_lacks(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    path = root / SETS[name].items
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[1:3], "id_00000099", *lines[4:]]) + "\n")
    found, faults = walk(root, name)
    assert found == clean
    assert [line.partition(".txt ")[2] for line in told(faults)] == [
        "3 product: item id_00000099 has no photo in the partition",
        "0 field: item id_00000003 of the partition is not in this list; it was kept",
    ]


@WITH_ITEMS
def test_without_the_list_of_items_it_is_said(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    clean, _ = walk(root, name)
    (root / SETS[name].items).unlink()
    found, faults = walk(root, name)
    assert found == clean
    one(faults, "so items cannot be checked against it")


@ALL
def test_without_pictures_it_is_said_what_to_do(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    with pytest.raises(CatalogError, match=r"no picture folder .*/Img/img: .*pictures=false"):
        walk(root, name, pictures=True)
    (root / "Img").mkdir()
    (root / "Img/img.zip").write_bytes(b"PK")
    with pytest.raises(CatalogError, match=r"unpack .*Img/img.zip"):
        walk(root, name, pictures=True)


@ALL
def test_pictures_that_are_not_there_cost_themselves(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path)
    clean, none = walk(root, name, pictures=True)
    assert not len(none)
    gone = [clean[1].photos[0], clean[2].photos[0]]
    for photo in gone:
        Path(photo.uri).unlink()
    found, faults = walk(root, name, pictures=True)
    assert changed(clean, found) == {photo.id for photo in gone}
    assert faults.counts["photo"] == 2
    assert sum("listed, but there is no file" in line for line in told(faults)) == 2


@pytest.mark.parametrize("name", ["inshop", "consumer2shop", "attributes"])
def test_a_picture_folder_that_is_not_there_costs_its_photos(tmp_path: Path, name: str) -> None:
    root = SETS[name].write(tmp_path)
    clean, _ = walk(root, name, pictures=True)
    folder = Path(clean[0].photos[0].uri).parent
    gone = {photo.id for photo in photos(clean).values() if Path(photo.uri).parent == folder}
    folder.rename(tmp_path / "elsewhere")
    found, faults = walk(root, name, pictures=True)
    assert changed(clean, found) == gone
    assert faults.counts["photo"] == len(gone)
    assert all("there is no folder" in line for line in told(faults) if " photo: " in line)


@ALL
@pytest.mark.parametrize("seed", range(12))
def test_any_damage_ends_in_faults_or_one_clear_error(tmp_path: Path, name: str, seed: int) -> None:
    root = SETS[name].write(tmp_path, draw=False)
    chance = random.Random(seed)
    path = chance.choice(sorted(file for file in root.rglob("*") if file.is_file()))
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 3, 30))):
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(9)] = bytes(
            chance.choices(b" \n\r\t01-|/..id_\x00\xff", k=chance.randrange(1, 9))
        )
    path.write_bytes(data)
    try:
        products, _ = walk(root, name)
    except CatalogError as problem:
        said = str(problem)
        products = []
    else:
        said = path.name
    assert path.name in said
    assert "\n" not in said
    ids = [photo.id for product in products for photo in product.photos]
    assert len(ids) == len(set(ids))
    assert all(photo.uri.startswith(f"{root}/Img/img/") for photo in photos(products).values())

"""DeepFashion Category and Attribute Prediction, coarse and fine: layouts and traps."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from miniatures.deepfashion_attributes import ATTRIBUTES, BOX, CATEGORIES, attributes, holds
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import expected, open_catalog
from wearabouts.readers.datasets.deepfashion import fine
from wearabouts.readers.datasets.deepfashion.attribute_prediction import GROUPS
from wearabouts.readers.datasets.deepfashion.labels import Vocabulary

JEANS = "Classic_Fit_Jeans/img_00000001.jpg"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return attributes(tmp_path_factory.mktemp("attributes"), fine=True)


def walk(root: Path, **options: Any) -> tuple[dict[str, Product], Faults]:
    faults = Faults()
    products = list(open_catalog(root, reader="deepfashion_attributes", **options).products(faults))
    assert len({product.id for product in products}) == len(products)
    return {product.id: product for product in products}, faults


def test_every_photo_with_category_attributes_and_split(drawn: Path) -> None:
    products, faults = walk(drawn)
    assert not len(faults)
    assert Counter(product.photos[0].split for product in products.values()) == {"train": 12, "val": 4, "test": 4}
    assert Counter(product.category for product in products.values()) == {"Blouse": 5, "Jeans": 5, "Dress": 5, "Tee": 5}
    assert products[JEANS].garment == "pants"
    photo = products[JEANS].photos[0]
    assert photo.box == BOX
    wanted = {GROUPS[ATTRIBUTES[at][1]]: ATTRIBUTES[at][0] for at in holds(1)}
    assert {group: photo.labels[group] for group in GROUPS.values()} == wanted


def test_zero_is_unknown_and_not_no(drawn: Path) -> None:
    labels = walk(drawn)[0][JEANS].photos[0].labels
    assert {name: value for name, value in labels.items() if name.endswith("?")} == {"fabric?": "faux leather"}


def test_this_benchmark_has_no_variation_type(drawn: Path) -> None:
    header = (drawn / "Anno/list_landmarks.txt").read_text().splitlines()[1]
    assert "variation" not in header
    photo = walk(drawn)[0][JEANS].photos[0]
    assert "variation" not in photo.labels
    assert photo.labels["clothes_type"] == "lower"
    found = [(point.x, point.y, point.visible) for point in photo.landmarks]
    assert found == [(0, 0, False)] * 4 + [(70, 48, True), (130, 48, False), (0, 0, False), (148, 248, True)]


def test_a_header_that_promises_a_variation_is_told_and_rows_are_read_as_they_are(tmp_path: Path) -> None:
    root = attributes(tmp_path, draw=False)
    clean, _ = walk(root, pictures=False)
    path = root / "Anno/list_landmarks.txt"
    path.write_text(path.read_text().replace("clothes_type", "clothes_type variation_type", 1))
    found, faults = walk(root, pictures=False)
    assert found == clean
    (fault,) = faults.kept
    assert "rows have no variation_type, other than line 2 says" in fault.reason


def test_base_names_repeat_in_every_folder(drawn: Path) -> None:
    products, _ = walk(drawn)
    assert len(products) == 20
    assert len({name.rpartition("/")[2] for name in products}) == 5


def test_folders_on_disk_in_another_letter_case(drawn: Path) -> None:
    assert (drawn / "Img/img/classic_fit_jeans").is_dir()
    photo = walk(drawn)[0][JEANS].photos[0]
    assert photo.id == JEANS
    assert photo.uri.endswith("Img/img/classic_fit_jeans/img_00000001.jpg")
    assert Path(photo.uri).is_file()


def test_folders_are_listed_once_and_pictures_never_looked_at(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    looked: list[str] = []
    scandir, stat = os.scandir, os.stat

    def scanned(path: str) -> Any:
        listed.append(str(path))
        return scandir(path)

    def asked(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        looked.append(str(path))
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "scandir", scanned)
    monkeypatch.setattr(os, "stat", asked)
    products, _ = walk(drawn)
    assert len(products) == 20
    pictures = [path for path in listed if "/img" in path.removeprefix(str(drawn))]
    assert sorted(pictures) == sorted(set(pictures))
    assert len(pictures) == 1 + 4
    assert not [path for path in looked if path.endswith(".jpg")]


def test_the_very_name_wins_over_another_letter_case(tmp_path: Path) -> None:
    root = attributes(tmp_path)
    exact = root / "Img/img/Classic_Fit_Jeans"
    exact.mkdir(exist_ok=True)
    if exact.samefile(root / "Img/img/classic_fit_jeans"):
        pytest.skip("the file system knows no letter case")
    for file in (root / "Img/img/classic_fit_jeans").iterdir():
        (exact / file.name).write_bytes(file.read_bytes())
    assert "/Classic_Fit_Jeans/" in walk(root)[0][JEANS].photos[0].uri


def test_all_fifty_categories_are_numbered_by_their_line(tmp_path: Path) -> None:
    assert len(CATEGORIES) == 50
    assert [CATEGORIES[number - 1][0] for number in (1, 3, 20, 21, 36, 37, 41, 50)] == [
        "Anorak", "Blouse", "Turtleneck", "Capris", "Trunks", "Caftan", "Dress", "Sundress"
    ]  # fmt: skip
    root = attributes(tmp_path, draw=False)
    path = root / "Anno/list_category_img.txt"
    lines = path.read_text().splitlines()
    numbers = ["1", "50", "0", "51", "041", "x"]
    rows = [f"{line.split()[0]} {number}" for line, number in zip(lines[2:], numbers, strict=False)]
    path.write_text("\n".join([*lines[:2], *rows, *lines[8:]]) + "\n")
    found, faults = walk(root, pictures=False)
    assert [product.category for product in found.values()][:6] == ["Anorak", "Sundress", "", "", "Dress", ""]
    assert [fault.row for fault in faults.kept] == [3, 4, 6]
    assert "category_label 0 is not one of 1 to 50" in faults.kept[0].reason


def test_lists_out_of_step_are_read_right(tmp_path: Path) -> None:
    root = attributes(tmp_path, draw=False)
    clean, _ = walk(root, pictures=False)
    for at, name in enumerate(("list_attr_img.txt", "list_category_img.txt", "list_bbox.txt", "list_landmarks.txt")):
        path = root / "Anno" / name
        lines = path.read_text().splitlines()
        rows = lines[2:]
        path.write_text("\n".join([*lines[:2], *rows[at + 3 :], *rows[: at + 3]]) + "\n")
    found, faults = walk(root, pictures=False)
    assert not len(faults)
    assert found == clean


def test_a_row_missing_in_the_middle_costs_only_its_photo(tmp_path: Path) -> None:
    root = attributes(tmp_path, draw=False)
    clean, _ = walk(root, pictures=False)
    path = root / "Anno/list_attr_img.txt"
    lines = path.read_text().splitlines()
    gone = lines.pop(8).split()[0].removeprefix("img/")
    path.write_text("\n".join(lines) + "\n")
    found, faults = walk(root, pictures=False)
    assert {name for name in clean if clean[name] != found[name]} == {gone}
    assert sorted(fault.reason for fault in faults.kept) == [
        "its first line says 20 rows, 19 were found; get the file from the authors' archive again",
        f"no row for photo img/{gone}",
    ]


def test_newer_packages_say_anno_coarse(tmp_path: Path, drawn: Path) -> None:
    root = attributes(tmp_path, anno="Anno_coarse")
    found, faults = walk(root)
    assert not len(faults)
    assert {name: product.photos[0].labels for name, product in found.items()} == {
        name: product.photos[0].labels for name, product in walk(drawn)[0].items()
    }


@pytest.mark.parametrize(
    "name", ["list_category_cloth.txt", "list_category_img.txt", "list_attr_cloth.txt", "list_attr_img.txt"]
)
def test_what_the_benchmark_is_about_has_to_be_there(tmp_path: Path, name: str) -> None:
    root = attributes(tmp_path, draw=False)
    (root / "Anno" / name).unlink()
    with pytest.raises(CatalogError, match=rf"no {name} for 'Category and Attribute Prediction Benchmark'"):
        walk(root, pictures=False)


def test_the_fine_annotation(drawn: Path) -> None:
    products, faults = walk(drawn, annotation="fine")
    assert not len(faults)
    assert Counter(product.photos[0].split for product in products.values()) == {"train": 12, "val": 4, "test": 4}
    photo = products[JEANS].photos[0]
    assert photo.labels == {
        "pattern": "graphic",
        "sleeve": "short",
        "length": "mini",
        "neckline": "v",
        "fabric": "chiffon",
        "fit": "loose",
    }
    assert products[JEANS].category == "Jeans"
    assert photo.box == BOX
    found = [(point.x, point.y, point.visible) for point in photo.landmarks]
    assert found == [(80, 58, True), (120, 58, True)] + [(0, 0, False)] * 6
    assert sum(map(len, fine.GROUPS.values())) == 26
    assert expected("deepfashion_attributes", {"annotation": "fine"})["photos:train"] == 14_000
    assert expected("deepfashion_attributes")["photos:train"] == 209_222


def test_where_only_the_fine_annotation_is_there_it_is_said(tmp_path: Path) -> None:
    root = attributes(tmp_path, draw=False, fine=True)
    for file in (root / "Anno").iterdir():
        file.unlink()
    with pytest.raises(CatalogError, match=r"option annotation=fine reads it"):
        walk(root, pictures=False)
    products, _ = walk(root, pictures=False, annotation="fine")
    assert products[JEANS].category == "26"


@pytest.mark.parametrize("part", ["", "_attr", "_cate", "_bbox", "_landmarks"])
def test_fine_files_of_different_length_are_refused(tmp_path: Path, part: str) -> None:
    root = attributes(tmp_path, draw=False, fine=True)
    path = root / f"Anno_fine/val{part}.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(CatalogError, match=r"belong together by row and differ in length: val.txt"):
        walk(root, pictures=False, annotation="fine")


@pytest.mark.parametrize(
    ("part", "row", "reason", "lost"),
    [
        ("_attr", "1 0", "row has 2 labels, expected are 26 of 0 and 1; the photo has no attributes", "field"),
        ("_attr", " ".join(["-1"] * 26), "row has label '-1', expected are 26", "field"),
        ("_attr", " ".join(["0"] * 26), "0 of group pattern hold, one of each was expected; kept as it is", "field"),
        ("_cate", "51", "category 51 is not one of 1 to 50", "field"),
        ("_bbox", "10 10 10 20", "box 10 10 10 20 has no area; the photo has no box", "field"),
        ("_bbox", "10 10 10", "row has 3 words, expected are x_1 y_1 x_2 y_2; the photo has no box", "field"),
        ("_landmarks", "1 2 3", "row has 3 numbers, expected are x y of 8 landmarks, or visibility x y", "field"),
        ("_landmarks", "900 10 " * 8, "landmark at 900 10 is outside the picture; not visible", "field"),
        ("", "img/../x.jpg", "photo 'img/../x.jpg' leaves the picture folder", "photo"),
    ],
)
def test_faults_in_the_fine_annotation_cost_themselves(
    tmp_path: Path, part: str, row: str, reason: str, lost: str
) -> None:
    root = attributes(tmp_path, draw=False, fine=True)
    clean, _ = walk(root, pictures=False, annotation="fine")
    path = root / f"Anno_fine/train{part}.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:1], row, *lines[2:]]) + "\n")
    found, faults = walk(root, pictures=False, annotation="fine")
    assert {(fault.row, fault.lost) for fault in faults.kept} == {(2, lost)}
    assert faults.kept[0].reason.startswith(reason)
    assert {name for name in clean if found.get(name) != clean[name]} == {JEANS}


def test_an_unknown_annotation_is_refused(drawn: Path) -> None:
    with pytest.raises(CatalogError, match="annotation 'medium' is not known; allowed: coarse, fine"):
        walk(drawn, annotation="medium")


def test_labels_are_matched_with_names_by_their_place() -> None:
    words = Vocabulary(["red", "blue", "silk", "wool"], ["color", "color", "fabric", "fabric"])
    assert words.read("1 1 0 -1") == ({"color": "red|blue", "fabric": ""}, {"fabric": "silk"})
    assert words.read("  -1   -1\t-1 -1 ") == ({"color": "", "fabric": ""}, {})

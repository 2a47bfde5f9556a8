"""DeepFashion In-shop: the authors' layout, and the traps that are known of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from miniatures.deepfashion_inshop import inshop
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import expected, open_catalog
from wearabouts.types import Box


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return inshop(tmp_path_factory.mktemp("inshop"))


def walk(root: Path, **options: Any) -> tuple[dict[str, Product], Faults]:
    faults = Faults()
    products = list(open_catalog(root, reader="deepfashion_inshop", **options).products(faults))
    assert len({product.id for product in products}) == len(products)
    return {product.id: product for product in products}, faults


def test_every_photo_is_given_with_its_item_split_and_picture(drawn: Path) -> None:
    products, faults = walk(drawn)
    assert not len(faults)
    splits = Counter(photo.split for product in products.values() for photo in product.photos)
    assert splits == {"train": 3 + 3 + 1, "query": 3 * 4, "gallery": 3 * 2}
    photos = [photo for product in products.values() for photo in product.photos]
    assert len({photo.id for photo in photos}) == len(photos) == 3 + 3 + 1 + 3 * 6
    for photo in photos:
        assert photo.uri == f"{drawn}/Img/img/{photo.id}"
        with Image.open(photo.uri) as picture:
            assert picture.size == (256, 256)
        assert photo.side == "shop"


def test_labels_box_and_attributes_of_one_photo(drawn: Path) -> None:
    products, _ = walk(drawn)
    item = products["id_00000004"]
    photo = item.photos[1]
    assert photo.id == "WOMEN/Dresses/id_00000004/01_2_side.jpg"
    assert photo.split == "query"
    assert photo.box == Box(65, 45, 168, 207)
    assert photo.labels == {
        "directory": "WOMEN/Dresses",
        "clothes_type": "full",
        "pose": "side",
        "variation": "medium zoom-in",
        "color": "Black",
        "color_number": "01",
        "view": "side",
    }
    assert item.category == "WOMEN > Dresses"
    assert item.garment == "dress"
    assert item.attributes == {
        "attributes": "floral print",
        "color": "Black|Light Grey|Red/White Stripe",
        "description": "Item 3, as worn. 100% cotton",
    }


def test_an_item_in_two_directories_is_one_product_with_the_category_of_the_first(drawn: Path) -> None:
    item = walk(drawn)[0]["id_00000002"]
    assert [photo.labels["directory"] for photo in item.photos] == ["MEN/Denim", "MEN/Denim", "WOMEN/Graphic_Tees"]
    assert item.category == "MEN > Denim"


def test_an_item_that_stands_twice_in_the_list_of_attributes_is_one_and_no_fault(drawn: Path) -> None:
    rows = (drawn / "Anno/attributes/list_attr_items.txt").read_text().splitlines()[2:]
    assert len(rows) == 8
    assert len({row.split()[0] for row in rows}) == 6
    products, faults = walk(drawn)
    assert len(products) == 6
    assert sum(len(product.photos) for product in products.values()) == 25
    assert products["id_00000002"].attributes["attributes"] == "v neck"
    assert not len(faults)


def test_rows_of_one_item_with_different_attributes_are_told(tmp_path: Path) -> None:
    root = inshop(tmp_path, draw=False)
    path = root / "Anno/attributes/list_attr_items.txt"
    lines = path.read_text().splitlines()
    twice = [at for at, line in enumerate(lines) if line.startswith("id_00000002")]
    lines[twice[1]] = "id_00000002 -1 -1 -1 -1 1"
    path.write_text("\n".join(lines) + "\n")
    products, faults = walk(root, pictures=False)
    (fault,) = faults.kept
    assert fault.row == 3
    assert "item id_00000002 stood before, in row 2, with other words; row 2 was kept" in fault.reason
    assert products["id_00000002"].attributes["attributes"] == "v neck"


def test_zero_is_unknown_and_not_no(drawn: Path) -> None:
    assert "attributes?" not in walk(drawn)[0]["id_00000001"].attributes
    found = walk(drawn, unknown=True)[0]["id_00000001"].attributes
    assert found["attributes"] == "a-line"
    assert found["attributes?"] == "v neck"


def test_colors_and_attributes_keep_their_spaces(drawn: Path) -> None:
    products, _ = walk(drawn)
    assert {photo.labels["color"] for product in products.values() for photo in product.photos} == {
        "Black",
        "Light Grey",
        "Red/White Stripe",
    }
    assert products["id_00000003"].attributes["attributes"] == "long sleeve"


def test_the_color_number_is_the_items_own(drawn: Path) -> None:
    photos = walk(drawn)[0]["id_00000005"].photos
    assert [(photo.labels["color_number"], photo.split) for photo in photos] == [
        ("01", "gallery"),
        ("01", "query"),
        ("01", "query"),
        ("02", "gallery"),
        ("02", "query"),
        ("03", "query"),
    ]


def test_landmarks_by_clothes_type_and_visibility(drawn: Path) -> None:
    products, _ = walk(drawn)
    lower = products["id_00000002"].photos[0].landmarks
    assert [point.visible for point in lower] == [False] * 4 + [True] * 4
    assert [(point.x, point.y) for point in lower[4:]] == [(107, 45), (191, 45), (82, 252), (216, 252)]
    upper = products["id_00000006"].photos[-1]
    assert upper.labels["view"] == "back"
    # An upper garment has no waistline; 0 is visible, 1 occluded, 2 cut off and then nowhere.
    assert [point.visible for point in upper.landmarks] == [True, False, False, True, False, False, True, True]
    assert (upper.landmarks[1].x, upper.landmarks[1].y) == (166, 55)
    assert (upper.landmarks[2].x, upper.landmarks[2].y) == (0, 0)


@pytest.mark.parametrize(
    ("options", "images"),
    [({"attributes": "Anno"}, "Img/img"), ({}, "img"), ({"attributes": "attributes"}, "Img/img"), ({}, "Img/img")],
)
def test_older_and_newer_packages(tmp_path: Path, drawn: Path, options: dict[str, str], images: str) -> None:
    root = inshop(tmp_path / "In-shop Clothes Retrieval Benchmark", images=images, **options)
    found, faults = walk(root)
    assert not len(faults)
    assert {photo.uri for product in found.values() for photo in product.photos} == {
        f"{root}/{images}/{photo.id}" for product in walk(drawn)[0].values() for photo in product.photos
    }
    # The folder above is accepted too: the authors' names have spaces.
    assert walk(tmp_path)[0] == found


def test_folders_in_another_letter_case(tmp_path: Path) -> None:
    root = inshop(tmp_path)
    (root / "Anno").rename(root / "anno")
    (root / "Eval").rename(root / "EVAL")
    (root / "Img/img/MEN/Denim").rename(root / "Img/img/MEN/denim")
    products, faults = walk(root)
    assert not len(faults)
    uri = products["id_00000002"].photos[0].uri
    assert "/MEN/denim/" in uri
    assert Path(uri).is_file()
    assert products["id_00000002"].photos[0].id == "MEN/Denim/id_00000002/01_1_front.jpg"


def test_high_resolution_leaves_out_boxes_and_landmarks_of_the_small_frame(tmp_path: Path) -> None:
    root = inshop(tmp_path, images="Img/img_highres")
    with pytest.raises(CatalogError, match="no picture folder"):
        walk(root)
    products, faults = walk(root, highres=True)
    assert not len(faults)
    for product in products.values():
        for photo in product.photos:
            assert "/img_highres/" in photo.uri
            assert Path(photo.uri).is_file()
            assert photo.box is None
            assert photo.landmarks == ()
            assert {"clothes_type", "pose", "color"} <= set(photo.labels)


def test_pictures_elsewhere_are_named_and_links_out_refused(tmp_path: Path) -> None:
    root = inshop(tmp_path / "set")
    clean, _ = walk(root)
    (root / "Img/img").rename(tmp_path / "elsewhere")
    found, faults = walk(root, images=str(tmp_path / "elsewhere"))
    assert not len(faults)
    assert len(found) == len(clean)
    assert found["id_00000001"].photos[0].uri.startswith(str(tmp_path / "elsewhere"))
    (root / "Img/img").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CatalogError, match=r"is a link out of .*images=FOLDER"):
        walk(root)


def test_a_link_out_of_the_pictures_costs_its_photo(tmp_path: Path) -> None:
    root = inshop(tmp_path / "set")
    victim = Path(walk(root)[0]["id_00000004"].photos[0].uri)
    secret = tmp_path / "secret.jpg"
    victim.rename(secret)
    victim.symlink_to(secret)
    products, faults = walk(root)
    assert len(products["id_00000004"].photos) == 5
    (fault,) = faults.kept
    assert fault.lost == "photo"
    assert "is a link out of the picture folder, expected a file" in fault.reason


def test_an_item_without_any_picture_is_lost_and_said(tmp_path: Path) -> None:
    root = inshop(tmp_path)
    for photo in walk(root)[0]["id_00000003"].photos:
        Path(photo.uri).unlink()
    products, faults = walk(root)
    assert "id_00000003" not in products
    assert faults.counts == {"product": 1, "photo": 1, "field": 0}
    assert faults.kept[-1].reason == "item id_00000003 has no photo that is there"


def test_an_item_in_training_and_test_is_a_leak(tmp_path: Path) -> None:
    root = inshop(tmp_path, draw=False)
    path = root / "Eval/list_eval_partition.txt"
    path.write_text(path.read_text().replace("query", "train", 1))
    _, faults = walk(root, pictures=False)
    (fault,) = faults.kept
    assert fault.reason == "item id_00000004 is in gallery and in train: it leaks from training into the test"


def test_a_photo_in_query_and_gallery_is_told(tmp_path: Path) -> None:
    root = inshop(tmp_path, draw=False)
    clean, _ = walk(root, pictures=False)
    path = root / "Eval/list_eval_partition.txt"
    lines = path.read_text().splitlines()
    query = next(line for line in lines if "query" in line)
    path.write_text("\n".join(["26", *lines[1:], query.replace("query", "gallery")]) + "\n")
    found, faults = walk(root, pictures=False)
    (fault,) = faults.kept
    assert (fault.row, fault.lost) == (26, "photo")
    assert "stood before, in row" in fault.reason
    assert found == clean


def test_the_item_column_counts_where_the_folder_says_another(tmp_path: Path) -> None:
    root = inshop(tmp_path, draw=False)
    path = root / "Eval/list_eval_partition.txt"
    path.write_text(path.read_text().replace(" id_00000001 ", " id_00000002 ", 1))
    products, faults = walk(root, pictures=False)
    assert [len(products[item].photos) for item in ("id_00000001", "id_00000002")] == [2, 4]
    (fault,) = faults.kept
    assert "lies in no folder of id_00000002; the column was kept" in fault.reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "descriptions cannot be read"),
        (b'{"item": 1}', "descriptions cannot be read (it is not a list)"),
        (b"\xff\xfe", "descriptions cannot be read"),
        (b"[" * 100_000, "descriptions cannot be read"),
        (b'[{"item": 1}]', "entry is not"),
        (b'[{"item": "id_00000001", "description": "one"}]', "entry is not"),
        (b"[3]", "entry is not"),
    ],
)
def test_broken_descriptions_cost_only_themselves(tmp_path: Path, data: bytes, reason: str) -> None:
    root = inshop(tmp_path, draw=False)
    (root / "Anno/list_description_inshop.json").write_bytes(data)
    products, faults = walk(root, pictures=False)
    assert len(products) == 6
    (fault,) = faults.kept
    assert fault.reason.startswith(reason)
    assert all("description" not in product.attributes for product in products.values())


def test_a_file_name_that_is_no_view_is_told(tmp_path: Path) -> None:
    root = inshop(tmp_path, draw=False)
    for path in (root / "Eval", root / "Anno"):
        for file in path.rglob("*.txt"):
            file.write_text(file.read_text().replace("id_00000003/01_1_front.jpg", "id_00000003/front.jpg  "))
    products, faults = walk(root, pictures=False)
    (fault,) = faults.kept
    assert "is not named colour number, view number, view" in fault.reason
    assert "view" not in products["id_00000003"].photos[0].labels


def test_descriptions_are_optional_and_long_ones_cut(tmp_path: Path) -> None:
    root = inshop(tmp_path, draw=False)
    path = root / "Anno/list_description_inshop.json"
    path.write_text(json.dumps([{"item": "id_00000001", "color": "x", "description": ["word " * 1_000]}]))
    assert len(walk(root, pictures=False)[0]["id_00000001"].attributes["description"]) <= 500
    path.unlink()
    _, faults = walk(root, pictures=False)
    assert [fault.reason for fault in faults.kept] == ["no list_description_inshop.json, so items have no description"]


def test_the_notes_count_the_rows_and_published_counts_are_there(drawn: Path) -> None:
    notes = open_catalog(drawn, reader="deepfashion_inshop").notes
    assert "rows:partition 25 in Eval/list_eval_partition.txt" in notes
    assert "rows:items 6 in Anno/list_item_inshop.txt" in notes
    counts = expected("deepfashion_inshop")
    assert counts["photos"] == counts["photos:train"] + counts["photos:query"] + counts["photos:gallery"] == 52_712
    assert counts["products"] == counts["products:train"] + counts["products:query"] == 7_982

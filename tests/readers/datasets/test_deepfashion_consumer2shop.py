"""DeepFashion Consumer-to-shop: the authors' layout, and the traps that are known of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from miniatures.deepfashion_consumer2shop import STREET_BOX, consumer2shop
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import expected, open_catalog

PARTITION = "Eval/list_eval_partition.txt"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return consumer2shop(tmp_path_factory.mktemp("consumer2shop"))


def walk(root: Path, **options: Any) -> tuple[dict[str, Product], Faults]:
    faults = Faults()
    products = list(open_catalog(root, reader="deepfashion_consumer2shop", **options).products(faults))
    assert len({product.id for product in products}) == len(products)
    return {product.id: product for product in products}, faults


def test_every_photo_once_with_side_split_and_pair(drawn: Path) -> None:
    products, faults = walk(drawn)
    assert not len(faults)
    photos = [photo for product in products.values() for photo in product.photos]
    assert len({photo.id for photo in photos}) == len(photos) == 6 * 5
    assert sum(photo.side == "street" for photo in photos) == 18
    item = products["id_00000002"]
    assert [(photo.id.rpartition("/")[2], photo.side, photo.labels.get("pair", "")) for photo in item.photos] == [
        ("comsumer_01.jpg", "street", "CLOTHING/Summer_Wear/id_00000002/shop_01.jpg"),
        ("shop_01.jpg", "shop", ""),
        ("comsumer_02.jpg", "street", "CLOTHING/Summer_Wear/id_00000002/shop_02.jpg"),
        ("shop_02.jpg", "shop", ""),
        ("comsumer_03.jpg", "street", "CLOTHING/Summer_Wear/id_00000002/shop_01.jpg"),
    ]
    assert {photo.split for photo in item.photos} == {"test"}
    assert item.photos[0].box == STREET_BOX
    assert item.photos[0].labels["clothes_type"] == "full"
    with Image.open(item.photos[0].uri) as picture:
        assert picture.size == (225, 300)
    ids = {photo.id for photo in photos}
    assert all(pair in ids for photo in photos for pair in photo.labels.get("pair", "").split("|") if pair)


def test_files_are_misspelt_and_stay_so(drawn: Path) -> None:
    products, _ = walk(drawn)
    streets = [photo.id for product in products.values() for photo in product.photos if photo.side == "street"]
    assert all("/comsumer_" in name for name in streets)


def test_attributes_by_type_with_marks_crlf_and_trailing_spaces(drawn: Path) -> None:
    data = (drawn / "Anno/list_attr_cloth.txt").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf5\r\n")
    assert b"3  \r\n" in data
    assert b"\t  3\r\n" in data
    products, _ = walk(drawn)
    assert [product.attributes for product in products.values()] == [
        {"length_of_upper_body_clothes": "Regular length (51-65cm)"},
        {"type_of_trousers": "Skinny/Pencil pants"},
        {"part_details_of_clothes": "Dress sets"},
        {"part_details_of_clothes": "Pleated"},
        {"part_details_of_clothes": "Pleated"},
        {"length_of_upper_body_clothes": "Regular length (51-65cm)"},
    ]


def test_two_chinese_words_with_one_english_word_give_it_once(tmp_path: Path) -> None:
    root = consumer2shop(tmp_path, draw=False)
    path = root / "Anno/list_attr_items.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], "id_00000001 -1 -1 1 1 1", *lines[3:]]) + "\n")
    assert walk(root, pictures=False)[0]["id_00000001"].attributes == {"part_details_of_clothes": "Dress sets|Pleated"}


def test_zero_is_unknown_and_not_no(drawn: Path) -> None:
    found = walk(drawn, unknown=True)[0]["id_00000001"].attributes
    assert found["type_of_trousers?"] == "Skinny/Pencil pants"
    assert "type_of_trousers" not in found


def test_an_item_in_several_directories_is_one_product(drawn: Path) -> None:
    item = walk(drawn)[0]["id_00000004"]
    assert {photo.id.rpartition("/id_")[0] for photo in item.photos} == {"TOPS/T_Shirt", "CLOTHING/T_Shirt"}
    assert item.category == "TOPS > T_Shirt"
    assert item.garment == "t_shirt"


def test_the_consumer_stands_first(tmp_path: Path) -> None:
    root = consumer2shop(tmp_path, draw=False)
    path = root / PARTITION
    lines = path.read_text().splitlines()
    street, shop, *rest = lines[2].split()
    path.write_text("\n".join([*lines[:2], " ".join((shop, street, *rest)), *lines[3:]]) + "\n")
    products, faults = walk(root, pictures=False)
    first = faults.kept[0]
    assert (first.row, first.lost) == (1, "photo")
    assert "is named as the shop photo of the pair; the consumer's stands first" in first.reason
    assert len(products["id_00000001"].photos) == 4


def test_a_source_type_that_disagrees_is_told(tmp_path: Path) -> None:
    root = consumer2shop(tmp_path, draw=False)
    path = root / "Anno/list_bbox_consumer2shop.txt"
    lines = path.read_text().splitlines()
    words = lines[2].split()
    assert words[0].endswith("shop_01.jpg")
    path.write_text("\n".join([*lines[:2], " ".join((*words[:2], "2", *words[3:])), *lines[3:]]) + "\n")
    _, faults = walk(root, pictures=False)
    (fault,) = faults.kept
    assert "is the shop photo of a pair, and source_type says consumer; the pair was kept" in fault.reason


def test_a_consumer_photo_with_two_shop_photos_has_both(tmp_path: Path) -> None:
    root = consumer2shop(tmp_path, draw=False)
    path = root / PARTITION
    lines = path.read_text().splitlines()
    extra = lines[2].replace("shop_01", "shop_02")
    path.write_text("\n".join([str(int(lines[0]) + 1), lines[1], *lines[2:], extra]) + "\n")
    products, faults = walk(root, pictures=False)
    assert not len(faults)
    photo = products["id_00000001"].photos[0]
    assert photo.labels["pair"] == "TOPS/T_Shirt/id_00000001/shop_01.jpg|TOPS/T_Shirt/id_00000001/shop_02.jpg"
    assert len(products["id_00000001"].photos) == 5


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{street} {shop} id_00000002 train", "is a street photo of id_00000001 already, here street of id_00000002"),
        ("{street} {shop} id_00000001 test", "item id_00000001 is in train already and in test here: it would leak"),
    ],
)
def test_photos_of_two_items_and_items_of_two_splits_are_refused(tmp_path: Path, row: str, reason: str) -> None:
    root = consumer2shop(tmp_path, draw=False)
    clean, _ = walk(root, pictures=False)
    path = root / PARTITION
    lines = path.read_text().splitlines()
    street, shop, *_ = lines[2].split()
    text = [str(int(lines[0]) + 1), *lines[1:], row.format(street=street, shop=shop)]
    path.write_text("\n".join(text) + "\n")
    products, faults = walk(root, pictures=False)
    (fault,) = faults.kept
    assert reason in fault.reason
    assert products == clean


def test_line_1_of_the_partition_may_count_photos_as_the_readme_says(tmp_path: Path) -> None:
    root = consumer2shop(tmp_path, draw=False)
    path = root / PARTITION
    lines = path.read_text().splitlines()
    assert lines[0] == "18"
    for count, told in (("18", 0), ("30", 0), ("29", 1)):
        path.write_text("\n".join([count, *lines[1:]]) + "\n")
        assert len(walk(root, pictures=False)[1]) == told


def test_high_resolution_calls_a_folder_otherwise(tmp_path: Path) -> None:
    root = consumer2shop(tmp_path, highres=True)
    products, faults = walk(root, highres=True)
    assert not len(faults)
    photo = products["id_00000002"].photos[0]
    assert photo.id == "CLOTHING/Summer_Wear/id_00000002/comsumer_01.jpg"
    assert photo.uri == f"{root}/Img/img_highres/CLOTHING/Summer_Suit/id_00000002/comsumer_01.jpg"
    assert Path(photo.uri).is_file()
    assert photo.box is None
    assert photo.landmarks == ()


def test_types_cut_off_make_attributes_worthless(tmp_path: Path) -> None:
    root = consumer2shop(tmp_path, draw=False)
    path = root / "Anno/list_attr_type.txt"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"2\r\n" + b"".join(lines[1:-1]))
    with pytest.raises(CatalogError, match=r"list_attr_cloth.txt: .* ends in none of the types"):
        walk(root, pictures=False)


def test_published_counts(drawn: Path) -> None:
    assert expected("deepfashion_consumer2shop") == {
        "products": 33_881,
        "photos": 239_557,
        "rows:pairs": 195_540,
        "rows:items": 33_881,
        "rows:attribute_types": 18,
        "rows:attributes": 303,
    }
    notes = open_catalog(drawn, reader="deepfashion_consumer2shop").notes
    assert "rows:pairs 18 in Eval/list_eval_partition.txt" in notes
    assert "rows:attributes 5 in Anno/list_attr_cloth.txt" in notes

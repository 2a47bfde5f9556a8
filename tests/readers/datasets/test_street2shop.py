"""Exact Street2Shop: its miniature, the real excerpt, and every trap of the released files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from miniatures import street2shop
from miniatures.street2shop import Miniature
from wearabouts.catalog import Faults, Photo, Product
from wearabouts.errors import CatalogError, ImageError, SettingsError
from wearabouts.images import decode
from wearabouts.readers import expected, open_catalog
from wearabouts.readers.datasets.street2shop import EXPECTED
from wearabouts.readers.datasets.street2shop.photos import addresses
from wearabouts.types import Box

BAGS = "meta/json/train_pairs_bags.json"


@pytest.fixture
def mini(tmp_path: Path) -> Miniature:
    return street2shop.write(tmp_path, draw=False)


def walk(root: Path, **options: Any) -> tuple[dict[str, Product], list[Any]]:
    faults = Faults()
    catalog = open_catalog(root, reader="street2shop", **options)
    products = {product.id: product for product in catalog.products(faults)}
    return products, [fault for fault in faults.kept if fault.column != "category"]


def photos(products: dict[str, Product]) -> list[Photo]:
    return [photo for product in products.values() for photo in product.photos]


def edit(root: Path, name: str, change: Callable[[list[Any]], object]) -> None:
    path = root / name
    records = json.loads(path.read_text())
    change(records)
    path.write_text(json.dumps(records))


def test_rows_are_street_photos_and_records_are_gallery(mini: Miniature) -> None:
    products, faults = walk(mini.root)
    found = photos(products)
    assert not faults
    assert len({photo.id for photo in found}) == len(found)
    assert [sum(photo.split == split for photo in found) for split in ("train", "test", "gallery")] == [
        mini.train,
        mini.test,
        mini.gallery,
    ]
    assert all((photo.side == "street") == (photo.split != "gallery") for photo in found)
    one = products["bags/1"]
    assert [photo.id for photo in one.photos] == [
        "bags/000000003_1_1",
        "bags/000000003_1_2",
        "bags/000000001_1",
        "bags/000000002_1",
    ]
    assert one.category == "bags"
    assert [products[name].garment for name in ("bags/1", "dresses/1")] == ["", "dress"]
    assert one.photos[0].box == Box(30, 24, 40, 56)
    assert one.photos[0].uri == str(mini.root / "photos" / "000000003.jpg")


def test_product_numbers_are_local_to_a_category(mini: Miniature) -> None:
    products, _ = walk(mini.root)
    assert {"bags/1", "dresses/1"} <= set(products)
    uris = [{photo.uri for photo in products[key].photos} for key in ("bags/1", "dresses/1")]
    assert not uris[0] & uris[1]


def test_two_boxes_of_one_product_in_one_photo_are_two_photos(mini: Miniature) -> None:
    products, _ = walk(mini.root)
    first, second = products["bags/1"].photos[:2]
    assert (first.uri, first.id) != (first.uri, second.id)
    assert first.uri == second.uri
    assert first.box != second.box


def test_one_street_photo_may_show_several_products(mini: Miniature) -> None:
    edit(mini.root, BAGS, lambda rows: rows.append({**rows[0], "product": 3}))
    products, faults = walk(mini.root)
    assert "bags/000000003_3_1" in {photo.id for photo in products["bags/3"].photos}
    assert not faults


def test_a_box_without_width_and_height_leaves_the_photo_without_a_box(mini: Miniature) -> None:
    def cut(rows: list[Any]) -> None:
        del rows[0]["bbox"]["width"], rows[0]["bbox"]["height"]

    edit(mini.root, BAGS, cut)
    products, faults = walk(mini.root)
    photo = products["bags/1"].photos[0]
    assert photo.box is None
    assert photo.labels["box"] == "unknown"
    assert [(fault.row, fault.column, fault.lost) for fault in faults] == [(1, "bbox", "field")]
    assert "width is missing" in faults[0].reason


@pytest.mark.parametrize(
    "bbox",
    [
        {"left": 1, "top": 1, "width": 0.5, "height": 1.5},
        {"left": 1, "top": 1, "width": -5, "height": 9},
        {"left": 1, "top": "x", "width": 5, "height": 9},
        {"left": True, "top": 1, "width": 5, "height": 9},
        {"left": 1e999, "top": 1, "width": 5, "height": 9},
        {"left": 10**400, "top": 1, "width": 5, "height": 9},
        [1, 2, 3, 4],
        None,
    ],
)
def test_boxes_that_are_none_are_told(mini: Miniature, bbox: object) -> None:
    edit(mini.root, BAGS, lambda rows: rows[0].update(bbox=bbox))
    products, faults = walk(mini.root)
    assert products["bags/1"].photos[0].box is None
    assert len(faults) == 1


def test_a_box_beyond_the_picture_is_cut_to_it(tmp_path: Path) -> None:
    root = street2shop.write(tmp_path, categories=["bags"], products=2, distractors=0).root
    edit(root, BAGS, lambda rows: rows[0].update(bbox={"left": -20, "top": 100, "width": 60, "height": 500}))
    edit(root, BAGS, lambda rows: rows[1].update(bbox={"left": 500, "top": 100, "width": 60, "height": 50}))
    first, second = walk(root)[0]["bags/1"].photos[:2]
    picture = decode(Path(first.uri).read_bytes())
    assert picture.size == (96, 112)
    assert picture.crop(first.box).shape == (12, 40, 3)
    with pytest.raises(ImageError, match="less than a pixel"):
        picture.crop(second.box)


@pytest.mark.parametrize(
    "record",
    [
        7,
        {},
        {"photo": 1},
        {"photo": -1, "product": 1},
        {"photo": 10**9, "product": 1},
        {"photo": True, "product": 1},
        {"photo": 1.5, "product": 1},
    ],
)
def test_a_record_that_is_none_costs_itself(mini: Miniature, record: object) -> None:
    before = photos(walk(mini.root)[0])
    edit(mini.root, BAGS, lambda rows: rows.insert(0, record))
    products, faults = walk(mini.root)
    assert photos(products) == before
    assert [(fault.row, fault.lost) for fault in faults] == [(1, "photo")]


def test_a_shop_photo_that_repeats_is_taken_once(mini: Miniature) -> None:
    edit(mini.root, "meta/json/retrieval_bags.json", lambda rows: rows.append(rows[0]))
    products, faults = walk(mini.root)
    assert sum(photo.split == "gallery" for photo in photos(products)) == mini.gallery
    assert "stood before" in faults[0].reason


def test_train_products_stay_in_the_gallery_and_distractors_too(mini: Miniature) -> None:
    products, _ = walk(mini.root)
    splits = [{photo.split for photo in products[f"bags/{number}"].photos} for number in (1, 2, 7)]
    assert splits == [{"train", "gallery"}, {"test", "gallery"}, {"gallery"}]


def test_a_product_in_training_and_testing_is_told(mini: Miniature) -> None:
    edit(mini.root, "meta/json/test_pairs_bags.json", lambda rows: rows[0].update(product=1))
    products, faults = walk(mini.root)
    assert "bags/1" in products
    assert any("train_pairs and in test_pairs" in fault.reason for fault in faults)


def test_a_product_without_shop_photos_is_told(mini: Miniature) -> None:
    def drop(rows: list[Any]) -> None:
        rows[:] = [row for row in rows if row["product"] != 2]

    edit(mini.root, "meta/json/retrieval_bags.json", drop)
    products, faults = walk(mini.root)
    assert {photo.side for photo in products["bags/2"].photos} == {"street"}
    assert ["product 2 of bags has street photos and no shop photo" in fault.reason for fault in faults] == [True]


def test_addresses_are_parted_at_the_first_comma_and_repeated_lines_are_passed_over(mini: Miniature) -> None:
    faults = Faults()
    found = dict(addresses(mini.root / "photos" / "photos.txt", faults))
    assert found == {number: f"http://shop.invalid{path}" for number, path in mini.photos.items()}
    assert "," in found[1]
    assert not len(faults)


def test_lines_that_are_no_addresses_are_told(tmp_path: Path) -> None:
    path = tmp_path / "photos.txt"
    path.write_bytes(
        b"\xef\xbb\xbf000000001,http://a/1\r\n000000001,http://a/other\n12,http://a/2\n000000003\n\n000000004,\n"
        b"00000000\xb2,http://a\n000000005,http://a/" + b"x" * 20_000 + b"\n000000006,http://a/\xfc.jpg\n000000007,http://a/7"
    )  # fmt: skip
    faults = Faults()
    found = dict(addresses(path, faults))
    assert found == {1: "http://a/1", 6: "http://a/ü.jpg", 7: "http://a/7"}
    assert [fault.row for fault in faults.kept] == [2, 3, 4, 6, 7, 8]


def test_pictures_are_found_under_any_suffix_and_in_folders(tmp_path: Path) -> None:
    made = street2shop.write(tmp_path / "set", categories=["bags"], draw=False)
    folder = made.root / "photos"
    (folder / "bags").mkdir()
    for name in (
        "000000001.png",
        "000000002.webp",
        "bags/000000003.jpeg",
        "12.jpg",
        "000000004.txt",
        "000000005.jpg.part",
    ):
        (folder / name).write_bytes(b"x")
    os.symlink("000000001.png", folder / "000000006.png")
    found = {Path(photo.uri).name for photo in photos(walk(made.root)[0]) if Path(photo.uri).exists()}
    assert found == {"000000001.png", "000000002.webp", "000000003.jpeg", "000000006.png"}
    notes = open_catalog(made.root, reader="street2shop").notes
    assert f"4 present, 0 dead (failures.jsonl) and {len(made.photos) - 4} missing" in notes[-1]


def test_pictures_may_lie_elsewhere_when_told(tmp_path: Path) -> None:
    made = street2shop.write(tmp_path / "set", categories=["bags"], draw=False)
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "000000001.gif").write_bytes(b"x")
    uris = {photo.uri for photo in photos(walk(made.root, images=str(tmp_path / "disk"))[0])}
    assert str(tmp_path / "disk" / "000000001.gif") in uris
    with pytest.raises(CatalogError, match="not a folder"):
        walk(made.root, images=tmp_path / "nowhere")


@pytest.mark.parametrize("name", [BAGS, "photos/photos.txt", "photos/000000001.jpg"])
def test_links_out_of_the_root_are_refused(tmp_path: Path, name: str) -> None:
    made = street2shop.write(tmp_path / "set", categories=["bags"], products=2, distractors=0)
    (made.root / name).rename(tmp_path / "outside")
    os.symlink(tmp_path / "outside", made.root / name)
    with pytest.raises(CatalogError, match="leads out of"):
        walk(made.root)


def test_a_photo_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    made = street2shop.write(tmp_path / "set", categories=["bags"], draw=False)
    (made.root / "photos").rename(tmp_path / "outside")
    os.symlink(tmp_path / "outside", made.root / "photos")
    with pytest.raises(CatalogError, match="leads out of"):
        walk(made.root)


def test_what_is_missing_is_named(mini: Miniature, tmp_path: Path) -> None:
    (mini.root / "meta" / "json" / "retrieval_bags.json").unlink()
    with pytest.raises(CatalogError, match=r"lacks retrieval_bags\.json; unpack"):
        walk(mini.root)
    products, _ = walk(mini.root, category="dresses")
    assert {product.category for product in products.values()} == {"dresses"}
    with pytest.raises(CatalogError, match="train_pairs_hats"):
        walk(mini.root, category="hats")
    with pytest.raises(SettingsError, match="did you mean 'hats'"):
        walk(mini.root, category="hat")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match="looked for train_pairs_<category>"):
        walk(tmp_path / "empty")


def test_categories_that_are_not_there_are_told(mini: Miniature) -> None:
    faults = Faults()
    list(open_catalog(mini.root, reader="street2shop").products(faults))
    assert [(fault.column, "belts, eyewear" in fault.reason) for fault in faults.kept] == [("category", True)]


@pytest.mark.parametrize("text", ["", "[", '{"photo": 1}', "[" * 100_000, "[1] x", "\x00"])
def test_a_file_that_is_no_list_is_refused(mini: Miniature, text: str) -> None:
    (mini.root / BAGS).write_text(text)
    with pytest.raises(CatalogError, match=r"unpack meta\.zip again"):
        walk(mini.root)


def test_proposals_become_labels_of_shop_photos(mini: Miniature) -> None:
    lines = [
        '{"photo": 1, "boxes": [[1, 2, 30.5, 40], [0, 0, 10, 0], [5, 6, 7, 8]]}',
        "no json",
        '{"photo": 1, "boxes": []}',
    ]
    (mini.root / "meta" / "json" / "proposals_bags.jsonl").write_text("\n".join(lines))
    products, faults = walk(mini.root, category="bags", proposals=True)
    first, second = products["bags/1"].photos[2:]
    assert first.labels["proposals"] == "1,2,30.5,40|5,6,7,8"
    assert "proposals" not in second.labels
    assert sorted(fault.row for fault in faults) == [1, 2, 3]
    with pytest.raises(CatalogError, match="proposals_dresses"):
        walk(mini.root, proposals=True)


def test_published_rows() -> None:
    assert (EXPECTED["photos:train"], EXPECTED["photos:test"]) == (30_628, 8_637)
    assert expected("street2shop", {"category": "bags,hats"})["photos:test"] == 174 + 86
    assert expected("street2shop")["photos:train:dresses"] == 12_875


FLAT = (
    "id,cons,shop,left,width,top,height\n5,10,20,1,30,2,40\n5,10,21,1,30,2,40\n5,10,20,9,30,8,40\n5,10,21,9,30,8,40\n"
)


def test_flattened_pairs_go_by_their_columns_names(tmp_path: Path) -> None:
    path = tmp_path / "test_pairs_bags.txt"
    path.write_text(FLAT + "x,1,2,3,4,5,6\n1,2\n")
    products, faults = walk(path)
    assert [(photo.id, photo.box) for photo in products["bags/5"].photos] == [
        ("bags/000000010_5_1", Box(left=1, top=2, width=30, height=40)),
        ("bags/000000010_5_2", Box(left=9, top=8, width=30, height=40)),
        ("bags/000000020_5", None),
        ("bags/000000021_5", None),
    ]
    assert {photo.split for photo in products["bags/5"].photos} == {"test", "gallery"}
    assert [fault.row for fault in faults] == [5, 6]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(CatalogError, match="lacks the header"):
        walk(path)


@pytest.mark.data
def test_the_real_excerpt(data_folder: Path, tmp_path: Path) -> None:
    excerpt = data_folder / "restricted" / "formats" / "street2shop_flat_pairs_bags.head.txt"
    if not excerpt.is_file():
        pytest.skip("the excerpt is not there")
    lines = [line.split(",") for line in excerpt.read_text().splitlines()]
    header, rows = lines[0], lines[1:]
    (tmp_path / "train_pairs_bags.txt").write_text(excerpt.read_text())
    products, faults = walk(tmp_path)
    found = photos(products)
    assert not faults
    assert set(products) == {f"bags/{row[0]}" for row in rows}
    street = {
        (row[0], row[1], *(float(row[header.index(side)]) for side in ("left", "top", "width", "height")))
        for row in rows
    }
    assert sum(photo.split == "train" for photo in found) == len(street)
    assert sum(photo.split == "gallery" for photo in found) == len({(row[0], row[2]) for row in rows})
    first = products["bags/8193"].photos[0]
    assert (first.labels["photo"], first.box) == ("000004144", Box(left=1060, top=1457, width=700, height=519))

"""First lines of the authors' own lists: read as they are, and what is missing in them is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wearabouts.catalog import Faults
from wearabouts.errors import CatalogError
from wearabouts.readers import expected, open_catalog
from wearabouts.readers.datasets.deepfashion import consumer2shop
from wearabouts.readers.datasets.deepfashion.folders import Folder
from wearabouts.readers.datasets.deepfashion.labels import bilingual
from wearabouts.readers.datasets.deepfashion.lists import List

pytestmark = pytest.mark.data


@pytest.fixture
def excerpts(data_folder: Path) -> Path:
    folder = data_folder / "restricted" / "formats"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.mark.parametrize(
    ("name", "names", "key", "rows", "reader"),
    [
        ("list_item_inshop.head.txt", "", "rows:items", 19, "deepfashion_inshop"),
        ("list_item_consumer2shop.head.txt", "", "rows:items", 19, "deepfashion_consumer2shop"),
        (
            "list_attr_type.txt",
            "attribute_type (chinese) attribute_type (english)",
            "rows:attribute_types",
            18,
            "deepfashion_consumer2shop",
        ),
        (
            "list_attr_cloth.head.txt",
            "attribute_name (chinese) attribute_name (english) attribute_type",
            "rows:attributes",
            38,
            "deepfashion_consumer2shop",
        ),
    ],
)
def test_first_lines_give_the_published_counts(
    excerpts: Path, name: str, names: str, key: str, rows: int, reader: str
) -> None:
    faults = Faults()
    found = List(excerpts / name, names, faults)
    assert found.count == expected(reader)[key]
    assert len(list(found.rows())) == rows
    said = [fault.reason for fault in faults.kept]
    assert said == (
        []
        if rows == found.count
        else [f"its first line says {found.count:,} rows, {rows} were found: an excerpt, as its name says"]
    )


@pytest.mark.parametrize(
    ("reader", "there", "missing"),
    [
        (
            "deepfashion_inshop",
            ["items: 19 in list_item_inshop.head.txt, whose first line says 7,982 as published: it is an excerpt"],
            ["list_eval_partition.txt", "list_bbox_inshop.txt", "list_landmarks_inshop.txt", "list_attr_items.txt"],
        ),
        (
            "deepfashion_consumer2shop",
            [
                "items: 19 in list_item_consumer2shop.head.txt, whose first line says 33,881 as published",
                "attribute_types: 18 in list_attr_type.txt",
                "attributes: 38 in list_attr_cloth.head.txt, whose first line says 303 as published",
            ],
            ["list_eval_partition.txt", "list_bbox_consumer2shop.txt", "list_attr_items.txt"],
        ),
        ("deepfashion_attributes", ["303, not the published 1,000"], ["list_attr_img.txt", "list_category_img.txt"]),
        ("deepfashion_landmarks", ["none of the lists"], ["list_landmarks.txt"]),
    ],
)
def test_reading_the_excerpts_says_what_is_there_and_what_is_missing(
    excerpts: Path, reader: str, there: list[str], missing: list[str]
) -> None:
    with pytest.raises(CatalogError) as told:
        open_catalog(excerpts, reader=reader)
    message = str(told.value)
    assert "\n" not in message
    lacking, _, found = message.partition("Missing: ")[2].partition(". There: ")
    assert set(missing) <= set(lacking.split(", "))
    assert all(words in found for words in there)


def test_the_real_attribute_names_and_types_are_read(excerpts: Path, tmp_path: Path) -> None:
    head, names, *rows = (excerpts / "list_attr_cloth.head.txt").read_bytes().splitlines()
    assert head.startswith(b"\xef\xbb\xbf")
    shutil.copy(excerpts / "list_attr_type.txt", tmp_path)
    whole = [b"\xef\xbb\xbf%d" % len(rows), names, *rows]
    (tmp_path / "list_attr_cloth.txt").write_bytes(b"".join(line + b"\r\n" for line in whole))
    faults = Faults()
    folder = Folder(tmp_path, consumer2shop.BENCHMARK, consumer2shop.LISTS, consumer2shop.EXPECTED)
    words = bilingual(folder, faults)
    assert not len(faults)
    found = dict(zip(words.names, words.groups, strict=True))
    assert found["Regular length (51-65cm)"] == "length_of_upper_body_clothes"
    assert found["Skinny/Pencil pants"] == "type_of_trousers"
    assert found["Dress sets"] == "part_details_of_clothes"
    # Types 1 and 2 are whole in the excerpt: 14 and 9 attributes.
    assert [words.groups.count(group) for group in ("length_of_upper_body_clothes", "type_of_trousers")] == [14, 9]


def test_attribute_names_cut_off_are_refused(excerpts: Path) -> None:
    folder = Folder(excerpts, consumer2shop.BENCHMARK, consumer2shop.LISTS, consumer2shop.EXPECTED)
    with pytest.raises(CatalogError, match="says 303 names and has 38"):
        bilingual(folder, Faults())


def test_the_real_paths_of_in_shop_photos(excerpts: Path, tmp_path: Path) -> None:
    rows = [
        f"{name}  {name.split('/')[-2]} {split} "
        for split in ("query", "gallery")
        for name in (excerpts / f"inshop_{split}_paths.head.txt").read_text().split()
    ]
    assert len(rows) == 80
    (tmp_path / "Eval").mkdir()
    text = "\n".join(["52712", "image_name  item_id evaluation_status ", *rows]) + "\n"
    (tmp_path / "Eval/list_eval_partition.txt").write_text(text)
    shutil.copy(excerpts / "list_item_inshop.head.txt", tmp_path)
    faults = Faults()
    catalog = open_catalog(tmp_path, reader="deepfashion_inshop", pictures=False)
    assert (
        "rows:partition 80 in Eval/list_eval_partition.txt, whose first line says 52,712 as published: they differ"
        in catalog.notes
    )
    products = {product.id: product for product in catalog.products(faults)}
    photos = [photo for product in products.values() for photo in product.photos]
    assert len(photos) == 80
    assert {photo.labels["view"] for photo in photos} <= {"front", "side", "back", "full", "flat", "additional"}
    assert all(photo.labels["color_number"].isdigit() for photo in photos)
    assert products["id_00000001"].category == "WOMEN > Blouses_Shirts"
    said = [fault.reason for fault in faults.kept]
    assert any(reason.startswith("its first line says 52,712 rows, 80 were found") for reason in said)
    assert any(reason.startswith("its first line says 7,982 rows, 19 were found") for reason in said)

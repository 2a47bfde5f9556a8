"""Tables of photos: columns guessed rightly, rows of one product together, and the three real tables read unaided."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.readers import open_catalog, table
from wearabouts.readers.table import split_references
from wearabouts.types import Box


def walk(path: Path, **options: Any) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(path, reader="table", **options).products(faults)), faults


def written(tmp_path: Path, text: str, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_of_one_product_come_together_also_from_afar(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "item_id,path,view,colour,name,role\na,1.jpg,front,red,Dress,gallery\nb,2.jpg,front,blue,Coat,gallery\n"
        "a,3.jpg,back,red,,query\n",
    )
    (first, second), faults = walk(path)
    assert [(photo.uri, photo.split, photo.side, photo.labels) for photo in first.photos] == [
        (str(tmp_path / "1.jpg"), "gallery", "shop", {"view": "front"}),
        (str(tmp_path / "3.jpg"), "query", "street", {"view": "back"}),
    ]
    assert first.title == "Dress"
    assert first.attributes == {"color": "red"}
    assert second.id == "b"
    assert not len(faults)


def test_a_column_that_varies_within_any_product_labels_photos_in_all(tmp_path: Path) -> None:
    path = written(tmp_path, "id,path,light,season\n1,a.jpg,day,summer\n1,b.jpg,night,summer\n2,c.jpg,day,winter\n")
    (first, second), _ = walk(path)
    assert [photo.labels for photo in first.photos] == [{"light": "day"}, {"light": "night"}]
    assert second.photos[0].labels == {"light": "day"}
    assert (first.attributes, second.attributes) == ({"season": "summer"}, {"season": "winter"})


def test_a_large_table_streams_and_tells_of_rows_that_lie_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MERGE_TEXT", 200)
    lines = [f"{number // 2},{number}.jpg,{'x' * 20}" for number in range(40)] + ["0,late.jpg,x"]
    products, faults = walk(written(tmp_path, "id,path,note\n" + "\n".join(lines) + "\n"))
    assert [product.id for product in products] == [str(number) for number in range(20)]
    assert {len(product.photos) for product in products} == {2}
    assert [(fault.row, fault.column, fault.lost) for fault in faults.kept] == [(41, "id", "product")]


def test_prices_stock_links_groups_and_boxes(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "sku,image,price,sale_price,currency,stock_status,product_url,style_id,left,top,width,height\n"
        "1,a.jpg,19.99,15,usd,in stock,https://shop.example/1,S,10,20,30,40\n"
        "2,b.jpg,nothing,,,maybe,javascript:x,S,10,20,0,40\n",
    )
    (first, second), faults = walk(path)
    assert (first.price, first.regular_price, first.currency) == (15.0, 19.99, "USD")
    assert (first.availability, first.link, first.group) == ("in_stock", "https://shop.example/1", "S")
    assert first.photos[0].box == Box(10, 20, 30, 40)
    assert (second.price, second.availability, second.link, second.photos[0].box) == (None, "", "", None)
    assert sorted(fault.column for fault in faults.kept) == ["box", "price", "product_url", "stock_status"]
    assert {fault.lost for fault in faults.kept} == {"field"}


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("x1,y1,x2,y2", "10,20,40,60"),
        ("bbox", '"[10, 20, 30, 40]"'),
        ("x,y,w,h", "10,20,30,40"),
        ("left,width,top,height", "10,30,20,40"),
    ],
)
def test_boxes_in_their_spellings(tmp_path: Path, header: str, cells: str) -> None:
    (product,), _ = walk(written(tmp_path, f"path,{header}\na.jpg,{cells}\n"))
    assert product.photos[0].box == Box(10, 20, 30, 40)


def test_width_and_height_alone_are_the_photo_s_size_not_a_box(tmp_path: Path) -> None:
    (product,), _ = walk(written(tmp_path, "path,width,height\na.jpg,640,480\n"))
    assert product.photos[0].box is None
    assert product.photos[0].labels == {"width": "640", "height": "480"}


def test_the_mapping_is_shown_and_can_be_given(tmp_path: Path) -> None:
    path = written(tmp_path, "nummer,bild,titel\n1,a.jpg,Kleid\n")
    with pytest.raises(CatalogError, match="mapping"):
        open_catalog(path, reader="table")
    mapping = {"id": "nummer", "photo": "bild", "title": "titel"}
    catalog = open_catalog(path, mapping=mapping)
    assert "id = nummer, photo = bild, title = titel" in " ".join(catalog.notes)
    (product,) = catalog.products()
    assert (product.id, product.title, product.garment) == ("1", "Kleid", "dress")


@pytest.mark.parametrize(
    ("mapping", "hint"), [({"tittle": "titel"}, "did you mean 'title'"), ({"title": "titl"}, "did you mean 'titel'")]
)
def test_a_mapping_that_cannot_be_meant_is_refused(tmp_path: Path, mapping: dict[str, str], hint: str) -> None:
    path = written(tmp_path, "id,path,titel\n1,a.jpg,Kleid\n")
    with pytest.raises(SettingsError, match=hint):
        open_catalog(path, mapping=mapping)


def test_a_name_alone_makes_no_split(tmp_path: Path) -> None:
    (product,), _ = walk(written(tmp_path, "path,role,side\na.jpg,evening wear,left\n"))
    assert (product.photos[0].split, product.photos[0].side) == ("", "shop")
    assert product.attributes == {"role": "evening wear", "side": "left"}


def test_json_lines_and_parquet_say_the_same_as_csv(tmp_path: Path) -> None:
    records = [
        {"id": "1", "title": "Dress", "images": ["a.jpg", "b.jpg"], "price": 9.5, "season": None},
        {"id": "2", "title": "Coat", "images": ["c.jpg"], "price": 19.0, "season": "winter"},
    ]
    lines = written(tmp_path, "\n".join(json.dumps(record) for record in records) + "\n[1]\n{broken\n", "t.jsonl")
    parquet = tmp_path / "t.parquet"
    pl.DataFrame(records).write_parquet(parquet)
    flat = written(tmp_path, 'id,title,images,price,season\n1,Dress,"a.jpg,b.jpg",9.5,\n2,Coat,c.jpg,19.0,winter\n')
    from_lines, faults = walk(lines)
    assert from_lines == walk(parquet)[0] == walk(flat)[0]
    assert [len(product.photos) for product in from_lines] == [2, 1]
    assert [(fault.row, fault.lost) for fault in faults.kept] == [(3, "product"), (4, "product")]


def test_a_broken_parquet_file_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"id": ["1"], "path": ["a.jpg"]}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CatalogError, match="Parquet"):
        open_catalog(path)


def test_a_damaged_parquet_file_is_an_error_or_a_fault_never_a_panic(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pl.DataFrame({"id": [str(n) for n in range(50)], "path": [f"{n}.jpg" for n in range(50)]}).write_parquet(whole)
    content = whole.read_bytes()
    path = tmp_path / "t.parquet"
    kept = refused = 0
    for place in range(4, len(content), max(1, len(content) // 60)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            kept += len(walk(path)[0])
        except (CatalogError, SettingsError):
            refused += 1
    assert refused
    assert kept


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("a.jpg, b.png", ["a.jpg", "b.png"]),
        ("a,b.jpg", ["a,b.jpg"]),
        ("http://x/a?w=1,2,http://x/b", ["http://x/a?w=1,2", "http://x/b"]),
        ("a|b", ["a", "b"]),
        ("http://x/a;http://x/b", ["http://x/a", "http://x/b"]),
        ("a;1.jpg", ["a;1.jpg"]),
        ("http://x/a.jpg?w=1, http://x/b", ["http://x/a.jpg?w=1", "http://x/b"]),
        (" ,a.jpg,, b.jpg,", ["a.jpg", "b.jpg"]),
        ("a," * 400_000, ["a," * 400_000]),
        ("", []),
    ],
)
def test_several_photos_in_one_cell(raw: str, parts: list[str]) -> None:
    assert split_references(raw) == parts


@pytest.mark.data
def test_the_real_shop_table_unaided(data_folder: Path) -> None:
    products, faults = walk(data_folder / "magento-fashion" / "images.csv")
    assert (len(products), sum(len(product.photos) for product in products), len(faults)) == (261, 413, 0)
    assert Counter(photo.split for product in products for photo in product.photos) == {"gallery": 262, "query": 151}
    jacket = next(product for product in products if product.id == "mj03-black")
    assert (jacket.title, jacket.price, jacket.group, jacket.garment) == (
        "Montana Wind Jacket",
        49.0,
        "mj03",
        "outwear",
    )
    assert jacket.category == "Default Category/Men/Tops/Jackets"
    assert jacket.attributes["color"] == "black"
    assert {photo.labels["view"]: photo.split for photo in jacket.photos} == {
        "alt1": "query",
        "back": "query",
        "main": "gallery",
    }
    assert len({product.group for product in products if product.group}) == 102
    assert all(Path(photo.uri).is_file() for product in products for photo in product.photos)


@pytest.mark.data
def test_the_real_grocery_table_unaided(data_folder: Path) -> None:
    products, faults = walk(data_folder / "grocery" / "images.csv")
    assert (len(products), len(faults)) == (40, 0)
    sides = Counter((photo.split, photo.side) for product in products for photo in product.photos)
    assert sides == {("query", "street"): 1_040, ("gallery", "shop"): 40}
    assert {product.title for product in products} >= {"Golden-Delicious", "Yellow-Bell-Pepper"}
    assert all(product.group == "" for product in products)  # its column "group" is no group of variants


@pytest.mark.data
def test_the_real_clothing_table_unaided(data_folder: Path) -> None:
    products, faults = walk(data_folder / "clothing" / "images.csv")
    assert (len(products), len(faults)) == (3_042, 0)
    assert Counter(product.photos[0].split for product in products) == {"train": 2_000, "gallery": 569, "query": 473}
    kinds = Counter(product.category for product in products)
    assert len(kinds) == 17
    garments = Counter(product.garment for product in products)
    assert garments["t_shirt"] == kinds["T-Shirt"] == 525
    assert "" not in garments

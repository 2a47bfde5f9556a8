"""Tables of pairs: columns guessed and shown, queries with several right answers, products without any."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars
import pytest

from miniatures import pairs as mini
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.readers import open_catalog


def walk(source: Path, **options: Any) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(source, reader="pairs", **options).products(faults)), faults


def table(root: Path, header: str, *rows: str, files: str = "q1 q2 q3 s1 s2 s3 s4") -> Path:
    for name in files.split():
        (root / f"{name}.jpg").write_bytes(b"a picture")
    (root / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    return root / "t.csv"


def photos_of(products: list[Product]) -> dict[str, Any]:
    return {photo.id: photo for product in products for photo in product.photos}


def test_products_queries_boxes_and_distractors(tmp_path: Path) -> None:
    products, faults = walk(mini.pairs(tmp_path))
    assert len(faults) == 0
    photos = photos_of(products)
    assert [product.id for product in products] == [f"p{n}" for n in range(9)]
    assert Counter((p.side, p.split) for p in photos.values()) == {
        ("shop", "gallery"): 9, ("street", "train"): 6, ("street", "test"): 6,
    }  # fmt: skip
    assert products[4].category == "jeans"
    assert photos["street/4_1.jpg"].box == mini.BOX
    assert photos["street/4_1.jpg"].labels == {"pair": "shop/4.jpg"}
    assert photos["shop/4.jpg"].box is None
    assert Path(photos["shop/4.jpg"].uri).is_file()


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "parquet"])
def test_every_kind_of_table_gives_the_same(tmp_path: Path, kind: str) -> None:
    source = mini.pairs(tmp_path)
    whole, _ = walk(source)
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    other = tmp_path / f"pairs.{kind}"
    if kind == "tsv":
        other.write_text("\n".join("\t".join(cells) for cells in [list(rows[0]), *(list(r.values()) for r in rows)]))
    elif kind == "jsonl":
        other.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        polars.DataFrame(rows).write_parquet(other)
    assert walk(other)[0] == whole


def test_the_guess_is_shown(tmp_path: Path) -> None:
    notes = " ".join(open_catalog(mini.pairs(tmp_path), reader="pairs").notes)
    assert "query = query_photo" in notes
    assert "photo = product_photo" in notes
    assert "id = product_id" in notes
    assert "split = split" in notes


@pytest.mark.parametrize(
    ("query", "photo"), [("Street Photo", "Shop Photo"), ("consumer_image", "gallery_image"), ("anchor", "positive")]
)
def test_other_names_of_the_columns(tmp_path: Path, query: str, photo: str) -> None:
    products, _ = walk(table(tmp_path, f"{query},{photo}", "q1.jpg,s1.jpg", "q2.jpg,s2.jpg"))
    assert [product.id for product in products] == ["s1.jpg", "s2.jpg"]
    assert {p.split for p in photos_of(products).values() if p.side == "street"} == {"query"}


def test_columns_can_be_given(tmp_path: Path) -> None:
    source = table(tmp_path, "a,b,c", "q1.jpg,s1.jpg,x", "q2.jpg,s2.jpg,y")
    with pytest.raises(CatalogError, match=r"no column that looks like query photos \(columns: a, b, c\)"):
        walk(source)
    products, _ = walk(source, mapping={"query": "a", "photo": "b", "id": "c"})
    assert [product.id for product in products] == ["x", "y"]
    with pytest.raises(SettingsError, match="mapping target"):
        walk(source, mapping={"consumer": "a"})
    with pytest.raises(SettingsError, match="column"):
        walk(source, mapping={"query": "z"})


def test_a_column_of_ids_named_like_photos_is_not_taken_for_them(tmp_path: Path) -> None:
    source = table(tmp_path, "query,shop,shop_photo", "q1.jpg,12,s1.jpg", "q2.jpg,13,s2.jpg")
    assert [product.id for product in walk(source)[0]] == ["s1.jpg", "s2.jpg"]


def test_one_query_in_several_rows_has_several_right_answers(tmp_path: Path) -> None:
    rows = ("q1.jpg,s1.jpg,a,1 1 9 9", "q1.jpg,s2.jpg,a,1 1 9 9", "q1.jpg,s3.jpg,b,1 1 9 9", "q1.jpg,s4.jpg,b,30 1 9 9")
    products, faults = walk(table(tmp_path, "query,product_photo,product_id,box", *rows))
    assert len(faults) == 0
    queries = {p.id: p for p in photos_of(products).values() if p.side == "street"}
    assert list(queries) == ["q1.jpg", "q1.jpg#2"]  # another box is another query
    assert queries["q1.jpg"].labels == {"pair": "s1.jpg|s2.jpg|s3.jpg", "products": "a|b"}
    assert queries["q1.jpg#2"].labels == {"pair": "s4.jpg"}
    assert [photo.id for photo in products[0].photos] == ["s1.jpg", "s2.jpg", "q1.jpg"]


def test_a_photo_that_is_query_and_product_has_two_ids(tmp_path: Path) -> None:
    products, _ = walk(table(tmp_path, "query,product_photo", "s1.jpg,s1.jpg", "q1.jpg,s2.jpg"))
    assert set(photos_of(products)) == {"s1.jpg", "s1.jpg#query", "s2.jpg", "q1.jpg"}


def test_several_product_photos_in_one_cell(tmp_path: Path) -> None:
    products, _ = walk(table(tmp_path, "query,product_photo,product_id", "q1.jpg,s1.jpg|s2.jpg,a"))
    assert [photo.id for photo in products[0].photos] == ["s1.jpg", "s2.jpg", "q1.jpg"]


def test_a_row_marked_gallery_still_has_its_query(tmp_path: Path) -> None:
    source = table(
        tmp_path, "query,product_photo,split", "q1.jpg,s1.jpg,train", "q2.jpg,s2.jpg,gallery", "q3.jpg,s3.jpg,val"
    )
    assert [p.split for p in photos_of(walk(source)[0]).values() if p.side == "street"] == ["train", "query", "val"]


# Faults injected


@pytest.mark.parametrize(
    ("row", "column", "said", "lost"),
    [
        ("q1.jpg,gone.jpg,a,", "product_photo", "is not there", "photo"),
        ("gone.jpg,s1.jpg,a,", "query", "is not there", "photo"),
        ("../q1.jpg,s1.jpg,a,", "query", "outside", "photo"),
        ("/etc/hosts,s1.jpg,a,", "query", "outside", "photo"),
        ("q1.jpg,s1.jpg,a,1 2 3", "box", "four numbers", "field"),
        ("q1.jpg,s1.jpg,a,1 2 0 9", "box", "positive width", "field"),
    ],
)
def test_a_bad_cell_costs_itself_only(tmp_path: Path, row: str, column: str, said: str, lost: str) -> None:
    products, faults = walk(table(tmp_path, "query,product_photo,product_id,box", row, "q2.jpg,s2.jpg,b,1 2 3 4"))
    assert (faults.kept[0].row, faults.kept[0].column, faults.kept[0].lost) == (1, column, lost)
    assert said in faults.kept[0].reason
    assert products[-1].id == "b"
    assert len(products[-1].photos) == 2


def test_a_product_without_a_photo_of_its_own_is_told(tmp_path: Path) -> None:
    products, faults = walk(table(tmp_path, "query,product_photo,product_id", "q1.jpg,,a", "q2.jpg,s2.jpg,b"))
    assert len(products) == 2
    assert [(fault.row, "nothing to find" in fault.reason, fault.lost) for fault in faults.kept] == [(1, True, "field")]


def test_a_row_that_names_no_product_is_a_fault(tmp_path: Path) -> None:
    products, faults = walk(table(tmp_path, "query,product_photo", "q1.jpg,", "q2.jpg,s2.jpg"))
    assert len(products) == 1
    assert [(fault.row, fault.lost) for fault in faults.kept] == [(1, "product")]


def test_one_photo_of_two_products_is_a_fault(tmp_path: Path) -> None:
    """It would be right for one query and wrong for the other."""
    products, faults = walk(table(tmp_path, "query,product_photo,product_id", "q1.jpg,s1.jpg,a", "q2.jpg,s1.jpg,b"))
    assert "belongs to product 'a' already" in faults.kept[0].reason
    assert [photo.id for photo in products[0].photos] == ["s1.jpg", "q1.jpg"]


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("")
    with pytest.raises(CatalogError, match="empty"):
        walk(tmp_path / "t.csv")


def test_a_table_that_never_ends_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    from wearabouts.readers import pairs

    monkeypatch.setattr(pairs, "MAX_ROWS", 2)
    rows = [f"q{n}.jpg,s{n}.jpg" for n in (1, 2, 3)]
    assert len(walk(table(tmp_path, "query,product_photo", *rows[:2]))[0]) == 2
    with pytest.raises(CatalogError, match="more than 2 rows"):
        walk(table(tmp_path, "query,product_photo", *rows))

"""Folders of pictures in their three layouts; no picture is opened, so any bytes will do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog


def laid_out(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def walk(root: Path, **options: Any) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(root, **options).products(faults)), faults


def test_a_subfolder_is_a_product_and_its_parents_the_category(tmp_path: Path) -> None:
    root = laid_out(
        tmp_path,
        "Women/Dresses/red_dress/2.jpg",
        "Women/Dresses/red_dress/1.JPG",
        "Men/Shirts/blue/a.webp",
        "notes.txt",
    )
    products, faults = walk(root)
    assert [(product.id, product.title, product.category, product.garment) for product in products] == [
        ("Men/Shirts/blue", "blue", "Men > Shirts", "shirt"),
        ("Women/Dresses/red_dress", "red dress", "Women > Dresses", "dress"),
    ]
    assert [Path(photo.uri).name for photo in products[1].photos] == ["1.JPG", "2.jpg"]
    assert not len(faults)


def test_files_alone_are_products(tmp_path: Path) -> None:
    products, _ = walk(laid_out(tmp_path, "b.jpg", "a b.png", ".hidden.jpg", "readme.md"))
    assert [(product.id, product.title, len(product.photos)) for product in products] == [
        ("a b.png", "a b", 1),
        ("b.jpg", "b", 1),
    ]


def test_class_folders_as_in_cifar(tmp_path: Path) -> None:
    names = [
        f"{split}/{kind}/{number:04}.jpg"
        for split in ("train", "test")
        for kind in ("airplane", "cat")
        for number in range(40)
    ]
    products, _ = walk(laid_out(tmp_path, *names))
    assert len(products) == 160
    assert {product.category for product in products} == {"airplane", "cat"}
    assert len({product.id for product in products}) == 160
    assert {(product.id.split("/")[0], product.photos[0].split) for product in products} == {
        ("train", "train"),
        ("test", "test"),
    }
    assert all(product.garment == "" for product in products)


def test_a_product_s_query_and_gallery_folders_come_together(tmp_path: Path) -> None:
    products, _ = walk(laid_out(tmp_path, "query/p1/q.jpg", "gallery/p1/g.jpg", "gallery/p2/g.jpg"))
    sides = {product.id: [(photo.split, photo.side) for photo in product.photos] for product in products}
    assert sides == {"p1": [("gallery", "shop"), ("query", "street")], "p2": [("gallery", "shop")]}


def test_the_layout_is_told_and_can_be_given(tmp_path: Path) -> None:
    root = laid_out(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg")
    assert "layout products" in " ".join(open_catalog(root).notes)
    products, _ = walk(root, layout="classes")
    assert [(product.id, product.category) for product in products] == [
        ("a/1.jpg", "a"),
        ("a/2.jpg", "a"),
        ("b/1.jpg", "b"),
    ]
    with pytest.raises(CatalogError, match="layout 'shelves'"):
        open_catalog(root, layout="shelves")


def test_links_out_of_the_folder_and_folders_that_are_links_are_not_followed(tmp_path: Path) -> None:
    secret = laid_out(tmp_path / "elsewhere", "secret.jpg") / "secret.jpg"
    root = laid_out(tmp_path / "shop", "p/ok.jpg")
    os.symlink(secret, root / "p" / "out.jpg")
    os.symlink(root, root / "loop")
    products, faults = walk(root)
    assert [Path(photo.uri).name for product in products for photo in product.photos] == ["ok.jpg"]
    assert [(fault.lost, "outside" in fault.reason) for fault in faults.kept] == [("photo", True)]


def test_names_that_are_no_text_are_faults(tmp_path: Path) -> None:
    root = laid_out(tmp_path, "good.jpg")
    try:
        (Path(os.fsdecode(os.fsencode(root) + b"/bad\xff.jpg"))).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such names")
    products, faults = walk(root)
    assert [product.id for product in products] == ["good.jpg"]
    assert faults.counts["photo"] == 1


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no pictures"):
        open_catalog(tmp_path)


def test_the_same_folder_gives_the_same_ids_from_anywhere(tmp_path: Path) -> None:
    ids = []
    for place in ("one", "two"):
        products, _ = walk(laid_out(tmp_path / place, "p/1.jpg", "p/2.jpg"))
        ids.append([photo.id for product in products for photo in product.photos])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2

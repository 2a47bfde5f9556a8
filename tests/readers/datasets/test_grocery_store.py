"""Grocery Store: iconic and natural photos of the same products, by class id and not by folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from miniatures import grocery_store as mini
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog
from wearabouts.readers.datasets import grocery_store


def walk(root: Path) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(root, reader="grocery_store").products(faults)), faults


def test_iconic_and_natural_photos_meet_in_one_product(tmp_path: Path) -> None:
    products, faults = walk(mini.grocery_store(tmp_path))
    assert len(faults) == 0
    assert [product.id for product in products] == [item[0] for item in mini.ITEMS]
    for product in products:
        assert Counter((p.side, p.split) for p in product.photos) == {
            ("shop", "gallery"): 1, ("street", "train"): 3, ("street", "val"): 1, ("street", "test"): 2,
        }  # fmt: skip
        assert all(product.id in photo.uri for photo in product.photos)
    assert products[0].category == "Fruit > Apple"
    assert products[0].title == "Golden Delicious"
    assert products[3].category == "Packages > Milk"
    ids = [photo.id for product in products for photo in product.photos]
    assert len(set(ids)) == len(ids) == 42


def test_a_photo_belongs_to_its_class_id_whatever_its_folder(tmp_path: Path) -> None:
    products, _ = walk(mini.grocery_store(tmp_path))
    mushroom = next(product for product in products if product.id == "Brown-Cap-Mushroom")
    assert "val/Vegetables/Brown-Cap-Mushroom/Brown-Cap-Mushroom_001.jpg" in {photo.id for photo in mushroom.photos}


def test_the_folder_dataset_may_be_given_itself(tmp_path: Path) -> None:
    assert len(walk(mini.grocery_store(tmp_path) / "dataset")[0]) == 6


@pytest.mark.parametrize("name", ["classes.csv", "val.txt"])
def test_a_missing_list_is_named(tmp_path: Path, name: str) -> None:
    root = mini.grocery_store(tmp_path)
    (root / "dataset" / name).unlink()
    with pytest.raises(CatalogError, match=f"no {name}"):
        walk(root)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    root = mini.grocery_store(tmp_path)
    path = root / "dataset" / "classes.csv"
    path.write_text(path.read_text().replace("Class ID (int)", "Class", 1))
    with pytest.raises(CatalogError, match=r"no column Class ID"):
        walk(root)


@pytest.mark.parametrize(
    ("line", "column", "said", "lost"),
    [
        ("train/Fruit/Banana/Banana_001.jpg", "", "1 cells", "photo"),  # as early versions of the lists are
        ("train/Fruit/Banana/Banana_001.jpg, 81, 1", "class id", "not in classes.csv", "photo"),
        ("train/Fruit/Banana/Banana_001.jpg, 2, 7", "coarse id", "classes.csv says 1", "field"),
        ("train/Fruit/Banana/Banana_009.jpg, 2, 1", "path", "is not there", "photo"),
        ("train/Fruit/Banana/Banana_002.jpg, 2, 1", "path", "stood before", "photo"),
        ("../../secret.jpg, 2, 1", "path", "leads out", "photo"),
        ("/etc/passwd, 2, 1", "path", "leads out", "photo"),
        ("file:///etc/passwd, 2, 1", "path", "leads out", "photo"),
    ],
)
def test_a_bad_line_costs_itself_only(tmp_path: Path, line: str, column: str, said: str, lost: str) -> None:
    root = mini.grocery_store(tmp_path / "data")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    path = root / "dataset" / "train.txt"
    lines = path.read_text().splitlines()
    assert lines[6] == "train/Fruit/Banana/Banana_001.jpg, 2, 1"
    lines[6] = line
    path.write_text("\n".join(lines) + "\n")
    products, faults = walk(root)
    fault = faults.kept[0]
    row = 8 if "stood" in said else 7
    assert (fault.source, fault.row, fault.column, fault.lost) == (str(path), row, column, lost)
    assert said in fault.reason
    kept = sum(len(product.photos) for product in products)
    assert kept == (42 if lost == "field" else 41)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    root = mini.grocery_store(tmp_path / "data")
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    photo = root / "dataset" / "train" / "Fruit" / "Banana" / "Banana_001.jpg"
    photo.unlink()
    photo.symlink_to(secret)
    products, faults = walk(root)
    assert all("secret" not in p.uri for product in products for p in product.photos)
    assert "leads out" in faults.kept[0].reason


def test_an_iconic_picture_that_is_missing_is_a_fault_and_the_product_stays(tmp_path: Path) -> None:
    root = mini.grocery_store(tmp_path)
    next(root.rglob("Banana_Iconic.jpg")).unlink()
    products, faults = walk(root)
    assert len(products) == 6
    assert [(fault.row, fault.column[:6], fault.lost) for fault in faults.kept] == [(3, "Iconic", "photo")]


def test_a_product_without_any_picture_is_a_fault(tmp_path: Path) -> None:
    products, faults = walk(mini.grocery_store(tmp_path, lists_only=True))
    assert products == []
    assert faults.counts == {"product": 6, "photo": 42, "field": 0}


def test_a_class_id_given_twice_is_a_fault(tmp_path: Path) -> None:
    root = mini.grocery_store(tmp_path)
    path = root / "dataset" / "classes.csv"
    path.write_text(path.read_text() + "Kiwi,2,Kiwi,9,/iconic-images-and-descriptions/Fruit/Kiwi/Kiwi_Iconic.jpg,\n")
    products, faults = walk(root)
    assert "Kiwi" not in {product.id for product in products}
    assert "stood before" in faults.kept[0].reason


@pytest.mark.data
def test_the_part_of_it_in_the_test_data(data_folder: Path) -> None:
    """Its README says: 40 items, 1,040 natural photos, split by item 20, 8, 12."""
    products, faults = walk(data_folder / "grocery")
    assert len(faults) == 0
    assert len(products) == 40
    assert Counter(photo.side for product in products for photo in product.photos) == {"street": 1_040, "shop": 40}
    split = Counter(next(p.split for p in product.photos if p.side == "street") for product in products)
    assert split == {"train": 20, "val": 8, "test": 12}
    assert all(len({p.split for p in product.photos if p.side == "street"}) == 1 for product in products)
    assert {p.labels["source_split"] for product in products for p in product.photos if p.side == "street"} == {
        "train", "val", "test",
    }  # fmt: skip
    assert set(grocery_store.EXPECTED) == {"products", "photos:gallery", "side:shop"}

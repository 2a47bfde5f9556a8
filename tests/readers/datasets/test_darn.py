"""The generic layout of DARN: its miniature, and what is wrong in a table is told and costs itself only."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from miniatures import darn
from wearabouts.catalog import Fault, Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog
from wearabouts.readers.datasets.darn import GROUPS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return darn.write(tmp_path / "set", draw=False)


def walk(root: Path) -> tuple[dict[str, Product], list[Fault]]:
    faults = Faults()
    products = {product.id: product for product in open_catalog(root, reader="darn").products(faults)}
    return products, faults.kept


def edit(path: Path, change: Callable[[list[str]], object]) -> None:
    lines = path.read_text().splitlines()
    change(lines)
    path.write_text("\n".join(lines) + "\n")


def test_the_published_groups() -> None:
    assert list(GROUPS.values()) == [12, 20, 56, 6, 27, 10, 25, 7, 16]
    assert sum(GROUPS.values()) == 179


def test_items_with_their_photos_and_attributes(root: Path) -> None:
    products, faults = walk(root)
    assert not faults
    assert len(products) == 16
    one = products["1"]
    assert [(photo.id, photo.side, photo.split, photo.box) for photo in one.photos] == [
        ("street/1.jpg", "street", "train", darn.BOX),
        ("shop/1_0.jpg", "shop", "train", None),
        ("shop/1_1.jpg", "shop", "train", None),
    ]
    assert one.photos[0].uri == str(root / "street" / "1.jpg")
    numbers = {group: darn.value(1, group) for group in GROUPS}
    assert one.attributes == {**numbers, "color": "blue"}  # number 3 has a name, the others have none
    assert one.category == numbers["category"]
    assert [photo.side for photo in products["13"].photos] == ["shop"]
    assert {product.photos[0].split for product in products.values()} == {"train", "val", "test"}


def test_a_missing_attribute_is_unknown(root: Path) -> None:
    products, _ = walk(root)
    assert "collar" not in products["3"].attributes
    assert "collar" in products["4"].attributes


@pytest.mark.parametrize("group", list(GROUPS))
def test_a_value_outside_its_group_is_a_fault_and_unknown(root: Path, group: str) -> None:
    place = 1 + list(GROUPS).index(group)

    def put(value: object) -> Callable[[list[str]], None]:
        def change(lines: list[str]) -> None:
            cells = lines[2].split(",")
            cells[place] = str(value)
            lines[2] = ",".join(cells)

        return change

    edit(root / "attributes.csv", put(GROUPS[group] - 1))
    products, faults = walk(root)
    assert products["1"].attributes[group] == str(GROUPS[group] - 1)
    assert not faults
    for wrong in (GROUPS[group], -1, "1.5", "nonsense"):
        edit(root / "attributes.csv", put(wrong))
        products, faults = walk(root)
        assert group not in products["1"].attributes
        assert [(fault.row, fault.column, fault.lost) for fault in faults] == [(2, group, "field")]
        assert f"0 to {GROUPS[group] - 1}" in faults[0].reason


def test_values_may_be_given_by_name(root: Path) -> None:
    edit(root / "attributes.csv", lambda lines: lines.__setitem__(2, "1,,,yellow,,,,,,"))
    products, faults = walk(root)
    assert products["1"].attributes == {"color": "yellow"}
    assert not faults


@pytest.mark.parametrize("line", ["hue,1,x", "color,56,x", "color,9,black", "color,0,noir", "color,9,12", "color,9,"])
def test_names_that_cannot_be_meant_are_told(root: Path, line: str) -> None:
    edit(root / "values.csv", lambda lines: lines.append(line))
    products, faults = walk(root)
    assert products["1"].attributes["color"] == "blue"
    assert [(fault.row, fault.lost) for fault in faults] == [(7, "field")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,street/x.jpg,shop/x.jpg,test,,,,", "a leak"),
        ("77,street/1.jpg,shop/x.jpg,test,,,,", "street photo of item '1' already"),
        ("1,shop/1_0.jpg,,train,,,,", "shop photo of item '1' already"),
        ("77,a.jpg,a.jpg,train,,,,", "cannot be both"),
        ("77,,,train,,,,", "neither"),
        ("77,a.jpg,,dev,,,,", "train, val or test"),
        (",a.jpg,,train,,,,", "train, val or test"),
        ("77,../a.jpg,,train,,,,", "outside"),
        ("77,/etc/passwd,,train,,,,", "outside"),
        ("77,http://host/a.jpg,,train,,,,", "is an address"),
        ("77,link/a.jpg,,train,,,,", "outside"),
    ],
)
def test_a_row_that_cannot_be_meant_costs_itself(root: Path, line: str, reason: str) -> None:
    os.symlink("/", root / "link")
    before, _ = walk(root)
    edit(root / "pairs.csv", lambda lines: lines.append(line))
    after, faults = walk(root)
    assert after == before
    assert [fault.lost for fault in faults] == ["photo"]
    assert reason in faults[0].reason


def test_a_box_that_is_none_leaves_the_photo_without_one(root: Path) -> None:
    edit(root / "pairs.csv", lambda lines: lines.append("77,a.jpg,b.jpg,train,1,2,0,4"))
    products, faults = walk(root)
    assert [photo.box for photo in products["77"].photos] == [None, None]
    assert [(fault.column, fault.lost) for fault in faults] == [("left", "field")]


def test_attributes_of_items_without_photos_and_twice_are_told(root: Path) -> None:
    edit(root / "attributes.csv", lambda lines: lines.extend(["99,1,,,,,,,,", "1,1,,,,,,,,"]))
    products, faults = walk(root)
    assert "99" not in products
    assert products["1"].attributes["button"] == darn.value(1, "button")
    assert {(fault.row, fault.lost) for fault in faults} == {(0, "product"), (18, "field")}


@pytest.mark.parametrize("name", ["pairs.csv", "attributes.csv"])
def test_a_missing_table_or_column_is_named(root: Path, name: str) -> None:
    text = (root / name).read_text()
    (root / name).write_text(text.replace("item", "thing", 1))
    with pytest.raises(CatalogError, match="lacks column item"):
        walk(root)
    (root / name).unlink()
    with pytest.raises(CatalogError, match=f"no {name} in"):
        walk(root)

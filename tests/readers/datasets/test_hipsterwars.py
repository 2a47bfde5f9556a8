"""Hipster Wars: styles and skills as labels, pictures in either place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from miniatures import hipsterwars as mini
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog


def walk(root: Path) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(root, reader="hipsterwars").products(faults)), faults


@pytest.mark.parametrize("place", ["classes", "images"])
def test_styles_and_skills(tmp_path: Path, place: Any) -> None:
    products, faults = walk(mini.hipsterwars(tmp_path, place=place))
    assert len(faults) == 0
    assert len(products) == 30
    first, last = products[0].photos[0], products[-1].photos[0]
    assert (first.id, first.labels["style"], float(first.labels["skill"])) == ("Hipster/1000", "Hipster", 30.5)
    assert (last.id, last.labels["style"], float(last.labels["skill"])) == ("Bohemian/1029", "Bohemian", 25.5)
    assert {product.photos[0].side for product in products} == {"street"}
    assert Path(first.uri).is_file()


def test_one_photo_rated_in_two_styles_is_two_products(tmp_path: Path) -> None:
    root = mini.hipsterwars(tmp_path, place="images")
    with (root / "skills.txt").open("a") as file:
        file.write("Goth,1000,12.25\n")
    products, faults = walk(root)
    assert len(faults) == 0
    assert products[-1].id == "Goth/1000"
    assert products[-1].photos[0].uri == products[0].photos[0].uri


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Hipster,1000", "2 cells"),
        ("Punk,1000,3.5", "style 'Punk'"),
        ("Hipster,1000,much", "could not convert"),
        ("Hipster,1000,nan", "finite"),
        ("Hipster,../../secret,3.5", "letters and digits"),
        ("Hipster,9999,3.5", "is not there"),
        ("Hipster,1001,3.5", "stood before"),
    ],
)
def test_a_bad_line_costs_itself_only(tmp_path: Path, line: str, said: str) -> None:
    root = mini.hipsterwars(tmp_path)
    lines = (root / "skills.txt").read_text().splitlines()
    lines[0] = line
    (root / "skills.txt").write_text("\n".join(lines) + "\n")
    products, faults = walk(root)
    assert len(products) == 29
    assert len(faults) == 1
    assert said in faults.kept[0].reason
    assert faults.kept[0].row == (1 if "stood" not in said else 2)


def test_an_empty_picture_is_a_fault(tmp_path: Path) -> None:
    root = mini.hipsterwars(tmp_path)
    (root / "classes" / "Goth" / "1006.jpg").write_bytes(b"")
    products, faults = walk(root)
    assert len(products) == 29
    assert "empty file" in faults.kept[0].reason


def test_a_matlab_file_alone_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "hipsterwars_Jan_2014.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(CatalogError, match=r"no skills.txt.*\.mat file is not read"):
        walk(tmp_path)

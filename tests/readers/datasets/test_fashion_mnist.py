"""Fashion-MNIST: IDX read to the byte, packed or not, and every damage told."""

from __future__ import annotations

import gzip
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from miniatures import fashion_mnist as mini
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog
from wearabouts.readers.datasets import fashion_mnist


def walk(root: Path, **options: Any) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(root, reader="fashion_mnist", **options).products(faults)), faults


@pytest.mark.parametrize("packed", [True, False])
def test_pictures_labels_and_splits(tmp_path: Path, packed: bool) -> None:
    products, faults = walk(mini.fashion_mnist(tmp_path, packed=packed))
    assert len(faults) == 0
    assert Counter((p.photos[0].split, p.photos[0].side) for p in products) == {
        ("train", "shop"): 40, ("query", "street"): 20,
    }  # fmt: skip
    assert [p.category for p in products[:10]] == list(mini.CLASSES)
    assert [products[0].id, products[40].id] == ["train/00000", "test/00000"]
    for product, drawn in [(products[9], mini.picture(9, 0)), (products[42], mini.picture(2, 1_000))]:
        with Image.open(product.photos[0].uri) as image:
            np.testing.assert_array_equal(np.asarray(image), drawn)


@pytest.mark.parametrize("place", ["FashionMNIST/raw", "raw", "data/fashion"])
def test_the_places_others_unpack_to_are_known(tmp_path: Path, place: str) -> None:
    mini.fashion_mnist(tmp_path / place, packed=False)
    assert len(walk(tmp_path)[0]) == 60


def test_gzip_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    root = mini.fashion_mnist(tmp_path)
    path = root / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.decompress(path.read_bytes()))
    assert len(walk(root)[0]) == 60


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    root = mini.fashion_mnist(tmp_path)
    (root / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(CatalogError, match="t10k-images-idx3-ubyte not there"):
        walk(root)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("cut", [1, 15, 10_000])
def test_a_truncated_file_is_refused_before_anything_is_read(tmp_path: Path, packed: bool, name: str, cut: int) -> None:
    root = mini.fashion_mnist(tmp_path, packed=packed)
    path = root / (f"{name}.gz" if packed else name)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    stream = open_catalog(root, reader="fashion_mnist").products(Faults())
    with pytest.raises(CatalogError, match=r"download it again"):
        next(stream)


def test_a_damaged_gzip_is_refused(tmp_path: Path) -> None:
    root = mini.fashion_mnist(tmp_path)
    path = root / "train-images-idx3-ubyte.gz"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(bytes(whole))
    with pytest.raises(CatalogError, match=r"train-images-idx3-ubyte.gz"):
        walk(root)


@pytest.mark.parametrize("extra", [-1, 1, 2**31])
def test_a_count_that_disagrees_with_the_pictures_is_refused(tmp_path: Path, extra: int) -> None:
    root = mini.fashion_mnist(tmp_path)
    drawn = [mini.picture(0, n) for n in range(40)]
    mini.put(root, "train-images-idx3-ubyte", mini.pictures_file(drawn, count=40 + extra))
    with pytest.raises(CatalogError, match="bytes after its header"):
        walk(root)


@pytest.mark.parametrize("count", [39, 41, 2**32 - 1])
def test_a_count_that_disagrees_with_the_labels_is_refused(tmp_path: Path, count: int) -> None:
    root = mini.fashion_mnist(tmp_path)
    mini.put(root, "train-labels-idx1-ubyte", mini.labels_file([0] * 40, count=count))
    with pytest.raises(CatalogError, match="bytes after its header"):
        walk(root)


def test_labels_that_do_not_go_with_the_pictures_are_refused(tmp_path: Path) -> None:
    root = mini.fashion_mnist(tmp_path)
    mini.put(root, "train-labels-idx1-ubyte", mini.labels_file([0] * 39))
    with pytest.raises(CatalogError, match="holds 40 pictures, but its labels are 39"):
        walk(root)


def test_a_wrong_magic_number_is_refused(tmp_path: Path) -> None:
    root = mini.fashion_mnist(tmp_path)
    mini.put(root, "train-images-idx3-ubyte", mini.labels_file([0] * 40))  # labels where pictures should be
    with pytest.raises(CatalogError, match=r"begins with 2049, not with 2051"):
        walk(root)


def test_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    root = mini.fashion_mnist(tmp_path)
    mini.put(root, "train-images-idx3-ubyte", struct.pack(">4I", 2051, 40, 32, 32) + bytes(40 * 1024))
    with pytest.raises(CatalogError, match="32x32"):
        walk(root)


def test_a_gzip_bomb_is_not_followed(tmp_path: Path) -> None:
    """A file that says 40 pictures and unpacks to 20 MB: read one byte too far, no further."""
    root = mini.fashion_mnist(tmp_path)
    drawn = mini.pictures_file([mini.picture(0, n) for n in range(40)])
    mini.put(root, "train-images-idx3-ubyte", drawn + bytes(20_000_000))
    with pytest.raises(CatalogError, match="holds more"):
        walk(root)


def test_a_label_out_of_range_costs_its_picture_only(tmp_path: Path) -> None:
    root = mini.fashion_mnist(tmp_path)
    mini.put(root, "t10k-labels-idx1-ubyte", mini.labels_file([*range(10), 10, *range(1, 10)]))
    products, faults = walk(root)
    assert len(products) == 59
    assert [(fault.row, fault.column) for fault in faults.kept] == [(11, "label")]
    assert "test/00010" not in {product.id for product in products}


def test_expected_counts_add_up() -> None:
    told = fashion_mnist.EXPECTED
    assert told["photos:train"] + told["photos:query"] == told["photos"] == told["products"]

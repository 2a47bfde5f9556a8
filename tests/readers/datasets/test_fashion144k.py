"""Fashion144k: tags by name, splits by index, and files that must go together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from miniatures import fashion144k as mini
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog
from wearabouts.readers.datasets import fashion144k


def walk(root: Path) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(root, reader="fashion144k").products(faults)), faults


def test_tags_and_splits(tmp_path: Path) -> None:
    products, faults = walk(mini.fashion144k(tmp_path))
    assert len(faults) == 0
    assert Counter(product.photos[0].split for product in products) == {"train": 16, "val": 4}
    assert {product.photos[0].side for product in products} == {"street"}
    assert [products[0].id, products[19].id] == ["000000.jpg", "000019.jpg"]
    # photo 0 wears tags 0 and 4; photo 1 wears tag 1 alone
    assert products[0].photos[0].labels["tags"] == "Red-Dress|Blue-Jeans"
    assert products[0].photos[0].labels["singles"] == "Red|Blue|Dress|Jeans"
    assert products[1].photos[0].labels == {"tags": "Blue-Dress", "singles": "Blue|Dress"}


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.float32])
def test_tables_of_any_number_type_are_read(tmp_path: Path, dtype: Any) -> None:
    root = mini.fashion144k(tmp_path)
    table = np.load(root / "feat" / "feat_col.npy")
    np.save(root / "feat" / "feat_col.npy", np.asfortranarray(table.astype(dtype)))
    assert walk(root)[0][0].photos[0].labels["tags"] == "Red-Dress|Blue-Jeans"


def test_paths_without_their_folder_are_found(tmp_path: Path) -> None:
    root = mini.fashion144k(tmp_path)
    (root / "photos.txt").write_text((root / "photos.txt").read_text().replace("photos/", ""))
    products, faults = walk(root)
    assert len(products) == 20
    assert len(faults) == 0


def test_a_photo_that_is_missing_does_not_move_the_tags_of_others(tmp_path: Path) -> None:
    root = mini.fashion144k(tmp_path)
    before = {product.id: product.photos[0].labels for product in walk(root)[0]}
    (root / "photos" / "000003.jpg").unlink()
    products, faults = walk(root)
    assert [(fault.row, fault.lost) for fault in faults.kept] == [(4, "product")]
    assert {product.id: product.photos[0].labels for product in products} == {
        name: labels for name, labels in before.items() if name != "000003.jpg"
    }


def test_without_files_of_indices_photos_have_no_split_and_the_notes_say_so(tmp_path: Path) -> None:
    root = mini.fashion144k(tmp_path)
    (root / "trainids.npy").unlink()
    (root / "validids.npy").unlink()
    catalog = open_catalog(root, reader="fashion144k")
    assert {product.photos[0].split for product in catalog.products()} == {""}
    assert any("no split" in note for note in catalog.notes)


@pytest.mark.parametrize("name", ["photos.txt", "feat/feat_col.npy", "feat/singles.txt"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    root = mini.fashion144k(tmp_path)
    (root / name).unlink()
    with pytest.raises(CatalogError, match=Path(name).name):
        walk(root)


@pytest.mark.parametrize("shape", [(19, 9), (21, 9), (20, 8), (9, 20)])
def test_a_table_that_does_not_go_with_the_list_is_refused(tmp_path: Path, shape: tuple[int, int]) -> None:
    """One line more or less would give every photo after it its neighbour's tags."""
    root = mini.fashion144k(tmp_path)
    np.save(root / "feat" / "feat_col.npy", np.zeros(shape, np.uint8))
    with pytest.raises(CatalogError, match="do not go together"):
        walk(root)


def test_an_array_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    root = mini.fashion144k(tmp_path)
    np.save(root / "trainids.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(CatalogError, match="not a readable array"):
        walk(root)


@pytest.mark.parametrize("damage", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_array_is_refused(tmp_path: Path, damage: bytes) -> None:
    root = mini.fashion144k(tmp_path)
    (root / "feat" / "feat_sin.npy").write_bytes(damage)
    with pytest.raises(CatalogError, match=r"feat_sin.npy is not a readable array"):
        walk(root)


def test_a_truncated_array_is_refused(tmp_path: Path) -> None:
    root = mini.fashion144k(tmp_path)
    path = root / "feat" / "feat_col.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CatalogError, match=r"feat_col.npy"):
        walk(root)


@pytest.mark.parametrize(
    ("indices", "said"),
    [
        ([0, 20], "0 to 19"),
        ([-1], "0 to 19"),
        ([0, 15], "in split train too"),
        ([[1], [2]], "no list"),
        ([0.5], "no list"),
    ],
)
def test_indices_that_cannot_be_meant_are_refused(tmp_path: Path, indices: Any, said: str) -> None:
    root = mini.fashion144k(tmp_path)
    np.save(root / "validids.npy", np.array(indices))
    with pytest.raises(CatalogError, match=said):
        walk(root)


def test_paths_out_of_the_folder_are_faults(tmp_path: Path) -> None:
    root = mini.fashion144k(tmp_path / "data")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    lines = (root / "photos.txt").read_text().splitlines()
    lines[0:3] = ["../secret.jpg", str(tmp_path / "secret.jpg"), lines[3]]
    (root / "photos.txt").write_text("\n".join(lines) + "\n")
    products, faults = walk(root)
    assert len(products) == 17
    assert [("leads out" in fault.reason, "stood before" in fault.reason) for fault in faults.kept] == [
        (True, False), (True, False), (False, True),
    ]  # fmt: skip


def test_expected_counts_add_up() -> None:
    told = fashion144k.EXPECTED
    assert told["photos:train"] + told["photos:val"] == told["photos"] == told["products"]

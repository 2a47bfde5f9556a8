"""CIFAR-10 in its three layouts: the same pictures, the same names, the same splits; damage is told."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from miniatures import cifar10 as mini
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.readers import open_catalog
from wearabouts.readers.datasets import cifar10

LAYOUTS = ("binary", "python", "folders")


def walk(root: Path, **options: Any) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(root, reader="cifar10", **options).products(faults)), faults


def pixels(product: Product) -> np.ndarray:
    with Image.open(product.photos[0].uri) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_names_classes_and_splits(tmp_path: Path, layout: Any) -> None:
    products, faults = walk(mini.cifar10(tmp_path, per_class=5, tested=2, layout=layout))
    assert len(faults) == 0
    assert {product.id for product in products} == {
        *(f"train/{name}/{n:04d}" for name in mini.CLASSES for n in range(5)),
        *(f"test/{name}/{n:04d}" for name in mini.CLASSES for n in range(2)),
    }
    assert Counter(p.photos[0].split for p in products) == {"train": 50, "query": 20}
    assert Counter(p.photos[0].side for p in products) == {"shop": 50, "street": 20}
    assert all(p.category == p.id.split("/")[1] for p in products)
    assert all(Path(p.photos[0].uri).is_absolute() for p in products)


@pytest.mark.parametrize("layout", ["binary", "python"])
def test_planes_become_the_picture_they_were(tmp_path: Path, layout: Any) -> None:
    """Red, green and blue planes, row by row; a transposed or BGR picture would differ."""
    products, _ = walk(mini.cifar10(tmp_path, layout=layout))
    found = {product.id: product for product in products}
    for label, number in [(0, 0), (3, 2), (9, 3)]:
        drawn = mini.picture(label, number)
        np.testing.assert_array_equal(pixels(found[f"train/{mini.CLASSES[label]}/{number:04d}"]), drawn)
    np.testing.assert_array_equal(pixels(found["test/ship/0001"]), mini.picture(8, 1_001))


def test_the_folder_given_may_be_the_archive_s_own(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path)
    assert len(walk(root / "cifar-10-batches-bin")[0]) == len(walk(root)[0]) == 60


def test_file_names_of_the_python_version_are_labels(tmp_path: Path) -> None:
    products, _ = walk(mini.cifar10(tmp_path, layout="python"))
    assert products[0].photos[0].labels == {"filename": f"{products[0].category}_s_000000.png"}


@pytest.mark.parametrize("protocol", ["cifar10", "cifar10-1"])
def test_the_draw_is_by_class_and_the_same_in_every_layout(tmp_path: Path, protocol: Any) -> None:
    drawn = {}
    for layout in LAYOUTS:
        root = mini.cifar10(tmp_path / layout, per_class=10, tested=4, layout=layout)
        products, _ = walk(root, protocol=protocol, queries=3, trained=5)
        drawn[layout] = {product.id: product.photos[0].split for product in products}
        count = Counter((product.category, product.photos[0].split) for product in products)
        assert all(count[name, "query"] == 3 and count[name, "train"] == 5 for name in mini.CLASSES)
        assert all(count[name, "gallery"] == 6 for name in mini.CLASSES)
    assert drawn["binary"] == drawn["python"] == drawn["folders"]
    assert {"train", "test"} == {name.split("/")[0] for name, split in drawn["binary"].items() if split == "query"}


def test_another_seed_is_another_draw_and_the_same_seed_the_same(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path, per_class=20, tested=5)
    draws = [
        {
            p.id
            for p in walk(root, protocol="cifar10", seed=seed, queries=5, trained=5)[0]
            if p.photos[0].split == "query"
        }
        for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_the_order_of_listing_has_no_part_in_the_draw() -> None:
    ids = {"cat": [f"train/cat/{n:04d}" for n in range(50)]}
    there = cifar10.draw(ids, 7, 10, 20)
    back = cifar10.draw({"cat": ids["cat"][::-1]}, 7, 10, 20)
    assert there == back
    assert Counter(there.values()) == {"query": 10, "train": 20}
    numbers = [int(name[-4:]) for name, split in there.items() if split == "query"]
    assert max(numbers) > 25
    assert min(numbers) < 25


def test_the_draw_is_fair() -> None:
    """Over 2,000 seeds each of twenty is drawn first about one time in twenty: within five standard deviations."""
    ids = {"cat": [f"{n}" for n in range(20)]}
    first = Counter(name for seed in range(2_000) for name, s in cifar10.draw(ids, seed, 1, 3).items() if s == "query")
    assert all(abs(first[name] - 100) < 5 * np.sqrt(2_000 * 0.05 * 0.95) for name in ids["cat"])


def test_too_few_for_the_published_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="has 6 pictures"):
        walk(mini.cifar10(tmp_path), protocol="cifar10")


def test_expected_counts_add_up() -> None:
    for protocol in cifar10.PROTOCOLS:
        told = cifar10.expected(protocol=protocol)
        assert sum(number for key, number in told.items() if key.startswith("photos:")) == told["photos"] == 60_000
    assert cifar10.expected(protocol="cifar10") == {
        "products": 60_000, "photos": 60_000, "photos:query": 1_000, "photos:train": 5_000, "photos:gallery": 54_000,
    }  # fmt: skip
    assert cifar10.expected() == cifar10.EXPECTED


def test_notes_tell_layout_and_protocol(tmp_path: Path) -> None:
    catalog = open_catalog(mini.cifar10(tmp_path), reader="cifar10", protocol="cifar10-1", seed=4)
    assert any("layout binary" in note for note in catalog.notes)
    assert any("seed 4" in note and "cifar10-1" in note for note in catalog.notes)


@pytest.mark.parametrize("options", [{"protocol": "cifar10-3"}, {"queries": 0}, {"trained": -1}])
def test_options_that_cannot_be_meant_are_refused(tmp_path: Path, options: Any) -> None:
    with pytest.raises(SettingsError):
        walk(mini.cifar10(tmp_path), **options)


# Unpacking


def test_pictures_are_unpacked_once(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path / "data")
    first, _ = walk(root)
    times = {p.photos[0].uri: Path(p.photos[0].uri).stat().st_mtime_ns for p in first}
    again, _ = walk(root)
    assert {p.photos[0].uri: Path(p.photos[0].uri).stat().st_mtime_ns for p in again} == times


def test_an_interrupted_unpacking_is_taken_up(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path / "data")
    stream = open_catalog(root, reader="cifar10").products(Faults())
    begun = [next(stream) for _ in range(7)]
    stream.close()
    # What a killed process leaves: an empty file and a part of one, never half a picture under its own name.
    Path(begun[0].photos[0].uri).write_bytes(b"")
    products, _ = walk(root)
    np.testing.assert_array_equal(pixels(products[0]), mini.picture(*_drawn(products[0])))
    assert len(products) == 60


def _drawn(product: Product) -> tuple[int, int]:
    part, name, number = product.id.split("/")
    return mini.CLASSES.index(name), int(number) + (1_000 if part == "test" else 0)


def test_pictures_of_a_former_copy_are_never_taken_for_this_one(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path / "data", layout="binary")
    before, _ = walk(root)
    path = root / "cifar-10-batches-bin" / "data_batch_1.bin"
    batch = path.read_bytes()
    path.write_bytes(mini.record(batch[0], 77) + batch[mini_record() :])  # the same size, another first picture
    after, _ = walk(root)
    assert after[0].id == before[0].id
    np.testing.assert_array_equal(pixels(after[0]), mini.picture(batch[0], 77))


def mini_record() -> int:
    return len(mini.record(0, 0))


def test_a_read_only_dataset_unpacks_elsewhere(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path / "data")
    (root / "cifar-10-batches-bin" / "unpacked").write_text("in the way")
    with pytest.raises(CatalogError, match="unpack=FOLDER"):
        walk(root)
    products, _ = walk(root, unpack=tmp_path / "elsewhere")
    assert all(p.photos[0].uri.startswith(str(tmp_path / "elsewhere")) for p in products)


def test_pictures_are_not_unpacked_through_a_link(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path / "data")
    (tmp_path / "outside").mkdir()
    (root / "cifar-10-batches-bin" / "unpacked").symlink_to(tmp_path / "outside")
    with pytest.raises(CatalogError, match="link"):
        walk(root)
    assert not list((tmp_path / "outside").iterdir())


# Faults injected


def test_a_real_file_has_the_published_size() -> None:
    assert cifar10.layouts.BATCH * cifar10.layouts.RECORD == 30_730_000
    assert mini_record() == 3_073


@pytest.mark.parametrize("cut", [1, 3_000])
def test_a_binary_file_cut_within_a_record_is_refused(tmp_path: Path, cut: int) -> None:
    root = mini.cifar10(tmp_path)
    path = root / "cifar-10-batches-bin" / "data_batch_4.bin"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(CatalogError, match=r"data_batch_4.bin has .* no whole number of records"):
        walk(root)


def test_a_binary_file_cut_between_records_is_a_fault(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path, per_class=5, tested=1)
    path = root / "cifar-10-batches-bin" / "data_batch_4.bin"
    path.write_bytes(path.read_bytes()[:-3_073])
    products, faults = walk(root)
    assert len(products) == 59
    assert [fault.reason.split(":")[0] for fault in faults.kept] == ["9 records, but 10 by the other files"]
    assert faults.kept[0].source == str(path)


def test_a_test_file_shorter_than_whole_training_files_is_a_fault(tmp_path: Path, monkeypatch: Any) -> None:
    """All six real files have 10,000 records; the tests do not write 180 MB to see it."""
    monkeypatch.setattr(cifar10.layouts, "BATCH", 10)
    root = mini.cifar10(tmp_path, per_class=5, tested=1)
    path = root / "cifar-10-batches-bin" / "test_batch.bin"
    path.write_bytes(path.read_bytes()[:-3_073])
    _, faults = walk(root)
    assert [(fault.source, fault.reason[:15]) for fault in faults.kept] == [(str(path), "9 records, but ")]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path)
    (root / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(b"")
    with pytest.raises(CatalogError, match=r"test_batch.bin has 0 bytes"):
        walk(root)


@pytest.mark.parametrize("layout", ["binary", "python"])
def test_a_missing_batch_is_named(tmp_path: Path, layout: Any) -> None:
    root = mini.cifar10(tmp_path, layout=layout)
    next(root.rglob("data_batch_3*")).unlink()
    with pytest.raises(CatalogError, match=r"data_batch_3.*cannot be read"):
        walk(root)


@pytest.mark.parametrize("layout", ["binary", "python"])
def test_a_label_out_of_range_costs_its_picture_only(tmp_path: Path, layout: Any) -> None:
    root = mini.cifar10(tmp_path, layout=layout)
    path = next(root.rglob("data_batch_1*"))
    if layout == "binary":
        path.write_bytes(b"\x0a" + path.read_bytes()[1:])
    else:
        path.write_bytes(
            mini.python_batch(path.name, [10, 5, 0, 5, 0, 5, 0, 5], mini.planes([(0, n) for n in range(8)]))
        )
    products, faults = walk(root)
    assert len(products) == 59
    assert [(fault.source, fault.row, fault.column) for fault in faults.kept] == [(str(path), 1, "label")]
    assert "label 10 is not one of 0 to 9" in faults.kept[0].reason


@pytest.mark.parametrize("layout", ["binary", "python"])
@pytest.mark.parametrize("names", [mini.CLASSES[:9], ("apple", *mini.CLASSES[1:]), mini.CLASSES[::-1]])
def test_other_class_names_are_refused(tmp_path: Path, layout: Any, names: tuple[str, ...]) -> None:
    root = mini.cifar10(tmp_path, layout=layout)
    if layout == "binary":
        (root / "cifar-10-batches-bin" / "batches.meta.txt").write_text("\n".join(names))
    else:
        (root / "cifar-10-batches-py" / "batches.meta").write_bytes(mini.python_meta(8, names))
    with pytest.raises(CatalogError, match="names the classes"):
        walk(root)


@pytest.mark.parametrize("layout", ["binary", "python"])
def test_the_file_of_names_may_be_missing(tmp_path: Path, layout: Any) -> None:
    products, faults = walk(mini.cifar10(tmp_path, layout=layout, meta=False))
    assert len(products) == 60
    assert len(faults) == 0


def test_a_header_count_that_disagrees_is_a_fault(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path, per_class=5, tested=1, layout="python")
    (root / "cifar-10-batches-py" / "batches.meta").write_bytes(mini.python_meta(11))
    products, faults = walk(root)
    assert len(products) == 60
    assert len(faults) == 5
    assert all("10 records, but 11 by num_cases_per_batch" in fault.reason for fault in faults.kept)


@pytest.mark.parametrize("labels", [[1], [1, 2, 3]])
def test_labels_that_do_not_go_with_the_pictures_are_refused(tmp_path: Path, labels: list[int]) -> None:
    root = mini.cifar10(tmp_path, layout="python")
    path = root / "cifar-10-batches-py" / "data_batch_2"
    path.write_bytes(mini.python_batch(path.name, labels, bytes(2 * 3_072)))
    with pytest.raises(CatalogError, match=r"2 pictures, .* labels"):
        walk(root)


def test_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path, layout="python")
    path = root / "cifar-10-batches-py" / "data_batch_2"
    path.write_bytes(
        mini.pickled({b"data": mini.array(bytes(200), (2, 100)), b"labels": mini.listed([b"K\1", b"K\2"])})
    )
    with pytest.raises(CatalogError, match="no data"):
        walk(root)


def test_a_class_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path, layout="folders")
    shutil.rmtree(root / "test" / "frog")
    with pytest.raises(CatalogError, match="no folder frog"):
        walk(root)


def test_folders_and_files_that_do_not_belong_are_faults(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path, layout="folders")
    (root / "train" / "apple").mkdir()
    (root / "train" / "cat" / "0000.png").write_bytes(b"x")  # beside 0000.jpg: one name for two pictures
    (root / "train" / "cat" / "empty.jpg").write_bytes(b"")
    (root / "train" / "cat" / ".DS_Store").write_bytes(b"x")
    products, faults = walk(root)
    assert len(products) == 60
    assert [Path(fault.source).name for fault in faults.kept] == ["apple", "0000.png", "empty.jpg"]


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    root = mini.cifar10(tmp_path / "data", layout="folders")
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    (root / "train" / "cat" / "9999.jpg").symlink_to(secret)
    products, faults = walk(root)
    assert len(products) == 60
    assert "a link" in faults.kept[0].reason
    shutil.move(root / "train", tmp_path / "moved")
    (root / "train").symlink_to(tmp_path / "moved")
    with pytest.raises(CatalogError, match="leads out"):
        walk(root)


def test_a_folder_without_cifar_10_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"data_batch_1.bin.*train/airplane"):
        walk(tmp_path)


@pytest.mark.data
def test_the_real_folders_are_read(data_folder: Path, tmp_path: Path) -> None:
    """The first members of the real archive; all 60,000 take too long to unpack in a test."""
    archive = data_folder / "restricted" / "cifar10" / "cifar10-images.tar.xz"
    if not archive.is_file():
        pytest.skip(f"{archive} is not there: the folder restricted/ may be deleted")
    for part in ("train", "test"):
        for name in mini.CLASSES:
            (tmp_path / part / name).mkdir(parents=True)
    with tarfile.open(archive, "r|xz") as members:
        for _, member in zip(range(200), members, strict=False):
            if member.isfile() and (data := members.extractfile(member)):
                (tmp_path / member.name).write_bytes(data.read())
    products, faults = walk(tmp_path)
    assert len(faults) == 0
    assert len(products) > 150
    assert products[1].id == "train/airplane/0001"
    with Image.open(io.BytesIO(Path(products[0].photos[0].uri).read_bytes())) as image:
        assert image.size == (32, 32)

"""LookBench's Parquet tables: pictures unpacked as they are, items put together, distractors kept apart."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars
import pytest

from miniatures import lookbench as mini
from miniatures import pictures
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.readers import open_catalog
from wearabouts.readers.datasets import lookbench
from wearabouts.types import Box


def walk(root: Path, **options: Any) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(root, reader="lookbench", **options).products(faults)), faults


def queries_of(root: Path) -> Path:
    return root / "v20251201" / "real_streetlook" / "query.parquet"


def test_a_query_and_its_gallery_picture_are_one_product(tmp_path: Path) -> None:
    products, faults = walk(mini.lookbench(tmp_path))
    assert len(faults) == 0
    photos = [photo for product in products for photo in product.photos]
    assert Counter((p.side, p.split) for p in photos) == {("street", "query"): 6, ("shop", "gallery"): 11}
    assert len({photo.id for photo in photos}) == 17
    third = next(product for product in products if product.id == "3")
    assert third.category == "dress"
    assert [photo.split for photo in third.photos] == ["query", "gallery"]
    assert third.photos[0].id == "real_streetlook/query/000004"
    assert third.photos[1].labels == {
        "category": "dress", "main_attribute": "blue", "other_attributes": "sleeve 3|cotton", "difficulty": "hard",
        "task": "single", "bbox": "0|0|48|64", "subset": "real_streetlook",
    }  # fmt: skip


def test_distractors_are_nobody_s_answer_even_where_their_ids_repeat(tmp_path: Path) -> None:
    products, _ = walk(mini.lookbench(tmp_path))
    noise = [product for product in products if product.photos[0].labels["subset"] == "noise"]
    assert {product.id for product in noise} == {f"noise/{n}" for n in range(5)}
    assert all(photo.split == "gallery" for product in noise for photo in product.photos)


def test_pictures_are_unpacked_as_they_were(tmp_path: Path) -> None:
    products, _ = walk(mini.lookbench(tmp_path))
    third = next(product for product in products if product.id == "3")
    assert Path(third.photos[1].uri).read_bytes() == mini.jpeg(pictures.shop(3))
    assert third.photos[1].uri.endswith(".jpg")


def test_only_the_subset_asked_for_is_read(tmp_path: Path) -> None:
    root = mini.lookbench(tmp_path, subsets=("real_studio_flat", "aigen_studio"))
    products, _ = walk(root, subset="AIGen-Studio")
    assert {product.id for product in products if "noise" not in product.id} == {f"{100 + n}" for n in range(6)}
    with pytest.raises(SettingsError, match="real_studio_flat"):
        walk(root, subset="studio")


def test_without_noise_the_notes_say_that_this_is_not_the_published_gallery(tmp_path: Path) -> None:
    catalog = open_catalog(mini.lookbench(tmp_path), reader="lookbench", noise=False)
    assert sum(len(product.photos) for product in catalog.products()) == 12
    assert any("not the published gallery" in note for note in catalog.notes)


def test_boxes_are_labels_unless_asked_for(tmp_path: Path) -> None:
    root = mini.lookbench(tmp_path)
    assert all(photo.box is None for product in walk(root)[0] for photo in product.photos)
    products, faults = walk(root, boxes=True)
    assert products[0].photos[0].box == Box(20, 12, 50, 90)
    assert len(faults) == 0


@pytest.mark.parametrize("bbox", [[1, 2, 3], [0.1, 0.2, 0.5, 0.9], [50, 50, 20, 60], [5, 5, 5, 9]])
def test_boxes_that_are_none_are_faults_of_a_field(tmp_path: Path, bbox: list[float]) -> None:
    root = mini.lookbench(tmp_path)
    mini.write(queries_of(root), [{**mini.row(0, mini.jpeg(pictures.shop(0))), "bbox": bbox}])
    products, faults = walk(root, boxes=True)
    assert products[0].photos[0].box is None
    assert [(fault.column, fault.lost) for fault in faults.kept] == [("bbox", "field")]


def test_columns_may_be_fewer_and_pictures_plain_bytes(tmp_path: Path) -> None:
    root = mini.lookbench(tmp_path)
    row = mini.row(0, mini.jpeg(pictures.shop(0)))
    mini.write(queries_of(root), [{"image": row["image"]["bytes"], "item_ID": 0, "category": "dress"}])
    products, faults = walk(root)
    assert len(faults) == 0
    assert [photo.split for photo in products[0].photos] == ["query", "gallery"]


def test_the_newest_version_is_read_or_the_one_given(tmp_path: Path) -> None:
    mini.lookbench(tmp_path, items=6)
    newer = tmp_path / "other"
    mini.lookbench(newer, items=4)
    (newer / "v20251201").rename(tmp_path / "v20260601")
    assert len(walk(tmp_path)[0]) == 9
    assert len(walk(tmp_path / "v20251201")[0]) == 11
    assert "v20260601" in " ".join(open_catalog(tmp_path, reader="lookbench").notes)


# Faults injected


@pytest.mark.parametrize(
    "data", [None, b"", b"<html>gone</html>", mini.jpeg(pictures.shop(1))[:40]], ids=["null", "empty", "html", "cut"]
)
def test_a_broken_picture_costs_its_row_only(tmp_path: Path, data: bytes | None) -> None:
    root = mini.lookbench(tmp_path)
    rows = [mini.row(n, mini.jpeg(pictures.shop(n))) for n in range(3)]
    rows[1]["image"]["bytes"] = data
    mini.write(queries_of(root), rows)
    products, faults = walk(root)
    assert [(fault.row, fault.column, fault.lost) for fault in faults.kept] == [(2, "image", "photo")]
    found = {photo.id for product in products for photo in product.photos if photo.split == "query"}
    assert found == {"real_streetlook/query/000001", "real_streetlook/query/000003"}


def test_a_row_without_an_item_is_a_product_of_its_own(tmp_path: Path) -> None:
    root = mini.lookbench(tmp_path)
    rows = [mini.row(n, mini.jpeg(pictures.shop(n))) for n in range(2)]
    rows[0]["item_ID"] = None
    mini.write(queries_of(root), rows)
    products, faults = walk(root)
    assert products[0].id == "real_streetlook/query/000001"
    assert [(fault.row, fault.column, fault.lost) for fault in faults.kept] == [(1, "item_ID", "field")]


@pytest.mark.parametrize("name", ["real_streetlook/query.parquet", "real_streetlook/gallery.parquet", "noise"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    root = mini.lookbench(tmp_path)
    path = root / "v20251201" / name
    for file in [path] if path.is_file() else list(path.iterdir()):
        file.unlink()
    with pytest.raises(CatalogError, match=Path(name).stem):
        walk(root)


def test_no_lookbench_at_all(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="srpone/look-bench"):
        walk(tmp_path)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    root = mini.lookbench(tmp_path)
    polars.DataFrame({"image": [b"x"], "label": [1]}).write_parquet(queries_of(root))
    with pytest.raises(CatalogError, match="no column item_ID, category"):
        walk(root)


@pytest.mark.parametrize("cut", [8, 400])
def test_a_truncated_table_is_refused(tmp_path: Path, cut: int) -> None:
    root = mini.lookbench(tmp_path)
    path = queries_of(root)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(CatalogError, match="not a readable Parquet"):
        walk(root)


def test_a_table_damaged_inside_is_refused(tmp_path: Path) -> None:
    root = mini.lookbench(tmp_path)
    path = queries_of(root)
    whole = bytearray(path.read_bytes())
    whole[4:400] = bytes(396)
    path.write_bytes(bytes(whole))
    with pytest.raises(CatalogError, match="breaks off"):
        walk(root)


def test_more_rows_than_are_held_at_once(tmp_path: Path, monkeypatch: Any) -> None:
    root = mini.lookbench(tmp_path, items=7)
    whole = [photo.id for product in walk(root)[0] for photo in product.photos]
    for held in (1, 7, 3):
        monkeypatch.setattr(lookbench, "_BATCH", held)
        assert [photo.id for product in walk(root)[0] for photo in product.photos] == whole


def test_expected_counts_are_those_the_published_recalls_are_fractions_of() -> None:
    """Coarse recall@1 in %, as the repository prints it, by subset: each is a whole number of these queries."""
    published = {
        "aigen_streetlook": (92.50, 88.75, 90.00, 84.38, 86.25, 80.62),
        "aigen_studio": (92.75, 90.16, 93.78, 87.05, 90.67, 56.48),
        "real_streetlook": (79.82, 76.76, 73.39, 75.33, 72.17, 68.20),
        "real_studio_flat": (94.16, 92.68, 88.63, 88.72, 88.33, 84.97),
    }
    for subset, figures in published.items():
        queries = lookbench.expected(subset=subset)["photos:query"]
        assert all(any(round(100 * hits / queries, 2) == figure for hits in range(queries + 1)) for figure in figures)
    assert not any(round(hits / 10, 2) == 79.82 for hits in range(1_001))  # of 1,000, as the table of subsets says
    assert lookbench.expected() == lookbench.EXPECTED
    assert lookbench.expected(noise=False) == {"photos:query": 981}

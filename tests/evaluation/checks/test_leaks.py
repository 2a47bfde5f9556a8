"""What stands on both sides of a division: planted items, files and near copies are found, and nothing else."""

import csv
import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from wearabouts.catalog import Catalog, Photo, Product
from wearabouts.errors import EvaluationError
from wearabouts.evaluation.checks import copies, leaks
from wearabouts.evaluation.systems import open_encoder


def scene(seed, size=(120, 160)):
    """A picture of its own: a dozen rectangles on a coloured ground."""
    generator = np.random.default_rng(seed)
    pixels = np.full((size[1], size[0], 3), generator.integers(40, 216, 3), np.uint8)
    for _ in range(12):
        left, top = generator.integers(0, size[0] - 20), generator.integers(0, size[1] - 20)
        across, down = generator.integers(15, 70, 2)
        pixels[top : top + down, left : left + across] = generator.integers(0, 256, 3)
    return Image.fromarray(pixels)


def again(photo, quality):
    written = io.BytesIO()
    photo.save(written, format="JPEG", quality=quality)
    return Image.open(io.BytesIO(written.getvalue())).convert("RGB")


def cut(photo):
    width, height = photo.size
    return photo.crop((width // 64, height // 64, width - width // 64, height - height // 64))


COPIES = {
    "saved again": lambda photo: again(photo, 50),
    "smaller": lambda photo: photo.resize((60, 80), Image.Resampling.LANCZOS),
    "lit": lambda photo: ImageEnhance.Brightness(photo).enhance(1.05),
    "cut": cut,
}


class Shelf:
    """Products with photos, written as they are added."""

    def __init__(self, folder):
        self.folder, self.products = folder, {}

    def add(self, product, name, picture, split, side="shop"):
        path = self.folder / f"{name}.png"
        if isinstance(picture, bytes):
            path.write_bytes(picture)
        else:
            picture.save(path)
        self.products.setdefault(product, []).append(Photo(name, str(path), side, split))
        return path

    def catalog(self):
        products = [Product(name, tuple(photos)) for name, photos in self.products.items()]
        return Catalog("planted", str(self.folder), lambda faults: iter(products))


@pytest.fixture
def planted(tmp_path):
    shelf = Shelf(tmp_path)
    for n in range(12):
        shelf.add(f"train{n}", f"t{n}", scene(n), "train" if n % 3 else "val")
        shelf.add(f"test{n}", f"q{n}", scene(100 + n), "test")
    return shelf


def found(result, kind):
    return {(pair.tested.photo, pair.other.photo) for pair in result.pairs if pair.kind == kind}


def test_a_clean_division_has_no_leak(planted, tiny_encoder):
    result = leaks.find(planted.catalog(), tiny_encoder)
    assert set(result.counts.values()) == {0}
    assert result.pairs == ()
    assert (result.learnt, result.tested, result.unread) == (12, 12, 0)
    assert result.of["item"] == result.of["copy"] == 12


def test_every_planted_leak_is_found_once_and_under_its_own_name(planted, tiny_encoder):
    planted.add("train3", "other view", scene(200), "test")
    same = planted.add("new", "the file", scene(1), "test")
    assert same.read_bytes() == (planted.folder / "t1.png").read_bytes()
    for n, (name, change) in enumerate(COPIES.items(), start=4):
        planted.add(f"copy{n}", name, change(scene(n)), "test")
    result = leaks.find(planted.catalog(), tiny_encoder)
    assert found(result, "item") == {("other view", "t3")}
    assert found(result, "copy") == {("the file", "t1")}
    assert found(result, "near copy") == {(name, f"t{n}") for n, name in enumerate(COPIES, start=4)}
    assert result.counts == {"item": 1, "copy": 1, "near copy": 4, "query copy": 0, "query near copy": 0}


def test_queries_that_are_searched_themselves_are_found(tmp_path, tiny_encoder):
    shelf = Shelf(tmp_path)
    for n in range(6):
        shelf.add(f"p{n}", f"shop{n}", scene(n), "gallery")
        shelf.add(f"p{n}", f"street{n}", scene(50 + n), "", side="street")
    shelf.add("p0", "copied", scene(0), "query")
    shelf.add("p1", "resized", scene(4).resize((90, 120)), "query")
    result = leaks.find(shelf.catalog(), tiny_encoder)
    assert result.counts == {"item": 0, "copy": 0, "near copy": 0, "query copy": 1, "query near copy": 1}
    assert found(result, "query copy") == {("copied", "shop0")}
    assert found(result, "query near copy") == {("resized", "shop4")}
    assert result.of["query copy"] == 8


def test_blocks_change_nothing(planted, tiny_encoder, monkeypatch):
    for n, (name, change) in enumerate(COPIES.items(), start=4):
        planted.add(f"copy{n}", name, change(scene(n)), "test")
    whole = leaks.find(planted.catalog(), tiny_encoder)
    monkeypatch.setattr(leaks, "BLOCK", 3)
    small = leaks.find(planted.catalog(), tiny_encoder)
    assert small.counts == whole.counts
    assert [(pair.kind, pair.tested, pair.other) for pair in small.pairs] == [
        (pair.kind, pair.tested, pair.other) for pair in whole.pairs
    ]
    assert [pair.similarity for pair in small.pairs] == pytest.approx([pair.similarity for pair in whole.pairs])


def test_all_pairs_of_two_sets_whatever_the_block():
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((40, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    signatures = generator.integers(0, 256, (40, copies.SIGNATURE), dtype=np.uint8)
    theirs, their_signatures = vectors[::-1].copy(), signatures[::-1].copy()
    for block in (1, 7, 100, 10_000):
        pairs = {
            (int(row), int(column))
            for rows, columns, _ in copies.near_copies(vectors, signatures, theirs, their_signatures, block=block)
            for row, column in zip(rows, columns, strict=True)
        }
        assert pairs == {(n, 39 - n) for n in range(40)}


def test_alike_to_the_encoder_is_not_enough_and_alike_in_pixels_is_not_either():
    one = np.zeros((1, 4), np.float32)
    one[0, 0] = 1
    other = np.zeros((1, 4), np.float32)
    other[0, 1] = 1
    first = np.frombuffer(copies.signature(np.asarray(scene(1))), np.uint8)[None]
    second = np.frombuffer(copies.signature(np.asarray(scene(2))), np.uint8)[None]
    assert list(copies.near_copies(one, first, one, second)) == []
    assert list(copies.near_copies(one, first, other, first)) == []
    assert len(list(copies.near_copies(one, first, one, first))) == 1


def test_photos_that_cannot_be_read_are_counted_and_cost_nothing_else(planted, tiny_encoder):
    planted.add("broken", "broken", b"no picture", "test")
    planted.add("gone", "gone", scene(77), "train").unlink()
    result = leaks.find(planted.catalog(), tiny_encoder)
    assert result.unread == 2
    assert "2 photos could not be read" in leaks.section(result).notes[0]


def test_a_catalog_without_splits_is_one_clear_error(tmp_path, tiny_encoder):
    shelf = Shelf(tmp_path)
    shelf.add("p", "a", scene(1), "")
    with pytest.raises(EvaluationError, match="give a catalog that has them"):
        leaks.find(shelf.catalog(), tiny_encoder)


def test_the_section_counts_and_shows_pairs_with_pictures(planted, tiny_encoder):
    planted.add("new", "the file", scene(1), "test")
    planted.add("copy", "again", again(scene(2), 60), "test")
    section = leaks.section(leaks.find(planted.catalog(), tiny_encoder))
    rows = {row.name: row.cells for row in section.tables[0].rows}
    assert rows["tested photos that are learnt from, byte for byte"] == {"found": 1, "of": 14, "share": "7.14%"}
    assert "query photos that are searched, byte for byte" not in rows  # there are no queries
    (same, near) = section.strips
    assert same.title == "The same file is learnt from and tested (1 of 1 shown)"
    (shot,) = near.rows
    assert (shot.query.caption, shot.came[0].caption) == ("again", "t2")
    assert shot.query.thumbnail.startswith(b"\xff\xd8")
    assert shot.came[0].role == "learnt from, split train"


@pytest.mark.data
def test_copies_among_the_photos_of_a_shop(data_folder, tmp_path):
    """All exact copies, and of the near ones found nine in ten carry the list's own mark of a near copy."""
    folder = data_folder / "restricted" / "fashion-products"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    sizes = Counter(line["near_dup_group"] for line in lines)
    doubles = [line for line in lines if 2 <= sizes[line["near_dup_group"]] <= 3]
    lines = doubles + [line for line in lines if sizes[line["near_dup_group"]] == 1][:200]
    group, files, seen = {}, {}, Counter()
    products = []
    for line in lines:
        name = line["near_dup_group"]
        seen[name] += 1
        path = folder / line["path"]
        group[line["id"]], files[line["id"]] = name, path.read_bytes()
        split = "train" if seen[name] == 1 else "test"
        products.append(Product(line["id"], (Photo(line["id"], str(path), "shop", split),)))
    catalog = Catalog("fashion-products", str(folder), lambda faults: iter(products))
    result = leaks.find(catalog, open_encoder("mini"))
    learnt = {files[p.id] for p in products if p.photos[0].split == "train"}
    equal = {p.id for p in products if p.photos[0].split == "test" and files[p.id] in learnt}
    assert result.counts["copy"] == len(equal) > 20
    near = found(result, "near copy")
    marked = sum(group[first] == group[second] for first, second in near)
    assert marked >= 0.9 * len(near) > 0

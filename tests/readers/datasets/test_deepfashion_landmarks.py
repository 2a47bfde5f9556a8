"""DeepFashion Fashion Landmark Detection: slots, visibility and variation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from miniatures.deepfashion_landmarks import box, landmarks
from miniatures.deepfashion_rows import PLACES
from wearabouts.catalog import Faults, Product
from wearabouts.errors import CatalogError
from wearabouts.readers import open_catalog
from wearabouts.readers.datasets.deepfashion import marks
from wearabouts.types import LANDMARK_SLOTS, Landmark


def walk(root: Path, **options: object) -> tuple[list[Product], Faults]:
    faults = Faults()
    return list(open_catalog(root, reader="deepfashion_landmarks", **options).products(faults)), faults


def test_every_photo_with_its_slots(tmp_path: Path) -> None:
    products, faults = walk(landmarks(tmp_path))
    assert not len(faults)
    assert Counter(product.photos[0].split for product in products) == {"train": 9, "val": 3, "test": 3}
    for number, product in enumerate(products):
        (photo,) = product.photos
        assert product.id == photo.id == f"img_{number + 1:08}.jpg"
        assert photo.labels["clothes_type"] == ("upper", "lower", "full")[number % 3]
        assert photo.box == box(number)
        kind = 1 + number % 3
        garment = box(number)
        for slot, (x, y) in zip(marks.SLOTS[kind], PLACES[kind], strict=True):
            found = photo.landmarks[slot]
            if found.visible:
                assert abs(found.x - garment.left - x * garment.width) <= 0.5
                assert abs(found.y - garment.top - y * garment.height) <= 0.5
        hidden = 2 if number % 4 == 3 else 0
        assert sum(point.visible for point in photo.landmarks) == len(PLACES[kind]) - hidden
    assert products[0].photos[0].labels["variation"] == "normal"
    assert products[4].photos[0].labels["variation"] == "large zoom-in"


def test_the_slots_of_each_clothes_type() -> None:
    names = {kind: [LANDMARK_SLOTS[slot] for slot in slots] for kind, slots in marks.SLOTS.items()}
    assert names[1] == ["left_collar", "right_collar", "left_sleeve", "right_sleeve", "left_hem", "right_hem"]
    assert names[2] == ["left_waist", "right_waist", "left_hem", "right_hem"]
    assert names[3] == list(LANDMARK_SLOTS)


def test_a_row_by_hand() -> None:
    row = "1 0 146 102 0 173 095 0 094 242 1 205 255 2 136 229 0 177 232"
    kind, variation, slots, told = marks.landmarks(row.split(), 300, varied=False)
    assert (kind, variation, told) == ("upper", "", "")
    nowhere = Landmark(0, 0, False)
    assert slots == (
        Landmark(146, 102, True),
        Landmark(173, 95, True),
        Landmark(94, 242, True),
        Landmark(205, 255, False),
        nowhere,
        nowhere,
        nowhere,
        Landmark(177, 232, True),
    )


def test_numbers_are_zero_padded_and_never_octal() -> None:
    assert [marks.whole(word) for word in ("072", "079", "000", "-08", "300")] == [72, 79, 0, -8, 300]
    for word in ("0x10", "1_0", "²", "٣", "", "-", "+5", "1.0", "1e3", "9" * 5_000):
        with pytest.raises(ValueError, match="is not a whole number"):
            marks.whole(word)


@pytest.mark.parametrize("variation", ["0", "6", "v"])
def test_a_variation_that_is_none_is_left_out(tmp_path: Path, variation: str) -> None:
    root = landmarks(tmp_path, draw=False)
    path = root / "Anno/list_landmarks.txt"
    lines = path.read_text().splitlines()
    words = lines[2].split()
    path.write_text("\n".join([*lines[:2], " ".join((*words[:2], variation, *words[3:])), *lines[3:]]) + "\n")
    products, faults = walk(root, pictures=False)
    assert len(faults) == 1
    assert faults.kept[0].column == "variation_type"
    assert "variation" not in products[0].photos[0].labels
    assert any(point.visible for point in products[0].photos[0].landmarks)


def test_without_landmarks_there_is_nothing(tmp_path: Path) -> None:
    root = landmarks(tmp_path, draw=False)
    (root / "Anno/list_landmarks.txt").unlink()
    with pytest.raises(CatalogError, match=r"no list_landmarks.txt for 'Fashion Landmark Detection Benchmark'"):
        walk(root, pictures=False)

"""Photos: the same from anywhere, and truly labelled."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wearabouts.drawn.palette import lab
from wearabouts.drawn.shop import DrawnShop
from wearabouts.errors import SettingsError

SIZE = 160
VIEWS = ("front", "back", "detail", "street-0", "street-1")


def digest(drawn):
    return hashlib.sha256(drawn.pixels.tobytes() + drawn.mask.tobytes() + repr((drawn.box, drawn.landmarks)).encode())


@pytest.fixture(scope="module")
def shop():
    return DrawnShop(2, 64, "test")


@pytest.fixture(scope="module")
def photos(shop):
    return {(index, view): shop.render(index, view, SIZE) for index in range(30) for view in VIEWS}


def test_a_photo_is_the_same_in_any_order_process_and_size_of_shop(photos):
    other = DrawnShop(2, 5000, "test")
    wanted = [(17, "street-1"), (3, "front"), (17, "detail")]
    here = [digest(other.render(*key, SIZE)).hexdigest() for key in wanted]
    assert here == [digest(photos[key]).hexdigest() for key in wanted]
    code = (
        "import hashlib; from wearabouts.drawn.shop import DrawnShop; "
        "d = DrawnShop(2, 18, 'test').render(17, 'street-1', 160); "
        "print(hashlib.sha256(d.pixels.tobytes() + d.mask.tobytes() + repr((d.box, d.landmarks)).encode()).hexdigest())"
    )
    source = str(Path(sys.modules["wearabouts"].__file__).parents[1])
    env = os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": source}
    said = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=400
    )
    assert said.stdout.strip() == here[0]


def test_photos_of_one_product_differ(photos):
    for index in range(30):
        assert len({digest(photos[index, view]).digest() for view in VIEWS}) == len(VIEWS)


def test_pixels_mask_and_box_belong_together(photos):
    for drawn in photos.values():
        assert drawn.pixels.shape == (SIZE, 128, 3)
        assert drawn.pixels.dtype == np.uint8
        assert drawn.mask.shape == (SIZE, 128)
        rows, columns = np.nonzero(drawn.mask)
        assert len(rows) > 60
        assert (drawn.box.left, drawn.box.top) == (columns.min(), rows.min())
        assert (drawn.box.width, drawn.box.height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)


def test_the_masked_pixels_of_a_plain_product_have_its_colour(shop, photos):
    checked = 0
    for index in range(30):
        spec = shop.spec(index)
        if spec.pattern.kind != "plain" or spec.trims or spec.garment in ("shoes", "hat"):
            continue
        drawn = photos[index, "front"]
        seen = np.median(drawn.pixels[drawn.mask], axis=0)
        assert np.linalg.norm(lab(seen) - lab(spec.base)) < 14, (index, spec.cut.name, seen, spec.base)
        checked += 1
    assert checked >= 3


def test_a_studio_is_bright_and_a_street_is_not_empty(photos):
    for (_, view), drawn in photos.items():
        if view == "front":
            assert (drawn.pixels.min(axis=2) > 215).mean() > 0.12
        if view.startswith("street"):
            assert drawn.pixels[~drawn.mask].std() > 12


def test_visible_landmarks_lie_on_the_garment_and_left_is_left(photos):
    for (_, view), drawn in photos.items():
        assert len(drawn.landmarks) == 8
        for mark in drawn.landmarks:
            if mark.visible:
                row, column = round(mark.y), round(mark.x)
                near = drawn.mask[max(row - 5, 0) : row + 6, max(column - 5, 0) : column + 6]
                assert near.any()
        for slot in (0, 4, 6) if view != "detail" else ():
            left, right = drawn.landmarks[slot : slot + 2]
            if left.visible and right.visible:
                assert left.x < right.x, view


def test_a_shop_photo_of_a_shirt_shows_its_collar_and_hem(shop, photos):
    for index in range(30):
        marks = photos[index, "front"].landmarks
        if shop.spec(index).garment in ("t_shirt", "shirt", "hoodie", "outwear", "dress"):
            assert [marks[slot].visible for slot in (0, 1, 6, 7)] == [True] * 4
            assert marks[6].y > marks[0].y
        if shop.spec(index).garment in ("pants", "skirt", "shorts"):
            assert [marks[slot].visible for slot in (0, 1)] == [False] * 2
            assert [marks[slot].visible for slot in (4, 5)] == [True] * 2


def test_the_product_is_not_lost_in_a_street_photo(photos):
    shares = [drawn.mask.mean() for (_, view), drawn in photos.items() if view.startswith("street")]
    assert np.median(shares) > 0.10
    assert min(shares) > 0.003


def test_a_size_scales_the_photo_and_its_labels(shop):
    small, large = shop.render(4, "front", 200), shop.render(4, "front", 400)
    assert large.pixels.shape == (400, 320, 3)
    assert large.box.width == pytest.approx(2 * small.box.width, abs=4)
    for one, other in zip(small.landmarks, large.landmarks, strict=True):
        assert (other.x, other.y) == pytest.approx((one.x * 2, one.y * 2), abs=2)


def test_a_product_tells_its_sides_and_splits(shop):
    product = shop.product(5, street=2)
    assert [photo.labels["view"] for photo in product.photos] == ["front", "back", "detail", "street-0", "street-1"]
    assert [photo.side for photo in product.photos] == ["shop"] * 3 + ["street"] * 2
    assert [photo.split for photo in product.photos] == ["gallery"] * 3 + ["query"] * 2
    assert all(not photo.uri.startswith("/") and ".." not in photo.uri for photo in product.photos)
    assert product.garment == shop.spec(5).garment
    assert product.currency == "EUR"


@pytest.mark.parametrize("size", [64, 91])
def test_the_smallest_photos_can_be_drawn(shop, size):
    for index in range(6):
        for view in ("front", "street-0"):
            assert shop.render(index, view, size).pixels.shape[0] == size


def test_what_cannot_be_drawn_is_told():
    shop = DrawnShop(0, 3)
    with pytest.raises(SettingsError, match=r"unknown view 'side'; known: .*street-0"):
        shop.render(0, "side")
    with pytest.raises(SettingsError, match="size 5000 px"):
        shop.render(0, "front", 5000)
    with pytest.raises(IndexError, match="product 3 of a shop with 3 products"):
        shop.spec(3)
    with pytest.raises(SettingsError, match="did you mean 'train'"):
        DrawnShop(0, 3, "trian")
    with pytest.raises(SettingsError, match="at least 1 product"):
        DrawnShop(0, 0)

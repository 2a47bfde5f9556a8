"""Photos for the second stage: items of one part alone, each unit by itself, nothing that is marked test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wearabouts.errors import CatalogError
from wearabouts.training.verifier.recipe import VerifierRecipe
from wearabouts.training.verifier.sources import DRAWN, GROCERY, units

from .worlds import groceries

RECIPE = VerifierRecipe.model_validate(
    {
        "name": "photos",
        "data": {
            "drawn_products": 3,
            "calibrate_products": 2,
            "street": 2,
            "height": 64,
            "calibrate_height": 64,
            "grocery_views": 2,
        },
    }
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return groceries(tmp_path_factory.mktemp("photos"))


def test_a_part_has_its_own_items_alone(data: Path) -> None:
    photos = {
        part: [photo for unit in units(RECIPE, data, part, 64) for photo in unit()] for part in ("train", "calibrate")
    }
    items = {part: {photo.item for photo in some if photo.source == GROCERY} for part, some in photos.items()}
    assert items == {"train": {0, 1, 2}, "calibrate": {3, 4}}  # 5 is marked test
    drawn = {part: [photo for photo in some if photo.source == DRAWN] for part, some in photos.items()}
    assert [len(drawn[part]) for part in ("train", "calibrate")] == [3 * 5, 2 * 5]
    assert all(photo.garment >= 0 and photo.taken for photo in drawn["train"])
    assert sum(photo.first for photo in drawn["train"]) == 3
    assert not np.array_equal(drawn["train"][0].pixels, drawn["calibrate"][0].pixels)


def test_views_are_made_of_training_photos_alone(data: Path) -> None:
    goods = {
        part: [photo for unit in units(RECIPE, data, part, 64) for photo in unit() if photo.source == GROCERY]
        for part in ("train", "calibrate")
    }
    assert len(goods["train"]) == 3 * 3 * (1 + 2)
    assert len(goods["calibrate"]) == 2 * 3
    assert all(photo.taken for photo in goods["calibrate"])
    assert sum(photo.taken for photo in goods["train"]) == 3 * 3
    for some in goods.values():
        assert all(photo.pixels.shape == (64, 64, 3) for photo in some)
        assert all(photo.first == (photo.taken and not photo.street) for photo in some)
        assert {photo.garment for photo in some} == {-1}


def test_any_unit_can_be_made_alone_and_again(data: Path) -> None:
    once, again = (units(RECIPE, data, "train", 64) for _ in range(2))
    for unit in (0, len(once) - 1):
        first, second = once[unit](), again[unit]()
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, second, strict=True))


def test_without_groceries_there_are_drawn_ones(data: Path, tmp_path: Path) -> None:
    alone = RECIPE.model_copy(update={"data": RECIPE.data.model_copy(update={"grocery": ""})})
    assert len(units(alone, tmp_path, "train", 64)) == 3
    with pytest.raises(CatalogError, match="no table at"):
        units(RECIPE, tmp_path, "train", 64)

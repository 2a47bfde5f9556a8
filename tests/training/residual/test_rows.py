"""Which photos a recipe learns from: one split, never a query, and every lost one counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from miniatures.cifar10 import CLASSES, cifar10, picture
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.training.residual import rows
from wearabouts.training.residual.recipe import Data, Network, ResidualRecipe


def silent(what: str, done: int, total: int) -> None:
    """Progress nobody watches."""


def recipe(**data: object) -> ResidualRecipe:
    return ResidualRecipe(name="x", data=Data(reader="cifar10", **data))


def test_the_training_pictures_come_unchanged_and_test_pictures_never(tmp_path: Path) -> None:
    read = rows.read(recipe(), cifar10(tmp_path, per_class=3, tested=2), silent)
    assert read.names == CLASSES
    assert read.pixels.shape == (30, 32, 32, 3)
    assert read.lost == 0
    drawn = {(label, picture(label, number).tobytes()) for label in range(10) for number in range(3)}
    assert {(int(label), pixels.tobytes()) for pixels, label in zip(read.pixels, read.classes, strict=True)} == drawn


def test_any_split_means_all_but_queries(tmp_path: Path) -> None:
    source = cifar10(tmp_path, per_class=3, tested=2)
    assert len(rows.read(recipe(split=""), source, silent)) == 30
    assert len(rows.read(recipe(split="query"), source, silent)) == 20


def test_a_drawn_split_is_read_by_the_readers_options(tmp_path: Path) -> None:
    source = cifar10(tmp_path, per_class=6, tested=2)
    options = {"protocol": "cifar10", "queries": 1, "trained": 4}
    read = rows.read(recipe(options=options), source, silent)
    assert np.array_equal(np.bincount(read.classes), np.full(10, 4))


def test_a_folder_of_categories_needs_no_reader_and_no_split(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for n in range(3):
            (tmp_path / name / str(n)).mkdir(parents=True)
            Image.fromarray(picture(n, n)).save(tmp_path / name / str(n) / "front.png")
    (tmp_path / "dog" / "2" / "back.png").write_bytes(b"no picture")
    read = rows.read(ResidualRecipe(name="x", data=Data(split=""), network=Network(size=16)), tmp_path, silent)
    assert read.names == ("cat", "dog")
    assert read.pixels.shape == (6, 16, 16, 3)
    assert read.lost == 1


def test_held_out_rows_are_drawn_within_each_class(tmp_path: Path) -> None:
    read = rows.read(recipe(), cifar10(tmp_path, per_class=10, tested=1), silent)
    kept, held = read.parted(0.3, seed=1)
    assert np.array_equal(np.bincount(held.classes), np.full(10, 3))
    assert np.array_equal(np.bincount(kept.classes), np.full(10, 7))
    both = {pixels.tobytes() for pixels in kept.pixels} | {pixels.tobytes() for pixels in held.pixels}
    assert len(both) == 100  # no photo is in both
    assert len(read.parted(0.0, seed=1)[1]) == 0
    assert np.array_equal(read.parted(0.3, seed=1)[1].pixels, held.pixels)
    assert not np.array_equal(read.parted(0.3, seed=2)[1].pixels, held.pixels)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"split": "gallery"}, "two categories"),
        ({"reader": "cifar"}, "cifar10"),
        ({"options": {"protocoll": "cifar10"}}, "protocol"),
    ],
)
def test_what_cannot_be_learned_from_is_one_error(tmp_path: Path, data: dict[str, object], said: str) -> None:
    source = cifar10(tmp_path, per_class=2, tested=1)
    with pytest.raises((CatalogError, SettingsError), match=said):
        rows.read(ResidualRecipe(name="x", data=Data(**{"reader": "cifar10", **data})), source, silent)

"""The story from catalog to figures, with and without a second stage, on a drawn shop."""

from __future__ import annotations

import json
from shutil import copytree

import pytest

from fakes import TinyGarmentEncoder
from wearabouts.bundles import load
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.encoders import OnnxEncoder
from wearabouts.pipeline import shop, workshop


def test_a_drawn_shop_is_read_indexed_searched_and_measured(tmp_path):
    drawn = DrawnShop(3, 6, "test")
    write(tmp_path / "feed", drawn, views=("front", "back"), street=1, size=160)
    wanted = drawn.spec(2).product_id
    photo = (tmp_path / "feed" / "photos" / wanted / "front.jpg").read_bytes()
    story = shop(tmp_path / "feed", photo, tmp_path, TinyGarmentEncoder())
    assert (story.indexed.products, story.indexed.photos, story.indexed.embedded) == (6, 12, 12)
    assert story.answer.matches[0].product["id"] == wanted
    assert story.answer.matches[0].similarity > 0.999
    assert len(story.answer.matches) == 6
    figures = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert figures == json.loads(json.dumps(story.report.to_dict()))
    assert "tiny-garments" in json.dumps(figures)


def test_the_second_stage_of_a_bundle_speaks_in_the_shop(tmp_path):
    encoder = OnnxEncoder(load("mini"))
    drawn = DrawnShop(3, 4, "test")
    write(tmp_path / "feed", drawn, views=("front", "back"), street=0, size=160)
    wanted = drawn.spec(1).product_id
    photo = (tmp_path / "feed" / "photos" / wanted / "front.jpg").read_bytes()
    answer = shop(tmp_path / "feed", photo, tmp_path, encoder).answer
    assert (answer.verdict is not None) == (encoder.card.judge is not None)
    assert (answer.carried is not None) == ("verify" in answer.timings) == (encoder.card.calibration is not None)


def test_a_second_stage_is_trained_upon_the_first_and_exported_with_it(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="the extra train is not installed")
    done = []

    def trained(recipe, data, run):
        done.append((recipe.name, run.name))

    def exported(run, bundle):
        done.append((run.name, bundle.name))
        copytree(load("mini").folder, bundle)

    monkeypatch.setattr("wearabouts.training.main_train", trained)
    monkeypatch.setattr("wearabouts.export.main_export", exported)
    for second in (None, tmp_path / "second.toml"):
        workshop(tmp_path / "first.toml", tmp_path, tmp_path / str(second is None), second=second)
    assert done == [
        ("first.toml", "run"),
        ("run", "bundle"),
        ("first.toml", "run"),
        ("second.toml", "second"),
        ("second", "bundle"),
    ]


RECIPE = """
name = "story"
[data]
photos = 8
drawn_products = 8
street_views = 1
recoloured_street_views = 0
grocery_views = 0
drawn_street_views = 1
[network]
size = 64
identity_dim = 8
garment_dim = 8
photo_dim = 8
[steps]
count = 2
clothing = 4
grocery = 2
drawn = 4
originals = 4
checkpoint = 1
"""


@pytest.mark.data
def test_the_workshop_trains_and_exports_an_encoder_that_the_shop_runs_on(tmp_path, data_folder):
    pytest.importorskip("torch", reason="the extra train is not installed")
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    encoder = workshop(tmp_path / "recipe.toml", data_folder, tmp_path)
    assert (encoder.dim, encoder.input_size) == (16 + 24, 64)  # labels, and the three blocks of the recipe
    drawn = DrawnShop(3, 4, "test")
    write(tmp_path / "feed", drawn, views=("front", "back"), street=0, size=160)
    wanted = drawn.spec(1).product_id
    photo = (tmp_path / "feed" / "photos" / wanted / "front.jpg").read_bytes()
    story = shop(tmp_path / "feed", photo, tmp_path, encoder)
    assert story.answer.matches[0].product["id"] == wanted
    assert story.answer.matches[0].similarity > 0.999
    assert story.answer.garment in encoder.garments

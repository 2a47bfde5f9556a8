"""StyleNet in miniature: drawn, trained, exported, indexed, searched and evaluated; stopped, and going on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from wearabouts import bundles
from wearabouts.embedding import index
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import SettingsError
from wearabouts.evaluation import main as evaluate
from wearabouts.export import main_export
from wearabouts.readers import open_catalog
from wearabouts.search import Searcher
from wearabouts.stores import open_store
from wearabouts.training import SUMMARY, main_train

RECIPE = """
name = "tiny"
model = "stylenet"
[data]
reader = "drawn"
split = ""
held_out = 0.25
tags = ["color+garment", "pattern", "color"]
[network]
trunk = "small"
size = 32
dim = 16
[tags]
compared = ["color+garment", "pattern"]
classified = ["color", "pattern"]
[learning]
photos = 12
triplets = 6
[classification]
count = 12
optimizer = "adamw"
rate = 3e-3
[ranking]
count = 12
optimizer = "adamw"
rate = 3e-3
checkpoint = 5
"""


class StoppedError(Exception):
    """What a killed process would be to its run."""


def recipe(folder: Path, *changes: tuple[str, str]) -> Path:
    text = RECIPE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def run(drawn_small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("stylenet")
    return main_train(recipe(folder), drawn_small, folder / "run")


def test_what_was_trained_is_served_searched_and_evaluated(run: Path, drawn_small: Path, tmp_path: Path) -> None:
    told = json.loads((run / SUMMARY).read_text())
    assert told["photos"] == 36
    assert {"style", "style by distance", "R@1", "R@1 by distance", "tags"} <= told["ranking"]["validation"].keys()
    assert told["classification"]["validation"].keys() == {"tags"}

    bundle = bundles.load(main_export(run, tmp_path / "bundle"))
    encoder = OnnxEncoder(bundle, threads=1)
    assert (encoder.dim, list(encoder.attributes)) == (16, ["color", "pattern"])
    colours = {product.attributes["color"] for product in open_catalog(drawn_small).products()}
    assert set(encoder.attributes["color"]) <= colours
    encoding = encoder.encode([np.full((64, 48, 3), (200, 30, 30), np.uint8)])
    assert encoding.attributes["color"].shape == (1, len(encoder.attributes["color"]))
    assert 0 <= encoding.attributes["color"].min() <= encoding.attributes["color"].max() <= 1

    catalog = open_catalog(drawn_small)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    index(catalog, encoder, store)
    photo = next(p for product in catalog.products() for p in product.photos if p.side == "shop")
    answer = Searcher(encoder, store).search(Path(photo.uri).read_bytes(), 3)
    assert answer.matches[0].similarity > 0.9
    report = evaluate(str(drawn_small), model=encoder)
    assert report.sections


@pytest.mark.parametrize("phase", ["classification", "ranking"])
def test_a_stopped_run_goes_on_to_the_same_weights(run: Path, drawn_small: Path, tmp_path: Path, phase: str) -> None:
    def told(what: str, done: int, total: int) -> None:
        if (what, done) == (phase, 7 if phase == "ranking" else 12):
            raise StoppedError

    made = recipe(tmp_path)
    with pytest.raises(StoppedError):
        main_train(made, drawn_small, tmp_path / "run", progress=told)
    main_train(made, drawn_small, tmp_path / "run")
    one, other = load_file(run / "weights.safetensors"), load_file(tmp_path / "run/weights.safetensors")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_ranking_alone_serves_no_tags_and_may_start_from_another_trunk(
    run: Path, drawn_small: Path, tmp_path: Path
) -> None:
    start = f'trunk = "small"\nstart = "{run / "weights.safetensors"}"'
    made = recipe(
        tmp_path,
        ('trunk = "small"', start),
        ("triplets = 6", "triplets = 6\njoint = false\nclassify = false"),
        ('count = 12\noptimizer = "adamw"\nrate = 3e-3\ncheckpoint = 5', "count = 1\nrate = 1e-9"),
    )
    folder = main_train(made, drawn_small, tmp_path / "run")
    told = json.loads((folder / SUMMARY).read_text())
    assert "classification" not in told
    assert told["ranking"]["loss"].keys() == {"ranking"}
    one, other = load_file(run / "weights.safetensors"), load_file(folder / "weights.safetensors")
    trained = [name for name in one if name.startswith("trunk.") and name.endswith("conv.weight")]
    assert trained
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in trained)
    bundle = bundles.load(main_export(folder, tmp_path / "bundle"))
    assert not bundle.card.attributes


def test_a_start_that_is_not_there_is_told(drawn_small: Path, tmp_path: Path) -> None:
    made = recipe(tmp_path, ('trunk = "small"', 'trunk = "small"\nstart = "nowhere.safetensors"'))
    with pytest.raises(SettingsError, match=r"\[network\] start"):
        main_train(made, drawn_small, tmp_path / "run")

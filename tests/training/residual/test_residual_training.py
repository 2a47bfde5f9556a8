"""`residual`, trained on a CIFAR-10 of eighty pictures: the rate, the averages, a kill, and what is served of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from miniatures.cifar10 import CLASSES, cifar10
from wearabouts import bundles
from wearabouts.embedding import index
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import SettingsError
from wearabouts.export import main_export
from wearabouts.readers import open_catalog
from wearabouts.search import Searcher
from wearabouts.stores import open_store
from wearabouts.training import SUMMARY, main_train
from wearabouts.training.residual.loop import follow, share

RECIPE = """
name = "tiny"
model = "residual"
[data]
reader = "cifar10"
held_out = 0.25
[network]
widths = [8, 16]
dim = 16
[steps]
epochs = 30
batch = 20
rate = 0.2
average = 0.8
shift = 1
cutout = 2
checkpoint = 8
"""


class StoppedError(Exception):
    """What a killed process would be to its run."""


def stop_at(step: int):
    def told(what: str, done: int, total: int) -> None:
        if what == "steps" and done == step:
            raise StoppedError

    return told


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """So little work is quicker on one thread, above all where the other core is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cifar10(tmp_path_factory.mktemp("cifar10"), per_class=8, tested=2, layout="folders")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def run(data: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return main_train(recipe, data, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    return bundles.load(main_export(run, tmp_path_factory.mktemp("bundle")))


def test_the_rate_rises_to_one_and_falls_to_nearly_nothing() -> None:
    rates = [share(step, 100, 0.2) for step in range(100)]
    top = int(np.argmax(rates))
    assert top == pytest.approx(20, abs=1)
    assert max(rates) == pytest.approx(1, abs=0.03)
    assert np.all(np.diff(rates[: top + 1]) > 0)
    assert np.all(np.diff(rates[top + 1 :]) < 0)
    assert 0 < rates[-1] < 0.02
    assert share(0, 1, 0.5) > 0


def test_averages_are_those_of_the_formula() -> None:
    net, average = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    nn.init.zeros_(average.weight)
    seen, expected = [1.0, 4.0, 2.0], 0.0
    for value in seen:
        nn.init.constant_(net.weight, value)
        net.running_mean.fill_(value)
        follow(average, net, 0.75)
        expected = 0.75 * expected + 0.25 * value
        assert average.weight.item() == pytest.approx(expected)
        assert average.running_mean.item() == value


def test_it_learns(run: Path) -> None:
    told = json.loads((run / SUMMARY).read_text())
    assert told["classes"] == list(CLASSES)
    assert told["photos"] == 60
    assert told["held_out"]["queries"] == 20
    # Ten classes of which chance would find a tenth
    assert told["held_out"]["accuracy"] >= 0.8
    assert told["held_out"]["mAP"] >= 0.8
    assert told["seconds"] > 0
    assert told["cpu_seconds"] > 0
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [*range(8, 89, 8), 90]
    assert log[-1]["loss"] < log[0]["loss"]


def test_a_killed_run_goes_on_to_the_same_weights(run: Path, data: Path, recipe: Path, tmp_path: Path) -> None:
    for step in (5, 19, 60):
        with pytest.raises(StoppedError):
            main_train(recipe, data, tmp_path, progress=stop_at(step))
    main_train(recipe, data, tmp_path)
    first, second = (load_file(folder / "000090.model.safetensors") for folder in (run, tmp_path))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    told = [json.loads((folder / SUMMARY).read_text()) for folder in (run, tmp_path)]
    assert told[0]["held_out"] == told[1]["held_out"]


def test_the_bundle_says_what_was_trained(run: Path, bundle: bundles.Bundle, data: Path) -> None:
    card = bundle.card
    assert card.attributes == {"category": CLASSES}
    assert not card.garments
    assert card.preprocessing.size == 32
    assert card.parity["least_cosine"] > 0.999
    assert card.training["recipe"]["name"] == "tiny"
    assert card.data[0]["name"] == "cifar10"
    photo = np.asarray(Image.open(data / "test" / "ship" / "0000.jpg"))
    # A picture of the network's own size reaches it as it is.
    assert np.array_equal(card.preprocessing.apply(photo), photo)


def test_the_bundle_is_indexed_and_finds_the_class(bundle: bundles.Bundle, data: Path, tmp_path: Path) -> None:
    encoder = OnnxEncoder(bundle, threads=1)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    summary = index(open_catalog(data, reader="cifar10"), encoder, store)
    assert summary.embedded == 80  # the twenty test pictures are queries
    searcher = Searcher(encoder, store)
    right = []
    for name in CLASSES:
        answer = searcher.search((data / "test" / name / "0000.jpg").read_bytes(), 3)
        right.append(answer.matches[0].product["category"] == name)
    assert sum(right) >= 8


def test_too_little_data_says_which_setting_to_change(data: Path, recipe: Path, tmp_path: Path) -> None:
    path = tmp_path / "much.toml"
    path.write_text(RECIPE.replace("batch = 20", "batch = 2000"))
    with pytest.raises(SettingsError, match=r"\[steps\] batch"):
        main_train(path, data, tmp_path / "run")

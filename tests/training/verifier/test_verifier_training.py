"""The second stage in miniature: trained, stopped and gone on, exported, and saying as a bundle what torch says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import SettingsError
from wearabouts.export import main_export
from wearabouts.export.mini import ServedMini
from wearabouts.export.verifier import trained
from wearabouts.fitting import Preprocessing
from wearabouts.garments import ATTRIBUTES, GARMENTS
from wearabouts.models.verifying import LARGEST
from wearabouts.training import main_train
from wearabouts.training.recipe import load
from wearabouts.training.run import Run
from wearabouts.training.verifier import asking, judging, load_start
from wearabouts.training.verifier.kept import Kept
from wearabouts.verifiers.evidence import packed, seen, unpacked
from wearabouts.verifiers.judge import SIGNALS, Judge

from .worlds import blank_mini, groceries

RECIPE = """
name = "second"
model = "verifier"
[data]
drawn_products = 6
calibrate_products = 4
street = 1
height = 64
calibrate_height = 64
grocery_views = 1
[network]
start = "{start}"
reduced = 24
dim = 8
width = 8
hidden = 8
pair = [16, 8]
[lists]
queries = 4
near = 4
random = 1
[steps]
count = 6
rate = 2e-3
checkpoint = 2
[own]
least = 1
steps = {{ count = 4, checkpoint = 2 }}
[judging]
lists = [1, 3, 5]
"""


class StoppedError(Exception):
    """What a killed process would be to its run."""


class World:
    """A folder with photos, a `mini`, a recipe, and a finished run."""

    def __init__(self, folder: Path) -> None:
        self.data = groceries(folder / "data")
        self.mini = blank_mini(folder / "mini")
        self.recipe = folder / "second.toml"
        self.recipe.write_text(RECIPE.format(start=self.mini))
        self.run = main_train(self.recipe, self.data, folder / "run")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    torch.set_num_threads(1)
    return World(tmp_path_factory.mktemp("verifier"))


@pytest.fixture(scope="module")
def bundle(world: World, tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    return bundles.load(main_export(world.run, tmp_path_factory.mktemp("verifier") / "bundle"))


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    shop = DrawnShop(seed=9, products=3, part="test")
    return [shop.render(i, view, size=64).pixels for i in range(3) for view in ("street-0", "front", "back")]


def test_a_stopped_run_goes_on_to_the_same_weights(world: World, tmp_path: Path) -> None:
    stopped = tmp_path / "run"
    stopped.mkdir()
    (stopped / "kept").symlink_to(world.run / "kept")  # made once
    for phase, step in (("pairs", 5), ("own", 3)):

        def told(what: str, done: int, total: int, phase: str = phase, step: int = step) -> None:
            if what == phase and done == step:
                raise StoppedError

        with pytest.raises(StoppedError):
            main_train(world.recipe, world.data, stopped, progress=told)
    main_train(world.recipe, world.data, stopped)
    once, again = (load_file(run / "weights.safetensors") for run in (world.run, stopped))
    assert once.keys() == again.keys()
    assert all(torch.equal(once[name], again[name]) for name in once)
    before, after = (json.loads((run / "judge.json").read_text()) for run in (world.run, stopped))
    assert before == after


def test_what_was_kept_is_not_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wearabouts.drawn.shop.DrawnShop.render", None)
    monkeypatch.setattr("wearabouts.training.mini.data.decode", None)
    main_train(world.recipe, world.data, world.run)


def test_a_run_stands_on_the_mini_it_began_with(world: World, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no finished run of mini"):
        load_start(tmp_path)
    with pytest.raises(SettingsError, match="needs one of 'mini'"):
        load_start(world.run)
    weights = (world.mini / "weights.safetensors").read_bytes()
    other = blank_mini(tmp_path / "other", seed=1) / "weights.safetensors"
    try:
        (world.mini / "weights.safetensors").write_bytes(other.read_bytes())
        with pytest.raises(SettingsError, match="was begun on a mini with weights"):
            main_train(world.recipe, world.data, world.run)
        with pytest.raises(SettingsError, match="is not the mini this second stage was trained on"):
            main_export(world.run, tmp_path / "bundle")
    finally:
        (world.mini / "weights.safetensors").write_bytes(weights)


def test_the_card_has_the_whole_second_stage(world: World, bundle: bundles.Bundle) -> None:
    card = bundle.card
    told = json.loads((world.run / "run.json").read_text())
    assert card.name == "mini-blank"
    assert card.regions == bundles.Regions(count=4, dim=8)
    assert card.judge is not None
    assert card.calibration is not None
    assert card.judge.weights == told["judge"]["weights"]
    weights = {name: (w, w + card.judge.sure[name]) for name, w in card.judge.weights.items()}
    assert set(weights) <= set(SIGNALS)
    assert all(w >= 0 and v > -1e-5 for w, v in weights.values())
    assert [name for name, (w, _) in weights.items() if w] in ([], ["similarity"])
    assert card.judge.shortlist in range(1, 6)
    assert list(card.judge.recall.values()) == sorted(card.judge.recall.values())
    assert card.calibration.verifier == card.judge_hash()
    # three phone photos of two groceries each, one street photo of four drawn products, these asked twice
    assert card.calibration.labels == 2 * 2 + 2 * 4
    assert "groceries marked for calibration" in card.calibration.calibrated_on
    used = " ".join(str(each.get("used")) for each in card.data)
    assert "part train" in used
    assert "items marked calibrate" in used
    assert "No photographs of people's clothing" in used
    assert card.training["second_stage"]["start"]["name"] == "mini-blank"
    assert str(world.mini.parent) not in card.model_dump_json()


def test_regions_and_vectors_of_the_graph_are_those_of_torch(
    world: World, bundle: bundles.Bundle, photos: list[np.ndarray]
) -> None:
    net, _ = load_start(world.mini)
    fitted = torch.from_numpy(np.stack([Preprocessing(size=64).apply(photo) for photo in photos]))
    with torch.inference_mode():
        alone = ServedMini(net.eval())(fitted)
        net.regions = _networks(world, net.dim).regions
        *joined, regions = ServedMini(net.eval())(fitted)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(alone, joined, strict=True))
    encoding = OnnxEncoder(bundle, threads=1).encode(photos)
    cosines = (encoding.vectors * alone[0].numpy()).sum(1)
    assert cosines.min() > 0.9998  # weights stored in half, and small shares of colour count for much once flattened
    assert encoding.regions is not None
    assert encoding.regions.shape == (9, 4, 8)
    apart = np.abs(encoding.regions.astype(int) - regions.numpy().astype(int))
    assert apart.max() <= 4
    assert apart.mean() < 1
    assert np.abs(encoding.regions).max() <= LARGEST


def test_the_judge_says_what_torch_says_of_the_same_evidence(
    world: World, bundle: bundles.Bundle, photos: list[np.ndarray], tmp_path: Path
) -> None:
    encoding = OnnxEncoder(bundle, threads=1).encode(photos)
    judge = Judge(bundle, threads=1)
    found = seen(encoding)
    kept = packed(found)
    shop = unpacked(encoding.vectors[1:], kept[1:], judge.layout)
    query = unpacked(encoding.vectors[:1], kept[:1], judge.layout)
    garment = GARMENTS.index(json.loads((world.run / "run.json").read_text())["own_garments"][0])
    given = judge.weigh(query, shop, GARMENTS[garment])

    ours = _kept(encoding.vectors, np.asarray(found.labels))
    nets = _networks(world, bundle.card.dim)
    described = {n: torch.from_numpy(np.array(one)).float() for n, one in enumerate(np.asarray(encoding.regions))}
    run = Run(tmp_path / "run", load(world.recipe))
    wanted = asking.weigh(ours, nets, described, 0, np.arange(1, 9), garment, run)
    assert judge.signals == (*SIGNALS, "sure")
    for n, name in enumerate(SIGNALS):
        assert np.abs(given[:, n] - wanted[:, n]).max() < 0.02, name
    assert not np.allclose(given[:, SIGNALS.index("pair")], given[:, SIGNALS.index("own")], atol=1e-6)

    told = json.loads((world.run / "run.json").read_text())["judge"]
    weights = judging.Weights(told["weights"], told["offset"], told["views"], told["sure"], tuple(told["certain"]))
    owner = [0, 0, 1, 1, 1, 2, 2, 2]
    sure = float(encoding.garments[0].max()) if encoding.garments is not None else 0.0
    one = asking.Asked(0, "0", GARMENTS[garment], sure, np.array(owner), 0, wanted)
    served = judge.pooled(judge.logits(given), owner)
    assert np.abs(served - judging.logits(weights, one)).max() < 0.02 * (
        1 + sum(weights.weights.values()) + sum(weights.sure.values())
    )


def test_shipped_recipes_are_read() -> None:
    recipes = Path(__file__).parents[3] / "recipes"
    for name in ("verifier", "verifier-tiny"):
        recipe: Any = load(recipes / f"{name}.toml")
        # The bytes kept beside a photo's vector, at 192 px: 36 regions and every label
        size = 36 * recipe.network.dim + len(GARMENTS) + sum(len(values) for values in ATTRIBUTES.values())
        assert size <= 1600
    assert not os.path.isabs(recipe.network.start)


def _networks(world: World, dim: int) -> asking.Networks:
    recipe: Any = load(world.recipe)
    told = json.loads((world.run / "run.json").read_text())
    return trained(recipe, told, load_file(world.run / "weights.safetensors"), dim)


def _kept(vectors: np.ndarray, labels: np.ndarray) -> Kept:
    count = len(vectors)
    numbers, flags = np.zeros(count, np.int64), np.zeros(count, bool)
    cells = np.zeros((count, 4, 1), np.float16)
    return Kept(vectors, labels, cells, numbers, numbers, numbers, flags, flags, flags)

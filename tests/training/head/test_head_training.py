"""`head`, from a recipe to a bundle: on a drawn shop and on a CIFAR-10 of some hundred pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from miniatures.cifar10 import cifar10
from wearabouts import bundles, export
from wearabouts.embedding import index
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import SettingsError
from wearabouts.export import main_export
from wearabouts.export.quantised import quantise, twin
from wearabouts.readers import open_catalog
from wearabouts.search import Searcher
from wearabouts.stores import open_store
from wearabouts.training import SUMMARY, main_train
from wearabouts.training.head.losses import codes_found, even, firm, found
from wearabouts.training.losses.contrastive import across_sides, among_views
from wearabouts.training.recipe import parse

SIZE, DIM = 32, 24

ITEMS = """
name = "drawn-head"
model = "head"
[data]
reader = "drawn"
split = ""
held_out = 0.25
[network]
start = "{start}"
dim = 24
bits = 64
[losses]
items = 1
codes = 1
firm = 0.1
even = 0.1
[learning]
products = 6
photos = 4
[steps]
count = 60
rate = 0.01
checkpoint = 20
"""
CLASSES = """
name = "classes"
model = "head"
[data]
reader = "cifar10"
category = "category"
[network]
start = "{start}"
bits = 32
[losses]
classes = 1
[learning]
photos = 40
[steps]
count = 150
rate = 0.03
checkpoint = 150
"""


class StoppedError(Exception):
    """What a killed process would be to its run."""


class Tower(nn.Module):
    """Colours where they are, mixed by chance: enough to tell drawn products and miniature classes apart."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.mix = nn.Conv2d(3, 16, 8, 8)
        self.last = nn.Linear(16 * 16, DIM)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        x = torch.tanh(4 * self.mix(pixels.permute(0, 3, 1, 2).float() / 255 - 0.5)).flatten(1)
        return F.normalize(self.last(x), dim=1), torch.softmax(x[:, :3], dim=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start") / "bundle"
    photos = [np.random.default_rng(n).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8) for n in range(4)]
    export.write_bundle(
        folder,
        Tower(),
        photos,
        name="below",
        preprocessing=bundles.Preprocessing(size=SIZE, fit="stretch"),
        dim=DIM,
        garments=("dress", "shoe", "top"),
        licence="MIT",
        notices=("made by chance",),
    )
    return folder


def _recipe(text: str, start: Path, path: Path) -> Path:
    path.write_text(text.format(start=start))
    return path


@pytest.fixture(scope="module")
def items(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _recipe(ITEMS, start, tmp_path_factory.mktemp("recipe") / "items.toml")


@pytest.fixture(scope="module")
def run(items: Path, drawn_small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return main_train(items, drawn_small, tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return main_export(run, tmp_path_factory.mktemp("bundle") / "bundle")


def test_it_learns(run: Path) -> None:
    told = json.loads((run / SUMMARY).read_text())
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines() if "items" in line]
    assert log[-1]["items"] < 0.5 * log[0]["items"]
    assert log[-1]["codes"] < 0.7 * log[0]["codes"]
    assert told["start"]["name"] == "below"
    assert told["photos"] + told["held_out"] == 48
    assert {"R@1", "mAP", "codes mAP"} <= told["validation"].keys()


def test_vectors_of_the_model_below_are_computed_once(run: Path, start: Path) -> None:
    kept = sorted((run / "vectors").glob("*.f32"))
    assert len(kept) == 2
    sizes = sorted(path.stat().st_size // (4 * DIM) for path in kept)
    assert sum(sizes) == 48
    vectors = np.fromfile(kept[0], np.float32).reshape(-1, DIM)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_a_killed_run_goes_on_to_the_same_weights(run: Path, items: Path, drawn_small: Path, tmp_path: Path) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if (what, done) in {("vectors", 32), ("training", 37)}:
            raise StoppedError

    with pytest.raises(StoppedError):
        main_train(items, drawn_small, tmp_path, progress=stop)
    main_train(items, drawn_small, tmp_path)
    first, second = (load_file(folder / "weights.safetensors") for folder in (run, tmp_path))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_bundle_says_what_was_trained_and_what_was_below(run: Path, bundle: Path, start: Path) -> None:
    made, below = bundles.load(bundle), bundles.load(start)
    assert (made.card.dim, made.card.bits, made.card.garments) == (24, 64, below.card.garments)
    assert made.card.preprocessing.fit == "stretch"
    assert made.card.licence == "MIT"
    assert made.card.notices[:-1] == below.card.notices
    assert "training data" in made.card.notices[-1]
    assert made.card.parity["same_bits"] >= 0.999
    assert made.card.parity["probe_queries"] > 0
    photos = [np.random.default_rng(n).integers(0, 256, (40, 50, 3), dtype=np.uint8) for n in range(40)]
    found, given = (OnnxEncoder(each, threads=1).encode(photos) for each in (made, below))
    assert np.allclose(found.garments, given.garments, atol=1e-6)
    weights = load_file(run / "weights.safetensors")
    vectors = given.vectors @ weights["last.weight"].numpy().T
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.abs(found.vectors - vectors).max() < 1e-5
    latent = vectors @ weights["hash.latent.weight"].numpy().T + weights["hash.latent.bias"].numpy()
    bits = np.unpackbits(found.codes, axis=1)
    assert found.codes.shape == (40, 8)
    sure = np.abs(latent) > 1e-4
    assert np.array_equal(bits[sure], latent[sure] >= 0)


def test_no_photos_give_no_codes(bundle: Path) -> None:
    encoding = OnnxEncoder(bundles.load(bundle), threads=1).encode([])
    assert encoding.codes.shape == (0, 8)
    assert encoding.codes.dtype == np.uint8


def test_the_bundle_is_indexed_searched_and_has_a_twin(bundle: Path, drawn_small: Path, tmp_path: Path) -> None:
    encoder = OnnxEncoder(bundles.load(bundle), threads=1)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    assert index(open_catalog(drawn_small, reader="drawn"), encoder, store).embedded > 0
    product = next(iter(open_catalog(drawn_small, reader="drawn").products()))
    photo = next(photo for photo in product.photos if photo.side == "shop")
    answer = Searcher(encoder, store).search(Path(photo.uri).read_bytes(), 3, category="off")
    assert answer.matches[0].product["id"] == product.id
    photos = [np.random.default_rng(n).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8) for n in range(20)]
    quantise(bundle, photos)
    small = OnnxEncoder(bundles.load(twin(bundle)), threads=1).encode(photos)
    plain = encoder.encode(photos)
    assert (small.vectors * plain.vectors).sum(1).mean() > 0.98
    assert (np.unpackbits(small.codes) == np.unpackbits(plain.codes)).mean() > 0.95


def test_another_bundle_below_is_refused(
    run: Path, items: Path, drawn_small: Path, start: Path, tmp_path: Path
) -> None:
    card = bundles.load(start).card
    graph = bundles.load(start).graphs["shop"]
    bundles.write(start, card.model_copy(update={"dim": DIM - 1}), {"encoder.onnx": graph})
    try:
        with pytest.raises(SettingsError, match="not the bundle this head was trained on"):
            main_export(run, tmp_path / "b")
        with pytest.raises(SettingsError, match="was begun on 'below'"):
            main_train(items, drawn_small, run)
    finally:
        bundles.write(start, card, {"encoder.onnx": graph})


def test_codes_learn_classes(start: Path, tmp_path: Path) -> None:
    data = cifar10(tmp_path / "data", per_class=12, tested=2, layout="folders")
    run = main_train(_recipe(CLASSES, start, tmp_path / "r.toml"), data, tmp_path / "run")
    told = json.loads((run / SUMMARY).read_text())
    assert told["loss"]["classes"] < 0.2
    made = bundles.load(main_export(run, tmp_path / "bundle"))
    below = bundles.load(start)
    assert made.card.bits == 32
    assert made.card.dim == below.card.dim
    encoder = OnnxEncoder(made, threads=1)
    photos = [photo for product in open_catalog(data, reader="cifar10").products() for photo in product.photos]
    assert len(photos) >= 100
    # Everything else the graph says is as it was.
    names = [output.name for output in onnx.load_from_string(made.graphs["shop"]).graph.output]
    assert names == ["vector", "garment", "code"]
    grey = [np.full((9, 9, 3), 77, np.uint8)]
    assert np.array_equal(encoder.encode(grey).vectors, OnnxEncoder(below, threads=1).encode(grey).vectors)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"network": {"dim": 0, "bits": 0}}, "nothing would be learned"),
        ({"network": {"bits": 12}}, "multiple of 8"),
        ({"network": {"dim": 8}, "losses": {"codes": 1.0}}, "give .network. bits"),
        ({"network": {"bits": 8}, "losses": {}}, "nothing to learn"),
        ({"network": {"bits": 8}, "losses": {"items": 1.0}}, "give .network. dim"),
        ({"losses": {"classes": 1.0}, "network": {"bits": 8}, "data": {"category": ""}}, "category"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: dict, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse({"name": "a", "model": "head", "data": {}, "network": {"bits": 8}, **change})


def test_losses_are_those_of_the_formulas() -> None:
    torch.manual_seed(0)
    activations = torch.rand(6, 8)
    h = activations.numpy()
    assert float(firm(activations)) == pytest.approx(1 - np.mean((2 * h - 1) ** 2), abs=1e-6)
    assert float(even(activations)) == pytest.approx(np.mean((2 * h.mean(0) - 1) ** 2), abs=1e-6)
    bits = (activations > 0.5).float()
    assert float(firm(bits)) == pytest.approx(0)
    assert float(even(torch.cat((bits, 1 - bits)))) == pytest.approx(0)
    items, street = torch.tensor([0, 0, 1, 1, 2, -1]), torch.tensor([True, False, True, False, True, False])
    unit = F.normalize(activations, dim=1)
    expected = across_sides(unit[:5], items[:5], street[:5], 0.1)
    assert float(found(unit, items, street, 0.1)) == pytest.approx(float(expected), abs=1e-6)
    nobody = torch.zeros(6, dtype=torch.bool)
    expected = among_views(unit[:5], items[:5], 0.1)
    assert float(found(unit, items, nobody, 0.1)) == pytest.approx(float(expected), abs=1e-6)
    assert float(found(unit, torch.full((6,), -1), street, 0.1)) == 0
    before = float(codes_found(activations, items, street, 0.1))
    activations.requires_grad_()
    (gradient,) = torch.autograd.grad(codes_found(activations, items, street, 0.1), activations)
    activations = activations.detach()
    assert float(codes_found(activations - 0.01 * gradient, items, street, 0.1)) < before
    assert torch.all(gradient[5] == 0)  # of no item

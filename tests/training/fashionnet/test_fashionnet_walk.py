"""FashionNet from photographs to figures: exported, indexed, searched, evaluated, with its tags and landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from miniatures.deepfashion_attributes import ATTRIBUTES, attributes
from miniatures.deepfashion_consumer2shop import consumer2shop
from miniatures.deepfashion_inshop import inshop
from miniatures.deepfashion_landmarks import landmarks
from wearabouts import bundles
from wearabouts.embedding import index
from wearabouts.encoders import OnnxEncoder
from wearabouts.evaluation import main as evaluate
from wearabouts.export import main_export
from wearabouts.export.fashionnet import ServedFashionNet
from wearabouts.garments import GARMENTS
from wearabouts.readers import open_catalog
from wearabouts.search import Searcher
from wearabouts.stores import open_store
from wearabouts.training import SUMMARY, main_train
from wearabouts.training.data.supervision import Vocabulary
from wearabouts.training.fashionnet import train
from wearabouts.training.fashionnet.building import build
from wearabouts.training.recipe import load
from wearabouts.training.run import Run

ROOT = Path(__file__).parents[3]

RECIPE = """
name = "tiny-fashionnet"
model = "fashionnet"
[augment]
blur = 0
jpeg = 0
erase = 0
turn = 0.1
[network]
width = 8
size = 64
pose = 32
whole = 48
local = 32
fused = 48
window = 4
pooled = 2
dim = 24
[turns]
steps = 4
"""
DRAWN = (
    RECIPE
    + """
[data]
reader = "drawn"
split = ""
held_out = 0.25
attributes = ["color", "sleeve"]
tags = ["color+garment"]
[batch]
photos = 16
[steps]
count = 30
rate = 3e-3
checkpoint = 15
"""
)
LABELS = (
    RECIPE
    + """
[data]
reader = "deepfashion_attributes"
category = "category"
tags = ["texture", "fabric", "shape", "part", "style"]
[losses]
triplet = 0
[batch]
draw = "shuffled"
photos = 12
[steps]
count = 120
rate = 5e-3
checkpoint = 120
"""
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(recipe: str, data: Path, folder: Path) -> tuple[Path, bundles.Bundle]:
    folder.mkdir()
    (folder / "recipe.toml").write_text(recipe)
    run = main_train(folder / "recipe.toml", data, folder / "run")
    return run, bundles.load(main_export(run, folder / "bundle"))


@pytest.fixture(scope="module")
def drawn(drawn_small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bundles.Bundle]:
    return trained(DRAWN, drawn_small, tmp_path_factory.mktemp("fashionnet") / "drawn")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bundles.Bundle]:
    folder = tmp_path_factory.mktemp("labelled")
    _, bundle = trained(LABELS, attributes(folder / "data", photos=40), folder / "fashionnet")
    return folder / "data", bundle


@pytest.mark.parametrize(
    ("name", "drawing", "category"),
    # Of consumer-to-shop the miniature has one category to learn from, which is none to tell apart.
    [("inshop", inshop, "category"), ("attributes", attributes, "category"), ("consumer2shop", consumer2shop, "")],
)
def test_the_papers_recipes_read_their_datasets(name: str, drawing, category: str, tmp_path: Path) -> None:
    """Two steps of each, with a small network in place of the paper's."""
    recipe = load(ROOT / f"recipes/fashionnet-{name}.toml")
    tiny = {"trunk": "small", "width": 4, "size": 32, "pose": 8, "whole": 8, "local": 8, "fused": 8}
    recipe = recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update={"min_tag": 1, "category": category}),
            "network": recipe.network.model_copy(update=tiny),
            "steps": recipe.steps.model_copy(update={"count": 2, "precision": "fp32"}),
            "batch": recipe.batch.model_copy(update={"photos": 8}),
        }
    )
    told = train(recipe, drawing(tmp_path / "data"), Run(tmp_path / "run", recipe))
    assert told["steps"] == 2
    assert told["landmarks"] > 0
    expected = {"landmarks", "visibility"} | ({"triplet"} if recipe.losses.triplet else set())
    expected |= {name for name in ("category", "tags") if getattr(recipe.data, name)}
    assert told["loss"].keys() == expected


def test_the_card_says_what_was_trained(drawn: tuple[Path, bundles.Bundle]) -> None:
    run, bundle = drawn
    card, told = bundle.card, json.loads((run / SUMMARY).read_text())
    assert set(card.garments) <= set(GARMENTS)
    assert tuple(card.garments) == tuple(told["vocabulary"]["categories"])
    assert list(card.attributes) == ["color", "sleeve", "color+garment"]
    assert all("-" in value for value in card.attributes["color+garment"])
    assert card.landmarks
    assert card.dim == 24
    assert card.parity["least_cosine"] > 0.999
    assert told["steps"] == 30
    assert told["landmarks"] == told["photos"] == 36
    assert {"R@1", "category", "NE", "tags top-5"} <= told["validation"].keys()
    assert (run / "preview.png").is_file()


def test_the_graph_says_what_the_net_says(drawn: tuple[Path, bundles.Bundle]) -> None:
    """With any number of photos: predicted landmarks feed the pooling inside the graph."""
    run, bundle = drawn
    recipe, told = load(run.parent / "recipe.toml"), json.loads((run / SUMMARY).read_text())
    words = Vocabulary.read(told["vocabulary"])
    net = build(recipe, words)
    net.load_state_dict(load_file(run / "weights.safetensors"))
    served = ServedFashionNet(net.eval(), words)
    encoder = OnnxEncoder(bundle, threads=1)
    for count in (1, 3):
        photos = np.random.default_rng(count).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)
        with torch.no_grad():
            vector, garment, color, sleeve, both, marks = served(torch.from_numpy(photos))
        encoding = encoder.encode(list(photos))
        assert np.allclose(encoding.vectors, vector.numpy(), atol=5e-3)
        # In full precision: a landmark that moved over the border of a cell would be pooled elsewhere.
        assert np.allclose(encoding.landmarks, marks.numpy(), atol=1e-5)
        for found, expected in zip(
            (encoding.garments, *(encoding.attributes[name] for name in bundle.card.attributes)),
            (garment, color, sleeve, both),
            strict=True,
        ):
            assert np.allclose(found, expected.numpy(), atol=5e-3)
        assert np.allclose(encoding.garments.sum(1), 1, atol=1e-4)


def test_tags_are_told_without_the_weight_of_training(drawn: tuple[Path, bundles.Bundle]) -> None:
    run, bundle = drawn
    told = json.loads((run / SUMMARY).read_text())
    words = Vocabulary.read(told["vocabulary"])
    net = build(load(run.parent / "recipe.toml"), words)
    net.load_state_dict(load_file(run / "weights.safetensors"))
    photos = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    with torch.no_grad():
        logits = net.eval()(torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255).tags
    assert torch.all(net.tag_lead > 0)  # each holds for fewer than half of the photos
    expected = torch.sigmoid(logits - net.tag_lead).numpy()
    found = OnnxEncoder(bundle, threads=1).encode(list(photos)).attributes["color+garment"]
    assert np.allclose(found, expected, atol=5e-3)


def test_the_bundle_is_indexed_searched_and_evaluated(
    drawn: tuple[Path, bundles.Bundle], drawn_small: Path, tmp_path: Path
) -> None:
    encoder = OnnxEncoder(drawn[1], threads=1)
    catalog = open_catalog(drawn_small)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    summary = index(catalog, encoder, store)
    assert summary.embedded == 24  # front and back of twelve products; street photos are queries
    product = next(iter(catalog.products()))
    photo = next(photo for photo in product.photos if photo.id.endswith("~front"))
    answer = Searcher(encoder, store).search(Path(photo.uri.removeprefix("file://")).read_bytes(), 3)
    # After thirty steps all vectors are alike: its own photo is among the first, not surely before all others.
    assert product.id in [match.product["id"] for match in answer.matches]
    assert answer.garment in drawn[1].card.garments
    report = evaluate(str(drawn_small), model=encoder, beside=(), out=tmp_path / "report")
    assert (tmp_path / "report" / "report.json").is_file()
    assert report.sections


def test_tags_and_categories_are_read_by_the_label_protocols(labelled: tuple[Path, bundles.Bundle]) -> None:
    data, bundle = labelled
    encoder = OnnxEncoder(bundle, threads=1)
    groups = ("texture", "fabric", "shape", "part", "style")
    assert list(encoder.attributes) == ["category", *groups]
    assert sum(len(encoder.attributes[group]) for group in groups) == len(ATTRIBUTES)
    for name, least in (("deepfashion_attributes", 0.7), ("deepfashion_category", 0.7)):
        report = evaluate(name, data=data, model=encoder)
        section = report.sections[0]
        assert "the model's own heads" in section.tables[0].rows[0].note
        # Folders differ in their colours, so what was learned holds for the test photos; chance is half and a quarter.
        top = section.tables[0].rows[0].cells["top-5" if name.endswith("attributes") else "top-1"]
        assert top.value >= least


def test_landmarks_are_read_by_the_landmark_protocol(labelled: tuple[Path, bundles.Bundle], tmp_path: Path) -> None:
    data, bundle = labelled
    encoder = OnnxEncoder(bundle, threads=1)
    report = evaluate("landmarks", data=landmarks(tmp_path / "landmarks"), model=encoder)
    # Trained where the garment always is in the middle: no figure to be proud of, but near the photo.
    assert 0 < report.sections[0].tables[0].rows[0].cells["NE"].value < 0.5
    # On its own kind of photo it is close.
    catalog = open_catalog(data, reader="deepfashion_attributes")
    errors = []
    from PIL import Image

    for product in list(catalog.products())[-4:]:
        picture = Image.open(product.photos[0].uri.removeprefix("file://")).convert("RGB")
        found = encoder.encode([np.asarray(picture)]).landmarks[0]
        errors += [
            np.hypot(found[slot, 0] - mark.x / picture.width, found[slot, 1] - mark.y / picture.height)
            for slot, mark in enumerate(product.photos[0].landmarks)
            if mark.visible
        ]
    assert np.mean(errors) < 0.15

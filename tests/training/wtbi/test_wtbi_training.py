"""WTBI trained on a tiny drawn shop: its phases, a kill, the bundle, and what is searched with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from miniatures import street2shop
from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.embedding import index
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import CatalogError, SettingsError
from wearabouts.evaluation import main as evaluate
from wearabouts.export import main_export
from wearabouts.readers import open_catalog
from wearabouts.search import Searcher, open_searcher
from wearabouts.stores import open_store
from wearabouts.training import SUMMARY, main_train
from wearabouts.verifiers import PairVerifier, rerank

RECIPE = """
name = "tiny"
model = "wtbi"
[data]
reader = "drawn"
split = ""
held_out = 0.25
attributes = ["color", "sleeve"]
[augment]
crop = 0.2
turn = 0
light = 0.2
blur = 0
erase = 0
jpeg = 0
[network]
width = 8
size = 32
dim = 24
dropout = 0.0
[classifier]
products = 6
[steps]
count = 12
rate = 3e-3
checkpoint = 5
[pairs]
hidden = [16, 8]
shortlist = 8
batch = 32
windows = [1.0, 0.7]
steps = { count = 20, rate = 3e-3, checkpoint = 8 }
[tuning]
least = 3
batch = 16
layers = "last"
steps = { count = 8, rate = 1e-3, checkpoint = 3 }
"""


class StoppedError(Exception):
    """What a killed process would be to its run."""


def stop_at(phase: str, step: int):
    def told(what: str, done: int, total: int) -> None:
        if what == phase and done == step:
            raise StoppedError

    return told


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def run(drawn_small: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return main_train(recipe, drawn_small, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def told(run: Path) -> dict:
    return json.loads((run / SUMMARY).read_text())


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    return bundles.load(main_export(run, tmp_path_factory.mktemp("bundle")))


def test_three_phases_and_what_they_found(run: Path, told: dict) -> None:
    assert told["photos"] == 36
    assert told["vocabulary"]["garments"]
    assert list(told["vocabulary"]["attributes"]) == ["color", "sleeve"]
    assert [told[phase]["steps"] for phase in ("classifier", "independent", "specific")] == [12, 20, 8]
    assert set(told["held_out"]) == {"cosine", "independent", "specific"}
    assert all(figures["queries"] == 6 for figures in told["held_out"].values())
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert {line["phase"] for line in log} == {"classifier", "independent", "specific"}


@pytest.mark.usefixtures("no_pages")
def test_a_run_killed_in_every_phase_ends_with_the_same_weights(
    run: Path, drawn_small: Path, recipe: Path, tmp_path: Path
) -> None:
    for phase, step in (("classifier", 7), ("independent", 2), ("independent", 15), ("specific", 5)):
        with pytest.raises(StoppedError):
            main_train(recipe, drawn_small, tmp_path, progress=stop_at(phase, step))
    main_train(recipe, drawn_small, tmp_path)
    first, second = (load_file(folder / "weights.safetensors") for folder in (run, tmp_path))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    ours, again = (json.loads((folder / SUMMARY).read_text()) for folder in (run, tmp_path))
    assert ours["held_out"] == again["held_out"]


def test_the_bundle_says_what_was_trained(bundle: bundles.Bundle, told: dict) -> None:
    card = bundle.card
    words = tuple(told["vocabulary"]["categories"])
    assert card.garments == card.verifier.categories == words
    assert set(card.attributes) == {"color", "sleeve"}
    assert card.dim == 24
    assert card.preprocessing.size == 32
    assert card.parity["least_cosine"] > 0.999
    assert card.parity["verifier_difference"] < 0.01
    assert card.parity["recall_after"] == card.parity["recall_before"]
    assert card.training["recipe"]["name"] == "tiny"
    assert card.graphs["street"] == card.graphs["shop"]
    assert card.verifier.encoder == bundle.hash
    assert (card.judge.weights, card.calibration) == ({"own": 1.0}, None)


def test_a_search_goes_by_the_pair_network_and_claims_no_probability(
    bundle: bundles.Bundle, drawn_small: Path, tmp_path: Path
) -> None:
    encoder, pairs = OnnxEncoder(bundle, threads=1), PairVerifier(bundle, threads=1)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    index(open_catalog(drawn_small), encoder, store)
    photos = [photo for product in open_catalog(drawn_small).products() for photo in product.photos]
    query = Path(next(photo for photo in photos if photo.side == "street").uri).read_bytes()
    searcher = open_searcher(encoder, store)
    judged = searcher.judged(query, category="off")
    ranking, category = judged.ranking, pairs.categories.index(judged.category)
    first = list(dict.fromkeys(ranking.product_ids))[:8]  # as many as the recipe's shortlist
    for product in first:
        kept = np.stack([photo.vector for photo in store.record(product).photos])
        odds = pairs.logit(judged.look.vector, kept, category).astype(float)
        pooled = np.log(np.exp(odds).sum()) - np.log(len(kept))
        assert ranking.logit[ranking.product_ids.index(product)] == pytest.approx(pooled, abs=1e-3)
    answer = searcher.search(query, 12, category="off")
    assert [match.product["id"] for match in answer.matches][:8] == first
    assert answer.verdict is None
    assert {match.probability for match in answer.matches} == {None}


def test_it_is_indexed_searched_evaluated_and_verified(
    bundle: bundles.Bundle, drawn_small: Path, tmp_path: Path
) -> None:
    encoder, verifier = OnnxEncoder(bundle, threads=1), PairVerifier(bundle, threads=1)
    catalog = open_catalog(drawn_small)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    assert index(catalog, encoder, store).embedded == 24
    photos = [photo for product in catalog.products() for photo in product.photos]
    query = next(photo for photo in photos if photo.side == "street")
    answer = Searcher(encoder, store).search(Path(query.uri).read_bytes(), 5)
    assert len(answer.matches) == 5
    assert answer.garment in verifier.categories
    report = evaluate(str(drawn_small), model=encoder)
    assert report.sections
    # Re-ranked: what the verifier finds likeliest comes first.
    from PIL import Image

    pixels = [np.asarray(Image.open(photo.uri).convert("RGB")) for photo in photos[:12]]
    vectors = encoder.encode(pixels).vectors
    order = rerank(verifier, vectors[:2] @ vectors.T, vectors[:2], vectors, [None, 1], 12)
    for row, category in ((0, None), (1, 1)):
        said = verifier.probability(vectors[row], vectors[order[row]], category)
        assert np.all(np.diff(said) <= 1e-6)


@pytest.mark.usefixtures("no_pages")
def test_plain_cosine_stops_after_the_classifier_and_exports_no_verifier(
    drawn_small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cosine.toml"
    path.write_text(RECIPE.replace("count = 12", "count = 2").replace("[pairs]", '[pairs]\nmethod = "cosine"'))
    run = main_train(path, drawn_small, tmp_path / "run")
    assert not [name for name in load_file(run / "weights.safetensors") if name.startswith("verifier.")]
    given = {}
    monkeypatch.setattr("wearabouts.export.wtbi.write_bundle", lambda *_, **card: given.update(card))
    main_export(run, tmp_path / "bundle")
    assert given["verifier"] is None
    assert given["categories"] == ()


# The recipe of the paper, made small in its sizes alone.
SMALLER = (
    ('trunk = "alexnet"', 'trunk = "small"\nwidth = 8'),
    ("size = 227", "size = 32"),
    ("dim = 4096", "dim = 16"),
    ("held_out = 0.05", "held_out = 0.34"),
    ("hidden = [512, 512]", "hidden = [8, 8]"),
    ("products = 64", "products = 4"),
    ("windows = [1.0, 0.7, 0.5]", "windows = [1.0, 0.7]"),
    ('learned = ["dresses", "outerwear", "pants", "skirts", "tops"]', 'learned = ["dresses"]'),
    ("least = 200", "least = 2"),
)


@pytest.mark.usefixtures("no_pages")
def test_the_papers_recipe_on_a_tiny_street2shop(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "recipes" / "wtbi-street2shop.toml").read_text()
    for old, new in SMALLER:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "recipe.toml"
    path.write_text(re.sub(r"(?m)^(count|validate_every|checkpoint) = \d+", r"\1 = 3", text))
    street2shop.write(tmp_path / "data", products=12)
    run = main_train(path, tmp_path / "data", tmp_path / "run")
    told = json.loads((run / SUMMARY).read_text())
    assert told["vocabulary"]["categories"] == ["bags", "dresses"]
    assert told["own"] == [0, 1]
    assert told["photos"] == 2 * 4 * (1 + 2) + 2  # four of six products learned from, each first one with a second box
    card = bundles.load(main_export(run, tmp_path / "bundle")).card
    assert card.attributes["category"] == card.verifier.categories == ("bags", "dresses")
    assert card.garments == ()
    report = evaluate("wtbi", data=tmp_path / "data", model=str(tmp_path / "bundle"))
    assert report.sections


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ('attributes = ["color", "sleeve"]', 'category = ""', CatalogError, r"\[data\] category"),
        ("[pairs]", '[pairs]\nlearned = ["hoodies"]', SettingsError, "hoodie"),
        ("width = 8", 'width = 8\ntrunk = "smal"', SettingsError, "small"),
        ("hidden = [16, 8]", "hidden = [16]", SettingsError, "hidden"),
    ],
)
@pytest.mark.usefixtures("no_pages")
def test_what_cannot_be_trained_says_why(
    old: str, new: str, error: type[Exception], said: str, drawn_small: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(error, match=said):
        main_train(path, drawn_small, tmp_path / "run")


def test_photos_of_one_side_are_refused(recipe: Path, tmp_path: Path) -> None:
    write(tmp_path / "shop", DrawnShop(seed=1, products=8, part="train"), views=("front",), street=0, size=64)
    with pytest.raises(CatalogError, match="of the shop side; pairs need photos of both"):
        main_train(recipe, tmp_path / "shop", tmp_path / "run")

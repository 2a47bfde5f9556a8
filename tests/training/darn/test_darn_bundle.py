"""DARN as a bundle: two graphs that differ, the shop's for what is indexed, the street's for what is asked."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wearabouts import bundles
from wearabouts.catalog import Faults
from wearabouts.embedding import index
from wearabouts.encoders import OnnxEncoder
from wearabouts.evaluation import main as evaluate
from wearabouts.export import main_export
from wearabouts.images import decode
from wearabouts.readers import open_catalog
from wearabouts.search import Searcher
from wearabouts.stores import open_store
from wearabouts.training import main_train
from wearabouts.types import Encoding, Pixels, Side

RECIPE = """
name = "darn-tiny"
model = "darn"
[data]
reader = "drawn"
split = ""
held_out = 0.25
attributes = ["color", "pattern"]
[network]
size = 64
fc = 24
branch = 8
pca = 12
towers = {towers}
[batch]
each = 8
products = 6
[pretraining]
count = {count}
rate = 4e-3
[joint]
count = {count}
rate = 2e-3
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made(shop: Path, folder: Path, towers: int, count: int) -> bundles.Bundle:
    recipe = folder / "tiny.toml"
    recipe.write_text(RECIPE.format(towers=towers, count=count))
    return bundles.load(main_export(main_train(recipe, shop, folder / "run"), folder / "bundle"))


@pytest.fixture(scope="module")
def bundle(drawn_small: Path, tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    return made(drawn_small, tmp_path_factory.mktemp("darn"), towers=2, count=15)


class Listening(OnnxEncoder):
    """Notes which side it was asked for."""

    def encode(self, photos: Sequence[Pixels], side: Side = "shop") -> Encoding:
        self.asked = [*getattr(self, "asked", []), *[side] * len(photos)]
        return super().encode(photos, side)


def test_a_card_names_two_graphs_and_all_heads(bundle: bundles.Bundle) -> None:
    card = bundle.card
    assert {side: graph.file for side, graph in card.graphs.items()} == {"street": "street.onnx", "shop": "shop.onnx"}
    assert card.graphs["street"].sha256 != card.graphs["shop"].sha256
    assert card.dim == 12
    assert len(card.garments) > 1
    assert list(card.attributes) == ["color", "pattern"]
    assert card.parity["least_cosine"] > 0.999
    assert card.parity["recall_after"] >= card.parity["recall_before"] - 0.2
    assert card.training["recipe"]["name"] == "darn-tiny"


def test_the_two_sides_see_a_photo_differently(bundle: bundles.Bundle) -> None:
    encoder = OnnxEncoder(bundle, threads=1)
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(3)]
    street, shop = (encoder.encode(photos, side) for side in ("street", "shop"))
    for seen in (street, shop):
        assert seen.vectors.shape == (3, 12)
        assert np.allclose(np.linalg.norm(seen.vectors, axis=1), 1, atol=1e-5)
        assert seen.garments is not None
        assert np.allclose(seen.garments.sum(1), 1, atol=1e-5)
        assert all(np.allclose(part.sum(1), 1, atol=1e-5) for part in seen.attributes.values())
    assert np.abs(street.vectors - shop.vectors).max() > 0.01


def test_index_uses_the_shops_graph_and_search_the_streets(
    bundle: bundles.Bundle, drawn_small: Path, tmp_path: Path
) -> None:
    encoder = Listening(bundle, threads=1)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    summary = index(open_catalog(drawn_small, reader="drawn"), encoder, store)
    assert summary.embedded == len(encoder.asked) == 24
    assert set(encoder.asked) == {"shop"}

    encoder.asked = []
    asked = next(drawn_small.glob("photos/*/street-0.jpg"))
    answer = Searcher(encoder, store).search(asked.read_bytes(), 12, category="off")
    assert set(encoder.asked) == {"street"}

    def vector(path: Path, side: Side) -> np.ndarray:
        return encoder.encode([decode(path.read_bytes()).pixels], side).vectors[0]

    query = vector(asked, "street")
    for match in answer.matches:
        product, view = match.photo_id.split("~")
        shown = vector(drawn_small / "photos" / product / f"{view}.jpg", "shop")
        assert match.similarity == pytest.approx(float(query @ shown), abs=2e-3)
    assert len(answer.matches) == 12
    assert answer.garment in bundle.card.garments
    assert set(answer.attributes) <= {"color", "pattern"}  # those it is sure of


def test_what_is_evaluated_is_street_against_shop(bundle: bundles.Bundle, drawn_small: Path) -> None:
    encoder = OnnxEncoder(bundle, threads=1)
    report = evaluate(str(drawn_small), model=encoder, reader="drawn", beside=()).to_dict()
    measured = report["sections"][0]["tables"][0]["rows"][0]["cells"]["R@1"]["value"]
    products = list(open_catalog(drawn_small, reader="drawn").products(Faults()))

    def seen(side: Side) -> tuple[np.ndarray, np.ndarray]:
        wanted = [(n, photo) for n, product in enumerate(products) for photo in product.photos if photo.side == side]
        pixels = [
            decode(Path(photo.uri).read_bytes()).crop(photo.box if side == "street" else None) for _, photo in wanted
        ]
        return encoder.encode(pixels, side).vectors, np.array([n for n, _ in wanted])

    (street, asked), (shop, shown) = seen("street"), seen("shop")
    assert measured == pytest.approx(float((shown[(street @ shop.T).argmax(1)] == asked).mean()))


def test_one_tower_is_one_file_for_both_sides(drawn_small: Path, tmp_path: Path) -> None:
    bundle = made(drawn_small, tmp_path, towers=1, count=1)
    assert bundle.card.graphs["street"] == bundle.card.graphs["shop"]
    encoder = OnnxEncoder(bundle, threads=1)
    buffer = io.BytesIO()
    Image.new("RGB", (50, 60), (200, 30, 30)).save(buffer, "PNG")
    photo = [decode(buffer.getvalue()).pixels]
    assert np.array_equal(encoder.encode(photo, "street").vectors, encoder.encode(photo, "shop").vectors)

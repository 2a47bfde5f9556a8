"""A pulled bundle where bundles are used: indexed, searched by photo and by words, evaluated, and with a head on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from wearabouts import bundles, hub
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.embedding import index
from wearabouts.encoders import OnnxEncoder
from wearabouts.evaluation import main as evaluate
from wearabouts.export import main_export
from wearabouts.images import decode
from wearabouts.readers import open_catalog
from wearabouts.search import Searcher
from wearabouts.stores import open_store
from wearabouts.training import main_train


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "shop"
    write(folder, DrawnShop(seed=3, products=4, part="train"), views=("front", "back"), street=1, size=64)
    return folder


@pytest.mark.parametrize("name", ["clip", "siglip", "dinov2", "convnext"])
def test_every_layout_is_indexed_and_finds_what_it_has_seen(made, shop: Path, tmp_path: Path, name: str) -> None:
    encoder = OnnxEncoder(hub.pull(str(made[name]), tmp_path / "bundle"), threads=1)
    store = open_store(tmp_path / "store", mode="write", encoder_hash=encoder.hash, dim=encoder.dim)
    assert index(open_catalog(shop, reader="drawn"), encoder, store).embedded == 8
    searcher = Searcher(encoder, store)
    photo = sorted(shop.glob("photos/*/front.jpg"))[2]
    answer = searcher.search(photo.read_bytes(), 4)
    assert answer.matches[0].product["id"] == photo.parent.name
    assert answer.matches[0].similarity == pytest.approx(1, abs=1e-3)
    if not encoder.reads_text:
        return
    photos = sorted(shop.glob("photos/*/front.jpg")) + sorted(shop.glob("photos/*/back.jpg"))
    words = encoder.encode_text(["a red dress"])[0]
    likeness = encoder.encode([decode(path.read_bytes()).pixels for path in photos]).vectors @ words
    best = {path.parent.name: max(likeness[n], likeness[n + 4]) for n, path in enumerate(photos[:4])}
    found = searcher.search_text("a red dress", 4)
    for match in found.matches:
        assert match.similarity == pytest.approx(best[match.product["id"]], abs=2e-3)
    assert len(found.matches) == 4
    mixed = searcher.search(photo.read_bytes(), 4, text="a red dress", text_weight=1.0)
    assert [match.product["id"] for match in mixed.matches] == [match.product["id"] for match in found.matches]


def test_evaluated_by_the_command_line(made, shop: Path, tmp_path: Path) -> None:
    hub.pull(str(made["siglip"]), tmp_path / "bundle")
    report = evaluate(str(shop), model=str(tmp_path / "bundle"))
    assert report.sections
    assert bundles.load(tmp_path / "bundle").card.name in str(report)


HEAD = """
name = "head-tiny"
model = "head"
[data]
reader = "drawn"
split = ""
category = ""
[network]
start = "{start}"
dim = {dim}
bits = {bits}
[losses]
{loss} = 1
[learning]
products = 3
photos = 3
[steps]
count = 2
"""


@pytest.mark.parametrize(("dim", "bits", "loss"), [(8, 0, "items"), (0, 16, "codes")])
def test_a_head_is_trained_on_it(made, shop: Path, tmp_path: Path, dim: int, bits: int, loss: str) -> None:
    hub.pull(str(made["siglip"]), tmp_path / "start")
    recipe = tmp_path / "head.toml"
    recipe.write_text(HEAD.format(start=tmp_path / "start", dim=dim, bits=bits, loss=loss))
    bundle = bundles.load(main_export(main_train(recipe, shop, tmp_path / "run"), tmp_path / "bundle"))
    encoder = OnnxEncoder(bundle, threads=1)
    assert encoder.dim == (dim or 32)
    # words are comparable with the vectors they were trained beside, and with no others
    assert encoder.reads_text is not bool(dim)
    if encoder.reads_text:
        assert encoder.encode_text(["a red dress"]).shape == (1, 32)

"""Every paper's small recipe, from photographs to an answer over HTTP: the night's long run, in miniature."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient

from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.encoders import OnnxEncoder
from wearabouts.pipeline import shop, workshop
from wearabouts.search import open_searcher
from wearabouts.server import ServerSettings, create_app
from wearabouts.stores import open_store

RECIPES = Path(__file__).parents[1] / "recipes"
PAPERS = ("wtbi", "darn", "fashionnet", "stylenet")
PRODUCTS = 14

# What makes a recipe small, wherever it stands in one; all else is as published.
SMALLER = {
    "held_out": 0.3,
    "count": 5,
    "checkpoint": 3,
    "validate_every": 0,
    "photos": 8,
    "triplets": 6,
    "products": 4,
    "each": 4,
    "batch": 16,
    "shortlist": 20,
    "least": 2,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "shop"
    write(folder, DrawnShop(5, PRODUCTS, "train"), views=("front", "back"), street=2, size=80)
    return folder


def smaller(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: smaller(value)
        if isinstance(value, Mapping)
        else min(value, SMALLER[name])
        if name in SMALLER and name != "held_out"
        else SMALLER.get(name, value)
        for name, value in content.items()
    }


def toml(content: Mapping[str, Any], above: str = "") -> str:
    plain = "".join(f"{key} = {json.dumps(value)}\n" for key, value in content.items() if not isinstance(value, dict))
    tables = ((f"{above}{key}", value) for key, value in content.items() if isinstance(value, dict))
    return plain + "".join(f"\n[{name}]\n{toml(value, f'{name}.')}" for name, value in tables)


def test_a_recipe_is_made_smaller_and_stays_what_it_is() -> None:
    content = {"name": "x", "data": {"tags": ["a"], "held_out": 0.1}, "steps": {"count": 900, "rate": 0.5, "photos": 2}}
    made = tomllib.loads(toml(smaller(content)))
    assert made == {
        "name": "x",
        "data": {"tags": ["a"], "held_out": 0.3},
        "steps": {"count": 5, "rate": 0.5, "photos": 2},
    }


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_is_trained_exported_indexed_measured_and_served(paper: str, drawn: Path, tmp_path: Path) -> None:
    content = tomllib.loads((RECIPES / f"{paper}-small.toml").read_text("utf-8"))
    (tmp_path / "recipe.toml").write_text(toml(smaller(content)), encoding="utf-8")
    encoder = workshop(tmp_path / "recipe.toml", drawn, tmp_path)

    summary = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert summary["recipe"]["name"] == f"{paper}-small"
    assert (tmp_path / "run" / "report.html").is_file()
    card = bundles.load(tmp_path / "bundle").card
    assert card.training["recipe"] == summary["recipe"]

    wanted = DrawnShop(5, PRODUCTS, "train").spec(3).product_id
    photo = (drawn / "photos" / wanted / "front.jpg").read_bytes()
    story = shop(drawn, photo, tmp_path, encoder)
    assert story.indexed.products == PRODUCTS
    assert not any(story.indexed.faults.counts.values())
    assert len({match.product["id"] for match in story.answer.matches}) == len(story.answer.matches) == 10
    if card.graphs["shop"] == card.graphs["street"]:
        # One tower: the very photo that was indexed is nearest, whatever little was learned; a pair network that
        # learned as little may put another first.
        nearest = max(story.answer.matches, key=lambda match: match.similarity)
        assert nearest.product["id"] == wanted
        assert nearest.similarity > 0.999
        assert card.judge is not None or nearest is story.answer.matches[0]
    figures = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert card.name in json.dumps(figures["sections"])

    served = over_http(tmp_path, photo)
    assert [(each["product"]["id"], each["similarity"]) for each in served] == [
        (match.product["id"], pytest.approx(match.similarity, abs=1e-5)) for match in story.answer.matches
    ]


def over_http(folder: Path, photo: bytes) -> list[dict[str, Any]]:
    """The matches that the server gives for a photo."""
    encoder = OnnxEncoder(bundles.load(folder / "bundle"), threads=1)
    store = open_store(folder / "store", mode="read", encoder_hash=encoder.hash, dim=encoder.dim)
    try:
        app = create_app(open_searcher(encoder, store), store, ServerSettings())
        with TestClient(app, base_url="http://127.0.0.1") as client:
            reply = client.post("/v1/search?k=10", content=photo, headers={"content-type": "image/jpeg"})
    finally:
        store.close()
    assert reply.status_code == 200, reply.text
    matches: list[dict[str, Any]] = reply.json()["matches"]
    return matches

"""The page on hub encoders: its blocks run against a hub on this machine, and what it lists is what the code knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from hub.server import Hub, serving
from hub.towers import siglip
from walkthrough import ROOT, blocks, walk
from wearabouts import bundles
from wearabouts.drawn.shop import DrawnShop
from wearabouts.drawn.writing import write
from wearabouts.hub.layouts import FAMILIES
from wearabouts.hub.photos import PROCESSORS

PAGES = [ROOT / "docs" / name for name in ("hub.md", "hub.zh.md")]


def test_the_page_runs_from_a_name_to_a_tuned_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    torch.manual_seed(0)
    siglip(tmp_path / "siglip")
    shop = tmp_path / "shop"
    write(shop, DrawnShop(seed=3, products=6, part="train"), views=("front", "back"), street=2, size=64)
    recipe = tmp_path / "tiny.toml"
    text = (ROOT / "recipes/hub-small.toml").read_text("utf-8")
    text = re.sub(r"(?m)^count = .*", "count = 2", text).replace("dim = 128", "dim = 16")
    recipe.write_text(text.replace("facebook/dinov2-small", "tiny/siglip").replace("products = 8", "products = 3"))
    photo = next(shop.glob("photos/*/street-0.jpg"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with serving(Hub({"tiny/siglip": tmp_path / "siglip"})) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        page = tmp_path / "page.md"
        page.write_text(_without_what_the_test_has(PAGES[0].read_text("utf-8")))
        given = {"MODEL": "tiny/siglip", "FEED": str(shop), "PHOTO": str(photo), "RECIPE": str(recipe)}
        (tmp_path / "walk").mkdir()
        printed = "\n".join(walk(page, tmp_path / "walk", given))
    assert "licence: apache-2.0" in printed
    assert f"apache-2.0 {Hub({}).commit} (2, 32)" in printed
    assert printed.count("similarity") >= 3
    card = bundles.load(tmp_path / "walk/tuned").card
    assert (card.dim, card.preprocessing.fit, card.preprocessing.size, card.text) == (16, "stretch", 32, None)
    assert (card.source["repository"], card.source["commit"]) == ("tiny/siglip", Hub({}).commit)
    assert card.parity["least_cosine"] > 0.999
    assert set(card.training["held_out"]) == {"start", "tuned", "served"}


def _without_what_the_test_has(text: str) -> str:
    """Installing is done; both blocks of settings are one; formulas are no commands."""
    text = re.sub(r"(?m)^pip install .*\n", "", text)
    later = re.search(r"```sh\nexport START=\S+\n(export RECIPE=\S+\n)```\n", text)
    assert later is not None
    text = text.replace(later[0], "").replace("export PHOTO=photo.jpg\n", "export PHOTO=photo.jpg\n" + later[1])
    return re.sub(r"```text\n.*?```\n", "", text, flags=re.DOTALL)


def test_both_languages_have_the_same_blocks_and_links() -> None:
    english, chinese = ([block.bare() for block in blocks(page)] for page in PAGES)
    assert english == chinese
    assert len(english) == 7
    linked = [re.findall(r"`\]\((\.\./[^)]+)\)", page.read_text("utf-8")) for page in PAGES]
    assert linked[0] == linked[1]
    for name, path in re.findall(r"\[`(\w+)`\]\(\.\./(src/[^)]+\.py)\)", PAGES[0].read_text("utf-8")):
        assert re.search(rf"(def|class) {name}\b|^{name} = ", (ROOT / path).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_known_stands_in_the_tables_and_nothing_else(page: Path) -> None:
    text = page.read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `") and line.count("|") == 5]
    listed = set(re.findall(r"`(\w+)`", " ".join(rows[1:] if "model_type" in rows[0] else rows)))
    assert listed == {kind for each in FAMILIES for kind in each.types}
    assert set(re.findall(r"`(\w+)ImageProcessor`", text)) == set(PROCESSORS)

"""The demo as a person meets it: a street photo of the drawn shop, its products, the shipped model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.browsing import Browser, settled, shown, visit
from server.world import Served, serve
from wearabouts import demo
from wearabouts.bundles import load
from wearabouts.encoders import OnnxEncoder
from wearabouts.errors import BundleError
from wearabouts.search import open_searcher
from wearabouts.stores import open_store

pytestmark = pytest.mark.browser

PRODUCTS = 30
PAGE = 24


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, list[str]]]:
    """The demo's server, and those products that its first street photos show, in the order of the page."""
    folder: Path = tmp_path_factory.mktemp("demo")
    try:
        encoder = OnnxEncoder(load("mini"))
    except BundleError as error:
        pytest.skip(f"this checkout has no shipped model: {error}")
    prepared = demo.prepare(folder, products=PRODUCTS, encoder=encoder)
    names = [path.stem for path in sorted(prepared.samples.iterdir())][: demo.SAMPLES]
    store = open_store(prepared.store, encoder_hash=encoder.hash)
    with serve(open_searcher(encoder, store), store, samples_folder=prepared.samples) as running:
        yield running, names
    store.close()


def test_the_samples_find_their_products(drawn: tuple[Served, list[str]]):
    served, names = drawn
    ranks = []
    assert len(served.client.get("/v1/describe").json()["samples"]) == demo.SAMPLES + demo.AWAY
    for number in range(demo.SAMPLES):
        photo = served.client.get(f"/v1/samples/{number}").content
        answer = served.search(photo, k=10, tail=True).json()
        found = [match["product"]["id"] for match in answer["matches"]]
        ranks.append(found.index(names[number]) if names[number] in found else 99)
    assert sum(rank < 10 for rank in ranks) >= 0.8 * len(ranks), ranks


def test_the_whole_story(browser: Browser, drawn: tuple[Served, list[str]]):
    served, names = drawn
    with visit(browser, served.url, viewport={"width": 1280, "height": 900}) as page:
        samples = page.locator(".sample")
        for number in range(demo.SAMPLES):
            samples.nth(number).click()
            page.wait_for_selector(".card", state="attached")
            settled(page)
            found = shown(page)
            if names[number] in found[:10]:
                break
            page.click("#home")
        assert names[number] in found[:10]

        area = page.locator("#photo").bounding_box()
        assert area is not None
        crop = page.locator("#crop").bounding_box()
        assert crop is not None
        # From the frame's upper left corner inwards: a smaller frame, the same piece.
        page.mouse.move(crop["x"] + 2, crop["y"] + 2)
        page.mouse.down()
        page.mouse.move(crop["x"] + crop["width"] * 0.15, crop["y"] + crop["height"] * 0.1, steps=5)
        page.mouse.up()
        settled(page)
        assert page.locator("#searched").inner_text() == "The part you framed was searched."
        assert 0 < len(shown(page)) <= PAGE

        dearest = page.eval_on_selector_all(".price > span:first-child", "all => all.map((one) => one.textContent)")
        amounts = sorted(float(text.replace("€", "").replace(",", "")) for text in dearest)
        with page.expect_response(lambda response: "price" in response.url):
            page.fill("#highest", str(amounts[len(amounts) // 2]))
        settled(page)
        cheap = page.eval_on_selector_all(".price > span:first-child", "all => all.map((one) => one.textContent)")
        assert cheap
        assert all(float(text.replace("€", "").replace(",", "")) <= amounts[len(amounts) // 2] for text in cheap)

        page.click("[data-language=zh]")
        assert page.locator("#results-title").inner_text() == "本店相似款"

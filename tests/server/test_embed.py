"""The search box in a shop's own page, on an origin of its own, as docs/embed.md tells to place it."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.browsing import Browser
from server.judged import AWAY, SURE, Script, Scripted
from server.world import HOSTILE, PIECES, SEARCH, picture, serve
from wearabouts.search import Searcher
from wearabouts.stores import Store

pytestmark = pytest.mark.browser

COLOURS = {name: colour for name, colour, _, _ in PIECES}


@contextmanager
def another_origin(folder: Path) -> Iterator[str]:
    """A plain web server for a shop's own page."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def snippets() -> list[str]:
    """The HTML of docs/embed.md."""
    text = (Path(__file__).parents[2] / "docs" / "embed.md").read_text(encoding="utf-8")
    return re.findall(r"```html\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("number", [0, 1], ids=["embed.js", "twenty lines"])
def test_the_search_box_in_a_shops_own_page(
    browser: Browser, shop: tuple[Searcher, Store], tmp_path: Path, number: int
):
    with another_origin(tmp_path) as origin, serve(*shop, search_keys=[SEARCH], allowed_origins=[origin]) as running:
        html = snippets()[number].replace("https://search.shop.example", running.url.rstrip("/"))
        (tmp_path / "index.html").write_text("<!doctype html>" + html.replace("a-search-key-of-your-own", SEARCH))
        context = browser.new_context()
        page = context.new_page()
        page.goto(origin)
        page.set_input_files(
            "input[type=file]", {"name": "x", "mimeType": "image/jpeg", "buffer": picture(COLOURS["moss"])}
        )
        photos = page.locator("#wearabouts img, #found img")
        photos.first.wait_for()
        page.wait_for_function("document.querySelector('#wearabouts img, #found img').naturalWidth > 0")
        assert photos.count() >= 2
        assert HOSTILE in page.locator("body").inner_text()
        assert page.title() == ""
        context.close()


@pytest.mark.parametrize(
    ("script", "said", "shown"),
    [(SURE, "The first is the same item.", 1), (AWAY, "Not carried here; these come nearest.", 4)],
    ids=["same", "not carried"],
)
def test_the_search_box_tells_the_verdict(
    browser: Browser, shop: tuple[Searcher, Store], tmp_path: Path, script: Script, said: str, shown: int
):
    searcher = Scripted(shop[0], script)
    with another_origin(tmp_path) as origin, serve(searcher, shop[1], allowed_origins=[origin]) as running:
        place = f'<div id="wearabouts"></div><script src="{running.url}embed.js" data-k="4" data-where=""></script>'
        (tmp_path / "index.html").write_text(f"<!doctype html>{place}")
        context = browser.new_context()
        page = context.new_page()
        page.goto(origin)
        page.set_input_files(
            "input[type=file]", {"name": "x", "mimeType": "image/jpeg", "buffer": picture(COLOURS["scarlet"])}
        )
        page.locator(".wearabouts-photo").first.wait_for()
        assert page.locator(".wearabouts-status").inner_text() == said
        assert page.locator(".wearabouts-photo").count() == shown
        context.close()
